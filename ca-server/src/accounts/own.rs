//! What people do to their own account: factors, password, recovery codes.
//!
//! Each takes a session that was begun for this, minutes ago, with password and factor (F14). Each is recorded before it
//! is done, and ends every other session of the account.

use ca_core::log::event::What;
use ca_core::names::Label;
use ca_core::policy::{self, FactorKind, Source};

use super::{AccountError, Accounts, Enrolment};
use crate::factors::recovery;
use crate::factors::totp::{Code, Seed};
use crate::login::Session;
use crate::secret::Secret;
use crate::store::{NewFactor, Removal, StoredFactor, User};
use crate::warnings::{self, Change};

/// How many factors an account can have.
pub const MAX_FACTORS: usize = 10;

/// A factor that is none until its owner shows that it works.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its identity.
    pub id: String,
    /// What its owner has to take over.
    pub enrolment: Enrolment,
}

/// Who does it and from where.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The session, begun for this.
    pub session: &'a Session,
    /// Where the call came from.
    pub source: &'a Source,
}

impl Accounts {
    /// Gives the factors of an account, and how many recovery codes it has left.
    pub async fn factors(&self, user_id: &str) -> Result<(Vec<StoredFactor>, u64), AccountError> {
        let left = self.setup.store.recovery_codes_left(user_id).await?;
        Ok((self.setup.store.factors(user_id).await?, left))
    }

    /// Begins to add a TOTP factor; [`Accounts::confirm_factor`] adds it.
    pub async fn begin_totp(&self, owner: Owner<'_>, label: Label) -> Result<Pending, AccountError> {
        let (factor, enrolment) = self.new_totp(&owner.user(), label)?;
        self.begin(owner, &factor).await?;
        Ok(Pending { id: factor.id, enrolment })
    }

    pub(super) async fn begin(&self, owner: Owner<'_>, factor: &NewFactor) -> Result<(), AccountError> {
        let user_id = &owner.session.user_id;
        if self.setup.store.factors(user_id).await?.len() >= MAX_FACTORS {
            return Err(AccountError::TooMany);
        }
        Ok(self.setup.store.begin_factor(user_id, factor, self.setup.clock.now().seconds()).await?)
    }

    /// Adds a factor that was begun, by a code that it shows; that code is used up.
    pub async fn confirm_factor(
        &self,
        owner: Owner<'_>,
        id: &str,
        code: &Secret,
    ) -> Result<StoredFactor, AccountError> {
        let pending = self.setup.store.factor(&owner.session.user_id, id).await?;
        let pending = pending.filter(|factor| factor.confirmed_at.is_none()).ok_or(AccountError::NoFactor)?;
        let counter = match pending.kind {
            FactorKind::Totp => self.shown_step(&pending, code)?,
            FactorKind::Sms => self.sent_code_shown(&pending, code).await?,
            _ => None,
        };
        self.confirm(owner, pending, counter.ok_or(AccountError::WrongCode)?).await
    }

    pub(super) fn shown_step(
        &self,
        pending: &StoredFactor,
        code: &Secret,
    ) -> Result<Option<u64>, AccountError> {
        let seed = Seed::from_bytes(self.setup.sealer.open(&pending.secret, &pending.authenticator())?)?;
        let now = self.setup.clock.now().seconds();
        Ok(Code::parse(code.expose()).and_then(|code| seed.matching_step(&code, now)))
    }

    pub(super) async fn confirm(
        &self,
        owner: Owner<'_>,
        factor: StoredFactor,
        counter: u64,
    ) -> Result<StoredFactor, AccountError> {
        let session = &owner.session.login.id;
        self.record(What::FactorAdded {
            user: owner.session.user.name.clone(),
            kind: factor.kind,
            factor: factor.id.clone(),
            label: factor.label.clone(),
            session: session.clone(),
            source: owner.source.clone(),
        })
        .await?;
        owner.warn(self, &Change::FactorAdded(factor.kind, &factor.label)).await?;
        let now = self.setup.clock.now().seconds();
        let user_id = &owner.session.user_id;
        if !self.setup.store.confirm_factor(user_id, &factor.id, counter, session, now).await? {
            return Err(AccountError::NoFactor);
        }
        self.setup.sessions.forget_user(user_id);
        Ok(StoredFactor { confirmed_at: Some(now), ..factor })
    }

