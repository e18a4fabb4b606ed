//! The API keys of an account, as its owner makes and revokes them.

use ca_core::log::event::What;
use ca_core::names::Label;
use ca_core::policy::KeyScope;

use super::own::Owner;
use super::{AccountError, Accounts};
use crate::ids;
use crate::login::{API_KEY, generate_token};
use crate::secret::Secret;
use crate::store::{ApiKeyRow, NewApiKey};
use crate::warnings::Change;

/// How many API keys an account can have.
pub(super) const MAX_KEYS: usize = 50;

/// The longest an API key lasts, in seconds: a year and a day.
pub(super) const MAX_SECS: u64 = 366 * 86_400;

impl Accounts {
    /// Makes an API key; the token cannot be shown again.
    pub async fn make_api_key(
        &self,
        owner: Owner<'_>,
        label: Label,
        scope: KeyScope,
    ) -> Result<(ApiKeyRow, Secret), AccountError> {
        let now = self.setup.clock.now();
        let user_id = &owner.session.user_id;
        self.check_scope(&scope)?;
        if self.setup.store.api_keys(user_id).await?.len() >= MAX_KEYS {
            return Err(AccountError::TooMany);
        }
        let (token, hash) = generate_token(API_KEY)?;
        let key = NewApiKey { id: ids::new_id(now)?, token: hash, label, scope };
        self.record(What::ApiKeyMade {
            user: owner.session.user.name.clone(),
            key: key.id.clone(),
            label: key.label.clone(),
            scope: key.scope.clone(),
            session: owner.session.login.id.clone(),
            source: owner.source.clone(),
        })
        .await?;
        owner.warn(self, &Change::ApiKeyMade(&key.label)).await?;
        self.setup.store.add_api_key(user_id, &key, now.seconds()).await?;
        let row = ApiKeyRow { id: key.id, label: key.label, scope: key.scope, last_used_at: None };
        Ok((row, token))
    }

    /// A key for nothing, for everywhere by omission, or for ever is a mistake.
    fn check_scope(&self, scope: &KeyScope) -> Result<(), AccountError> {
        let now = self.setup.clock.now().seconds();
        let rules = [
            (!scope.profiles.is_empty(), "name at least one profile"),
            (!scope.networks.is_empty(), "name at least one network (0.0.0.0/0 and ::/0 are everywhere)"),
            (scope.expires_at > now, "its end lies in the past"),
            (scope.expires_at <= now.plus_secs(MAX_SECS), "it can last 366 days at most"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, rule)) => Err(AccountError::Scope(rule)),
        }
    }

    /// Gives the API keys of an account.
    pub async fn api_keys(&self, user_id: &str) -> Result<Vec<ApiKeyRow>, AccountError> {
        Ok(self.setup.store.api_keys(user_id).await?)
    }

    /// Revokes an API key, by its identity or label; it opens nothing from here on.
    pub async fn revoke_api_key(&self, owner: Owner<'_>, which: &str) -> Result<ApiKeyRow, AccountError> {
        let keys = self.setup.store.api_keys(&owner.session.user_id).await?;
        let meant = |key: &ApiKeyRow| key.id == which || key.label.as_str() == which;
        let key = keys.into_iter().find(meant).ok_or(AccountError::NoKey)?;
        self.record(What::ApiKeyRevoked {
            user: owner.session.user.name.clone(),
            key: key.id.clone(),
            session: owner.session.login.id.clone(),
            source: owner.source.clone(),
        })
        .await?;
        owner.warn(self, &Change::ApiKeyRevoked(&key.label)).await?;
        let removed = self.setup.store.remove_api_key(&owner.session.user_id, &key.id).await?;
        if removed { Ok(key) } else { Err(AccountError::NoKey) }
    }
}
