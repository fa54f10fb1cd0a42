//! AMF 0, as much of it as commands need. Reading is bounded in depth and size, and knows no references: a few hundred
//! bytes of those would unfold to more memory than there is.

/// Objects in objects: what a `connect` holds is one deep.
const DEPTH: u8 = 4;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Number(f64),
    Text(String),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// An object's member.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The values of a message up to the first one that is none of those that commands need.
pub(super) fn read(mut bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some(value) = value(&mut bytes, DEPTH) {
        values.push(value);
    }
    values
}

fn value(bytes: &mut &[u8], depth: u8) -> Option<Value> {
    Some(match take(bytes, 1)?[0] {
        0 => Value::Number(f64::from_be_bytes(take(bytes, 8)?.try_into().ok()?)),
        1 => Value::Number(take(bytes, 1)?[0].into()),
        2 => Value::Text(text(bytes, 2)?),
        12 => Value::Text(text(bytes, 4)?),
        3 => object(bytes, depth.checked_sub(1)?)?,
        8 => {
            // An array with names. The number of its members is not to be relied on.
            take(bytes, 4)?;
            object(bytes, depth.checked_sub(1)?)?
        }
        10 => {
            for _ in 0..length(take(bytes, 4)?) {
                value(bytes, depth.checked_sub(1)?)?;
            }
            Value::Null
        }
        5 | 6 => Value::Null,
        _ => return None,
    })
}

fn object(bytes: &mut &[u8], depth: u8) -> Option<Value> {
    let mut members = Vec::new();
    loop {
        let name = text(bytes, 2)?;
        if name.is_empty() && bytes.first() == Some(&9) {
            take(bytes, 1)?;
            return Some(Value::Object(members));
        }
        members.push((name, value(bytes, depth)?));
    }
}

/// A text after its length of `size` bytes.
fn text(bytes: &mut &[u8], size: usize) -> Option<String> {
    let length = length(take(bytes, size)?);
    String::from_utf8(take(bytes, length)?.to_vec()).ok()
}

fn length(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Writes values. Texts are ours, and short.
pub(super) fn write(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| put(value, &mut out));
    out
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(5),
        Value::Number(number) => {
            out.push(0);
            out.extend(number.to_be_bytes());
        }
        Value::Text(text) => {
            out.push(2);
            put_text(text, out);
        }
        Value::Object(members) => {
            out.push(3);
            for (name, value) in members {
                put_text(name, out);
                put(value, out);
            }
            out.extend([0, 0, 9]);
        }
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [
            Value::Text("connect".into()),
            Value::Number(1.0),
            Value::Object(vec![("app".into(), Value::Text("live".into())), ("x".into(), Value::Null)]),
        ];
        assert_eq!(read(&write(&values)), values);
    }

    #[test]
    fn depth_and_counts_are_bounded() {
        let nested = [3, 0, 1, b'a'].repeat(100_000);
        assert_eq!(read(&nested), []);
        // A list of four thousand million members that are not there.
        assert_eq!(read(&[10, 255, 255, 255, 255, 5]), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_left(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }
    }
}