    /// Removes a factor, by its identity or label; the last one cannot be removed (F15).
    pub async fn remove_factor(&self, owner: Owner<'_>, which: &str) -> Result<StoredFactor, AccountError> {
        let (user_id, session) = (&owner.session.user_id, &owner.session.login.id);
        let factors = self.setup.store.factors(user_id).await?;
        let last = factors.len() == 1;
        let meant = |factor: &StoredFactor| factor.id == which || factor.label.as_str() == which;
        let factor = factors.into_iter().find(meant).ok_or(AccountError::NoFactor)?;
        if last {
            return Err(AccountError::LastFactor);
        }
        self.record(What::FactorRemoved {
            user: owner.session.user.name.clone(),
            kind: factor.kind,
            factor: factor.id.clone(),
            label: factor.label.clone(),
            session: session.clone(),
            source: owner.source.clone(),
        })
        .await?;
        owner.warn(self, &Change::FactorRemoved(factor.kind, &factor.label)).await?;
        let removal = self.setup.store.remove_factor(user_id, &factor, session).await?;
        self.setup.sessions.forget_user(user_id);
        match removal {
            Removal::Removed => Ok(factor),
            Removal::Last => Err(AccountError::LastFactor),
            Removal::Gone => Err(AccountError::NoFactor),
        }
    }

    /// Changes the password.
    pub async fn change_password(&self, owner: Owner<'_>, chosen: &Secret) -> Result<(), AccountError> {
        let (user_id, session) = (&owner.session.user_id, &owner.session.login.id);
        let password = self.hash_from(&owner.user(), chosen, owner.source.ip).await?;
        let (user, source) = (owner.session.user.name.clone(), owner.source.clone());
        self.record(What::PasswordChanged { user, session: session.clone(), source }).await?;
        owner.warn(self, &Change::PasswordChanged).await?;
        let now = self.setup.clock.now().seconds();
        self.setup.store.change_password(user_id, &password, session, now).await?;
        self.setup.sessions.forget_user(user_id);
        Ok(())
    }

    /// Makes new recovery codes in place of all before; they cannot be shown again.
    pub async fn make_recovery_codes(&self, owner: Owner<'_>) -> Result<Vec<Secret>, AccountError> {
        let (user_id, session) = (&owner.session.user_id, &owner.session.login.id);
        let codes = (0..recovery::CODES).map(|_| recovery::generate()).collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<_> = codes.iter().filter_map(recovery::hash).collect();
        self.record(What::RecoveryCodesMade {
            user: owner.session.user.name.clone(),
            count: hashes.len() as u64,
            session: session.clone(),
            source: owner.source.clone(),
        })
        .await?;
        owner.warn(self, &Change::RecoveryCodesMade).await?;
        self.setup.store.replace_recovery_codes(user_id, &hashes, session).await?;
        self.setup.sessions.forget_user(user_id);
        Ok(codes)
    }
}

impl Owner<'_> {
    /// Warns the owner of a change that is about to be made.
    pub(super) async fn warn(&self, accounts: &Accounts, change: &Change<'_>) -> Result<(), AccountError> {
        Ok(warnings::warn(&accounts.setup, &self.user(), change, Some(self.source)).await?)
    }

    /// Gives the account.
    pub(super) fn user(&self) -> User {
        let policy::User { name, email, groups, enabled, person, reduced_until } = self.session.user.clone();
        User { id: self.session.user_id.clone(), name, email, groups, enabled, person, reduced_until }
    }
}
