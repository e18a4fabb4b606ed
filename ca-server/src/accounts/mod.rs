//! Accounts, as officers and the operator handle them: add, disable, enable, unlock, reset; and, in [`own`], as their
//! owners do.
//!
//! Each is recorded before it is done (I10): the log may say more than happened, never less.

mod api_keys;
mod identity;
pub mod invite;
pub mod own;
mod signing_keys;
mod sms;
mod webauthn;
mod yubikey;

use std::net::{IpAddr, Ipv4Addr};

use ca_core::approval::ApprovalError;
use ca_core::log::event::What;
use ca_core::names::{Label, NameError};
use ca_core::policy::FactorKind;
use identity::Identity;

use crate::ceremony::CeremonyError;
use crate::factors::hash_pool::PoolError;
use crate::factors::password::{Password, PasswordError, PasswordHash};
use crate::factors::sealing::SealError;
use crate::factors::totp::{Seed, TotpError};
use crate::ids::{self, NoRandomness};
use crate::login::sms::SendError;
use crate::login::{AccountName, AuditUnavailable, Setup, Typed};
use crate::messages::phone::PhoneError;
use crate::secret::Secret;
use crate::store::{NewFactor, NewUser, StoreError, User, authenticator};
use crate::warnings::{self, Change, WarnError};

/// What the first TOTP factor is called.
const FIRST_LABEL: &str = "authenticator app";

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name, address or group is not one.
    #[error(transparent)]
    Name(#[from] ca_core::names::NameError),
    /// The password is not acceptable.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There is no such account.
    #[error("there is no account {name}")]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The password cannot be hashed now.
    #[error(transparent)]
    Hash(#[from] PoolError),
    /// The code does not show that the new factor works.
    #[error("the code is not what the new factor shows")]
    WrongCode,
    /// Too many codes were wrong lately.
    #[error("too many wrong codes")]
    TooSoon {
        /// When the next one may be shown, in seconds from now.
        retry_after_secs: u64,
    },
    /// The account has no such factor.
    #[error("the account has no such factor")]
    NoFactor,
    /// It is the only factor the account has (F15).
    #[error("the last factor of an account cannot be removed")]
    LastFactor,
    /// The account has as many factors as one can have.
    #[error(
        "an account can have {} factors, {} API keys and {} keys to approve with",
        own::MAX_FACTORS,
        api_keys::MAX_KEYS,
        signing_keys::MAX_KEYS
    )]
    TooMany,
    /// The text is no phone number.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// No code was sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// This server has no such factor.
    #[error("this server has no factor {0}")]
    NotConfigured(FactorKind),
    /// Whoever validates the factor is down.
    #[error("{0} does not work at the moment")]
    FactorDown(FactorKind),
    /// Its owner cannot be warned, so it was not done.
    #[error(transparent)]
    Warn(#[from] WarnError),
    /// The invitation is unknown, over or used.
    #[error("this invitation does not work any more")]
    NoInvitation,
    /// The account has no such API key.
    #[error("the account has no such API key")]
    NoKey,
    /// What is to be a key to approve with is none, or its holder is not shown to hold it.
    #[error("the key is not registered: {0}")]
    SigningKey(#[from] ApprovalError),
    /// The account has no such key to approve with.
    #[error("the account has no such key")]
    NoSigningKey,
    /// An API key cannot be of this scope.
    #[error("the API key is not made: {0}")]
    Scope(&'static str),
    /// The ceremony with the security key does not go on.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The factor cannot be made.
    #[error(transparent)]
    Totp(#[from] TotpError),
    /// The seed cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database does not take it, or the name is taken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be recorded, so it was not done.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
}

/// An account to be made, as somebody typed it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The name, in any case.
    pub name: String,
    /// The address, in any case.
    pub email: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whose account it is, in any case, when that is not somebody of its own name.
    pub person: Option<String>,
    /// The password.
    pub password: Secret,
}

impl NewAccount {
    /// Tells whether such an account can be made, as far as that shows without a database.
    pub fn check(&self) -> Result<(), AccountError> {
        let Identity { name, email, .. } = self.identity()?;
        Password::chosen(&self.password, &[name.as_str(), email.as_str()])?;
        Ok(())
    }

    fn identity(&self) -> Result<Identity, NameError> {
        Identity::typed(&self.name, &self.email, &self.groups, self.person.as_deref())
    }
}

/// A factor as its owner has to take it over; it cannot be shown again.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The account.
    pub user: User,
    /// The `otpauth://` link for a QR code.
    pub otpauth_url: Secret,
    /// The seed in base32, for those who type.
    pub base32: Secret,
}

/// Handles accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    setup: Setup,
}

impl Accounts {
    /// Puts the parts together.
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// Makes an account with a password and a TOTP factor; `by` is who does it.
    pub async fn add(&self, new: &NewAccount, by: &str) -> Result<Enrolment, AccountError> {
        let user = new.identity()?.with_id(ids::new_id(self.setup.clock.now())?);
        for taken in [AccountName::User(user.name.clone()), AccountName::Email(user.email.clone())] {
            if self.setup.store.credentials(&taken).await?.is_some() {
                return Err(StoreError::Taken.into());
            }
        }
        let password = self.hash(&user, &new.password).await?;
        let (factor, enrolment) = self.enrol(&user)?;
        self.record(What::UserAdded {
            user: user.name.clone(),
            email: user.email.clone(),
            groups: user.groups.iter().cloned().collect(),
            person: user.person.clone(),
            factors: vec![FactorKind::Totp],
            by: by.to_owned(),
        })
        .await?;
        let row = NewUser { user, password, factor };
        self.setup.store.add_user(&row, self.setup.clock.now().seconds()).await?;
        Ok(enrolment)
    }

