//! What the log says of vouchers: who sealed them, what was done with them, and whether somebody looked into it.

use std::collections::BTreeMap;

use super::history::CLOCK_SECS;
use super::{Flaw, VoucherFlaw};
use crate::log::checkpoint::Origin;
use crate::log::event::{CertificateIntent, SignedApproval, VoucherSealed, VoucherWithdrawn};
use crate::names::VoucherId;
use crate::policy::Approver;
use crate::ssh::PublicKey;
use crate::time::UnixSeconds;
use crate::voucher::{ProvenSeal, Voucher};

/// What the entries so far say.
#[derive(Debug, Default)]
pub(super) struct Vouchers(BTreeMap<VoucherId, Sealed>);

#[derive(Debug)]
struct Sealed {
    voucher: Voucher,
    seals: Vec<(SignedApproval, Approver)>,
    withdrawn: Option<(u64, UnixSeconds)>,
    /// The entry that is the certificate.
    used: Option<u64>,
}

impl Vouchers {
    /// Takes in a seal, and verifies it by the keys that are the officer's.
    pub(super) fn sealed(
        &mut self,
        origin: &Origin,
        event: &VoucherSealed,
        keys: &[PublicKey],
    ) -> Result<(), Flaw> {
        let wrap = |error: crate::approval::ApprovalError| Flaw::Approval(error.to_string());
        let voucher = Voucher::from_text(&event.signed.text).map_err(wrap)?;
        if voucher.id != event.voucher_id || voucher.authority != *origin {
            return Err(Flaw::Field("voucher_id"));
        }
        if keys.is_empty() {
            return Err(Flaw::NoSigningKey { user: event.approver.user.name.clone() });
        }
        let seal = ProvenSeal::verify(voucher, event.signed.signature.clone(), keys).map_err(wrap)?;
        let sealed = self.0.entry(event.voucher_id).or_insert_with(|| Sealed {
            voucher: seal.voucher().clone(),
            seals: Vec::new(),
            withdrawn: None,
            used: None,
        });
        if sealed.voucher != *seal.voucher() {
            return Err(Flaw::Field("text"));
        }
        sealed.seals.push((seal.signed().clone(), event.approver.clone()));
        Ok(())
    }

    /// Takes in that an officer took one back.
    pub(super) fn withdrawn(&mut self, event: &VoucherWithdrawn, index: u64, at: UnixSeconds) {
        if let Some(sealed) = self.0.get_mut(&event.voucher_id) {
            sealed.withdrawn.get_or_insert((index, at));
        }
    }

    /// Takes in a certificate that rests on a voucher; gives the seals that there are on it.
    pub(super) fn redeem(
        &mut self,
        voucher: &Voucher,
        intent: &CertificateIntent,
        index: u64,
    ) -> (&[(SignedApproval, Approver)], Vec<Flaw>) {
        let id = voucher.id;
        let Some(sealed) = self.0.get_mut(&id).filter(|sealed| sealed.voucher == *voucher) else {
            return (&[], vec![Flaw::Voucher(VoucherFlaw::Unknown { id })]);
        };
        let mut flaws = Vec::new();
        if let Some(first) = sealed.used.replace(index) {
            flaws.push(Flaw::Voucher(VoucherFlaw::Twice { id, first }));
        }
        if let Some((by, at)) = sealed.withdrawn
            && intent.decided_at > at.plus_secs(CLOCK_SECS)
        {
            flaws.push(Flaw::Voucher(VoucherFlaw::Withdrawn { id, by }));
        }
        (&sealed.seals, flaws)
    }
}
