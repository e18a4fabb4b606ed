//! What the server does wrong.

use super::answer::Answer;

/// What becomes of an answer instead of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Another nonce is repeated, signed.
    OtherNonce,
    /// Another OTP is repeated, signed.
    OtherOtp,
    /// Keys are left out, and the rest signed.
    Without(&'static str),
    /// The status is another one, signed.
    Status(&'static str),
    /// The status is another one, and the signature that of the right one.
    StatusUnsigned(&'static str),
    /// The signature is this text.
    Signature(&'static str),
    /// There is no signature.
    NoSignature,
    /// A line is there twice.
    Twice,
    /// The last answer is given again, whatever the question.
    LastAnswer,
    /// Counters are forgotten: every genuine OTP is good, used before or older.
    Forgetful,
    /// The body is something else, not even text.
    Garbage,
    /// There is no body.
    Empty,
    /// The body goes on for a megabyte after a right answer.
    Huge,
    /// The answer is right, but comes with this status of HTTP.
    HttpStatus(u16),
    /// Another server is to be asked.
    Redirect,
    /// The connection is closed before the end of the body.
    CutShort,
    /// There is never an answer.
    Silence,
    /// The answer is held back until the server behaves.
    Hold,
}

impl Misbehaviour {
    /// Does to an answer what can be done before it is signed.
    pub(super) fn distort(self, answer: &mut Answer) {
        match self {
            Self::OtherNonce => answer.set("nonce", "0123456789abcdef0123456789abcdef"),
            Self::OtherOtp => answer.set("otp", "cccccccbcjdidcihgvrhjeucvrinhdfddbjhfjftjdei"),
            Self::Without(key) => answer.remove(key),
            Self::Status(status) => answer.set("status", status),
            _ => {}
        }
    }

    /// Does to the text of an answer what can only be done after it was signed.
    pub(super) fn deface(self, text: &str) -> Vec<u8> {
        let without_signature = text.split_once("\r\n").map_or("", |(_, rest)| rest);
        match self {
            Self::StatusUnsigned(status) => {
                text.replace("status=", &format!("status={status}\r\nold=")).into()
            }
            Self::Signature(signature) => format!("h={signature}\r\n{without_signature}").into(),
            Self::NoSignature => without_signature.into(),
            Self::Twice => text.replace("status=", "status=OK\r\nstatus=").into(),
            Self::Garbage => (0..=255).rev().cycle().take(700).collect(),
            Self::Empty => Vec::new(),
            Self::Huge => format!("{text}{}", "\r\n".repeat(512 * 1024)).into(),
            _ => text.into(),
        }
    }
}
