//! Adding a phone: a number, shown to be its owner's by a code that was sent there.

use ca_core::names::Label;
use ca_core::policy::FactorKind;
use subtle::ConstantTimeEq as _;

use super::own::Owner;
use super::{AccountError, Accounts};
use crate::factors::sms;
use crate::ids;
use crate::login::sms::{Recipient, send};
use crate::login::throttle::{self, Admission};
use crate::messages::phone::Phone;
use crate::secret::Secret;
use crate::store::{NewFactor, StoredFactor, authenticator};

/// What a confirmed phone counts from; its codes have no counter.
const COUNTER: u64 = 1;

impl Accounts {
    /// Begins to add a phone and sends it a code; gives the factor's identity and the number's last digits.
    pub async fn begin_sms(
        &self,
        owner: Owner<'_>,
        label: Label,
        number: &str,
    ) -> Result<(String, String), AccountError> {
        if self.setup.providers.sms.is_none() {
            return Err(AccountError::NotConfigured(FactorKind::Sms));
        }
        let phone: Phone = number.parse()?;
        let id = ids::new_id(self.setup.clock.now())?;
        let seal_purpose = authenticator(FactorKind::Sms, &id);
        let secret = self.setup.sealer.seal(phone.expose().as_bytes(), &seal_purpose)?;
        let factor = NewFactor { id, kind: FactorKind::Sms, label, secret, tag: None, counter: 0 };
        self.begin(owner, &factor).await?;
        let to = Recipient { user_id: &owner.session.user_id, factor_id: &factor.id, phone: &phone };
        send(&self.setup, to, &purpose(&factor.id), "to add this phone to your account").await?;
        Ok((factor.id, phone.last_digits()))
    }

    /// Tells whether a code is the one that was sent to a phone to be added; each try counts, as at a login.
    pub(super) async fn sent_code_shown(
        &self,
        pending: &StoredFactor,
        code: &Secret,
    ) -> Result<Option<u64>, AccountError> {
        let (store, purpose, now) = (&self.setup.store, purpose(&pending.id), self.setup.clock.now());
        match throttle::admit(store, &pending.authenticator(), now).await? {
            Admission::Try { .. } => {}
            Admission::Wait { secs } => return Err(AccountError::TooSoon { retry_after_secs: secs }),
            // By then the code is long over.
            Admission::Disabled => return Ok(None),
        }
        let sent = store.sent_code(&purpose, now.seconds()).await?;
        let tag = sms::tag(&self.setup.sealer, &purpose, code);
        let shown = sent.zip(tag).is_some_and(|(sent, tag)| bool::from(sent.tag.ct_eq(&tag)));
        Ok(shown.then_some(COUNTER))
    }
}

fn purpose(factor_id: &str) -> String {
    format!("factor/{factor_id}")
}
