//! Keys, to be certified or to approve with, and whoever can sign with them: this program, the agent, or `ssh-keygen` and a finger.

mod by_agent;
mod ephemeral;
mod file;
mod host;
mod private;

pub(crate) use by_agent::AgentKey;
pub(crate) use ephemeral::EphemeralKey;
pub(crate) use file::KeyFile;
pub(crate) use host::HostKey;

use ca_core::ssh::{HashedMessage, PublicKey, Signature};

use crate::failure::Result;

/// Something that proves possession of a key.
pub(crate) trait Possession {
    /// Gives the public key.
    fn public_key(&self) -> &PublicKey;

    /// Signs a text for a purpose, which is a namespace, and gives the armoured SSHSIG.
    fn sign(&mut self, namespace: &'static str, text: &str) -> Result<String>;

    /// Signs a request's text.
    fn prove(&mut self, request_text: &str) -> Result<String> {
        self.sign(ca_core::request::NAMESPACE, request_text)
    }
}

/// Makes the armoured proof from whatever signs bytes.
fn armoured(
    key: &PublicKey,
    (namespace, text): (&'static str, &str),
    sign: impl FnOnce(&[u8]) -> Result<Signature>,
) -> Result<String> {
    let message = HashedMessage::new(namespace, text.as_bytes());
    Ok(message.armour(key, &sign(&message.to_be_signed())?))
}
