//! Security keys as a second factor: a ceremony is opened after the password, and its outcome is what is shown.

use ca_core::policy::{FactorKind, Source};

use super::audit::FailureReason;
use super::shown::{Hit, Tried, UsedUp};
use super::token::TokenHash;
use super::{Login, LoginError};
use crate::ceremony::{Begun, Ceremonies, CeremonyError, Opened, Outcome};
use crate::factors::webauthn;
use crate::secret::Secret;
use crate::store::{AssertedFactor, authenticator};

impl Login {
    /// Opens a ceremony for a login whose password was right; [`Login::finish`] takes its poll secret for a code.
    pub async fn open_ceremony(&self, challenge: &Secret, source: &Source) -> Result<Opened, LoginError> {
        let now = self.setup.clock.now();
        let Some((token, row)) = self.challenged(challenge, source, now).await? else {
            let error = LoginError::ChallengeInvalid;
            return Err(self.fail("unknown", source, FailureReason::Challenge, error).await);
        };
        let mut passkeys = Vec::new();
        for factor in self.setup.store.factors(&row.user.id).await? {
            if factor.kind == FactorKind::Webauthn {
                let opened = self.setup.sealer.open(&factor.secret, &factor.authenticator())?;
                passkeys.push(webauthn::read(&opened).map_err(CeremonyError::from)?);
            }
        }
        if passkeys.is_empty() {
            return Err(LoginError::NoSuchFactor { has: self.kinds(&row.user.id).await? });
        }
        Ok(self.ceremonies()?.open_login(Begun::Login(token), &row.user, source, &passkeys).await?)
    }

    /// Fails while nobody has answered the ceremony that this poll secret is for; such a call is no attempt.
    pub(super) async fn answered(&self, login: TokenHash, poll: &Secret) -> Result<(), LoginError> {
        match self.ceremonies()?.outcome(poll, Begun::Login(login)).await {
            // What is unknown or was refused goes on, to be counted as a failure.
            Ok(_) | Err(CeremonyError::Unknown) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Finds the factor that was shown in the ceremony.
    pub(super) async fn matching_webauthn(
        &self,
        login: TokenHash,
        tried: &[Tried],
        poll: &Secret,
    ) -> Result<Option<Hit>, LoginError> {
        let answered = match self.ceremonies()?.outcome(poll, Begun::Login(login)).await {
            Err(CeremonyError::Unknown | CeremonyError::Pending) => return Ok(None),
            other => other?,
        };
        let Outcome::Asserted(asserted) = answered.outcome else { return Ok(None) };
        for Tried { factor, .. } in tried {
            let Some(factor) = factor else { continue };
            let name = authenticator(FactorKind::Webauthn, &factor.id);
            let opened = self.setup.sealer.open(&factor.secret, &name)?;
            let mut passkey = webauthn::read(&opened).map_err(CeremonyError::from)?;
            if passkey.update_credential(&asserted).is_none() {
                continue;
            }
            let written = zeroize::Zeroizing::new(webauthn::write(&passkey).map_err(CeremonyError::from)?);
            let passkey = self.setup.sealer.seal(&written, &name)?;
            let counter = webauthn::counter(asserted.counter());
            let asserted = AssertedFactor { poll: answered.poll, passkey, counter };
            return Ok(Some(Hit { authenticator: name, used_up: UsedUp::Ceremony(asserted) }));
        }
        Ok(None)
    }

    fn ceremonies(&self) -> Result<&Ceremonies, LoginError> {
        Ok(self.setup.ceremonies.as_deref().ok_or(CeremonyError::NotConfigured)?)
    }
}
