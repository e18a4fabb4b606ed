//! Passwords: what is accepted as one (NIST SP 800-63B-4 §3.1.1.2) and how it is hashed (Argon2id with a
//! pepper, RFC 9106).

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::common;
use super::key_ring::Key;
use super::pepper::Pepper;
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

    /// Tells whether it was made with another pepper or other parameters than a hash would be made with now.
    pub fn is_outdated(&self, pepper: &Pepper) -> bool {
        parse(&self.0).is_ok_and(|parsed| {
            parsed.params.m_cost() != MEMORY_KIB
                || parsed.params.t_cost() != PASSES
                || parsed.params.p_cost() != LANES
                || parsed.params.keyid() != pepper.current().id
        })
    }

    /// Makes a hash that no password has, with today's parameters: it costs what a real one costs (F9).
    pub fn of_nobody(pepper: &Pepper) -> Result<Self, HashError> {
        encode(&params(pepper.current())?, &ids::random::<SALT_BYTES>()?, &ids::random::<HASH_BYTES>()?)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The memory that hashes are computed in, allocated once and used for one after the other.
pub(super) struct Workspace {
    pepper: Arc<Pepper>,
    blocks: Vec<Block>,
}

impl Workspace {
    /// Makes an empty one; the memory comes with the first hash.
    pub(super) fn new(pepper: Arc<Pepper>) -> Self {
        Self { pepper, blocks: Vec::new() }
    }

    /// Gives the memory back to the system.
    pub(super) fn release(&mut self) {
        self.blocks = Vec::new();
    }

    /// Tells whether a hash was made with another pepper or other parameters than this would.
    pub(super) fn outdates(&self, hash: &PasswordHash) -> bool {
        hash.is_outdated(&self.pepper)
    }

    /// Hashes a password with a fresh salt and the newest pepper.
    pub(super) fn hash(&mut self, password: &Password) -> Result<PasswordHash, HashError> {
        let salt = ids::random::<SALT_BYTES>()?;
        let pepper = Arc::clone(&self.pepper);
        let params = params(pepper.current())?;
        let hash = self.compute(params.clone(), pepper.current(), &salt, password)?;
        encode(&params, &salt, &hash)
    }

    /// Tells whether a password has this hash; the comparison takes the same time for every hash of a length.
    ///
    /// A hash without a pepper, or of one that is not here, is nobody's; finding that out costs the same (F9).
    pub(super) fn verify(&mut self, password: &Password, hash: &PasswordHash) -> Result<bool, HashError> {
        let expected = parse(&hash.0)?;
        let pepper = Arc::clone(&self.pepper);
        let found = pepper.find(expected.params.keyid());
        if found.is_none() {
            let keyid = hex::encode(expected.params.keyid());
            tracing::error!(keyid, "alarm: a password was hashed with a pepper that is not in the file");
        }
        let key = found.unwrap_or(pepper.current());
        let computed = self.compute(expected.params, key, expected.salt.as_ref(), password)?;
        Ok(found.is_some() && bool::from(computed.as_slice().ct_eq(expected.hash.as_bytes())))
    }

    fn compute(
        &mut self,
        params: Params,
        pepper: &Key,
        salt: &[u8],
        password: &Password,
    ) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let blocks = params.block_count();
        if self.blocks.len() < blocks {
            self.blocks.resize(blocks, Block::default());
        }
        let mut out = Zeroizing::new(vec![0; params.output_len().unwrap_or(HASH_BYTES)]);
        Argon2::new_with_secret(pepper.bytes.as_slice(), Algorithm::Argon2id, Version::V0x13, params)
            .and_then(|argon2| {
                let memory = &mut self.blocks[..blocks];
                argon2.hash_password_into_with_memory(password.0.as_bytes(), salt, &mut out, memory)
            })
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

/// Gives today's parameters, with the id of the pepper among them.
fn params(pepper: &Key) -> Result<Params, HashError> {
    let keyid = KeyId::new(&pepper.id).map_err(HashError::Argon2)?;
    let mut builder = ParamsBuilder::new();
    builder.m_cost(MEMORY_KIB).t_cost(PASSES).p_cost(LANES).output_len(HASH_BYTES).keyid(keyid);
    builder.build().map_err(HashError::Argon2)
}

fn encode(params: &Params, salt: &[u8], hash: &[u8]) -> Result<PasswordHash, HashError> {
    let malformed = |_| HashError::Malformed;
    let encoded = phc::PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(params).map_err(|_| HashError::Malformed)?,
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

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn f16_composed_and_decomposed_are_one_password() {
        let mut workspace = Workspace::new(Arc::new(pepper(1)));
        let hash = workspace.hash(&chosen("caf\u{e9} au lait").unwrap()).unwrap();
        assert!(workspace.verify(&chosen("cafe\u{301} au lait").unwrap(), &hash).unwrap());
        assert!(!workspace.verify(&chosen("cafe au lait").unwrap(), &hash).unwrap());
    }

    #[test]
    fn a_hash_says_how_it_was_made_and_older_ones_verify() {
        let mut workspace = Workspace::new(Arc::new(pepper(1)));
        let password = chosen("correct horse").unwrap();
        let hash = workspace.hash(&password).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="), "{}", hash.as_str());
        assert!(!workspace.outdates(&hash));

        let keyid = KeyId::new(&pepper(1).current().id).unwrap();
        let weak = ParamsBuilder::new().m_cost(64).t_cost(1).p_cost(1).keyid(keyid).build().unwrap();
        let weak = Argon2::new_with_secret(&[1; 32], Algorithm::Argon2id, Version::V0x13, weak).unwrap();
        let old = argon2::PasswordHasher::hash_password(&weak, b"correct horse");
        let old = PasswordHash::from_phc(old.unwrap().to_string()).unwrap();
        assert!(workspace.outdates(&old));
        assert!(workspace.verify(&password, &old).unwrap());
        let nobody = PasswordHash::of_nobody(&pepper(1)).unwrap();
        assert!(!workspace.verify(&password, &nobody).unwrap());
    }

    #[test]
    fn f17_a_hash_compares_only_where_its_pepper_is() {
        let password = chosen("correct horse").unwrap();
        let hash = Workspace::new(Arc::new(pepper(1))).hash(&password).unwrap();
        let mut rotated = Workspace::new(Arc::new(pepper(2).with_older(pepper(1))));
        assert!(rotated.verify(&password, &hash).unwrap());
        assert!(rotated.outdates(&hash), "it is made anew at the next login");
        let mut other = Workspace::new(Arc::new(pepper(2)));
        assert!(!other.verify(&password, &hash).unwrap());

        // Nor does one compare that somebody who can write the database made without a pepper.
        let plain = argon2::PasswordHasher::hash_password(&Argon2::default(), b"correct horse").unwrap();
        let plain = PasswordHash::from_phc(plain.to_string()).unwrap();
        assert!(!rotated.verify(&password, &plain).unwrap());
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
