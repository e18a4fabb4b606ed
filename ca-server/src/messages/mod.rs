//! Messages: codes by SMS, notices by e-mail and webhook. What to send, to whom and when is decided elsewhere.
//!
//! Neither an address nor a text ever appears in an error or a log line: the text may hold a code (I9), and a number
//! or an address is the business of its owner.

use std::error::Error;

use crate::secret_file::SecretFileError;

pub mod limits;
pub mod mail;
pub mod phone;
pub mod sms;
pub mod webhook;

/// Why a way of sending cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The file with the secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The client cannot be made.
    #[error("{what} cannot be set up: {cause}")]
    Client {
        /// What was to be set up.
        what: &'static str,
        /// Why it cannot.
        cause: String,
    },
}

/// Longer causes are cut: a proxy in between may say a lot.
const LONGEST: usize = 200;

/// Gives the innermost cause of an error, as one short line.
fn root(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    let text = causes.last().map(ToString::to_string).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