    /// Switches an account off, which ends its sessions at once, or on again.
    pub async fn set_enabled(&self, name: &str, enabled: bool, by: &str) -> Result<User, AccountError> {
        let user = self.find(name).await?;
        let (name, by) = (user.name.clone(), by.to_owned());
        self.record(What::UserEnabled { user: name, enabled, by }).await?;
        self.setup.store.set_enabled(&user.id, enabled, self.setup.clock.now().seconds()).await?;
        self.setup.sessions.forget_user(&user.id);
        Ok(User { enabled, ..user })
    }

    /// Ends the sessions of an account, and its logins under way.
    pub async fn end_sessions(&self, user: &User) -> Result<(), AccountError> {
        self.setup.store.end_sessions(&user.id).await?;
        self.setup.sessions.forget_user(&user.id);
        Ok(())
    }

    /// Makes a password and factors work again that were disabled by failures.
    pub async fn unlock(&self, name: &str, by: &str) -> Result<User, AccountError> {
        let user = self.find(name).await?;
        self.record(What::UserUnlocked { user: user.name.clone(), by: by.to_owned() }).await?;
        warnings::warn(&self.setup, &user, &Change::Unlocked(by), None).await?;
        self.forget_failures(&user).await?;
        Ok(user)
    }

    async fn forget_failures(&self, user: &User) -> Result<(), AccountError> {
        let names = [user.name.as_str(), user.email.as_str()];
        let names = names.map(|name| Typed::new(&self.setup.sealer, name).counter);
        Ok(self.setup.store.forget_all_failures(&user.id, &names).await?)
    }

    /// Gives an account a new password and a new TOTP factor in place of all it had: factors, sessions, known devices, API
    /// keys, keys to approve with, invitations, and requests and recoveries under way.
    pub async fn reset(&self, name: &str, password: &Secret, by: &str) -> Result<Enrolment, AccountError> {
        let user = self.find(name).await?;
        let password = self.hash(&user, password).await?;
        let (factor, enrolment) = self.enrol(&user)?;
        let name = user.name.clone();
        self.record(What::UserReset { user: name, factors: vec![FactorKind::Totp], by: by.to_owned() })
            .await?;
        warnings::warn(&self.setup, &user, &Change::Reset(by), None).await?;
        let now = self.setup.clock.now().seconds();
        self.setup.store.replace_credentials(&user.id, &password, &factor, now).await?;
        self.forget_failures(&user).await?;
        self.setup.sessions.forget_user(&user.id);
        Ok(enrolment)
    }

    /// Finds an account by its name or address.
    pub async fn user(&self, name: &str) -> Result<User, AccountError> {
        self.find(name).await
    }

    /// Tells whether an account waits for its owner still.
    pub async fn is_waiting(&self, user_id: &str) -> Result<bool, AccountError> {
        Ok(self.setup.store.is_waiting(user_id).await?)
    }

    /// Gives all accounts, by name.
    pub async fn list(&self) -> Result<Vec<User>, AccountError> {
        Ok(self.setup.store.users().await?)
    }

    async fn find(&self, name: &str) -> Result<User, AccountError> {
        let found = match AccountName::parse(name) {
            Some(name) => self.setup.store.user(&name).await?,
            None => None,
        };
        found.ok_or_else(|| AccountError::Unknown { name: name.chars().take(80).collect() })
    }

    async fn hash(&self, user: &User, chosen: &Secret) -> Result<PasswordHash, AccountError> {
        self.hash_from(user, chosen, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }

    async fn hash_from(
        &self,
        user: &User,
        chosen: &Secret,
        ip: IpAddr,
    ) -> Result<PasswordHash, AccountError> {
        let password = Password::chosen(chosen, &[user.name.as_str(), user.email.as_str()])?;
        let place = self.setup.hashes.admit(ip)?;
        Ok(self.setup.hashes.hash(place, password).await?)
    }

    fn enrol(&self, user: &User) -> Result<(NewFactor, Enrolment), AccountError> {
        self.new_totp(user, FIRST_LABEL.parse()?)
    }

    /// Makes a TOTP factor, and what its owner has to take over.
    fn new_totp(&self, user: &User, label: Label) -> Result<(NewFactor, Enrolment), AccountError> {
        let seed = Seed::generate()?;
        let id = ids::new_id(self.setup.clock.now())?;
        let secret = self.setup.sealer.seal(seed.bytes(), &authenticator(FactorKind::Totp, &id))?;
        let factor = NewFactor { id, kind: FactorKind::Totp, label, secret, tag: None, counter: 0 };
        let otpauth_url = seed.to_url(&self.setup.issuer, user.email.as_str())?;
        Ok((factor, Enrolment { user: user.clone(), otpauth_url, base32: seed.to_base32() }))
    }

    async fn record(&self, event: What) -> Result<(), AccountError> {
        Ok(self.setup.audit.record(event).await?)
    }
}
