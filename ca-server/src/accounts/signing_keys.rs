//! The keys that an officer approves with, as their owner registers and removes them (F14).

use ca_core::approval::{ProvenSigningKey, SigningKey};
use ca_core::log::checkpoint::Origin;
use ca_core::log::event::{SigningKeyChange, What};
use ca_core::names::Label;

use super::own::Owner;
use super::{AccountError, Accounts};
use crate::store::{SigningKeyRow, StoreError};
use crate::warnings::Change;

/// How many keys to approve with an account can have.
pub(super) const MAX_KEYS: usize = 10;

impl Accounts {
    /// Registers a key whose holder signed for it; a key is one account's (A1).
    pub async fn add_signing_key(
        &self,
        owner: Owner<'_>,
        authority: &Origin,
        label: Label,
        (text, signature): (&str, &str),
    ) -> Result<SigningKeyRow, AccountError> {
        let now = self.setup.clock.now();
        let key = SigningKey::from_text(text)?;
        key.check(authority, &owner.session.user.name, now)?;
        let key = ProvenSigningKey::verify(key, signature)?.key().key().clone();
        let user_id = &owner.session.user_id;
        let has = self.setup.store.signing_keys(user_id).await?;
        if has.len() >= MAX_KEYS {
            return Err(AccountError::TooMany);
        }
        if has.iter().any(|other| other.label == label) || self.setup.store.has_signing_key(&key).await? {
            return Err(StoreError::SigningKeyTaken.into());
        }
        let new = SigningKeyRow { key, label, created_at: now.seconds() };
        self.record(What::SigningKeyAdded(Box::new(change(owner, &new)))).await?;
        owner.warn(self, &Change::SigningKeyAdded(&new.label)).await?;
        self.setup.store.add_signing_key(user_id, &new).await?;
        Ok(new)
    }

    /// Gives the keys that an account approves with.
    pub async fn signing_keys(&self, user_id: &str) -> Result<Vec<SigningKeyRow>, AccountError> {
        Ok(self.setup.store.signing_keys(user_id).await?)
    }

    /// Removes a key, by its identity or label; what it has approved stays approved.
    pub async fn remove_signing_key(
        &self,
        owner: Owner<'_>,
        which: &str,
    ) -> Result<SigningKeyRow, AccountError> {
        let user_id = &owner.session.user_id;
        let keys = self.setup.store.signing_keys(user_id).await?;
        let meant = |row: &SigningKeyRow| row.label.as_str() == which || row.id() == which;
        let row = keys.into_iter().find(meant).ok_or(AccountError::NoSigningKey)?;
        self.record(What::SigningKeyRemoved(Box::new(change(owner, &row)))).await?;
        owner.warn(self, &Change::SigningKeyRemoved(&row.label)).await?;
        let removed = self.setup.store.remove_signing_key(user_id, &row.key).await?;
        if removed { Ok(row) } else { Err(AccountError::NoSigningKey) }
    }
}

fn change(owner: Owner<'_>, row: &SigningKeyRow) -> SigningKeyChange {
    SigningKeyChange {
        user: owner.session.user.name.clone(),
        key: row.key.to_string(),
        label: row.label.clone(),
        session: owner.session.login.id.clone(),
        source: owner.source.clone(),
    }
}
