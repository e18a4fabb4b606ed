//! OpenSSH certificates: parsed strictly, verified separately, written from checked parts (OpenSSH PROTOCOL.certkeys).

pub mod acceptance;
mod content;
mod inspect;
mod options;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use content::{CertKind, Content};
pub use inspect::{LogStanding, Report, Trust, Validity};
pub use options::{Options, flag, text_value, value_text};

use crate::names::NameError;
use crate::ssh::{KeyError, PublicKey, Signature, SignatureError};
use crate::wire::{Reader, Truncated, Writer};

/// The most bytes a certificate may have; sshd's limit for one line is above it.
pub const MAX_BYTES: usize = 96 * 1024;

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// It is not a certificate in OpenSSH's one-line or binary form.
    #[error("this is not an OpenSSH certificate")]
    Malformed,
    /// Its algorithm is not one we know.
    #[error("certificates of type {algorithm} are not known")]
    Algorithm {
        /// The algorithm's SSH name.
        algorithm: String,
    },
    /// It is larger than [`MAX_BYTES`].
    #[error("the certificate has {bytes} bytes; {MAX_BYTES} are allowed")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Options are out of order or twice, which OpenSSH forbids.
    #[error("the certificate's options are not in order, each once")]
    OptionOrder,
    /// It is not one that Countersign could have granted.
    #[error("this is not a precert of Countersign's: {rule}")]
    NotOurs {
        /// What does not hold.
        rule: &'static str,
    },
    /// An account in it is not one that Countersign can grant (I4).
    #[error(transparent)]
    Name(#[from] NameError),
    /// The key or the CA's key inside is not acceptable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The CA's signature does not hold.
    #[error("the CA's signature: {0}")]
    Signature(#[from] SignatureError),
}

impl From<Truncated> for CertError {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// A certificate that was parsed; its signature is not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedCertificate {
    content: Content,
    signature: Signature,
    bytes: Vec<u8>,
    signed_len: usize,
}

impl UnverifiedCertificate {
    /// Parses the binary form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertError> {
        if bytes.len() > MAX_BYTES {
            return Err(CertError::TooLong { bytes: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let content = Content::read(&mut reader)?;
        let signed_len = bytes.len() - reader.rest().len();
        let signature = Signature::from_bytes(reader.string()?)?;
        if !reader.is_empty() {
            return Err(CertError::Malformed);
        }
        Ok(Self { content, signature, bytes: bytes.to_vec(), signed_len })
    }

    /// Parses OpenSSH's one-line form, as in a `*-cert.pub` file; the comment is dropped.
    pub fn from_openssh(line: &str) -> Result<Self, CertError> {
        let mut words = line.split_ascii_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err(CertError::Malformed);
        };
        let bytes = STANDARD.decode(base64).map_err(|_| CertError::Malformed)?;
        let certificate = Self::from_bytes(&bytes)?;
        if certificate.content.key.kind().certificate_algorithm() == algorithm {
            Ok(certificate)
        } else {
            Err(CertError::Malformed)
        }
    }

    /// Gives what the certificate says, which nobody has vouched for yet.
    pub fn unverified_content(&self) -> &Content {
        &self.content
    }

    /// Gives the algorithm the CA signed with.
    pub fn signature_algorithm(&self) -> &str {
        self.signature.algorithm()
    }

    /// Verifies the signature by the CA key named inside; whether that CA is trusted is the caller's to judge.
    pub fn verify(self) -> Result<Certificate, CertError> {
        self.signature.verify(&self.content.ca, &self.bytes[..self.signed_len])?;
        Ok(Certificate(self))
    }
}

/// A certificate whose signature by the CA key inside it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate(UnverifiedCertificate);

impl Certificate {
    /// Puts content and the CA's signature over it together, and verifies the result as if it came from outside.
    pub(crate) fn assemble(
        content: &Content,
        signed: &[u8],
        signature: &Signature,
    ) -> Result<Self, CertError> {
        let mut writer = Writer::with_capacity(signed.len() + 600);
        writer.raw(signed).string(&signature.to_bytes());
        let parsed = UnverifiedCertificate::from_bytes(&writer.finish())?;
        if parsed.content == *content { parsed.verify() } else { Err(CertError::Malformed) }
    }

    /// Gives what the CA signed.
    pub fn content(&self) -> &Content {
        &self.0.content
    }

    /// Gives the algorithm the CA signed with.
    pub fn signature_algorithm(&self) -> &str {
        self.0.signature.algorithm()
    }

    /// Gives the key of the CA that signed.
    pub fn ca(&self) -> &PublicKey {
        &self.0.content.ca
    }

    /// Gives the bytes the CA signed.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.0.bytes[..self.0.signed_len]
    }

    /// Gives the binary form.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Writes OpenSSH's one-line form with the key id as comment.
    pub fn to_openssh(&self) -> String {
        let content = self.content();
        let algorithm = content.key.kind().certificate_algorithm();
        let base64 = STANDARD.encode(&self.0.bytes);
        let comment: String = content.key_id.chars().filter(|c| !c.is_control()).collect();
        format!("{algorithm} {base64} {comment}\n")
    }
}
