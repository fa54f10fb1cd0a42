//! Errors in words for people: each cause once, and wrong types as JSON and TOML call them, whose writers know no `u64`.

/// An error with its causes. Many libraries' errors say their causes themselves: none is said twice.
pub fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !said.contains(&cause) {
            said += if said.is_empty() { "" } else { ": " };
            said += &cause;
        }
    }
    said
}

/// A message about JSON.
pub(crate) fn of_json(message: &str) -> String {
    said(message, "an array", "an object")
}

/// A message about TOML.
pub(crate) fn of_toml(message: &str) -> String {
    said(message, "an array", "a table")
}

fn said(message: &str, list: &str, map: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else { return message.to_owned() };
    let found =
        found.replacen("sequence", "array", 1).replacen("invalid type: map", &format!("invalid type: {map}"), 1);
    let end = expected.find([' ', ',', ';']).unwrap_or(expected.len());
    let (first, rest) = expected.split_at(end);
    let whole = |rest: &str| format!("{found}, expected {rest}");
    match first {
        "u8" | "u16" | "u32" | "u64" | "usize" => whole(&format!("a whole number, 0 or more{rest}")),
        "i8" | "i16" | "i32" | "i64" | "isize" => whole(&format!("a whole number{rest}")),
        "f32" | "f64" => whole(&format!("a number{rest}")),
        "struct" => whole(map),
        "a" => {
            let rest = expected.strip_prefix("a sequence").map(|rest| format!("{list}{rest}"));
            let rest = rest.or_else(|| expected.strip_prefix("a map").map(|rest| format!("{map}{rest}")));
            let rest = rest.or_else(|| expected.strip_prefix("a boolean").map(|rest| format!("true or false{rest}")));
            whole(&rest.unwrap_or_else(|| expected.to_owned()))
        }
        _ => whole(expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let inner = crate::config::ConfigError::Read { file: "a.toml".into(), source: io };
        let error = anyhow::Error::from(inner).context("camera \"main\"");
        assert_eq!(chain(&error), "camera \"main\": a.toml: cannot be read: entity not found");
    }

    #[test]
    fn types_are_named_as_json_and_toml_name_them() {
        for (said, json, toml) in [
            ("invalid type: string \"yes\", expected a boolean", "expected true or false", "expected true or false"),
            ("invalid type: null, expected u64", "expected a whole number, 0 or more", "expected a whole number"),
            ("invalid value: integer `-1`, expected u32 at line 1", "0 or more at line 1", "0 or more at line 1"),
            ("invalid type: integer `3`, expected a sequence", "expected an array", "expected an array"),
            (
                "invalid type: integer `3`, expected struct Mark with 3 elements",
                "expected an object",
                "expected a table",
            ),
            ("invalid type: map, expected a string", "object, expected a string", "table, expected a string"),
            ("invalid type: integer `3`, expected f64", "expected a number", "expected a number"),
        ] {
            assert!(of_json(said).contains(json), "{said}: {}", of_json(said));
            assert!(of_toml(said).contains(toml), "{said}: {}", of_toml(said));
            assert!(!of_json(said).contains("Mark"), "{said}");
        }
        assert_eq!(of_json("missing field `kind`"), "missing field `kind`");
    }
}
