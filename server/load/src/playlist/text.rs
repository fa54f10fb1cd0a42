//! Lines and attribute lists (draft-pantos-hls-rfc8216bis, 4.1 and 4.2).

use super::Unreadable;

/// Numbers of seconds in playlists are at most this: a day.
const LONGEST: f64 = 86_400.0;

/// The lines after `#EXTM3U`, without blank ones.
pub(super) fn lines(text: &str) -> Result<impl Iterator<Item = &str>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    match lines.next() {
        Some("#EXTM3U") => Ok(lines),
        _ => Err(Unreadable),
    }
}

/// The attributes of a list; quotes are taken off.
pub(super) fn attributes(mut list: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let (name, rest) = list.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"')?;
                (value, rest.strip_prefix(',').unwrap_or(rest))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        list = rest;
        Some((name.trim(), value.trim()))
    })
}

/// One attribute of a list.
pub(super) fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    attributes(list).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// A time in seconds.
pub(super) fn seconds(text: &str) -> Result<f64, Unreadable> {
    match text.trim().parse() {
        Ok(time) if (0.0..=LONGEST).contains(&time) => Ok(time),
        _ => Err(Unreadable),
    }
}

/// A decimal integer.
pub(super) fn integer(text: &str) -> Result<u64, Unreadable> {
    text.trim().parse().map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_lists() {
        let list = r#"URI="a,b=c.mp4",BYTERANGE="10@5", GAP=YES"#;
        let all: Vec<_> = attributes(list).collect();
        assert_eq!(all, [("URI", "a,b=c.mp4"), ("BYTERANGE", "10@5"), ("GAP", "YES")]);
        assert_eq!(attributes(r#"URI="never ends"#).count(), 0);
        assert_eq!(attributes("NO VALUE").count(), 0);
    }

    #[test]
    fn times_that_make_no_sense_are_refused() {
        for text in ["-1", "NaN", "inf", "1e300", "", "x"] {
            assert_eq!(seconds(text), Err(Unreadable), "{text}");
        }
        assert_eq!(seconds("1.5"), Ok(1.5));
    }
}
