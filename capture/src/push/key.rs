//! A publisher's key.

use std::fmt;

use subtle::ConstantTimeEq;

/// A secret that a publisher has to show. Never shown itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether a text is the key. Takes as long for any text of its length.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
