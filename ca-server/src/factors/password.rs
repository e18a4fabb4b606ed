//! Passwords: what is accepted as one (NIST SP 800-63B-4 §3.1.1.2) and how it is hashed (Argon2id, RFC 9106).

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::common;
use crate::ids;
use crate::secret::Secret;

/// The shortest password, in characters; a factor always follows it.
pub const MIN_CHARS: usize = 8;

/// The longest password, in bytes of its NFC form.
pub const MAX_BYTES: usize = 1024;

/// Memory of one hash, in KiB (OWASP: 19 MiB with two passes).
pub const MEMORY_KIB: u32 = 19_456;

const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// No stored hash may ask for more memory than this, in KiB.
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// Why a text is not accepted as a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It has too few characters.
    #[error("the password has {chars} characters; it needs {MIN_CHARS} or more")]
    TooShort {
        /// How many it has.
        chars: usize,
    },
    /// It has too many bytes.
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is among the first that anybody would try.
    #[error("the password is one of the most common ones")]
    Common,
    /// It is the account's name or address, or little more.
    #[error("the password is the name or the address of the account")]
    Name,
}

/// Why a password cannot be hashed or compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The system has no randomness for the salt.
    #[error(transparent)]
    NoRandomness(#[from] ids::NoRandomness),
    /// The stored text is not an Argon2id hash within bounds.
    #[error("the stored password hash cannot be read")]
    Malformed,
    /// Argon2 refuses its input.
    #[error("the password cannot be hashed: {0}")]
    Argon2(argon2::Error),
}

/// A password in NFC, so that it is the same whichever way a keyboard composes it; at most 1,024 bytes.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what somebody typed to log in; fails only when it is too long to be anybody's.
    pub fn typed(text: &Secret) -> Result<Self, PasswordError> {
        // Composing never makes a text longer than three times its length (Unicode UAX 15 §"Stability").
        if text.expose().len() > 3 * MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        let composed = Zeroizing::new(text.expose().nfc().collect::<String>());
        if composed.len() > MAX_BYTES { Err(PasswordError::TooLong) } else { Ok(Self(composed)) }
    }

    /// Takes what somebody chose as their password; `names` are the account's, which it must not be.
    pub fn chosen(text: &Secret, names: &[&str]) -> Result<Self, PasswordError> {
        let password = Self::typed(text)?;
        let chars = password.0.chars().count();
        if chars < MIN_CHARS {
            return Err(PasswordError::TooShort { chars });
        }
        let folded = Zeroizing::new(password.0.to_lowercase());
        if common::is_common(&folded) {
            return Err(PasswordError::Common);
        }
        let locals = names.iter().filter_map(|name| name.split_once('@')).map(|(local, _)| local);
        if names.iter().copied().chain(locals).any(|name| common::is_variant(&folded, name)) {
            return Err(PasswordError::Name);
        }
        Ok(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// An Argon2id hash with its salt and parameters, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Reads a PHC string; refuses other algorithms and parameters out of bounds.
    pub fn from_phc(text: String) -> Result<Self, HashError> {
        parse(&text).map(|_| Self(text))
    }

    /// Gives the PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether it was made with other parameters than a hash would be made with now.
    pub fn is_outdated(&self) -> bool {
        parse(&self.0).is_ok_and(|parsed| {
            parsed.params.m_cost() != MEMORY_KIB
                || parsed.params.t_cost() != PASSES
                || parsed.params.p_cost() != LANES
        })
    }

    /// Makes a hash that no password has, with today's parameters: it costs what a real one costs (F9).
    pub fn of_nobody() -> Result<Self, HashError> {
        encode(&ids::random::<SALT_BYTES>()?, &ids::random::<HASH_BYTES>()?)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The memory that hashes are computed in, allocated once and used for one after the other.
#[derive(Default)]
pub(super) struct Workspace(Vec<Block>);

impl Workspace {
    /// Hashes a password with a fresh salt.
    pub(super) fn hash(&mut self, password: &Password) -> Result<PasswordHash, HashError> {
        let salt = ids::random::<SALT_BYTES>()?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(HashError::Argon2)?;
        let hash = self.compute(params, &salt, password)?;
        encode(&salt, &hash)
    }

    /// Tells whether a password has this hash; the comparison takes the same time for every hash of a length.
    pub(super) fn verify(&mut self, password: &Password, hash: &PasswordHash) -> Result<bool, HashError> {
        let expected = parse(&hash.0)?;
        let computed = self.compute(expected.params, expected.salt.as_ref(), password)?;
        Ok(computed.as_slice().ct_eq(expected.hash.as_bytes()).into())
    }

    fn compute(
        &mut self,
        params: Params,
        salt: &[u8],
        password: &Password,
    ) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let blocks = params.block_count();
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::default());
        }
        let mut out = Zeroizing::new(vec![0; params.output_len().unwrap_or(HASH_BYTES)]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.0.as_bytes(), salt, &mut out, &mut self.0[..blocks])
            .map_err(HashError::Argon2)?;
        Ok(out)
    }
}

