//! Recovery codes: 128 random bits each, for when every other factor is lost (NIST SP 800-63B-4 §4.2.1.1).
//!
//! Written as 26 characters of Crockford's base32 in groups, of which case, spaces and dashes do not count.

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::crockford;
use crate::ids::{self, NoRandomness};
use crate::secret::Secret;
use crate::store::RecoveryHash;

/// How many codes an account has.
pub const CODES: usize = 8;

const CHARS: usize = 26;
const GROUP: usize = 5;

/// Makes a code.
pub fn generate() -> Result<Secret, NoRandomness> {
    let random = Zeroizing::new(ids::random::<16>()?);
    Ok(Secret::new(crockford::write(u128::from_be_bytes(*random), CHARS, GROUP).to_string()))
}

/// Computes what is stored of a code; `None` when the text cannot be one.
pub fn hash(typed: &Secret) -> Option<RecoveryHash> {
    let digits = crockford::read(typed.expose(), CHARS)?;
    let mut hash = RecoveryHash::default();
    hash.copy_from_slice(digest(&SHA256, digits.as_bytes()).as_ref());
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let code = generate().unwrap();
        let good = hash(&code).unwrap();
        let typed = code.expose().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(hash(&Secret::new(typed)), Some(good));
        assert_eq!(code.expose().len(), CHARS + 5);
        assert_ne!(hash(&generate().unwrap()), Some(good));
    }

    #[test]
    fn what_is_not_a_code_has_no_hash() {
        let code = generate().unwrap();
        let longer = format!("{}0", code.expose());
        for bad in ["", "123456", &code.expose()[1..], &longer, "UUUUU-UUUUU-UUUUU-UUUUU-UUUUU-U", "é"] {
            assert_eq!(hash(&Secret::from(bad)), None, "{bad}");
        }
    }
}
