//! The key files a server has, as they are on disk.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::log::{NoteSigner, Origin};
use zeroize::Zeroizing;

use crate::ledger::LogKeys;
use crate::secret_file::{self, SecretFileError, content};

const LOG_KEY: &str = "it should hold the log's key, as PRIVATE+KEY+<origin>+<id>+<base64>";

/// The byte for Ed25519 in C2SP signed-note keys.
const ED25519: u8 = 1;

/// Reads the log's private key, in the form that Go's `note` package made common.
pub fn log_keys(path: &Path, origin: &Origin) -> Result<LogKeys, SecretFileError> {
    let text = secret_file::read_text(path)?;
    let malformed = || content(path, LOG_KEY);
    let rest = text.strip_prefix("PRIVATE+KEY+").ok_or_else(malformed)?;
    // A name has no plus in it, base64 may.
    let mut fields = rest.splitn(3, '+');
    let (Some(name), Some(_id), Some(base64)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(malformed());
    };
    if name != origin.as_str() {
        return Err(content(path, "the log's key is for another origin than the one configured"));
    }
    let bytes = Zeroizing::new(STANDARD.decode(base64).map_err(|_| malformed())?);
    let seed: &[u8; 32] = match bytes.split_first() {
        Some((&ED25519, seed)) => seed.try_into().map_err(|_| malformed())?,
        _ => return Err(malformed()),
    };
    LogKeys::new(origin.clone(), seed).map_err(|_| malformed())
}

/// Writes a new log key.
pub fn create_log_key(path: &Path, origin: &Origin, seed: &[u8; 32]) -> Result<(), SecretFileError> {
    let signer = NoteSigner::from_seed(origin.as_str(), seed).map_err(|_| content(path, LOG_KEY))?;
    let mut bytes = Zeroizing::new(vec![ED25519]);
    bytes.extend_from_slice(seed);
    let id = signer.verifier_key().key_id();
    let text = Zeroizing::new(format!("PRIVATE+KEY+{origin}+{id:08x}+{}\n", STANDARD.encode(&*bytes)));
    secret_file::create(path, text.as_bytes())
}
