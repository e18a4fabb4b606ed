//! The reader: stricter than sshd, so that whatever passes is read by sshd, and says the same.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::certificates::{OfAuthority, read_text, skip_extension};
use super::{KrlError, KrlVersion, MAX_BYTES, ca_key, section};
use crate::log::hash::sha256;
use crate::ssh::{Fingerprint, PublicKey};
use crate::time::UnixSeconds;
use crate::wire::Reader;

/// Why a certificate or a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The key itself is revoked.
    Key,
    /// The key of the CA is revoked.
    CaKey,
    /// The certificate's key id is revoked.
    KeyId,
    /// The certificate's serial is revoked.
    Serial,
}

/// A KRL that sshd would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Krl {
    version: KrlVersion,
    generated: UnixSeconds,
    comment: String,
    /// By the CA's key; what is under the empty one applies to every CA.
    certificates: BTreeMap<Vec<u8>, OfAuthority>,
    keys: BTreeSet<Fingerprint>,
    keys_sha1: BTreeSet<[u8; 20]>,
}

impl Krl {
    /// Parses a KRL, all of it, of at most [`MAX_BYTES`].
    ///
    /// A KRL that was cut exactly between two sections is a KRL too, and says less: only
    /// [`SignedKrl`](super::SignedKrl) can tell.
    pub fn parse(bytes: &[u8]) -> Result<Self, KrlError> {
        require_magic(bytes)?;
        let mut reader = Reader::new(bytes);
        let mut krl = Self::read_header(&mut reader)?;
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let mut inner = Reader::new(reader.string()?);
            krl.read_section(kind, &mut inner)?;
            if !inner.is_empty() {
                return Err(KrlError::TrailingBytes { section: kind });
            }
        }
        Ok(krl)
    }

    /// Gives its number.
    pub fn version(&self) -> KrlVersion {
        self.version
    }

    /// Gives when it was made, as it says.
    pub fn generated(&self) -> UnixSeconds {
        self.generated
    }

    /// Gives the comment, with replacements for what is not UTF-8.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Gives how many certificates it revokes by serial; what it says twice counts twice.
    pub fn serial_count(&self) -> u64 {
        self.certificates.values().fold(0, |sum, of_ca| sum.saturating_add(of_ca.serial_count()))
    }

    /// Gives how many certificates it revokes by key id.
    pub fn key_id_count(&self) -> u64 {
        self.certificates.values().map(OfAuthority::key_id_count).sum()
    }

    /// Gives how many keys it revokes, those of CAs among them.
    pub fn key_count(&self) -> u64 {
        self.keys.len() as u64 + self.keys_sha1.len() as u64
    }

    /// Tells whether sshd would refuse this certificate for this KRL, and why.
    ///
    /// Serial 0 stands for none and is never revoked.
    pub fn revokes_certificate(
        &self,
        ca: &PublicKey,
        serial: u64,
        key_id: &str,
        key: &PublicKey,
    ) -> Option<Why> {
        let scopes = [self.certificates.get(ca.blob()), self.certificates.get([].as_slice())];
        let any = |revokes: &dyn Fn(&OfAuthority) -> bool| scopes.into_iter().flatten().any(revokes);
        if self.has_key(key) {
            Some(Why::Key)
        } else if self.has_key(ca) {
            Some(Why::CaKey)
        } else if any(&|of_ca| of_ca.has_key_id(key_id)) {
            Some(Why::KeyId)
        } else if any(&|of_ca| of_ca.has_serial(serial)) {
            Some(Why::Serial)
        } else {
            None
        }
    }

    /// Tells whether sshd would refuse this key for this KRL.
    pub fn revokes_key(&self, key: &PublicKey) -> Option<Why> {
        self.has_key(key).then_some(Why::Key)
    }

    fn has_key(&self, key: &PublicKey) -> bool {
        // `ssh-keygen -k` revokes a plain key by its SHA-1.
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.blob());
        let has_sha1 = |hash: [u8; 20]| self.keys_sha1.contains(&hash);
        self.keys.contains(&key.fingerprint()) || sha1.as_ref().try_into().is_ok_and(has_sha1)
    }

    fn read_header(reader: &mut Reader<'_>) -> Result<Self, KrlError> {
        let _magic = reader.raw(section::MAGIC.len())?;
        let found = reader.u32()?;
        if found != section::FORMAT_VERSION {
            return Err(KrlError::FormatVersion { found });
        }
        let (version, generated, flags) =
            (KrlVersion(reader.u64()?), UnixSeconds(reader.u64()?), reader.u64()?);
        if flags != 0 {
            return Err(KrlError::Flags { flags });
        }
        let _reserved = reader.string()?;
        let comment = String::from_utf8_lossy(read_text(reader)?).into_owned();
        let (certificates, keys, keys_sha1) = Default::default();
        Ok(Self { version, generated, comment, certificates, keys, keys_sha1 })
    }

    fn read_section(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        let must_say_something =
            [section::EXPLICIT_KEY, section::FINGERPRINT_SHA1, section::FINGERPRINT_SHA256];
        if must_say_something.contains(&kind) && reader.is_empty() {
            return Err(KrlError::EmptySection { section: kind });
        }
        match kind {
            section::CERTIFICATES => self.read_certificates(reader)?,
            section::EXPLICIT_KEY => self.read_keys(reader)?,
            section::FINGERPRINT_SHA1 => self.keys_sha1.extend(read_hashes::<20>(reader)?),
            section::FINGERPRINT_SHA256 => {
                self.keys.extend(read_hashes(reader)?.into_iter().map(Fingerprint));
            }
            section::EXTENSION => skip_extension(reader)?,
            section::SIGNATURE => return Err(KrlError::EmbeddedSignature),
            section => return Err(KrlError::UnknownSection { section }),
        }
        Ok(())
    }

    fn read_certificates(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        let ca = reader.string()?;
        let _reserved = reader.string()?;
        if !ca.is_empty() {
            ca_key::check(ca)?;
        }
        self.certificates.entry(ca.to_vec()).or_default().read(reader)
    }

    /// Reads keys that are written out; what is no key revokes nothing, for sshd as for us.
    fn read_keys(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        while !reader.is_empty() {
            self.keys.insert(Fingerprint(sha256(reader.string()?)));
        }
        Ok(())
    }
}

/// Refuses what is not a KRL, and says what sshd would make of it.
fn require_magic(bytes: &[u8]) -> Result<(), KrlError> {
    if bytes.len() > MAX_BYTES {
        return Err(KrlError::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(section::MAGIC) {
        return Ok(());
    }
    let says_nothing = |line: &[u8]| matches!(line.trim_ascii_start().first(), None | Some(b'#'));
    Err(match bytes {
        [] => KrlError::Empty,
        _ if bytes.iter().all(|byte| *byte == 0) => KrlError::Nul,
        _ if bytes.split(|byte| *byte == b'\n').all(says_nothing) => KrlError::OnlyComments,
        _ => KrlError::NotAKrl,
    })
}

/// Reads the rest as hashes, which must ascend.
fn read_hashes<const N: usize>(reader: &mut Reader<'_>) -> Result<Vec<[u8; N]>, KrlError> {
    let mut hashes: Vec<[u8; N]> = Vec::new();
    while !reader.is_empty() {
        let bytes = reader.string()?;
        let hash = bytes.try_into().map_err(|_| KrlError::HashLength { bytes: bytes.len() })?;
        if hashes.last().is_some_and(|last| *last >= hash) {
            return Err(KrlError::HashOrder);
        }
        hashes.push(hash);
    }
    Ok(hashes)
}
