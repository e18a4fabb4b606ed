//! A voucher that an officer's key signed.

use super::{NAMESPACE, Voucher};
use crate::approval::{ApprovalError, verify_by};
use crate::log::event::SignedApproval;
use crate::ssh::PublicKey;

/// One officer's seal on a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenSeal {
    voucher: Voucher,
    signed: SignedApproval,
}

impl ProvenSeal {
    /// Verifies the armoured SSHSIG over the voucher's text by one of the keys that are the officer's.
    pub fn verify(voucher: Voucher, signature: String, keys: &[PublicKey]) -> Result<Self, ApprovalError> {
        let text = voucher.to_text();
        verify_by(keys, NAMESPACE, &text, &signature)?;
        Ok(Self { voucher, signed: SignedApproval { text, signature } })
    }

    /// Gives the voucher.
    pub fn voucher(&self) -> &Voucher {
        &self.voucher
    }

    /// Gives the text and the signature.
    pub fn signed(&self) -> &SignedApproval {
        &self.signed
    }
}
