//! Reads the address of each scheme.

use std::{net::IpAddr, path::PathBuf};

use super::{Container, File, Kind, Rtsp, SourceError, Srt, Transport, Udp, url, url::Url};

type Parsed<T> = Result<T, SourceError>;

pub(super) fn source(address: &str) -> Parsed<Kind> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(SourceError::Scheme("no scheme".into()));
    };
    let parse: fn(&'static str, &Url<'_>) -> Parsed<Kind> = match scheme {
        "srt" => srt,
        "udp" => udp,
        "rtsp" | "rtsps" => rtsp,
        "file" => file,
        _ => {
            // Whatever is not a word could be a password.
            let word = scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
            return Err(SourceError::Scheme(if word { format!("{scheme}://") } else { "something else".into() }));
        }
    };
    let scheme = ["srt", "udp", "rtsp", "rtsps", "file"].into_iter().find(|s| *s == scheme).unwrap_or_default();
    if rest.len() > 4096 {
        return Err(address_error(scheme, "at most 4096 characters", format!("{}", rest.len())));
    }
    if rest.chars().any(|c| c.is_control() || c.is_whitespace() || c == '#') {
        return Err(address_error(scheme, "no spaces, control characters or '#'", "one of them".into()));
    }
    parse(scheme, &Url::split(rest))
}

fn srt(scheme: &'static str, url: &Url<'_>) -> Parsed<Kind> {
    const ALLOWED: &str = "mode, passphrase, pbkeylen, streamid and latency";
    no_userinfo(scheme, url)?;
    no_path(scheme, url)?;
    let mut srt = Srt {
        listener: false,
        host: host(scheme, url)?,
        port: port(scheme, url)?.ok_or_else(|| address_error(scheme, "a port", "none".into()))?,
        passphrase: None,
        pbkeylen: None,
        streamid: None,
        latency_ms: 120,
    };
    for (option, value) in
        Options::of(scheme, url, ALLOWED, &["mode", "passphrase", "pbkeylen", "streamid", "latency"])?
    {
        match option {
            "mode" => {
                srt.listener =
                    one_of(scheme, option, "caller or listener", &value, &[("caller", false), ("listener", true)])?;
            }
            "passphrase" if (10..=79).contains(&value.len()) => srt.passphrase = Some(value),
            "passphrase" => return Err(secret_error(scheme, option, "10 to 79 characters", &value)),
            "pbkeylen" => {
                let lengths = [("16", 16), ("24", 24), ("32", 32)];
                srt.pbkeylen = Some(one_of(scheme, option, "16, 24 or 32", &value, &lengths)?);
            }
            "streamid" if (1..=512).contains(&value.len()) => srt.streamid = Some(value),
            "streamid" => return Err(secret_error(scheme, option, "1 to 512 characters", &value)),
            _ => match value.parse() {
                Ok(ms @ 20..=8000) => srt.latency_ms = ms,
                _ => return Err(value_error(scheme, option, "20 to 8000 (milliseconds)", &value)),
            },
        }
    }
    if srt.pbkeylen.is_some() && srt.passphrase.is_none() {
        return Err(value_error(scheme, "pbkeylen", "a passphrase as well", "none"));
    }
    if !srt.listener && srt.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
        return Err(address_error(scheme, "mode=listener with 0.0.0.0, or a host to call", srt.host));
    }
    if srt.listener && srt.host.parse::<IpAddr>().is_err() {
        return Err(address_error(scheme, "an address of this machine (0.0.0.0 for all) with mode=listener", srt.host));
    }
    Ok(Kind::Srt(srt))
}

fn udp(scheme: &'static str, url: &Url<'_>) -> Parsed<Kind> {
    no_userinfo(scheme, url)?;
    no_path(scheme, url)?;
    let address = url.host.parse::<IpAddr>().map_err(|_| {
        let found = if url.host_is_plain() { url.host } else { "something else" };
        address_error(scheme, "an IP address: of this machine (0.0.0.0 for all) or of a multicast group", found.into())
    })?;
    let port = port(scheme, url)?.ok_or_else(|| address_error(scheme, "a port", "none".into()))?;
    let mut iface = None;
    for (option, value) in Options::of(scheme, url, "iface", &["iface"])? {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if value.is_empty() || value.len() > 15 || !value.bytes().all(legal) {
            return Err(value_error(scheme, option, "a network interface's name", &value));
        }
        if !address.is_multicast() {
            return Err(value_error(scheme, option, "a multicast group as the address", &address.to_string()));
        }
        iface = Some(value);
    }
    Ok(Kind::Udp(Udp { address, port, iface }))
}

