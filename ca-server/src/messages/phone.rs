//! Phone numbers in the international form of ITU-T E.164, and the prefixes that group them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The digits of a number, its calling code included: 15 at most (ITU-T E.164 §6).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// The digits of a prefix that names a country or a part of one.
const PREFIX_DIGITS: std::ops::RangeInclusive<usize> = 1..=7;

/// How many digits at the end tell adjacent numbers apart; a block of a thousand is the least that operators hand out.
const BLOCK_DIGITS: usize = 3;

/// Why a text is not a phone number; never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// It does not begin with a plus sign.
    #[error("the number must begin with + and the calling code of its country, such as +49 151 23456789")]
    NoPlus,
    /// It has something in it that numbers do not have.
    #[error(
        "the number must have digits alone after the +; spaces, dots, dashes and parentheses between them are fine"
    )]
    Character,
    /// It has `(0)`, which is only dialled within the country.
    #[error("leave out the (0): after the calling code it is not dialled, such as +49 151 23456789")]
    Trunk,
    /// It begins with zero.
    #[error("no calling code begins with 0: write + and the code of the country, such as +49 151 23456789")]
    Zero,
    /// It is too short or too long.
    #[error(
        "the number must have 7 to 15 digits with its calling code, such as +49 151 23456789, not {digits}"
    )]
    Length {
        /// How many it has.
        digits: usize,
    },
}

/// A phone number: `+`, then 7 to 15 digits (ITU-T E.164). It prints as its last two digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Gives the number, such as `+4915123456789`; for the provider and for sealing, and never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Gives what may be shown: `…42`.
    pub fn last_digits(&self) -> String {
        let digits = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default();
        format!("…{digits}")
    }

    /// Gives the number without its last three digits, which adjacent numbers have in common (F10).
    pub fn block(&self) -> &str {
        self.0.get(..self.0.len().saturating_sub(BLOCK_DIGITS)).unwrap_or_default()
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let written = text.trim().strip_prefix('+').ok_or(PhoneError::NoPlus)?;
        if written.contains("(0)") {
            return Err(PhoneError::Trunk);
        }
        let digits: String = written.chars().filter(|c| !" .-()".contains(*c)).collect();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PhoneError::Character);
        }
        if digits.starts_with('0') {
            return Err(PhoneError::Zero);
        }
        if !DIGITS.contains(&digits.len()) {
            return Err(PhoneError::Length { digits: digits.len() });
        }
        Ok(Self(format!("+{digits}")))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.last_digits())
    }
}

/// Why a text is not a prefix of phone numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a calling code: write + and 1 to 7 digits, such as \"+49\", or \"+1\" for North America"
)]
pub struct PrefixError(String);

/// What the numbers of a country, or of a part of one, begin with: `+` and 1 to 7 digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix(String);

impl Prefix {
    /// Gives the prefix, such as `+49`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a number begins with it.
    pub fn covers(&self, phone: &Phone) -> bool {
        phone.0.starts_with(&self.0)
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let valid = PREFIX_DIGITS.contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(Self(text)) } else { Err(PrefixError(text.chars().take(40).collect())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Result<Phone, PhoneError> {
        text.parse()
    }

    #[test]
    fn a_number_is_taken_as_people_write_it() {
        for text in ["+4915123456789", " +49 151 2345-6789 ", "+49 (151) 23.45.67.89"] {
            assert_eq!(phone(text).unwrap().expose(), "+4915123456789", "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_what_to_write() {
        for (text, error) in [
            ("", PhoneError::NoPlus),
            ("0151 23456789", PhoneError::NoPlus),
            ("004915123456789", PhoneError::NoPlus),
            ("+49 151 CALLME1", PhoneError::Character),
            ("++4915123456789", PhoneError::Character),
            ("+49151\n23456789", PhoneError::Character),
            ("+49１５１２３４５６", PhoneError::Character),
            ("+49 (0)151 23456789", PhoneError::Trunk),
            ("+0151234567", PhoneError::Zero),
            ("+", PhoneError::Length { digits: 0 }),
            ("+491234", PhoneError::Length { digits: 6 }),
            ("+4915123456789012", PhoneError::Length { digits: 16 }),
        ] {
            assert_eq!(phone(text).unwrap_err(), error, "{text:?}");
        }
        assert!(phone("+4915123").is_ok() && phone("+491512345678901").is_ok());
    }

    #[test]
    fn i9_a_number_shows_its_last_two_digits_alone() {
        let phone = phone("+4915123456742").unwrap();
        assert_eq!((phone.last_digits(), format!("{phone:?}")), ("…42".to_owned(), "Phone(…42)".to_owned()));
    }

    #[test]
    fn f10_adjacent_numbers_share_a_block() {
        let block = |text| phone(text).unwrap().block().to_owned();
        assert_eq!(block("+4915123456000"), "+4915123456");
        assert_eq!(block("+4915123456000"), block("+4915123456999"));
        assert_ne!(block("+4915123456000"), block("+4915123457000"));
    }

    #[test]
    fn f10_a_prefix_covers_what_begins_with_it() {
        let prefix = |text: &str| Prefix::try_from(text.to_owned());
        let german = phone("+4915123456789").unwrap();
        assert!(prefix("+49").unwrap().covers(&german) && prefix("+4915").unwrap().covers(&german));
        assert!(!prefix("+4").unwrap().covers(&phone("+15550100").unwrap()));
        assert!(!prefix("+48").unwrap().covers(&german));
        for bad in ["", "+", "49", "+0", "+49 ", "+12345678", "DE"] {
            assert!(prefix(bad).is_err(), "{bad:?}");
        }
    }
}
