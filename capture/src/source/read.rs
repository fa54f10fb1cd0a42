//! What the readers of all schemes share: hosts, ports, options, and the errors that name them.

use super::{
    SourceError,
    url::{self, Url},
};

pub(super) type Parsed<T> = Result<T, SourceError>;

/// An address on its way to being read: its scheme and its parts.
pub(super) struct Address<'a> {
    pub scheme: &'static str,
    pub url: Url<'a>,
}

impl Address<'_> {
    /// The options, each known and given once.
    pub fn options(&self, allowed: &'static str, names: &[&'static str]) -> Parsed<Vec<(&'static str, String)>> {
        let mut seen: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in self.url.options() {
            let Some(&known) = names.iter().find(|known| **known == name) else {
                // Without a value it may be the end of a secret in which an & stands.
                let shown = is_word(name) && !self.url.is_bare(name);
                let found = if shown { format!("\"{name}\"") } else { "something else".into() };
                return Err(SourceError::Option { scheme: self.scheme, found, allowed });
            };
            if seen.iter().any(|(other, _)| *other == known) {
                let found = format!("\"{known} twice\"");
                return Err(SourceError::Option { scheme: self.scheme, found, allowed });
            }
            let value = value.ok_or_else(|| self.value(known, "percent-encoded UTF-8", "something else"))?;
            seen.push((known, value));
        }
        Ok(seen)
    }

    /// The host: a name or an address.
    pub fn host(&self) -> Parsed<String> {
        if self.url.host_is_plain() {
            return Ok(self.url.host.to_owned());
        }
        let found = if self.url.host.is_empty() { "none" } else { "something else" };
        Err(self.wrong("a host name or address", found.into()))
    }

    /// The port, if there is one.
    pub fn port(&self) -> Parsed<Option<u16>> {
        let parse = |text: &str| text.parse().ok().filter(|port| *port != 0);
        let wrong = || self.wrong("a port from 1 to 65535", "something else".into());
        self.url.port.map(|text| parse(text).ok_or_else(wrong)).transpose()
    }

    /// The port, which has to be there.
    pub fn needed_port(&self) -> Parsed<u16> {
        self.port()?.ok_or_else(|| self.wrong("a port", "none".into()))
    }

    /// Where packets arrive: an address of this machine or a multicast group.
    pub fn receiving(&self) -> Parsed<std::net::IpAddr> {
        self.url.host.parse().map_err(|_| {
            let found = if self.url.host_is_plain() { self.url.host } else { "something else" };
            self.wrong("an IP address: of this machine (0.0.0.0 for all) or of a multicast group", found.into())
        })
    }

    /// User and password, if there are any.
    pub fn user(&self) -> Parsed<Option<(String, String)>> {
        let wrong = || self.wrong("percent-encoded UTF-8 as user:password", "something else".into());
        let decode = |userinfo: &str| {
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            url::decode(user).zip(url::decode(password)).ok_or_else(wrong)
        };
        self.url.userinfo.map(decode).transpose()
    }

    pub fn no_user(&self) -> Parsed<()> {
        if self.url.userinfo.is_none() { Ok(()) } else { Err(self.wrong("no user or password", "one".into())) }
    }

    pub fn no_path(&self) -> Parsed<()> {
        if self.url.path.len() <= 1 { Ok(()) } else { Err(self.wrong("no path", "one".into())) }
    }

    /// An option that is one of a few words.
    pub fn one_of<T: Copy>(
        &self,
        option: &'static str,
        expected: &'static str,
        found: &str,
        values: &[(&str, T)],
    ) -> Parsed<T> {
        let value = values.iter().find(|(text, _)| *text == found);
        value.map(|(_, value)| *value).ok_or_else(|| self.value(option, expected, found))
    }

    /// An option that is a number within bounds.
    pub fn number<T>(
        &self,
        option: &'static str,
        expected: &'static str,
        found: &str,
        bounds: std::ops::RangeInclusive<T>,
    ) -> Parsed<T>
    where
        T: std::str::FromStr + PartialOrd,
    {
        let number = found.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| self.value(option, expected, found))
    }

    /// A network interface's name.
    pub fn interface(&self, option: &'static str, value: String) -> Parsed<String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if value.is_empty() || value.len() > 15 || !value.bytes().all(legal) {
            return Err(self.value(option, "a network interface's name", &value));
        }
        Ok(value)
    }

    /// The part after the scheme is wrong.
    pub fn wrong(&self, expected: &'static str, found: String) -> SourceError {
        SourceError::Address { scheme: self.scheme, expected, found }
    }

    /// An option's value is wrong.
    pub fn value(&self, option: &'static str, expected: &'static str, found: &str) -> SourceError {
        // A mistyped separator hands the next option, which may be a secret, to this one.
        let found = if is_word(found) { format!("\"{found}\"") } else { "something else".into() };
        SourceError::Value { scheme: self.scheme, option, expected, found }
    }

    /// An option's value is wrong, and must not be shown.
    pub fn secret(&self, option: &'static str, expected: &'static str, secret: &str) -> SourceError {
        SourceError::Value { scheme: self.scheme, option, expected, found: format!("{} of them", secret.len()) }
    }
}

/// Whether a text is short and plain enough to be shown: no separator stands in it, behind which a secret could begin.
pub(super) fn is_word(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:_-".contains(&b))
}
