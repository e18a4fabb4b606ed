//! Short codes that lead to something open for minutes: 40 random bits, typed from one screen into another device.
//!
//! So short a code is only good where wrong ones are counted and right ones expire soon.

use zeroize::Zeroizing;

use super::crockford;
use crate::ids::{self, NoRandomness};
use crate::secret::Secret;

const CHARS: usize = 8;
const GROUP: usize = 4;

/// Makes a code, such as `7K2M-Q9XD`.
pub fn generate() -> Result<Secret, NoRandomness> {
    let random = Zeroizing::new(ids::random::<16>()?);
    Ok(Secret::new(crockford::write(u128::from_be_bytes(*random), CHARS, GROUP).to_string()))
}

/// Gives a typed code in its one form without groups; `None` when the text cannot be a code.
pub fn canonical(typed: &Secret) -> Option<Secret> {
    crockford::read(typed.expose(), CHARS).map(|digits| Secret::new(digits.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = generate().unwrap();
        let plain = code.expose().replace('-', "");
        assert_eq!((code.expose().len(), plain.len()), (CHARS + 1, CHARS));
        let typed = format!(" {} ", code.expose().to_lowercase().replace('-', " ").replace('0', "o"));
        assert_eq!(canonical(&Secret::new(typed)).unwrap().expose(), plain);
        for bad in ["", "7K2M", "7K2M-Q9XD-1", "7K2M-Q9XU", "é7K2M-Q9X"] {
            assert!(canonical(&Secret::from(bad)).is_none(), "{bad}");
        }
    }
}
