//! Source addresses without their secrets, and back: what the crew reads, and what it saves again.
//!
//! Plain text, of whatever scheme: what is not known to be harmless is hidden.

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// Options whose values open nothing and are shown. Every other option's value is hidden.
const SHOWN: [&str; 18] = [
    "mode",
    "latency",
    "pbkeylen",
    "iface",
    "transport",
    "loop",
    "localport",
    "codec",
    "pt",
    "sound",
    "sound_port",
    "sound_pt",
    "sound_config",
    "connection",
    "channels",
    "format",
    "size",
    "fps",
];

/// A hidden secret that nothing saved can take the place of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The saved secrets are another address's.
    #[error(
        "`source`: `***` stands for a secret of the saved address, and is not sent to another scheme, host or port: give \
         the secret itself"
    )]
    Elsewhere,
    /// Nothing is saved there.
    #[error("`source`: nothing is saved that `***` could stand for; give the secret itself")]
    Nothing,
}

/// An address in its parts: `scheme://userinfo@authority/path?query`.
struct Parts<'a> {
    scheme: &'a str,
    userinfo: Option<&'a str>,
    authority: &'a str,
    path: Vec<&'a str>,
    query: Option<Vec<(&'a str, Option<&'a str>)>>,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
        let (authority, path) = before.find('/').map_or((before, ""), |at| before.split_at(at));
        let (userinfo, authority) =
            authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
        let option = |option: &'a str| option.split_once('=').map_or((option, None), |(name, v)| (name, Some(v)));
        let query = query.map(|query| query.split('&').map(option).collect());
        Some(Self { scheme, userinfo, authority, path: path.split('/').collect(), query })
    }

    /// Whether a part of the path is hidden: some recorders take user and password there, as `/user=…&password=…`, and a
    /// stream's name is its key with many RTMP servers. (Our own listener's is not: it has `key=`.)
    fn is_secret(&self, place: usize) -> bool {
        let listens = self.query.iter().flatten().any(|option| *option == ("mode", Some("listener")));
        let key = self.scheme.starts_with("rtmp") && !listens && place + 1 == self.path.len() && place > 0;
        key || self.path.get(place).is_some_and(|part| part.contains('='))
    }

    /// The address again, each secret as these functions have it: the userinfo, a part of the path, an option.
    fn rewritten<E>(
        &self,
        userinfo: impl Fn(&'a str) -> Result<&'a str, E>,
        path: impl Fn(usize, &'a str) -> Result<&'a str, E>,
        option: impl Fn(&'a str, Option<&'a str>) -> Result<(&'a str, Option<&'a str>), E>,
    ) -> Result<String, E> {
        let mut out = format!("{}://", self.scheme);
        if let Some(secret) = self.userinfo {
            out.push_str(userinfo(secret)?);
            out.push('@');
        }
        out.push_str(self.authority);
        let path: Vec<&str> = self.path.iter().enumerate().map(|(i, part)| path(i, part)).collect::<Result<_, E>>()?;
        out.push_str(&path.join("/"));
        for (i, (name, value)) in self.query.iter().flatten().enumerate() {
            out.push(if i == 0 { '?' } else { '&' });
            let (name, value) = option(name, *value)?;
            out.push_str(name);
            if let Some(value) = value {
                out.push('=');
                out.push_str(value);
            }
        }
        Ok(out)
    }
}

/// An address as anybody of the crew may see it.
pub fn hide(address: &str) -> String {
    let Some(parts) = Parts::of(address) else { return HIDDEN.into() };
    let shown = parts.rewritten::<std::convert::Infallible>(
        |_| Ok(HIDDEN),
        |i, part| Ok(if parts.is_secret(i) { HIDDEN } else { part }),
        |name, value| {
            Ok(match value {
                Some(_) if SHOWN.contains(&name) => (name, value),
                Some(_) => (name, Some(HIDDEN)),
                None if name.is_empty() => (name, None),
                None => (HIDDEN, None),
            })
        },
    );
    shown.unwrap_or_else(|never| match never {})
}

/// An address that the crew saves: what is hidden in it is what `saved` has there.
///
/// # Errors
/// When `saved` has nothing there, or is the address of something else: a saved secret is never sent elsewhere.
pub fn fill(address: &str, saved: Option<&str>) -> Result<String, Unknown> {
    let Some(parts) = Parts::of(address) else { return Ok(address.into()) };
    let in_query = |(name, value): &(&str, Option<&str>)| *value == Some(HIDDEN) || *name == HIDDEN;
    let hidden =
        parts.userinfo == Some(HIDDEN) || parts.path.contains(&HIDDEN) || parts.query.iter().flatten().any(in_query);
    if !hidden {
        return Ok(address.into());
    }
    let saved = saved.and_then(Parts::of).ok_or(Unknown::Nothing)?;
    if (saved.scheme, saved.authority) != (parts.scheme, parts.authority) {
        return Err(Unknown::Elsewhere);
    }
    let options = || saved.query.iter().flatten();
    // Options without a value have only their place.
    let bare: Vec<&str> = options().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    let same_path = saved.path.len() == parts.path.len();
    let text = parts.rewritten(
        |user| if user == HIDDEN { saved.userinfo.ok_or(Unknown::Nothing) } else { Ok(user) },
        |i, part| match part {
            HIDDEN => saved.path.get(i).copied().filter(|_| same_path && saved.is_secret(i)).ok_or(Unknown::Nothing),
            part => Ok(part),
        },
        |name, value| match (name, value) {
            (HIDDEN, None) if bare.len() == 1 => Ok((bare[0], None)),
            (HIDDEN, _) => Err(Unknown::Nothing),
            (name, Some(HIDDEN)) => options()
                .find(|(known, _)| *known == name)
                .copied()
                .filter(|(_, v)| v.is_some())
                .ok_or(Unknown::Nothing),
            other => Ok(other),
        },
    )?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_come_back() {
        for (address, shown) in [
            (
                "srt://10.0.0.1:7001?mode=caller&passphrase=tell+nobody&latency=80",
                "srt://10.0.0.1:7001?mode=caller&passphrase=***&latency=80",
            ),
            ("srt://h:1?streamid=r%3Dcam", "srt://h:1?streamid=***"),
            ("rtsp://user:pa@ss@10.0.0.12/stream1?transport=tcp", "rtsp://***@10.0.0.12/stream1?transport=tcp"),
            ("rtsp://10.0.0.12:554/user=admin&password=x&channel=1/a.sdp?tok", "rtsp://10.0.0.12:554/***/a.sdp?***"),
            ("rtmp://0.0.0.0:1935/live/cam?mode=listener&key=s", "rtmp://0.0.0.0:1935/live/cam?mode=listener&key=***"),
            ("rtmps://h/live/app/stream-key?x=y", "rtmps://h/live/app/***?x=***"),
            ("whip://?key=s", "whip://?key=***"),
            ("udp://239.0.0.1:5000?iface=eth1", "udp://239.0.0.1:5000?iface=eth1"),
            ("file:///srv/a.ts?loop=true", "file:///srv/a.ts?loop=true"),
            ("h:1?", "***"),
        ] {
            assert_eq!(hide(address), shown);
            if shown != HIDDEN {
                assert_eq!(fill(shown, Some(address)).as_deref(), Ok(address));
            }
            assert_eq!(fill(address, None).as_deref(), Ok(address), "nothing hidden in it");
        }
    }

    #[test]
    fn a_saved_secret_goes_nowhere_else() {
        let saved = Some("rtsp://user:password@10.0.0.12/stream1?token=t");
        for elsewhere in [
            "rtsp://***@10.0.0.13/stream1",
            "rtsp://***@10.0.0.12:8554/stream1",
            "rtsps://***@10.0.0.12/stream1",
            "srt://10.0.0.12?token=***",
            "rtsp://user@***@evil/stream1?token=***",
        ] {
            assert_eq!(fill(elsewhere, saved), Err(Unknown::Elsewhere), "{elsewhere}");
        }
        for nothing in ["rtsp://10.0.0.12/stream1?other=***", "rtsp://10.0.0.12/***", "rtsp://10.0.0.12/a?***"] {
            assert_eq!(fill(nothing, saved), Err(Unknown::Nothing), "{nothing}");
        }
        assert_eq!(fill("rtsp://***@10.0.0.12/stream1", None), Err(Unknown::Nothing));
        let moved = fill("rtsp://***@10.0.0.12/stream2?token=***&transport=udp", saved);
        assert_eq!(moved.as_deref(), Ok("rtsp://user:password@10.0.0.12/stream2?token=t&transport=udp"));
    }
}
