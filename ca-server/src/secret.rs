//! Text that never shows: passwords, codes, tokens and seeds on their way through the server (I9).

use std::fmt;

use zeroize::Zeroizing;

/// A secret text; it prints as `Secret(…)` and is overwritten when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Gives the text; for the wire, a prompt or a comparison, and never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
