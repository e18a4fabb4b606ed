//! Before the emergency: sealing vouchers, and taking them back.

use ca_core::log::event::{SignedApproval, VoucherSealed, VoucherWithdrawn, What};
use ca_core::names::VoucherId;
use ca_core::policy::{Approver, Facts, Source};
use ca_core::voucher::{ProvenSeal, Voucher};

use super::VoucherProblem;
use crate::app::App;
use crate::approvals::RequestProblem;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::{NewSeal, SealKept, VoucherRow};

/// Takes an officer's seal on a voucher; the first one makes it.
pub async fn seal(
    app: &App,
    (session, source): (&Session, &Source),
    said: SignedApproval,
) -> Result<VoucherRow, ApiError> {
    let wrap = |error| ApiError::from(RequestProblem::Approval(error));
    let (store, now) = (&app.login.setup().store, app.clock.now());
    let voucher = Voucher::from_text(&said.text).map_err(wrap)?;
    let known = store.voucher(voucher.id).await?;
    match &known {
        None => voucher.check_new(app.keys.origin(), now).map_err(wrap)?,
        Some(row) => check_known(row, &voucher, session)?,
    }
    check_may_seal(app, &voucher, (session, source))?;
    let keys = app.accounts.signing_keys(&session.user_id).await?;
    let keys: Vec<_> = keys.into_iter().map(|row| row.key).collect();
    let seal = ProvenSeal::verify(voucher, said.signature, &keys).map_err(wrap)?;

    let approver = Approver {
        user: session.user.clone(),
        session: session.login.clone(),
        source: source.clone(),
        at: now.seconds(),
    };
    let (id, signed) = (seal.voucher().id, seal.signed().clone());
    let event = VoucherSealed { voucher_id: id, signed, approver };
    app.ledger.append(Draft::Event(What::VoucherSealed(Box::new(event)))).await?;
    let new = NewSeal {
        voucher: seal.voucher(),
        user_id: &session.user_id,
        signature: &seal.signed().signature,
        session: &session.login,
        source,
        at: now.seconds(),
    };
    match store.add_seal(&new).await? {
        SealKept::Kept => Ok(store.voucher(id).await?.ok_or(VoucherProblem::Unknown)?),
        SealKept::Again => Err(VoucherProblem::Again.into()),
        SealKept::Conflict => Err(VoucherProblem::Conflict.into()),
    }
}

fn check_known(row: &VoucherRow, voucher: &Voucher, session: &Session) -> Result<(), VoucherProblem> {
    let again = row.seals.iter().any(|(_, other)| other.user.is_same_person_as(&session.user));
    let rules = [
        (row.voucher == *voucher, VoucherProblem::Conflict),
        (!row.withdrawn, VoucherProblem::Withdrawn),
        (row.used_by.is_none(), VoucherProblem::Used),
        (!again, VoucherProblem::Again),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, problem)| Err(problem))
}

/// Refuses whom the policy does not let approve, and a profile that is not what the officer has read.
fn check_may_seal(
    app: &App,
    voucher: &Voucher,
    (session, source): (&Session, &Source),
) -> Result<(), VoucherProblem> {
    let (policy, name) = (app.policy(), voucher.profile.clone());
    let facts = Facts::new(session.user.clone(), session.login.clone(), source.clone());
    let taken = policy.profile(&name).is_some_and(|profile| profile.break_glass);
    let unchanged = policy.profile_digest(&name) == Some(voucher.profile_digest);
    let rules = [
        (policy.may_seal(&name, &facts, app.clock.now().seconds()), VoucherProblem::NotYours(name.clone())),
        (taken, VoucherProblem::NotTaken(name.clone())),
        (unchanged, VoucherProblem::ProfileChanged(name)),
        (voucher.holder.as_ref() != Some(&session.user.name), VoucherProblem::Own),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, problem)| Err(problem))
}

/// Takes a voucher back, for an officer who could seal it.
pub async fn withdraw(
    app: &App,
    (session, source): (&Session, &Source),
    id: VoucherId,
) -> Result<VoucherRow, ApiError> {
    let store = &app.login.setup().store;
    let row = store.voucher(id).await?.ok_or(VoucherProblem::Unknown)?;
    let facts = Facts::new(session.user.clone(), session.login.clone(), source.clone());
    if !app.policy().may_seal(&row.voucher.profile, &facts, app.clock.now().seconds()) {
        return Err(VoucherProblem::NotYours(row.voucher.profile).into());
    }
    // What takes something away counts before it is recorded.
    if !store.withdraw_voucher(id).await? {
        return Err(if row.withdrawn { VoucherProblem::Withdrawn } else { VoucherProblem::Used }.into());
    }
    let (by, session) = (session.user.name.clone(), session.login.id.clone());
    let event = VoucherWithdrawn { voucher_id: id, by, session, source: source.clone() };
    app.ledger.append(Draft::Event(What::VoucherWithdrawn(Box::new(event)))).await?;
    Ok(store.voucher(id).await?.ok_or(VoucherProblem::Unknown)?)
}
