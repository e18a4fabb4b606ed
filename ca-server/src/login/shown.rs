//! What can be shown as a second factor, and which factor of the account it is.

use ca_core::policy::FactorKind;
use ca_core::time::UnixMillis;
use subtle::ConstantTimeEq as _;

use super::{Login, LoginError, TokenHash};
use crate::factors::totp::{Code, Seed};
use crate::factors::yubikey::otp::Otp;
use crate::factors::yubikey::validator::YubikeyError;
use crate::factors::{recovery, sms};
use crate::secret::Secret;
use crate::store::{AssertedFactor, CodeTag, RecoveryHash, StoredFactor, User, authenticator};

/// A factor whose attempt is counted.
pub(super) struct Tried {
    /// The factor; none for recovery codes, which are no factor of their own.
    pub(super) factor: Option<StoredFactor>,
    pub(super) authenticator: String,
    pub(super) failures: u64,
}

/// The factor that was shown, and what is used up with it.
pub(super) struct Hit {
    pub(super) authenticator: String,
    pub(super) used_up: UsedUp,
}

/// What makes a proof good once.
pub(super) enum UsedUp {
    /// The time step or counter.
    Counter(u64),
    /// The code that was sent for a purpose.
    Sms(String, CodeTag),
    /// The ceremony.
    Ceremony(AssertedFactor),
    /// The code.
    Recovery(RecoveryHash),
}

impl Login {
    /// Gives the kinds of factor an account can show, recovery codes last.
    pub(super) async fn kinds(&self, user_id: &str) -> Result<Vec<FactorKind>, LoginError> {
        let mut kinds: Vec<FactorKind> = Vec::new();
        for factor in self.setup.store.factors(user_id).await? {
            if !kinds.contains(&factor.kind) {
                kinds.push(factor.kind);
            }
        }
        if self.setup.store.recovery_codes_left(user_id).await? > 0 {
            kinds.push(FactorKind::Recovery);
        }
        Ok(kinds)
    }

    /// Gives what counts the failures of an account's factors of a kind, with the factors.
    pub(super) async fn authenticators(
        &self,
        user: &User,
        kind: FactorKind,
    ) -> Result<Vec<(String, Option<StoredFactor>)>, LoginError> {
        if kind == FactorKind::Recovery {
            // One may be tried when none is left: that a used one comes back is told to the owner (F12).
            return Ok(vec![(authenticator(kind, &user.id), None)]);
        }
        let factors = self.setup.store.factors(&user.id).await?;
        let of_kind = factors.into_iter().filter(|factor| factor.kind == kind);
        Ok(of_kind.map(|factor| (factor.authenticator(), Some(factor))).collect())
    }

    /// Finds the factor that shows this.
    pub(super) async fn matching(
        &self,
        (challenge, user): (TokenHash, &User),
        kind: FactorKind,
        tried: &[Tried],
        code: &Secret,
        now: UnixMillis,
    ) -> Result<Option<Hit>, LoginError> {
        match kind {
            FactorKind::Totp => self.matching_totp(tried, code, now),
            FactorKind::Sms => self.matching_sms(challenge, tried, code, now).await,
            FactorKind::Yubikey => self.matching_yubikey(user, tried, code).await,
            FactorKind::Recovery => self.matching_recovery(user, code).await,
            FactorKind::Webauthn | FactorKind::ApiKey => Ok(None),
        }
    }

    fn matching_totp(
        &self,
        tried: &[Tried],
        code: &Secret,
        now: UnixMillis,
    ) -> Result<Option<Hit>, LoginError> {
        let Some(code) = Code::parse(code.expose()) else { return Ok(None) };
        for Tried { factor, authenticator, .. } in tried {
            let Some(factor) = factor else { continue };
            let seed = Seed::from_bytes(self.setup.sealer.open(&factor.secret, authenticator)?)
                .map_err(|error| LoginError::Unavailable { cause: error.to_string() })?;
            if let Some(step) = seed.matching_step(&code, now.seconds()) {
                let authenticator = authenticator.clone();
                return Ok(Some(Hit { authenticator, used_up: UsedUp::Counter(step) }));
            }
        }
        Ok(None)
    }

    /// Finds the phone that the code of this login went to.
    async fn matching_sms(
        &self,
        challenge: TokenHash,
        tried: &[Tried],
        code: &Secret,
        now: UnixMillis,
    ) -> Result<Option<Hit>, LoginError> {
        let purpose = challenge.purpose();
        let Some(tag) = sms::tag(&self.setup.sealer, &purpose, code) else { return Ok(None) };
        let Some(sent) = self.setup.store.sent_code(&purpose, now.seconds()).await? else { return Ok(None) };
        if !bool::from(sent.tag.ct_eq(&tag)) {
            return Ok(None);
        }
        let authenticator = authenticator(FactorKind::Sms, &sent.factor_id);
        let had = tried.iter().any(|tried| tried.authenticator == authenticator);
        Ok(had.then_some(Hit { authenticator, used_up: UsedUp::Sms(purpose, tag) }))
    }

    /// Finds the Yubikey that shows this; one that is not the account's is not asked about, and so not used up (F4).
    async fn matching_yubikey(
        &self,
        user: &User,
        tried: &[Tried],
        code: &Secret,
    ) -> Result<Option<Hit>, LoginError> {
        let Ok(otp) = Otp::parse(code.expose()) else { return Ok(None) };
        let mut own = None;
        for Tried { factor, authenticator, .. } in tried {
            let Some(factor) = factor else { continue };
            let public_id = self.setup.sealer.open(&factor.secret, authenticator)?;
            if *public_id == otp.public_id().as_str().as_bytes() {
                own = Some(authenticator.clone());
            }
        }
        let Some(authenticator) = own else { return Ok(None) };
        let validated = match &self.setup.providers.yubikey {
            Some(validator) => validator.validate(&otp).await,
            None => Err(YubikeyError::Unavailable(Vec::new())),
        };
        match validated {
            Ok(accepted) if *accepted.public_id() == otp.public_id() => {
                let used_up = UsedUp::Counter(accepted.counter().into());
                Ok(Some(Hit { authenticator, used_up }))
            }
            Ok(_) | Err(YubikeyError::Refused(_)) => Ok(None),
            Err(error) => {
                tracing::error!(%error, "Yubikeys cannot be validated");
                for tried in tried {
                    self.setup.store.refund(&tried.authenticator).await?;
                }
                Err(LoginError::factor_down(FactorKind::Yubikey, self.kinds(&user.id).await?))
            }
        }
    }

    async fn matching_recovery(&self, user: &User, code: &Secret) -> Result<Option<Hit>, LoginError> {
        let Some(hash) = recovery::hash(code) else { return Ok(None) };
        let known = self.setup.store.is_recovery_code(&user.id, &hash).await?;
        let authenticator = authenticator(FactorKind::Recovery, &user.id);
        Ok(known.then_some(Hit { authenticator, used_up: UsedUp::Recovery(hash) }))
    }
}
