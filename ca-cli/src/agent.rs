//! ssh-agent: listing, signing, adding and removing (draft-ietf-sshm-ssh-agent).
//!
//! Keys and certificates pass through as the bytes they are. A client that parses them into its own types refuses the
//! whole list over one key it does not know; and the types of `ssh-key`, on which the crates for this are built, hold an
//! option's value as text, which the proof of logging inside our certificates is not.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ca_core::cert::Certificate;
use ca_core::ssh::{KeyKind, PublicKey, Signature};
use ca_core::wire::{Reader, Truncated, Writer};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

const FAILURE: u8 = 5;
const SUCCESS: u8 = 6;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const REMOVE_IDENTITY: u8 = 18;
const ADD_ID_CONSTRAINED: u8 = 25;

const CONSTRAIN_LIFETIME: u8 = 1;

/// Asks for `rsa-sha2-512`; without it an agent signs with SHA-1, which nobody accepts any more.
const RSA_SHA2_512: u32 = 4;

/// The longest message, in bytes; OpenSSH's limit.
const MAX_MESSAGE: usize = 256 * 1024;

/// One key or certificate in the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The public key or the certificate, in binary form.
    pub(crate) blob: Vec<u8>,
    /// What whoever added it called it.
    pub(crate) comment: String,
}

/// A connection to an agent.
#[derive(Debug)]
pub(crate) struct Agent<S = UnixStream> {
    stream: S,
}

impl Agent {
    /// Connects to the agent of `SSH_AUTH_SOCK`; `None` when the variable is not set.
    pub(crate) fn from_env() -> Result<Option<Self>> {
        let Some(path) = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let stream = UnixStream::connect(&path).map_err(|error| {
            let path = std::path::Path::new(&path).display();
            Failure::new("no-agent", format!("no ssh-agent answers at {path} (SSH_AUTH_SOCK): {error}"))
                .hint(START)
        })?;
        // A signature may wait for a finger on a security key, everything else is answered at once.
        let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
        Ok(Some(Self { stream }))
    }

    /// Connects to the agent, which must be there.
    pub(crate) fn required() -> Result<Self> {
        Self::from_env()?.ok_or_else(|| {
            Failure::new("no-agent", "there is no ssh-agent to put the certificate into").hint(START)
        })
    }
}

const START: &str = "Start one: eval $(ssh-agent). Or certify a key file of yours: --key ~/.ssh/id_ed25519";

impl<S: Read + Write> Agent<S> {
    /// Lists what the agent holds.
    pub(crate) fn identities(&mut self) -> Result<Vec<Identity>> {
        let answer = self.call(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER, "list its keys")?;
        read_identities(&answer).map_err(|_| nonsense())
    }

    /// Lets the agent sign with a key it holds.
    pub(crate) fn sign(&mut self, key: &PublicKey, message: &[u8]) -> Result<Signature> {
        let mut request = Writer::default();
        let flags = if key.kind() == KeyKind::Rsa { RSA_SHA2_512 } else { 0 };
        request.raw(&[SIGN_REQUEST]).string(key.blob()).string(message).u32(flags);
        let answer = self.call(&request.finish(), SIGN_RESPONSE, "sign")?;
        let signature = Reader::new(&answer).string().map_err(|_| nonsense())?;
        Signature::from_bytes(signature).map_err(|_| nonsense())
    }

    /// Adds an Ed25519 key under its certificate, to be forgotten after a time.
    pub(crate) fn add_ed25519(
        &mut self,
        seed: &[u8; 32],
        certificate: &Certificate,
        comment: &str,
        lifetime_secs: u32,
    ) -> Result<()> {
        let key = &certificate.content().key;
        // The binary form ends with the public key's 32 bytes.
        let public = key.blob().split_at(key.blob().len().saturating_sub(32)).1;
        let private = Zeroizing::new([seed.as_slice(), public].concat());
        let mut request = Writer::with_capacity(8 * 1024);
        request.raw(&[ADD_ID_CONSTRAINED]).string(key.kind().certificate_algorithm().as_bytes());
        request.string(certificate.bytes()).string(public).string(&private).string(comment.as_bytes());
        request.raw(&[CONSTRAIN_LIFETIME]).u32(lifetime_secs);
        let request = Zeroizing::new(request.finish());
        self.call(&request, SUCCESS, "take the certificate").map(drop)
    }

    /// Removes a key or certificate.
    pub(crate) fn remove(&mut self, identity: &Identity) -> Result<()> {
        let mut request = Writer::default();
        request.raw(&[REMOVE_IDENTITY]).string(&identity.blob);
        self.call(&request.finish(), SUCCESS, "remove a certificate").map(drop)
    }

    /// Sends a message and gives the answer after its type, which must be the one expected.
    fn call(&mut self, message: &[u8], expected: u8, verb: &str) -> Result<Vec<u8>> {
        let answer = self
            .exchange(message)
            .map_err(|error| Failure::new("agent", format!("the ssh-agent does not answer: {error}")))?;
        match answer.split_first() {
            Some((kind, rest)) if *kind == expected => Ok(rest.to_vec()),
            Some((&FAILURE, _)) => Err(Failure::new("agent", format!("the ssh-agent would not {verb}"))),
            _ => Err(nonsense()),
        }
    }

    fn exchange(&mut self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut framed = Writer::with_capacity(message.len() + 4);
        framed.string(message);
        self.stream.write_all(&Zeroizing::new(framed.finish()))?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_MESSAGE {
            return Err(std::io::Error::other("the answer is too long"));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

fn read_identities(answer: &[u8]) -> std::result::Result<Vec<Identity>, Truncated> {
    let mut reader = Reader::new(answer);
    let count = reader.u32()?;
    let mut identities = Vec::new();
    for _ in 0..count {
        let blob = reader.string()?.to_vec();
        identities.push(Identity { blob, comment: String::from_utf8_lossy(reader.string()?).into_owned() });
    }
    Ok(identities)
}

fn nonsense() -> Failure {
    Failure::new("agent", "the ssh-agent's answer makes no sense")
}

#[cfg(test)]
mod tests;
