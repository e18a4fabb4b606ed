//! Adding a Yubikey: by one press, which binds its public id to the account.

use ca_core::names::Label;
use ca_core::policy::FactorKind;

use super::own::Owner;
use super::{AccountError, Accounts};
use crate::factors::yubikey::otp::Otp;
use crate::factors::yubikey::validator::YubikeyError;
use crate::ids;
use crate::secret::Secret;
use crate::store::{NewFactor, StoredFactor, authenticator};

const KIND: FactorKind = FactorKind::Yubikey;

impl Accounts {
    /// Adds the Yubikey that shows this OTP; a key that is another account's is refused (A1, F4).
    pub async fn add_yubikey(
        &self,
        owner: Owner<'_>,
        label: Label,
        otp: &Secret,
    ) -> Result<StoredFactor, AccountError> {
        let validator = self.setup.providers.yubikey.as_ref().ok_or(AccountError::NotConfigured(KIND))?;
        let otp = Otp::parse(otp.expose()).map_err(|_| AccountError::WrongCode)?;
        let accepted = validator.validate(&otp).await.map_err(|error| match error {
            YubikeyError::Refused(_) => AccountError::WrongCode,
            other => {
                tracing::error!(error = %other, "Yubikeys cannot be validated");
                AccountError::FactorDown(KIND)
            }
        })?;
        let (public_id, id) = (accepted.public_id(), ids::new_id(self.setup.clock.now())?);
        let secret = self.setup.sealer.seal(public_id.as_str().as_bytes(), &authenticator(KIND, &id))?;
        let tag = Some(self.setup.sealer.tag("yubikey", public_id.as_str()));
        let factor = NewFactor { id, kind: KIND, label, secret, tag, counter: 0 };
        self.begin(owner, &factor).await?;
        let pending = self.setup.store.factor(&owner.session.user_id, &factor.id).await?;
        self.confirm(owner, pending.ok_or(AccountError::NoFactor)?, accepted.counter().into()).await
    }
}
