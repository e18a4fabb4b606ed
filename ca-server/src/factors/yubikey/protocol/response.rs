//! The answer, and what it proves.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::{Request, SIGNATURE};
use crate::factors::yubikey::otp::PublicId;

/// No longer answer is read, in bytes; a usual one has about 250.
pub const MAX_BYTES: usize = 4096;

/// Why an answer proves nothing; none of it holds any of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YubicoError {
    /// It is longer than [`MAX_BYTES`].
    #[error("the answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not lines of `key=value`, in UTF-8, each key once.
    #[error("the answer is not of the validation protocol")]
    Malformed,
    /// A key is not there.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// The value of a key has another form.
    #[error("the answer has a {0} of no known form")]
    Value(&'static str),
    /// Nobody who knows the API key signed it.
    #[error("the answer is not signed with the API key")]
    Signature,
    /// It is signed, but answers another question.
    #[error("the answer is to another question: its {0} differs")]
    OtherQuestion(&'static str),
    /// The server says it cannot tell.
    #[error(transparent)]
    Fault(#[from] ServerFault),
}

/// Why a server does not say whether the OTP is good. Whoever sent it, nothing follows but that there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFault {
    /// `BACKEND_ERROR`.
    #[error("the server has a fault of its own (BACKEND_ERROR)")]
    Backend,
    /// `NOT_ENOUGH_ANSWERS`.
    #[error("the server heard from too few of its fellows in time (NOT_ENOUGH_ANSWERS)")]
    NotEnoughAnswers,
    /// `BAD_SIGNATURE`.
    #[error("the server has another API key for this client (BAD_SIGNATURE): check yubikey.api_key_file")]
    BadSignature,
    /// `NO_SUCH_CLIENT`.
    #[error("the server does not know this client (NO_SUCH_CLIENT): check yubikey.client_id")]
    NoSuchClient,
    /// `OPERATION_NOT_ALLOWED`.
    #[error("the server does not let this client ask (OPERATION_NOT_ALLOWED)")]
    NotAllowed,
    /// `MISSING_PARAMETER`.
    #[error("the server does not take the question (MISSING_PARAMETER)")]
    MissingParameter,
}

/// Why an OTP is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `BAD_OTP`: no key known there typed it.
    #[error("no known Yubikey typed this")]
    BadOtp,
    /// `REPLAYED_OTP`: it or a later one was used before.
    #[error("this or a later code of the Yubikey was used before")]
    Replayed,
    /// `REPLAYED_REQUEST`: the same question was asked before. When several servers are asked side by side, one that was
    /// told by another says this of a good OTP.
    #[error("the same question was asked before")]
    RequestReplayed,
}

/// A genuine, new OTP; only a verified answer makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    public_id: PublicId,
    counter: u32,
}

impl Accepted {
    /// Gives the id of the key that typed it.
    pub fn public_id(&self) -> &PublicId {
        &self.public_id
    }

    /// Gives the counter it carries, which rises with every OTP of a key: `sessioncounter × 256 + sessionuse`.
    pub fn counter(&self) -> u32 {
        self.counter
    }
}

/// What a server says about an OTP, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is genuine and new.
    Accepted(Accepted),
    /// It is not.
    Refused(Refusal),
}

/// The status of an answer that decides.
enum Decision {
    Ok,
    Refused(Refusal),
}

/// An answer as it came, which proves nothing yet; it holds the OTP.
pub struct Response<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Response<'a> {
    /// Reads the body of an answer: lines of `key=value`.
    ///
    /// Keys are lower-case letters and values have no `&`, so that no two answers have the same signed text.
    pub fn parse(body: &'a [u8]) -> Result<Self, YubicoError> {
        if body.len() > MAX_BYTES {
            return Err(YubicoError::TooLong);
        }
        let text = str::from_utf8(body).map_err(|_| YubicoError::Malformed)?;
        let mut pairs = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').ok_or(YubicoError::Malformed)?;
            let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase());
            if !is_key || value.contains('&') || pairs.insert(key, value).is_some() {
                return Err(YubicoError::Malformed);
            }
        }
        Ok(Self(pairs))
    }

    /// Finds out what the answer proves. Fails unless it is signed and answers this question.
    ///
    /// Yubico's server repeats neither OTP nor nonce in `BAD_OTP`, so there they may be left out: an old `BAD_OTP`
    /// that somebody sends again can refuse, and no more.
    pub fn verify(&self, request: &Request<'_>) -> Result<Verdict, YubicoError> {
        let decision = decision(self.value("status")?)?;
        self.check_signature(request)?;
        let may_be_left_out = matches!(decision, Decision::Refused(Refusal::BadOtp));
        self.check_echo("otp", request.otp.expose(), may_be_left_out)?;
        self.check_echo("nonce", request.nonce.as_str(), may_be_left_out)?;
        match decision {
            Decision::Refused(refusal) => Ok(Verdict::Refused(refusal)),
            Decision::Ok => {
                let session = u32::from(self.number::<u16>("sessioncounter")?);
                let counter = (session << 8) | u32::from(self.number::<u8>("sessionuse")?);
                Ok(Verdict::Accepted(Accepted { public_id: request.otp.public_id(), counter }))
            }
        }
    }

    fn value(&self, key: &'static str) -> Result<&'a str, YubicoError> {
        self.0.get(key).copied().ok_or(YubicoError::Missing(key))
    }

    fn check_signature(&self, request: &Request<'_>) -> Result<(), YubicoError> {
        let signature = STANDARD.decode(self.value(SIGNATURE)?).map_err(|_| YubicoError::Value(SIGNATURE))?;
        if request.api_key.signed(&self.0, &signature) { Ok(()) } else { Err(YubicoError::Signature) }
    }

    fn check_echo(&self, key: &'static str, asked: &str, may_be_left_out: bool) -> Result<(), YubicoError> {
        match self.value(key) {
            Ok(echo) if bool::from(echo.as_bytes().ct_eq(asked.as_bytes())) => Ok(()),
            Ok(_) => Err(YubicoError::OtherQuestion(key)),
            Err(_) if may_be_left_out => Ok(()),
            Err(missing) => Err(missing),
        }
    }

    /// Reads a number in plain decimal digits.
    fn number<T: FromStr>(&self, key: &'static str) -> Result<T, YubicoError> {
        let digits = self.value(key)?;
        // `parse` alone would take `+7`.
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain).ok_or(YubicoError::Value(key))
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Response(…)")
    }
}

/// Tells what a status means (“Response” in the specification).
fn decision(status: &str) -> Result<Decision, YubicoError> {
    Err(YubicoError::Fault(match status {
        "OK" => return Ok(Decision::Ok),
        "BAD_OTP" => return Ok(Decision::Refused(Refusal::BadOtp)),
        "REPLAYED_OTP" => return Ok(Decision::Refused(Refusal::Replayed)),
        "REPLAYED_REQUEST" => return Ok(Decision::Refused(Refusal::RequestReplayed)),
        "BACKEND_ERROR" => ServerFault::Backend,
        "NOT_ENOUGH_ANSWERS" => ServerFault::NotEnoughAnswers,
        "BAD_SIGNATURE" => ServerFault::BadSignature,
        "NO_SUCH_CLIENT" => ServerFault::NoSuchClient,
        "OPERATION_NOT_ALLOWED" => ServerFault::NotAllowed,
        "MISSING_PARAMETER" => ServerFault::MissingParameter,
        _ => return Err(YubicoError::Value("status")),
    }))
}
