//! What a reason must hold to be one: a word of a given form, such as the number of a ticket.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::names::Reason;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 100;

/// The most memory that a compiled pattern takes, in bytes.
const MAX_COMPILED: usize = 1 << 16;

/// A form that one word of the reason must have from its first to its last letter: `INC-[0-9]+`.
///
/// ASCII only, and matched in linear time; two programs built with other features of the library agree on every word.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TicketPattern {
    text: String,
    regex: Regex,
}

impl TicketPattern {
    /// Tells whether a word of the reason has the form; a word may end in a punctuation mark.
    pub fn is_in(&self, reason: &Reason) -> bool {
        let mut words = reason.as_str().split_whitespace();
        words.any(|word| {
            let bare = word.trim_matches(['.', ',', ':', ';', '(', ')']);
            self.regex.is_match(bare.as_bytes()) || self.regex.is_match(word.as_bytes())
        })
    }
}

impl TryFrom<String> for TicketPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(format!("ticket_pattern must have 1 to {MAX_PATTERN} characters"));
        }
        // Flags could turn Unicode on again, which not every build of the library knows.
        if !text.is_ascii()
            || text.replace("(?:", "").contains("(?")
            || text.contains("\\p")
            || text.contains("\\P")
        {
            return Err("ticket_pattern must be plain: ASCII, no (?flags), no \\p".to_owned());
        }
        let mut builder = RegexBuilder::new(&format!("^(?:{text})$"));
        let regex = builder.unicode(false).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
        let regex = regex.map_err(|error| format!("ticket_pattern: {error}"))?;
        if regex.is_match(b"") {
            return Err("ticket_pattern must not match the empty text".to_owned());
        }
        Ok(Self { text, regex })
    }
}

impl PartialEq for TicketPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TicketPattern {}

impl fmt::Display for TicketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for TicketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
