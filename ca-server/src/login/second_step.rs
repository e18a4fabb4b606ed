//! The second step: the code of a TOTP factor.

use ca_core::log::event::What;
use ca_core::policy::{self, Factor, FactorKind, Source};
use ca_core::time::UnixMillis;

use super::audit::FailureReason;
use super::throttle::{self, Admission, DISABLED_AT};
use super::token::TokenHash;
use super::{Login, LoginError, NewSession, Session, token};
use crate::factors::totp::{self, Code, Seed};
use crate::ids;
use crate::secret::Secret;
use crate::store::{ChallengeRow, LoginOutcome, NewSessionRow, PassedFactor, TotpFactor, User};

/// A factor whose attempt is counted.
struct Tried {
    factor: TotpFactor,
    authenticator: String,
    failures: u64,
}

/// The factor a code belongs to, and the time step.
struct Hit {
    index: usize,
    step: u64,
}

impl Login {
    /// Checks a TOTP code against a challenge; gives the session, once its event is recorded (I10).
    ///
    /// A wrong code leaves the challenge open until it expires; a right one uses it up.
    pub async fn finish(
        &self,
        challenge: &Secret,
        code: &Secret,
        source: &Source,
    ) -> Result<NewSession, LoginError> {
        let now = self.setup.clock.now();
        let Some((token, user)) = self.challenged(challenge, source, now).await? else {
            let error = LoginError::ChallengeInvalid;
            return Err(self.fail("unknown", source, FailureReason::Challenge, error).await);
        };
        let tried = self.count_attempts(&user, source, now).await?;
        let Some(hit) = self.matching(&tried, code, now)? else {
            return Err(self.fail_code(&user, &tried, source, LoginError::WrongCode).await?);
        };
        match self.take(token, &tried, &hit, now).await? {
            LoginOutcome::Accepted => self.begin_session(token, user, source, now).await,
            LoginOutcome::StepUsed => {
                let error = LoginError::CodeUsed { next_in_secs: totp::step_ends_in_secs(now.seconds()) };
                Err(self.fail_code(&user, &tried, source, error).await?)
            }
            LoginOutcome::ChallengeUsed => {
                let error = LoginError::ChallengeInvalid;
                Err(self.fail(user.name.as_str(), source, FailureReason::Challenge, error).await)
            }
        }
    }

    /// Finds the account that a challenge from this source is for.
    async fn challenged(
        &self,
        challenge: &Secret,
        source: &Source,
        now: UnixMillis,
    ) -> Result<Option<(TokenHash, User)>, LoginError> {
        let Some(token) = TokenHash::of(challenge.expose(), token::CHALLENGE) else { return Ok(None) };
        let found = self.setup.store.challenge(token, now.seconds()).await?;
        let good = |row: &ChallengeRow| row.source == source.ip && row.user.enabled;
        Ok(found.filter(good).map(|row| (token, row.user)))
    }

    /// Counts an attempt at each of the account's factors that may be tried now; fails when none may.
    async fn count_attempts(
        &self,
        user: &User,
        source: &Source,
        now: UnixMillis,
    ) -> Result<Vec<Tried>, LoginError> {
        let mut tried = Vec::new();
        let mut wait = None;
        for factor in self.setup.store.totp_factors(&user.id).await? {
            let authenticator = format!("totp/{}", factor.id);
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

    /// Finds the factor that shows this code.
    fn matching(&self, tried: &[Tried], code: &Secret, now: UnixMillis) -> Result<Option<Hit>, LoginError> {
        let Some(code) = Code::parse(code.expose()) else { return Ok(None) };
        for (index, Tried { factor, authenticator, .. }) in tried.iter().enumerate() {
            let seed = Seed::from_bytes(self.setup.sealer.open(&factor.seed, authenticator)?)
                .map_err(|error| LoginError::Unavailable { cause: error.to_string() })?;
            if let Some(step) = seed.matching_step(&code, now.seconds()) {
                return Ok(Some(Hit { index, step }));
            }
        }
        Ok(None)
    }

    /// Uses up the code and the challenge.
    async fn take(
        &self,
        token: TokenHash,
        tried: &[Tried],
        hit: &Hit,
        now: UnixMillis,
    ) -> Result<LoginOutcome, LoginError> {
        let shown = &tried[hit.index];
        let others = tried.iter().enumerate().filter(|(index, _)| *index != hit.index);
        let refunds: Vec<String> = others.map(|(_, other)| other.authenticator.clone()).collect();
        let passed = PassedFactor {
            id: &shown.factor.id,
            step: hit.step,
            authenticator: &shown.authenticator,
            refunds: &refunds,
        };
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
        user: User,
        source: &Source,
        now: UnixMillis,
    ) -> Result<NewSession, LoginError> {
        let (token, hash) = token::generate(token::SESSION)?;
        let id = ids::new_id(now)?;
        let created_at = now.seconds();
        let expires_at = created_at.plus_secs(self.config.session_secs);
        let factors = vec![Factor { kind: FactorKind::Totp, at: created_at }];
        let event = What::LoginSucceeded {
            user: user.name.clone(),
            email: user.email.clone(),
            session: id.clone(),
            factors: factors.iter().map(|factor| factor.kind).collect(),
            source: source.clone(),
        };
        self.setup.audit.record(event).await?;
        let row =
            NewSessionRow { id: &id, user_id: &user.id, factors: &factors, source, created_at, expires_at };
        if !self.setup.store.add_session(hash, challenge, &row).await? {
            return Err(LoginError::ChallengeInvalid);
        }
        let user_id = user.id.clone();
        let login = policy::Session { id, factors };
        let session = Session { user_id, user: user.into(), login, expires_at };
        Ok(NewSession { token, session, idle_secs: self.config.idle_secs })
    }
}
