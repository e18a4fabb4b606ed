//! The second step: a factor is shown, and the session begins.

use ca_core::log::event::What;
use ca_core::policy::{self, Factor, FactorKind, Source};
use ca_core::time::UnixMillis;

use super::audit::FailureReason;
use super::shown::{Hit, Tried, UsedUp};
use super::throttle::{self, Admission, DISABLED_AT};
use super::token::TokenHash;
use super::{Login, LoginError, NewSession, Session, token};
use crate::factors::totp;
use crate::ids;
use crate::secret::Secret;
use crate::store::{ChallengeRow, LoginOutcome, NewSessionRow, PassedFactor, Proof, User};
use crate::warnings::{self, Change};

impl Login {
    /// Checks what is shown against a challenge; gives the session, once its event is recorded (I10).
    ///
    /// A wrong code leaves the challenge open until it expires; a right one uses it up.
    pub async fn finish(
        &self,
        challenge: &Secret,
        kind: FactorKind,
        code: &Secret,
        source: &Source,
    ) -> Result<NewSession, LoginError> {
        let now = self.setup.clock.now();
        let Some((token, row)) = self.challenged(challenge, source, now).await? else {
            let error = LoginError::ChallengeInvalid;
            return Err(self.fail("unknown", source, FailureReason::Challenge, error).await);
        };
        let user = &row.user;
        if kind == FactorKind::Webauthn {
            self.answered(token, code).await?;
        }
        let tried = self.count_attempts(user, kind, source, now).await?;
        let hit = match kind {
            FactorKind::Webauthn => self.matching_webauthn(token, &tried, code).await?,
            _ => self.matching((token, user), kind, &tried, code, now).await?,
        };
        let Some(hit) = hit else {
            return Err(self.fail_code(user, &tried, source, LoginError::wrong(kind)).await?);
        };
        match self.take(token, user, &tried, &hit, now).await? {
            LoginOutcome::Accepted => {
                if kind == FactorKind::Recovery {
                    self.warn(user, &Change::RecoveryCodeUsed, source).await?;
                }
                self.begin_session(token, row, kind, source, now).await
            }
            LoginOutcome::ProofUsed => {
                if kind == FactorKind::Recovery {
                    self.warn(user, &Change::RecoveryCodeReused, source).await?;
                }
                let next_in_secs = (kind == FactorKind::Totp).then(|| totp::step_ends_in_secs(now.seconds()));
                let error = LoginError::CodeUsed { next_in_secs };
                Err(self.fail_code(user, &tried, source, error).await?)
            }
            LoginOutcome::ChallengeUsed => {
                let error = LoginError::ChallengeInvalid;
                Err(self.fail(user.name.as_str(), source, FailureReason::Challenge, error).await)
            }
        }
    }

    /// Warns the owner of an account of what is about to be answered.
    async fn warn(&self, user: &User, change: &Change<'_>, source: &Source) -> Result<(), LoginError> {
        let warned = warnings::warn(&self.setup, user, change, Some(source)).await;
        warned.map_err(|error| LoginError::Unavailable { cause: error.to_string() })
    }

    /// Finds the login that a challenge from this source is for.
    pub(super) async fn challenged(
        &self,
        challenge: &Secret,
        source: &Source,
        now: UnixMillis,
    ) -> Result<Option<(TokenHash, ChallengeRow)>, LoginError> {
        let Some(token) = TokenHash::of(challenge.expose(), token::CHALLENGE) else { return Ok(None) };
        let found = self.setup.store.challenge(token, now.seconds()).await?;
        let good = |row: &ChallengeRow| row.source == source.ip && row.user.enabled;
        Ok(found.filter(good).map(|row| (token, row)))
    }

