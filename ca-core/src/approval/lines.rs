//! Reading canonical text line by line.

use super::ApprovalError;
use crate::names::{ApprovalId, NameError};
use crate::request::FRESHNESS_SECS;
use crate::time::UnixMillis;

/// The lines of a text, each a name and a value.
pub(crate) struct Lines<'a>(std::str::Split<'a, char>);

impl<'a> Lines<'a> {
    /// Reads the first line, which says what the text is.
    pub(crate) fn new(text: &'a str, first: &'static str) -> Result<Self, ApprovalError> {
        let mut lines = text.split('\n');
        if lines.next() == Some(first) {
            Ok(Self(lines))
        } else {
            Err(ApprovalError::Line { expected: first })
        }
    }

    /// Gives the value of the next line, which must have this name.
    pub(crate) fn value(&mut self, name: &'static str) -> Result<&'a str, ApprovalError> {
        let line = self.0.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.ok_or(ApprovalError::Line { expected: name })
    }

    /// Parses the value of the next line.
    pub(crate) fn parse<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, ApprovalError> {
        self.value(name)?.parse().map_err(|_| ApprovalError::Line { expected: name })
    }

    /// Parses a name, and tells the rule that it breaks.
    pub(crate) fn name<T: std::str::FromStr<Err = NameError>>(
        &mut self,
        name: &'static str,
    ) -> Result<T, ApprovalError> {
        Ok(self.value(name)?.parse()?)
    }
}

/// Checks that something was signed just now.
pub(crate) fn check_fresh(id: ApprovalId, now: UnixMillis) -> Result<(), ApprovalError> {
    if id.time().0.abs_diff(now.0) <= FRESHNESS_SECS * 1000 { Ok(()) } else { Err(ApprovalError::Stale) }
}
