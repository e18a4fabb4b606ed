//! The certificate before its proof: what the log commits to.

use crate::cert::{CertError, CertKind, Content, Options};
use crate::names::{HostName, HostNames, KeyId, Principal, Principals, Serial};
use crate::ssh::{CertifiableKey, Fingerprint};
use crate::time::{Ttl, UnixSeconds};

use super::ca::{HostCa, UserCa};
use super::evidence::EXTENSION_PREFIX;

/// The random bytes that open a certificate's content.
pub type Nonce = [u8; 32];

/// A certificate's shape as the policy granted it; only [`crate::policy::decide`] decides what goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The CA key that has to sign; the authority's first when there is no choice.
    pub ca: Option<Fingerprint>,
    /// The key to be certified.
    pub key: CertifiableKey,
    /// What sshd will log.
    pub key_id: KeyId,
    /// The accounts.
    pub principals: Principals,
    /// The lifetime from the decision on.
    pub ttl: Ttl,
    /// The first second of validity.
    pub valid_after: UnixSeconds,
    /// The first second after validity; later than `valid_after`.
    pub valid_before: UnixSeconds,
    /// The options sshd has to enforce.
    pub critical_options: Options,
    /// What sshd permits.
    pub extensions: Options,
}

/// A host certificate's shape as the policy granted it; only [`crate::policy::decide_host`] decides what goes in.
///
/// It has no options: OpenSSH knows none for hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGrant {
    /// The key to be certified.
    pub key: CertifiableKey,
    /// What names the certificate in the log.
    pub key_id: KeyId,
    /// The names of the host.
    pub names: HostNames,
    /// The lifetime from the decision on.
    pub ttl: Ttl,
    /// The first second of validity.
    pub valid_after: UnixSeconds,
    /// The first second after validity; later than `valid_after`.
    pub valid_before: UnixSeconds,
}

/// The to-be-signed certificate without the proof extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precert {
    content: Content,
    bytes: Vec<u8>,
}

impl Precert {
    /// Writes the precert of a grant; the serial is the index it will have in the log.
    pub fn prepare(grant: &Grant, serial: Serial, nonce: &Nonce, ca: &UserCa) -> Self {
        Self::new(Content {
            key: grant.key.key().clone(),
            nonce: nonce.to_vec(),
            serial: serial.get(),
            kind: CertKind::User,
            key_id: grant.key_id.as_str().to_owned(),
            principals: grant.principals.iter().map(ToString::to_string).collect(),
            valid_after: grant.valid_after,
            valid_before: grant.valid_before,
            critical_options: grant.critical_options.clone(),
            extensions: grant.extensions.clone(),
            ca: ca.key().clone(),
        })
    }

    /// Writes the precert of a grant to a host; the serial is the index it will have in the log.
    pub fn prepare_host(grant: &HostGrant, serial: Serial, nonce: &Nonce, ca: &HostCa) -> Self {
        Self::new(Content {
            key: grant.key.key().clone(),
            nonce: nonce.to_vec(),
            serial: serial.get(),
            kind: CertKind::Host,
            key_id: grant.key_id.as_str().to_owned(),
            principals: grant.names.iter().map(ToString::to_string).collect(),
            valid_after: grant.valid_after,
            valid_before: grant.valid_before,
            critical_options: Options::new(),
            extensions: Options::new(),
            ca: ca.key().clone(),
        })
    }

    /// Reads back the precert that a log entry holds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertError> {
        let precert = Self::new(Content::from_to_be_signed(bytes)?);
        check_ours(&precert.content)?;
        if precert.bytes == bytes { Ok(precert) } else { Err(CertError::Malformed) }
    }

    /// Takes the proof extension off a certificate's content again.
    pub(super) fn of_certificate(content: &Content) -> Self {
        let mut content = content.clone();
        content.extensions.retain(|name, _| !name.starts_with(EXTENSION_PREFIX));
        Self::new(content)
    }

    fn new(content: Content) -> Self {
        let bytes = content.to_be_signed(None);
        Self { content, bytes }
    }

    /// Gives the bytes the log commits to.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives what the certificate will say.
    pub fn content(&self) -> &Content {
        &self.content
    }
}

/// Checks that content read back is such as [`Precert::prepare`] and [`Precert::prepare_host`] write: what is read back
/// may yet be signed (I4, A15).
fn check_ours(content: &Content) -> Result<(), CertError> {
    let in_order = match content.kind {
        CertKind::User => accounts_are_in_order(&content.principals)?,
        CertKind::Host => names_are_in_order(&content.principals)?,
    };
    let plain = content.critical_options.is_empty() && content.extensions.is_empty();
    let rules = [
        (in_order, "its principals are in order, each once"),
        (content.kind == CertKind::User || plain, "one for a host has no options"),
        (content.serial != 0, "its serial is not zero"),
        (content.nonce.len() == size_of::<Nonce>(), "its nonce has 32 bytes"),
        (content.valid_after < content.valid_before, "it ends after it begins"),
        (!content.extensions.keys().any(|name| name.starts_with(EXTENSION_PREFIX)), "it has no proof yet"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(CertError::NotOurs { rule }))
}

fn accounts_are_in_order(found: &[String]) -> Result<bool, CertError> {
    let names = found.iter().map(|name| name.parse()).collect::<Result<Vec<Principal>, _>>()?;
    Ok(Principals::try_from(names)?.iter().map(Principal::as_str).eq(found))
}

fn names_are_in_order(found: &[String]) -> Result<bool, CertError> {
    let names = found.iter().map(|name| name.parse()).collect::<Result<Vec<HostName>, _>>()?;
    Ok(HostNames::try_from(names)?.iter().map(ToString::to_string).eq(found.iter().cloned()))
}
