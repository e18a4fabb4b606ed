//! Security keys as factors of an account, as its owner adds them.

use ca_core::names::Label;
use ca_core::policy::FactorKind;
use webauthn_rs::prelude::Passkey;

use super::own::{MAX_FACTORS, Owner};
use super::{AccountError, Accounts};
use crate::ceremony::{Begun, Ceremonies, CeremonyError, Opened, Outcome};
use crate::factors::webauthn;
use crate::ids;
use crate::secret::Secret;
use crate::store::{NewFactor, StoreError, StoredFactor, authenticator};

/// What the counter of a new factor stands at; the first assertion raises it if the authenticator counts.
const FIRST_COUNTER: u64 = 1;

impl Accounts {
    /// Opens a ceremony to add a security key; [`Accounts::confirm_webauthn`] adds it.
    pub async fn begin_webauthn(&self, owner: Owner<'_>, label: Label) -> Result<Opened, AccountError> {
        let factors = self.setup.store.factors(&owner.session.user_id).await?;
        if factors.len() >= MAX_FACTORS {
            return Err(AccountError::TooMany);
        }
        // Told before anybody touches a key; the database decides.
        if factors.iter().any(|factor| factor.label == label) {
            return Err(StoreError::FactorTaken.into());
        }
        let known = self.passkeys(&factors)?;
        let begun = Begun::Session(&owner.session.login.id);
        let user = owner.user();
        Ok(self.ceremonies()?.open_registration(begun, &user, owner.source, label, &known).await?)
    }

    /// Adds the security key that was shown in the ceremony of this session.
    pub async fn confirm_webauthn(
        &self,
        owner: Owner<'_>,
        poll: &Secret,
    ) -> Result<StoredFactor, AccountError> {
        let begun = Begun::Session(&owner.session.login.id);
        let answered = self.ceremonies()?.outcome(poll, begun).await?;
        let now = self.setup.clock.now();
        if !self.setup.store.take_ceremony(answered.poll, now.seconds()).await? {
            return Err(CeremonyError::Unknown.into());
        }
        let (Outcome::Registered(passkey), Some(label)) = (answered.outcome, answered.asked.label) else {
            return Err(CeremonyError::Refused.into());
        };
        let id = ids::new_id(now)?;
        let written = zeroize::Zeroizing::new(webauthn::write(&passkey).map_err(CeremonyError::from)?);
        let secret = self.setup.sealer.seal(&written, &authenticator(FactorKind::Webauthn, &id))?;
        let tag = Some(webauthn::tag(&self.setup.sealer, &passkey));
        let new = NewFactor { id, kind: FactorKind::Webauthn, label, secret, tag, counter: 0 };
        self.begin(owner, &new).await?;
        let NewFactor { id, kind, label, secret, .. } = new;
        let pending = StoredFactor { id, kind, label, secret, confirmed_at: None, last_used_at: None };
        self.confirm(owner, pending, FIRST_COUNTER).await
    }

    fn passkeys(&self, factors: &[StoredFactor]) -> Result<Vec<Passkey>, AccountError> {
        let keys = factors.iter().filter(|factor| factor.kind == FactorKind::Webauthn);
        keys.map(|factor| {
            let opened = self.setup.sealer.open(&factor.secret, &factor.authenticator())?;
            Ok(webauthn::read(&opened).map_err(CeremonyError::from)?)
        })
        .collect()
    }

    fn ceremonies(&self) -> Result<&Ceremonies, AccountError> {
        Ok(self.setup.ceremonies.as_deref().ok_or(CeremonyError::NotConfigured)?)
    }
}
