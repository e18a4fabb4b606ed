//! Reading canonical text line by line: what requests, approvals, votes and vouchers are written in.

use std::str::FromStr;

/// A line that is missing, out of order or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What the line should have started with.
    pub(crate) expected: &'static str,
}

/// The lines of a text, each a name and a value.
pub(crate) struct Lines<'a>(std::str::Split<'a, char>);

impl<'a> Lines<'a> {
    /// Reads the first line, which says what the text is.
    pub(crate) fn new(text: &'a str, first: &'static str) -> Result<Self, Malformed> {
        let mut lines = text.split('\n');
        if lines.next() == Some(first) { Ok(Self(lines)) } else { Err(Malformed { expected: first }) }
    }

    /// Gives the value of the next line, which must have this name.
    pub(crate) fn value(&mut self, name: &'static str) -> Result<&'a str, Malformed> {
        let line = self.0.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.ok_or(Malformed { expected: name })
    }

    /// Gives the value of the next line, if there is one.
    pub(crate) fn given(&mut self, name: &'static str) -> Result<Option<&'a str>, Malformed> {
        Ok(Some(self.value(name)?).filter(|value| !value.is_empty()))
    }

    /// Parses the value of the next line, when its own error says no more than that it is wrong.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &'static str) -> Result<T, Malformed> {
        self.value(name)?.parse().map_err(|_| Malformed { expected: name })
    }
}
