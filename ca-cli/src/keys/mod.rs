//! The key to be certified, and whoever can sign with it: this program, the agent, or `ssh-keygen` and a finger.

mod ephemeral;
mod file;
mod host;
mod private;

pub(crate) use ephemeral::EphemeralKey;
pub(crate) use file::KeyFile;
pub(crate) use host::HostKey;

use ca_core::ssh::{HashedMessage, PublicKey, Signature};

use crate::failure::Result;

/// Something that proves possession of a key.
pub(crate) trait Possession {
    /// Gives the public key.
    fn public_key(&self) -> &PublicKey;

    /// Signs a request's text and gives the armoured SSHSIG.
    fn prove(&mut self, request_text: &str) -> Result<String>;
}

/// Makes the armoured proof from whatever signs bytes.
fn armoured(
    key: &PublicKey,
    namespace: &'static str,
    request_text: &str,
    sign: impl FnOnce(&[u8]) -> Result<Signature>,
) -> Result<String> {
    let message = HashedMessage::new(namespace, request_text.as_bytes());
    Ok(message.armour(key, &sign(&message.to_be_signed())?))
}
