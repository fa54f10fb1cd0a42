//! Attribute lists (rfc8216bis, 4.2).

use crate::{Micros, SECOND};

/// A tag's attributes, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Reads a list; the second value says what is wrong with it, if anything is. What can be read is read.
    pub fn read(text: &str) -> (Self, Option<String>) {
        let mut rest = text.trim();
        let mut list = Vec::new();
        let mut fault = None;
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                fault = Some(format!("`{rest}` is not an attribute"));
                break;
            };
            let name = name.trim();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-') {
                fault = Some(format!("`{name}` is not an attribute's name"));
            }
            let (value, left) = match after.strip_prefix('"') {
                Some(quoted) => match quoted.split_once('"') {
                    Some((value, left)) => (value, left.trim_start()),
                    None => {
                        fault = Some(format!("{name}: the quoted string does not end"));
                        (quoted, "")
                    }
                },
                None => {
                    let end = after.find(',').unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            if list.iter().any(|(known, _)| known == name) {
                fault = Some(format!("{name} stands twice"));
            }
            list.push((name.to_owned(), value.trim().to_owned()));
            rest = match left.strip_prefix(',') {
                Some(left) => left.trim_start(),
                None => {
                    if !left.is_empty() {
                        fault = Some(format!("{name}: `{left}` follows the value"));
                    }
                    ""
                }
            };
        }
        (Self(list), fault)
    }

    /// An attribute's text, without quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether an enumerated attribute says `YES`.
    pub fn yes(&self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }

    /// All of them, sorted by name: for comparing.
    pub fn sorted(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.sort_unstable();
        all
    }
}

/// The longest time that is read: eleven days. Longer ones are nonsense, and sums of these cannot overflow.
const LONGEST: Micros = 1_000_000 * SECOND;

/// A decimal floating-point number of seconds; `None` when it is none, is negative or longer than eleven days.
pub fn decimal(text: &str) -> Option<Micros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: Micros = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros: Micros = 0;
    for place in 0..6 {
        micros = micros * 10 + fraction.as_bytes().get(place).map_or(0, |b| Micros::from(b - b'0'));
    }
    let up = fraction.as_bytes().get(6).is_some_and(|b| *b >= b'5');
    let total = whole.checked_mul(SECOND)?.checked_add(micros + Micros::from(up))?;
    (total <= LONGEST).then_some(total)
}

/// A decimal integer (at most 20 digits, 2⁶⁴ − 1).
pub fn integer(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_faults_are_named() {
        let (list, fault) = Attributes::read("URI=\"a,b=c\",DURATION=0.2, INDEPENDENT=YES");
        assert_eq!((list.get("URI"), list.get("DURATION"), fault), (Some("a,b=c"), Some("0.2"), None));
        assert!(list.yes("INDEPENDENT"));
        for wrong in ["A", "A=\"x", "A=1,A=2", "a=1", "A=\"x\"y", "=1"] {
            assert!(Attributes::read(wrong).1.is_some(), "{wrong}");
        }
    }

    #[test]
    fn decimals_become_microseconds() {
        for (text, expected) in [
            ("0.2", Some(200_000)),
            ("9", Some(9_000_000)),
            (".5", Some(500_000)),
            ("0.2133335", Some(213_334)),
            ("-1", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("4294967295", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }
}
