//! Invitations: an officer makes an account, and its owner alone chooses the password and the first factor.
//!
//! So nobody ever sends a password around, or knows somebody else's.

use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Source};
use ca_core::time::UnixSeconds;

use super::identity::Identity;
use super::own::Pending;
use super::{AccountError, Accounts, FIRST_LABEL};
use crate::factors::password::Password;
use crate::factors::recovery;
use crate::ids;
use crate::login::{AccountName, INVITATION, TokenHash, generate_token};
use crate::secret::Secret;
use crate::store::{Acceptance, StoreError, User};
use crate::warnings::{self, Change};

/// How long an invitation is good for, in seconds: three days.
const LASTS_SECS: u64 = 3 * 86_400;

/// An invitation; its token cannot be shown again.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The account.
    pub user: User,
    /// The bearer token.
    pub token: Secret,
    /// When it is none any more.
    pub expires_at: UnixSeconds,
}

/// Who is invited, as somebody typed it.
#[derive(Clone, Debug)]
pub struct Invitee {
    /// The name, in any case.
    pub name: String,
    /// The address, in any case.
    pub email: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whose account it is, in any case, when that is not somebody of its own name.
    pub person: Option<String>,
}

fn added(user: &User, by: &str) -> What {
    What::UserAdded {
        user: user.name.clone(),
        email: user.email.clone(),
        groups: user.groups.iter().cloned().collect(),
        person: user.person.clone(),
        factors: Vec::new(),
        by: by.to_owned(),
    }
}

impl Accounts {
    /// Makes an account that waits for its owner, or another invitation to one that was made like this and waits still; `by`
    /// is who does it.
    pub async fn invite(&self, invitee: &Invitee, by: &str) -> Result<Invitation, AccountError> {
        let now = self.setup.clock.now();
        let Invitee { name, email, groups, person } = invitee;
        let user = Identity::typed(name, email, groups, person.as_deref())?.with_id(ids::new_id(now)?);
        if let Some(waiting) = self.waiting_like(&user).await? {
            self.record(added(&waiting, by)).await?;
            return self.invite_again(&waiting).await;
        }
        for taken in [AccountName::User(user.name.clone()), AccountName::Email(user.email.clone())] {
            if self.setup.store.user(&taken).await?.is_some() {
                return Err(StoreError::Taken.into());
            }
        }
        let (token, hash) = generate_token(INVITATION)?;
        let expires_at = now.seconds().plus_secs(LASTS_SECS);
        self.record(added(&user, by)).await?;
        self.setup.store.invite(&user, hash, expires_at, now.seconds()).await?;
        Ok(Invitation { user, token, expires_at })
    }

    /// Finds an account that was made just like this one, and whose owner has never taken it over.
    async fn waiting_like(&self, user: &User) -> Result<Option<User>, AccountError> {
        let found = self.setup.store.user(&AccountName::User(user.name.clone())).await?;
        let found = found.filter(|found| User { id: user.id.clone(), ..found.clone() } == *user);
        match found {
            Some(found) if self.is_waiting(&found.id).await? => Ok(Some(found)),
            _ => Ok(None),
        }
    }

    /// Makes another invitation to an account that waits for its owner, in place of all before.
    pub async fn invite_again(&self, user: &User) -> Result<Invitation, AccountError> {
        let (token, hash) = generate_token(INVITATION)?;
        let expires_at = self.setup.clock.now().seconds().plus_secs(LASTS_SECS);
        if self.setup.store.invite_again(&user.id, hash, expires_at).await? {
            Ok(Invitation { user: user.clone(), token, expires_at })
        } else {
            Err(AccountError::NoInvitation)
        }
    }

    /// Shows the holder of an invitation their first factor, unless the password they want is none to have.
    pub async fn begin_invitation(
        &self,
        token: &Secret,
        chosen: Option<&Secret>,
    ) -> Result<Pending, AccountError> {
        let (_, user) = self.invited(token).await?;
        if let Some(chosen) = chosen {
            Password::chosen(chosen, &[user.name.as_str(), user.email.as_str()])?;
        }
        let (factor, enrolment) = self.new_totp(&user, FIRST_LABEL.parse()?)?;
        self.setup.store.begin_factor(&user.id, &factor, self.setup.clock.now().seconds()).await?;
        Ok(Pending { id: factor.id, enrolment })
    }

    /// Gives an account the password and the factor that its owner brings; gives the recovery codes.
    pub async fn accept_invitation(
        &self,
        token: &Secret,
        chosen: &Secret,
        (factor, code): (&str, &Secret),
        source: &Source,
    ) -> Result<(User, Vec<Secret>), AccountError> {
        let (hash, user) = self.invited(token).await?;
        let pending = self.setup.store.factor(&user.id, factor).await?;
        let pending = pending.filter(|factor| factor.confirmed_at.is_none()).ok_or(AccountError::NoFactor)?;
        let counter = self.shown_step(&pending, code)?.ok_or(AccountError::WrongCode)?;
        let password = self.hash_from(&user, chosen, source.ip).await?;
        let codes = (0..recovery::CODES).map(|_| recovery::generate()).collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<_> = codes.iter().filter_map(recovery::hash).collect();
        self.record(What::InvitationAccepted {
            user: user.name.clone(),
            kind: FactorKind::Totp,
            factor: pending.id.clone(),
            source: source.clone(),
        })
        .await?;
        warnings::warn(&self.setup, &user, &Change::InvitationAccepted, Some(source)).await?;
        let brought = Acceptance { password: &password, factor: &pending.id, counter, recovery: &hashes };
        let now = self.setup.clock.now().seconds();
        let accepted = self.setup.store.accept_invitation(hash, &user.id, &brought, now).await?;
        if accepted { Ok((user, codes)) } else { Err(AccountError::NoInvitation) }
    }

    async fn invited(&self, token: &Secret) -> Result<(TokenHash, User), AccountError> {
        let hash = TokenHash::of(token.expose(), INVITATION).ok_or(AccountError::NoInvitation)?;
        let user = self.setup.store.invited(hash, self.setup.clock.now().seconds()).await?;
        let user = user.filter(|user| user.enabled).ok_or(AccountError::NoInvitation)?;
        Ok((hash, user))
    }
}
