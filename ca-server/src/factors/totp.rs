//! Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 seconds, as every authenticator app does them.
//!
//! A code is good in its own step and the one after (RFC 6238 §5.2 advises at most one step of delay), never before.
//! That each step is accepted once is not decided here but by the store.

use std::fmt;

use ca_core::time::UnixSeconds;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::ids::{self, NoRandomness};
use crate::secret::Secret;

/// How long one code lasts, in seconds.
pub const STEP_SECS: u64 = 30;

/// The length of a seed in bytes: 160 bits (RFC 4226 §4, R6).
pub const SEED_BYTES: usize = 20;

const DIGITS: usize = 6;

/// The seed or its description cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the TOTP factor cannot be used: {0}")]
pub struct TotpError(String);

/// The secret that the server and the app share.
#[derive(Clone)]
pub struct Seed(Zeroizing<Vec<u8>>);

impl Seed {
    /// Makes a random seed.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(Zeroizing::new(ids::random::<SEED_BYTES>()?.to_vec())))
    }

    /// Takes a seed from its bytes; fails below 160 bits.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, TotpError> {
        if bytes.len() < SEED_BYTES {
            return Err(TotpError(format!("the seed has {} bytes, not {SEED_BYTES} or more", bytes.len())));
        }
        Ok(Self(bytes))
    }

    /// Gives the bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the seed in base32, as people type it into an app.
    pub fn to_base32(&self) -> Secret {
        Secret::new(totp_rs::Secret::from(self.0.to_vec()).to_base32())
    }

    /// Gives the `otpauth://` link that apps read from a QR code; a `:` in the issuer or account becomes a space.
    pub fn to_url(&self, issuer: &str, account: &str) -> Result<Secret, TotpError> {
        let plain = |text: &str| text.replace(':', " ");
        let totp = self.builder().with_issuer(Some(plain(issuer))).with_account_name(plain(account));
        let url = totp.build().and_then(|totp| totp.to_url());
        url.map(Secret::new).map_err(|error| TotpError(error.to_string()))
    }

    /// Tells which step a code belongs to: the current or the one before; `None` when it is neither's.
    ///
    /// Both are always computed and compared in constant time.
    pub fn matching_step(&self, code: &Code, now: UnixSeconds) -> Option<u64> {
        let totp = self.builder().build().ok()?;
        let current = now.0 / STEP_SECS;
        let mut found = Choice::from(0);
        let mut step = 0;
        for candidate in [current.saturating_sub(1), current] {
            let matches = code_at(&totp, candidate).as_bytes().ct_eq(code.0.as_bytes());
            step.conditional_assign(&candidate, matches);
            found |= matches;
        }
        bool::from(found).then_some(step)
    }

    /// Computes the code of the step that `now` is in; what an app would show.
    pub fn code(&self, now: UnixSeconds) -> Result<Secret, TotpError> {
        let totp = self.builder().build().map_err(|error| TotpError(error.to_string()))?;
        Ok(Secret::new(code_at(&totp, now.0 / STEP_SECS).to_string()))
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_step_duration(STEP_SECS)
            .with_skew(0)
            .with_secret(self.0.to_vec())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Tells how long the step that `now` is in still lasts, in seconds: 1 to 30.
pub fn step_ends_in_secs(now: UnixSeconds) -> u64 {
    STEP_SECS - now.0 % STEP_SECS
}

/// A text of the form `[0-9]{6}`, and no other: no spaces, no digits of other scripts (F3).
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// Reads a code; `None` when it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

fn code_at(totp: &Totp, step: u64) -> Zeroizing<String> {
    Zeroizing::new(totp.generate(step.saturating_mul(STEP_SECS)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        Seed::from_bytes(Zeroizing::new(b"12345678901234567890".to_vec())).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238_appendix_b() {
        // The appendix lists 8 digits; 6 digits are the last 6 of them.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().code(UnixSeconds(time)).unwrap().expose(), code);
        }
    }

    #[test]
    fn a_code_is_good_in_its_step_and_the_next() {
        let code = Code::parse("287082").unwrap();
        let at = |now| seed().matching_step(&code, UnixSeconds(now));
        assert_eq!(
            (at(29), at(30), at(59), at(60), at(89), at(90)),
            (None, Some(1), Some(1), Some(1), Some(1), None)
        );
    }

    #[test]
    fn f3_a_code_is_six_ascii_digits() {
        assert!(Code::parse("012345").is_some());
        for bad in [
            "",
            " 123456",
            "123456 ",
            "123 456",
            "12345",
            "1234567",
            "+12345",
            "-12345",
            "12345a",
            "１２３４５６",
            "١٢٣٤٥٦",
            "١٢٣",
            "123456\0",
        ] {
            assert!(Code::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_short_seed_is_refused() {
        assert!(Seed::from_bytes(Zeroizing::new(vec![1; 19])).is_err());
    }
}
