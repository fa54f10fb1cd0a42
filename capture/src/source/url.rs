//! As much of a URL (RFC 3986) as sources need.

/// A URL in its parts, not yet decoded.
pub(super) struct Url<'a> {
    pub userinfo: Option<&'a str>,
    /// Host and port as written.
    pub authority: &'a str,
    /// Without brackets.
    pub host: &'a str,
    pub port: Option<&'a str>,
    /// With its leading `/`, or empty.
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Takes what follows `scheme://` apart.
    pub fn split(rest: &'a str) -> Self {
        let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
        let (authority, path) = before.find('/').map_or((before, ""), |at| before.split_at(at));
        let (userinfo, authority) =
            authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
        let (host, port) = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        Self { userinfo, authority, host, port, path, query }
    }

    /// Whether the host is a name or an address and nothing else.
    pub fn host_is_plain(&self) -> bool {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let name = self.host.len() <= 253 && !self.host.is_empty() && self.host.bytes().all(legal);
        name || self.host.parse::<std::net::Ipv6Addr>().is_ok()
    }

    /// The query's options, decoded, in order. An undecodable one is `None`.
    pub fn options(&self) -> impl Iterator<Item = (&'a str, Option<String>)> {
        self.query.into_iter().flat_map(|query| query.split('&')).filter(|option| !option.is_empty()).map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            (name, decode(value))
        })
    }

    /// Whether an option stands in the query without a value.
    pub fn is_bare(&self, name: &str) -> bool {
        self.query.is_some_and(|query| query.split('&').any(|option| option == name))
    }

    /// A host as it stands in a URL.
    pub fn show_host(host: &str) -> String {
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }
}

/// Undoes percent-encoding. `None` when it is malformed, not UTF-8, or hides a control character.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digit = |d: u8| char::from(d).to_digit(16);
            out.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}
