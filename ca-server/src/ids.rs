//! Identifiers and randomness.

use ca_core::time::UnixMillis;

/// The system has no randomness to give; nothing can be made without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Gives `N` bytes from the system's generator.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Makes a ULID: the time, then 80 random bits.
pub fn new_id(now: UnixMillis) -> Result<String, NoRandomness> {
    Ok(ulid::Ulid::from_parts(now.0, u128::from_be_bytes(random()?)).to_string())
}