struct Parsed {
    params: Params,
    salt: phc::Salt,
    hash: phc::Output,
}

fn parse(text: &str) -> Result<Parsed, HashError> {
    let parsed = phc::PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
    let params = Params::try_from(&parsed).map_err(|_| HashError::Malformed)?;
    let ours = parsed.algorithm == argon2::ARGON2ID_IDENT
        && parsed.version == Some(Version::V0x13.into())
        && params.m_cost() <= MAX_MEMORY_KIB;
    match (parsed.salt, parsed.hash) {
        (Some(salt), Some(hash)) if ours => Ok(Parsed { params, salt, hash }),
        _ => Err(HashError::Malformed),
    }
}

fn encode(salt: &[u8], hash: &[u8]) -> Result<PasswordHash, HashError> {
    let malformed = |_| HashError::Malformed;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(HashError::Argon2)?;
    let encoded = phc::PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(&params).map_err(|_| HashError::Malformed)?,
        salt: Some(phc::Salt::new(salt).map_err(malformed)?),
        hash: Some(phc::Output::new(hash).map_err(malformed)?),
    };
    Ok(PasswordHash(encoded.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, PasswordError> {
        Password::chosen(&text.into(), &["alice-ng", "alice@example.com"])
    }

    #[test]
    fn f16_length_counts_characters_and_has_an_end() {
        assert_eq!(chosen("sevench").unwrap_err(), PasswordError::TooShort { chars: 7 });
        assert!(chosen("eightchr").is_ok());
        assert!(chosen("ü".repeat(8).as_str()).is_ok(), "characters, not bytes");
        assert_eq!(chosen(&"ü".repeat(7)).unwrap_err(), PasswordError::TooShort { chars: 7 });
        assert!(chosen(&"x".repeat(65)).is_ok());
        assert!(chosen(&"x".repeat(1024)).is_ok());
        assert_eq!(chosen(&"x".repeat(1025)).unwrap_err(), PasswordError::TooLong);
        assert_eq!(chosen(&"x".repeat(100_000)).unwrap_err(), PasswordError::TooLong);
        assert!(chosen("        a b").is_ok(), "spaces count and anything goes");
    }

    #[test]
    fn f16_common_passwords_and_names_are_refused() {
        for common in ["password", "Password", "12345678", "QWERTYUIOP", "Sunshine1", "Countersign2"] {
            assert_eq!(chosen(common).unwrap_err(), PasswordError::Common, "{common}");
        }
        assert_eq!(chosen("Alice@Example.com").unwrap_err(), PasswordError::Name);
        for name in ["alice-ng", "Alice-NG#1", "alicealice", "Alice2031!", "alice@example.com1"] {
            assert_eq!(chosen(name).unwrap_err(), PasswordError::Name, "{name}");
        }
        assert!(chosen("alice plays the harp").is_ok(), "a name within a phrase is no variant of it");
    }

    #[test]
    fn f16_composed_and_decomposed_are_one_password() {
        let mut workspace = Workspace::default();
        let hash = workspace.hash(&chosen("caf\u{e9} au lait").unwrap()).unwrap();
        assert!(workspace.verify(&chosen("cafe\u{301} au lait").unwrap(), &hash).unwrap());
        assert!(!workspace.verify(&chosen("cafe au lait").unwrap(), &hash).unwrap());
    }

    #[test]
    fn a_hash_says_how_it_was_made_and_older_ones_verify() {
        let mut workspace = Workspace::default();
        let password = chosen("correct horse").unwrap();
        let hash = workspace.hash(&password).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(!hash.is_outdated());

        let weak = Params::new(64, 1, 1, None).unwrap();
        let old = argon2::PasswordHasher::hash_password(
            &Argon2::new(Algorithm::Argon2id, Version::V0x13, weak),
            b"correct horse",
        );
        let old = PasswordHash::from_phc(old.unwrap().to_string()).unwrap();
        assert!(old.is_outdated());
        assert!(workspace.verify(&password, &old).unwrap());
        assert!(!workspace.verify(&password, &PasswordHash::of_nobody().unwrap()).unwrap());
    }

    #[test]
    fn other_algorithms_and_huge_parameters_are_refused() {
        for bad in [
            "",
            "x",
            "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=4000000,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0",
        ] {
            assert!(PasswordHash::from_phc(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
