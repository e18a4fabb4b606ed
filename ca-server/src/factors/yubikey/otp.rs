//! The one-time password a Yubikey types: 12 characters of public id and 32 of one encrypted block, in modhex.

use std::fmt;

use zeroize::Zeroizing;

/// The digits 0 to 15 as a Yubikey types them: keys that lie in the same place on most keyboards.
const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";

/// The length of the encrypted block in characters.
const BLOCK_LEN: usize = 32;

/// The longest public id there is, in characters.
const LONGEST_ID_LEN: usize = 16;

/// The length of a public id in characters, as Yubico programs it.
pub const PUBLIC_ID_LEN: usize = 12;

/// Why a text is not the OTP of a Yubikey; none of it holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtpError {
    /// It is too short or too long.
    #[error("this is not what a Yubikey types: it has 44 characters. Touch the key while the field is empty")]
    Length,
    /// There is another character in it.
    #[error(
        "this is not what a Yubikey types: only the characters cbdefghijklnrtuv. \
         Is caps lock on, or another keyboard layout?"
    )]
    NotModhex,
    /// The key is programmed with a public id of another length.
    #[error(
        "the Yubikey has a public id of {len} characters, not {PUBLIC_ID_LEN}: program its slot anew with one of {PUBLIC_ID_LEN}"
    )]
    PublicId {
        /// The length of its public id.
        len: usize,
    },
}

/// A one-time password of the right form; whether it is genuine only a validation server knows.
#[derive(Clone)]
pub struct Otp(Zeroizing<String>);

impl Otp {
    /// Reads what was typed: modhex in lower case, with nothing around it but the line end that the key types last.
    pub fn parse(typed: &str) -> Result<Self, OtpError> {
        let text = typed.strip_suffix('\n').unwrap_or(typed);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if !is_modhex(text) {
            return Err(OtpError::NotModhex);
        }
        let id_len = text.len().checked_sub(BLOCK_LEN).filter(|len| *len <= LONGEST_ID_LEN);
        match id_len.ok_or(OtpError::Length)? {
            PUBLIC_ID_LEN => Ok(Self(Zeroizing::new(text.to_owned()))),
            len => Err(OtpError::PublicId { len }),
        }
    }

    /// Gives the id of the key that typed it.
    pub fn public_id(&self) -> PublicId {
        PublicId(self.0.chars().take(PUBLIC_ID_LEN).collect())
    }

    /// Gives the text; for the validation servers, and never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(…)")
    }
}

/// A text is not the public id of a Yubikey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public id of a Yubikey is {PUBLIC_ID_LEN} characters of cbdefghijklnrtuv")]
pub struct PublicIdError;

/// What a Yubikey is known by: the part of every OTP that stays the same; no secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(String);

impl PublicId {
    /// Reads a public id, such as one from the database.
    pub fn parse(text: &str) -> Result<Self, PublicIdError> {
        let fits = text.len() == PUBLIC_ID_LEN && is_modhex(text);
        fits.then(|| Self(text.to_owned())).ok_or(PublicIdError)
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicId({})", self.0)
    }
}

fn is_modhex(text: &str) -> bool {
    text.bytes().all(|byte| MODHEX.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "dcihgvrhjeucvrinhdfddbjhfjftjdei";

    fn error(typed: &str) -> OtpError {
        Otp::parse(typed).unwrap_err()
    }

    #[test]
    fn an_otp_is_a_public_id_and_a_block_with_at_most_a_line_end_behind() {
        for end in ["", "\n", "\r\n", "\r"] {
            let otp = Otp::parse(&format!("cccccccbcjdi{BLOCK}{end}")).unwrap();
            assert_eq!(otp.expose(), format!("cccccccbcjdi{BLOCK}"));
            assert_eq!(otp.public_id().to_string(), "cccccccbcjdi");
            assert_eq!(otp.public_id(), PublicId::parse("cccccccbcjdi").unwrap());
        }
    }

    #[test]
    fn f5_an_otp_of_another_form_is_refused() {
        assert_eq!(error(""), OtpError::Length);
        assert_eq!(error(&BLOCK[1..]), OtpError::Length);
        assert_eq!(error(&format!("{}{BLOCK}", "c".repeat(17))), OtpError::Length);
        for len in [0, 2, 11, 13, 16] {
            let otp = format!("{}{BLOCK}", "c".repeat(len));
            assert_eq!(error(&otp), OtpError::PublicId { len });
        }
        let good = format!("cccccccbcjdi{BLOCK}");
        for bad in [
            good.to_uppercase(),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}\n\n"),
            format!("{good}\0"),
            good.replace('v', "w"),
            good.replace("dc", "é"),
            good.replace('c', "с"),
            format!("{}&status=OK", &good[..34]),
        ] {
            assert_eq!(error(&bad), OtpError::NotModhex, "{bad:?}");
        }
    }

    #[test]
    fn i9_an_otp_prints_as_nothing() {
        let otp = Otp::parse(&format!("cccccccbcjdi{BLOCK}")).unwrap();
        assert_eq!(format!("{otp:?} {:?}", Some(&otp)), "Otp(…) Some(Otp(…))");
    }

    #[test]
    fn a_public_id_is_twelve_characters_of_modhex() {
        assert_eq!(PublicId::parse("vvincredible").unwrap().as_str(), "vvincredible");
        for bad in ["", "ccccccccccc", "ccccccccccccc", "CCCCCCCCCCCC", "cccccc ccccc", "cccccccccccé"] {
            assert!(PublicId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