fn rtsp(scheme: &'static str, url: &Url<'_>) -> Parsed<Kind> {
    host(scheme, url)?;
    port(scheme, url)?;
    let user = url.userinfo.map(|userinfo| {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        url::decode(user)
            .zip(url::decode(password))
            .ok_or_else(|| address_error(scheme, "percent-encoded UTF-8 as user:password", "something else".into()))
    });
    let mut transport = None;
    let mut query = Vec::new();
    for option in url.query.into_iter().flat_map(|query| query.split('&')) {
        match option.strip_prefix("transport=") {
            Some(_) if transport.is_some() => {
                let found = "transport twice".into();
                return Err(SourceError::Option { scheme, found, allowed: "transport, and the camera's own" });
            }
            Some(value) => {
                let values = [("tcp", Transport::Tcp), ("udp", Transport::Udp), ("auto", Transport::Auto)];
                transport = Some(one_of(scheme, "transport", "tcp, udp or auto", value, &values)?);
            }
            None => query.push(option),
        }
    }
    if scheme == "rtsps" && transport.is_some_and(|transport| transport != Transport::Tcp) {
        return Err(value_error(scheme, "transport", "tcp", "another"));
    }
    let path = if url.path.is_empty() { "/" } else { url.path };
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    Ok(Kind::Rtsp(Rtsp {
        tls: scheme == "rtsps",
        user: user.transpose()?,
        authority: url.authority.to_owned(),
        target,
        transport: transport.unwrap_or(Transport::Tcp),
    }))
}

fn file(scheme: &'static str, url: &Url<'_>) -> Parsed<Kind> {
    no_userinfo(scheme, url)?;
    if !(url.authority.is_empty() || url.authority == "localhost") {
        return Err(address_error(scheme, "an absolute path, as in file:///media/match.mp4", "a host".into()));
    }
    let path = url::decode(url.path)
        .filter(|path| path.len() > 1)
        .map(PathBuf::from)
        .ok_or_else(|| address_error(scheme, "an absolute path, as in file:///media/match.mp4", "none".into()))?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let container = match extension.as_str() {
        "ts" | "mts" | "m2ts" => Container::MpegTs,
        "mp4" | "mov" | "m4v" => Container::Mp4,
        "mkv" => Container::Matroska,
        _ => return Err(address_error(scheme, "a name that ends in ts, mts, m2ts, mp4, mov, m4v or mkv", extension)),
    };
    let mut repeat = true;
    for (option, value) in Options::of(scheme, url, "loop", &["loop"])? {
        repeat = one_of(scheme, option, "true or false", &value, &[("true", true), ("false", false)])?;
    }
    Ok(Kind::File(File { path, container, repeat }))
}

/// The options of a URL, each known and given once.
struct Options;

impl Options {
    fn of(
        scheme: &'static str,
        url: &Url<'_>,
        allowed: &'static str,
        names: &[&'static str],
    ) -> Parsed<Vec<(&'static str, String)>> {
        let mut seen: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in url.options() {
            let Some(&known) = names.iter().find(|known| **known == name) else {
                let word = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
                let found = if word { name.into() } else { "something else".into() };
                return Err(SourceError::Option { scheme, found, allowed });
            };
            if seen.iter().any(|(other, _)| *other == known) {
                return Err(SourceError::Option { scheme, found: format!("{known} twice"), allowed });
            }
            let value = value.ok_or_else(|| value_error(scheme, known, "percent-encoded UTF-8", "something else"))?;
            seen.push((known, value));
        }
        Ok(seen)
    }
}

fn host(scheme: &'static str, url: &Url<'_>) -> Parsed<String> {
    if url.host_is_plain() {
        return Ok(url.host.to_owned());
    }
    let found = if url.host.is_empty() { "none" } else { "something else" };
    Err(address_error(scheme, "a host name or address", found.into()))
}

fn port(scheme: &'static str, url: &Url<'_>) -> Parsed<Option<u16>> {
    let parse = |text: &str| text.parse().ok().filter(|port| *port != 0);
    let wrong = || address_error(scheme, "a port from 1 to 65535", "something else".into());
    url.port.map(|text| parse(text).ok_or_else(wrong)).transpose()
}

fn no_userinfo(scheme: &'static str, url: &Url<'_>) -> Parsed<()> {
    if url.userinfo.is_none() { Ok(()) } else { Err(address_error(scheme, "no user or password", "one".into())) }
}

fn no_path(scheme: &'static str, url: &Url<'_>) -> Parsed<()> {
    if url.path.len() <= 1 { Ok(()) } else { Err(address_error(scheme, "no path", "one".into())) }
}

fn one_of<T: Copy>(
    scheme: &'static str,
    option: &'static str,
    expected: &'static str,
    found: &str,
    values: &[(&str, T)],
) -> Parsed<T> {
    let value = values.iter().find(|(text, _)| *text == found);
    value.map(|(_, value)| *value).ok_or_else(|| value_error(scheme, option, expected, found))
}

fn address_error(scheme: &'static str, expected: &'static str, found: String) -> SourceError {
    SourceError::Address { scheme, expected, found }
}

fn value_error(scheme: &'static str, option: &'static str, expected: &'static str, found: &str) -> SourceError {
    let found = format!("\"{}\"", found.chars().take(40).collect::<String>());
    SourceError::Value { scheme, option, expected, found }
}

fn secret_error(scheme: &'static str, option: &'static str, expected: &'static str, secret: &str) -> SourceError {
    SourceError::Value { scheme, option, expected, found: format!("{} of them", secret.len()) }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
