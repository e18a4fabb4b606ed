//! "This was not me": a link that switches an account off.

use ca_core::log::event::What;
use ca_core::policy::Source;

use super::{OfficerNotice, WarnError, tell_officers};
use crate::login::{AuditUnavailable, DISAVOWAL, Setup, TokenHash};
use crate::store::{StoreError, User};

/// Why an account was not frozen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// The link is unknown, over or used.
    #[error("this link does not work any more")]
    NoLink,
    /// It cannot be recorded, so it was not done.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The database does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The officers cannot be told.
    #[error(transparent)]
    Alert(#[from] WarnError),
}

/// Tells whether a link still works; looking at it changes nothing, as mail scanners look at every link.
pub async fn is_open(setup: &Setup, token: &str) -> Result<bool, StoreError> {
    Ok(find(setup, token).await?.is_some())
}

/// Freezes the account that a link is for: nobody logs in, every session ends, and those are told whom `is_officer` says.
pub async fn freeze(
    setup: &Setup,
    token: &str,
    source: &Source,
    is_officer: impl Fn(&User) -> bool,
) -> Result<(), FreezeError> {
    let (hash, user) = find(setup, token).await?.ok_or(FreezeError::NoLink)?;
    let name = user.name.clone();
    setup.audit.record(What::AccountFrozen { user: name.clone(), source: source.clone() }).await?;
    let now = setup.clock.now().seconds();
    setup.store.set_enabled(&user.id, false, now).await?;
    setup.sessions.forget_user(&user.id);
    if !setup.store.take_disavowal(hash, now).await? {
        return Err(FreezeError::NoLink);
    }
    let text = format!(
        "{name} <{}> says that a change of their account was not theirs, from {}.\n\n\
         The account is switched off and its sessions have ended. Look at its last events:\n  \
         ca audit search --user {name}\n",
        user.email, source.ip
    );
    let notice = OfficerNotice {
        kind: "account-frozen",
        subject: format!("{name} has frozen their account at {}", setup.issuer),
        text,
        about: [("user", name.to_string()), ("source", source.ip.to_string())].into(),
    };
    Ok(tell_officers(setup, &notice, is_officer).await?)
}

async fn find(setup: &Setup, token: &str) -> Result<Option<(TokenHash, User)>, StoreError> {
    let Some(hash) = TokenHash::of(token, DISAVOWAL) else { return Ok(None) };
    let found = setup.store.disavowal(hash, setup.clock.now().seconds()).await?;
    Ok(found.map(|user| (hash, user)))
}
