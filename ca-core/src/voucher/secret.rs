//! What the holder of a voucher shows.

use std::fmt;

use zeroize::Zeroizing;

use super::Digest;
use crate::log::hash::sha256;

/// What goes before the secret when it is hashed.
const PURPOSE: &str = "countersign voucher secret v1\n";

/// The secret of a voucher: 128 bits, written in 26 characters of Crockford's base 32.
///
/// Never printed by itself: [`Self::to_text`] is for the one time that it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct VoucherSecret(Zeroizing<String>);

/// A text that is no secret of a voucher; it does not say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a voucher has 26 letters and digits, such as 7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZ")]
pub struct SecretError;

impl VoucherSecret {
    /// Makes one of random bytes.
    pub fn from_bytes(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(ulid::Ulid::from_bytes(random).to_string()))
    }

    /// Reads what somebody typed: in any case, with spaces and dashes wherever they like.
    pub fn parse(typed: &str) -> Result<Self, SecretError> {
        let typed = Zeroizing::new(typed.replace(['-', ' '], "").trim().to_ascii_uppercase());
        let id = ulid::Ulid::from_string(&typed).map_err(|_| SecretError)?;
        Ok(Self::from_bytes(id.to_bytes()))
    }

    /// Writes it in groups, to be printed on paper.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(30));
        for (i, letter) in self.0.chars().enumerate() {
            if i > 0 && i % 5 == 0 && i < 25 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// Hashes it, as the voucher names it. A plain hash will do: nobody guesses 128 bits.
    pub fn digest(&self) -> Digest {
        let named = Zeroizing::new(format!("{PURPOSE}{}", self.0.as_str()));
        Digest(sha256(named.as_bytes()))
    }
}

impl fmt::Debug for VoucherSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherSecret(…)")
    }
}
