//! Codes for SMS: eight random digits, which is more than the 20 bits that NIST SP 800-63B-4 §3.1.3.3 asks for.

use zeroize::Zeroizing;

use crate::factors::sealing::Sealer;
use crate::ids::{self, NoRandomness};
use crate::messages::phone::Phone;
use crate::secret::Secret;
use crate::store::CodeTag;

/// How long a code is good for at the most, in seconds.
pub const LASTS_SECS: u64 = 300;

const DIGITS: usize = 8;
const CODES: u64 = 100_000_000;

/// Makes a code.
pub fn generate() -> Result<Secret, NoRandomness> {
    // Of 2^64 numbers the last incomplete hundred million are one in 184 thousand million: no code is likelier to matter.
    let random = u64::from_be_bytes(ids::random::<8>()?);
    Ok(Secret::new(format!("{:08}", random % CODES)))
}

/// Computes what is stored of a code that was sent for one purpose; `None` when the text cannot be a code.
pub fn tag(sealer: &Sealer, purpose: &str, typed: &Secret) -> Option<CodeTag> {
    let digits: Zeroizing<String> =
        Zeroizing::new(typed.expose().chars().filter(|c| *c != ' ').take(DIGITS + 1).collect());
    let good = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| sealer.tag(&format!("sms-code/{purpose}"), &digits))
}

/// Writes the message; the code in two groups, as people read it.
pub fn message(code: &Secret, issuer: &str, what_for: &str) -> Secret {
    let (front, back) = code.expose().split_at_checked(DIGITS / 2).unwrap_or((code.expose(), ""));
    Secret::new(format!("{front} {back} is your code for {issuer}, {what_for}. Nobody else will ask for it."))
}

/// Tells what limits on numbers are counted under.
pub fn limit_tag(sealer: &Sealer, text: &str) -> String {
    hex::encode(&sealer.tag("sms-limit", text)[..16])
}

/// Reads a number back from its seal.
pub fn phone(opened: &[u8]) -> Option<Phone> {
    std::str::from_utf8(opened).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_eight_digits_for_one_purpose() {
        let sealer = Sealer::new(Zeroizing::new([7; 32]));
        let code = generate().unwrap();
        let good = tag(&sealer, "login/a", &code).unwrap();
        let spaced = format!("{} {}", &code.expose()[..4], &code.expose()[4..]);
        assert_eq!(tag(&sealer, "login/a", &Secret::new(spaced)), Some(good));
        assert_ne!(tag(&sealer, "login/b", &code), Some(good));
        for bad in ["", "1234567", "123456789", "1234567a", "１２３４５６７８"] {
            assert_eq!(tag(&sealer, "login/a", &bad.into()), None, "{bad}");
        }
        let text = message(&"12345678".into(), "ca.example.com", "to log in from 192.0.2.7");
        assert!(text.expose().starts_with("1234 5678 is your code"));
    }
}
