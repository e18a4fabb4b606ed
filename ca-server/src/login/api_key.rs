//! API keys: what programs log in with, each for no more than its scope says (F18).

use std::sync::Arc;

use ca_core::policy::{self, Factor, FactorKind, Purpose, Source};

use super::audit::FailureReason;
use super::token::{API_KEY, TokenHash};
use super::{Login, LoginError, Session};

/// How far the stored time of last use may lag, in seconds.
const TOUCH_SECS: u64 = 60;

impl Login {
    /// Tells whose API key a token is, if it is good from here and now; [`LoginError::NoSession`] when it is not.
    pub async fn authenticate_key(&self, token: &str, source: &Source) -> Result<Arc<Session>, LoginError> {
        let session = self.identify_key(token, source).await?;
        let now = self.setup.clock.now().seconds();
        if session.login.key.as_ref().is_some_and(|key| key.is_good(source.ip, now)) {
            return Ok(session);
        }
        let user = session.user.name.as_str();
        Err(self.fail(user, source, FailureReason::ApiKeyNotGood, LoginError::NoSession).await)
    }

    /// Tells whose API key a token is, and for what; [`LoginError::NoSession`] when it is none, or not any more.
    ///
    /// For requests only: whether it is good from here, now and for this profile is for the policy to decide, so that the
    /// refusal of the request is recorded.
    pub async fn identify_key(&self, token: &str, source: &Source) -> Result<Arc<Session>, LoginError> {
        let now = self.setup.clock.now().seconds();
        let found = match TokenHash::of(token, API_KEY) {
            Some(token) => self.setup.store.api_key(token).await?,
            None => None,
        };
        let Some((user, key)) = found else {
            let error = LoginError::NoSession;
            return Err(self.fail("unknown", source, FailureReason::UnknownApiKey, error).await);
        };
        if !user.enabled {
            let error = LoginError::NoSession;
            return Err(self.fail(user.name.as_str(), source, FailureReason::AccountDisabled, error).await);
        }
        if key.last_used_at.is_none_or(|used| now >= used.plus_secs(TOUCH_SECS)) {
            self.setup.store.touch_api_key(&key.id, now).await?;
        }
        let factors = vec![Factor { kind: FactorKind::ApiKey, at: now }];
        let expires_at = key.scope.expires_at;
        let login = policy::Session { id: key.id, factors, key: Some(key.scope) };
        let user_id = user.id.clone();
        Ok(Arc::new(Session { user_id, user: user.into(), purpose: Purpose::Access, login, expires_at }))
    }
}
