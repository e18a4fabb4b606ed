//! Bearer tokens: 256 random bits behind a prefix that scanners for leaked secrets can recognise.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::ids::{self, NoRandomness};
use crate::secret::Secret;

/// What every session token starts with.
pub(super) const SESSION: &str = "cs_s_";

/// What every token between the two steps of a login starts with.
pub(super) const CHALLENGE: &str = "cs_l_";

/// What every token of a known device starts with.
pub(super) const DEVICE: &str = "cs_d_";

/// What every API key starts with.
pub(crate) const API_KEY: &str = "cs_k_";

/// What every token of a link to freeze an account starts with.
pub(crate) const DISAVOWAL: &str = "cs_f_";

/// What every invitation starts with.
pub(crate) const INVITATION: &str = "cs_i_";

const RANDOM_BYTES: usize = 32;
const RANDOM_CHARS: usize = 43;

/// The SHA-256 of a token: all that is stored of it. The token has 256 random bits, so no slower hash is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a token; `None` when the text cannot be a token of that kind.
    pub fn of(token: &str, prefix: &str) -> Option<Self> {
        let random = token.strip_prefix(prefix)?;
        let well_formed = random.len() == RANDOM_CHARS
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        well_formed.then(|| Self::hash(token))
    }

    /// Takes the bytes from where they are stored.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Names what a code was sent for.
    pub(super) fn purpose(&self) -> String {
        format!("login/{}", hex::encode(self.0))
    }

    fn hash(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

/// Makes a token, and its hash to store.
pub(crate) fn generate(prefix: &str) -> Result<(Secret, TokenHash), NoRandomness> {
    let random = Zeroizing::new(ids::random::<RANDOM_BYTES>()?);
    let token = Secret::new(format!("{prefix}{}", *Zeroizing::new(URL_SAFE_NO_PAD.encode(*random))));
    let hash = TokenHash::hash(token.expose());
    Ok((token, hash))
}