    /// Counts an attempt at each of the account's factors of a kind that may be tried now; fails when none may.
    async fn count_attempts(
        &self,
        user: &User,
        kind: FactorKind,
        source: &Source,
        now: UnixMillis,
    ) -> Result<Vec<Tried>, LoginError> {
        let mut tried = Vec::new();
        let mut wait = None;
        let authenticators = self.authenticators(user, kind).await?;
        if authenticators.is_empty() {
            return Err(LoginError::NoSuchFactor { has: self.kinds(&user.id).await? });
        }
        for (authenticator, factor) in authenticators {
            match throttle::admit(&self.setup.store, &authenticator, now).await? {
                Admission::Try { failures } => tried.push(Tried { factor, authenticator, failures }),
                Admission::Wait { secs } => wait = Some(wait.map_or(secs, |other: u64| other.min(secs))),
                Admission::Disabled => {}
            }
        }
        if !tried.is_empty() {
            return Ok(tried);
        }
        let (reason, error) = match wait {
            Some(secs) => (FailureReason::TooSoon, LoginError::Delayed { retry_after_secs: secs }),
            None => (FailureReason::FactorDisabled, LoginError::FactorDisabled),
        };
        Err(self.fail(user.name.as_str(), source, reason, error).await)
    }

    /// Uses up the proof and the challenge.
    async fn take(
        &self,
        token: TokenHash,
        user: &User,
        tried: &[Tried],
        hit: &Hit,
        now: UnixMillis,
    ) -> Result<LoginOutcome, LoginError> {
        let (shown, others): (Vec<_>, Vec<_>) =
            tried.iter().partition(|tried| tried.authenticator == hit.authenticator);
        let refunds: Vec<String> = others.iter().map(|other| other.authenticator.clone()).collect();
        let factor = shown.first().and_then(|tried| tried.factor.as_ref()).map(|factor| factor.id.as_str());
        let proof = match &hit.used_up {
            UsedUp::Counter(counter) => {
                Proof::Counter { factor: factor.unwrap_or_default(), counter: *counter }
            }
            UsedUp::Sms(purpose, tag) => Proof::Sms { purpose, tag },
            UsedUp::Ceremony(asserted) => Proof::Assertion { factor: factor.unwrap_or_default(), asserted },
            UsedUp::Recovery(hash) => Proof::Recovery { user_id: &user.id, hash },
        };
        let passed = PassedFactor { proof, authenticator: &hit.authenticator, refunds: &refunds };
        Ok(self.setup.store.pass_challenge(token, &passed, now.seconds()).await?)
    }

    /// Counts a code that was not accepted, and records each factor for which this was one failure too many.
    async fn fail_code(
        &self,
        user: &User,
        tried: &[Tried],
        source: &Source,
        error: LoginError,
    ) -> Result<LoginError, LoginError> {
        for Tried { authenticator, failures, .. } in
            tried.iter().filter(|tried| tried.failures >= DISABLED_AT)
        {
            let (user, factor) = (user.name.clone(), authenticator.clone());
            self.setup.audit.record(What::FactorDisabled { user, factor, failures: *failures }).await?;
        }
        let reason = match error {
            LoginError::CodeUsed { .. } => FailureReason::CodeUsed,
            _ => FailureReason::WrongCode,
        };
        Ok(self.fail(user.name.as_str(), source, reason, error).await)
    }

    /// Records the login, then begins the session: a session without its event cannot be, an event without one can.
    async fn begin_session(
        &self,
        challenge: TokenHash,
        row: ChallengeRow,
        kind: FactorKind,
        source: &Source,
        now: UnixMillis,
    ) -> Result<NewSession, LoginError> {
        let ChallengeRow { user, purpose, device, .. } = row;
        let (token, hash) = token::generate(token::SESSION)?;
        let id = ids::new_id(now)?;
        let created_at = now.seconds();
        let expires_at = created_at.plus_secs(self.config.session_secs(purpose));
        let factors = vec![Factor { kind, at: created_at }];
        let event = What::LoginSucceeded {
            user: user.name.clone(),
            email: user.email.clone(),
            session: id.clone(),
            purpose,
            factors: factors.iter().map(|factor| factor.kind).collect(),
            source: source.clone(),
        };
        self.setup.audit.record(event).await?;
        let row = NewSessionRow {
            id: &id,
            user_id: &user.id,
            purpose,
            factors: &factors,
            source,
            created_at,
            expires_at,
        };
        if !self.setup.store.add_session(hash, challenge, &row).await? {
            return Err(LoginError::ChallengeInvalid);
        }
        let device = self.remember(&user, &id, device.as_deref(), created_at).await?;
        let user_id = user.id.clone();
        let login = policy::Session { id, factors, key: None };
        let session = Session { user_id, user: user.into(), purpose, login, expires_at };
        Ok(NewSession { token, device, session, idle_secs: self.config.idle_secs })
    }
}
