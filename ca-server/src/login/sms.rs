//! Sending the code of an SMS factor, within limits that a flood does not pass (F10).

use ca_core::names::Label;
use ca_core::policy::{FactorKind, Source};

use super::{Login, LoginError, Setup};
use crate::factors::sms;
use crate::messages::limits;
use crate::messages::phone::Phone;
use crate::messages::sms::SmsError;
use crate::secret::Secret;
use crate::store::{SentCode, StoredFactor};

/// Who a code is for and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The account.
    pub user_id: &'a str,
    /// The factor.
    pub factor_id: &'a str,
    /// The number.
    pub phone: &'a Phone,
}

/// Why no code was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no way to send SMS.
    #[error("this server sends no SMS")]
    NotConfigured,
    /// Nothing is sent to that country.
    #[error(transparent)]
    Country(#[from] limits::CountryNotAllowed),
    /// Enough was sent for now.
    #[error("too many messages were sent")]
    Limit {
        /// When there may be another, in seconds.
        retry_after_secs: u64,
    },
    /// The provider does not send to this number.
    #[error("the message cannot be sent to this number")]
    Refused,
    /// The provider is down.
    #[error("the message cannot be sent at the moment")]
    Down,
    /// Something of ours does not work.
    #[error("the message cannot be sent: {0}")]
    Internal(String),
}

/// Where a code went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The last digits of the number.
    pub last_digits: String,
    /// The other phones of the account.
    pub others: Vec<Label>,
}

impl Login {
    /// Sends a code to a phone of whoever has shown the password: the one of a label, or the one that was added first.
    pub async fn send_sms(
        &self,
        challenge: &Secret,
        label: Option<&str>,
        source: &Source,
    ) -> Result<Sent, LoginError> {
        let now = self.setup.clock.now();
        let Some((token, row)) = self.challenged(challenge, source, now).await? else {
            let error = LoginError::ChallengeInvalid;
            return Err(self.fail("unknown", source, super::FailureReason::Challenge, error).await);
        };
        let has = self.kinds(&row.user.id).await?;
        let mut phones = self.setup.store.factors(&row.user.id).await?;
        phones.retain(|factor| factor.kind == FactorKind::Sms);
        if phones.is_empty() {
            return Err(LoginError::NoSuchFactor { has });
        }
        let meant = |factor: &StoredFactor| label.is_none_or(|label| factor.label.as_str() == label);
        let Some(factor) = phones.iter().find(|factor| meant(factor)) else {
            return Err(LoginError::NoSuchPhone {
                has: phones.into_iter().map(|phone| phone.label).collect(),
            });
        };
        let phone = open_phone(&self.setup, factor)?;
        let to = Recipient { user_id: &row.user.id, factor_id: &factor.id, phone: &phone };
        let what_for = format!("to log in from {}", source.ip);
        match send(&self.setup, to, &token.purpose(), &what_for).await {
            Ok(()) => {
                let others = phones.iter().filter(|other| other.id != factor.id);
                let others = others.map(|other| other.label.clone()).collect();
                Ok(Sent { last_digits: phone.last_digits(), others })
            }
            Err(SendError::Limit { retry_after_secs }) => Err(LoginError::SmsLimit { retry_after_secs }),
            Err(error) => {
                tracing::warn!(%error, "a code was not sent");
                Err(LoginError::factor_down(FactorKind::Sms, has))
            }
        }
    }
}

/// Opens the number of an SMS factor.
pub fn open_phone(setup: &Setup, factor: &StoredFactor) -> Result<Phone, LoginError> {
    let opened = setup.sealer.open(&factor.secret, &factor.authenticator())?;
    let unreadable = || LoginError::Unavailable { cause: "the sealed number is none".to_owned() };
    sms::phone(&opened).ok_or_else(unreadable)
}

/// Sends a code for one purpose, if all limits allow it. What was taken from them stays taken whatever comes of it.
pub async fn send(setup: &Setup, to: Recipient<'_>, purpose: &str, what_for: &str) -> Result<(), SendError> {
    let internal = |error: &dyn std::fmt::Display| SendError::Internal(error.to_string());
    let gateway = setup.providers.sms.as_ref().ok_or(SendError::NotConfigured)?;
    let now = setup.clock.now().seconds();
    let tag = |text: &str| sms::limit_tag(&setup.sealer, text);
    let buckets = limits::buckets(&gateway.config, to.phone, to.user_id, now, tag)?;
    if let Some(full) = setup.store.take_sends(&buckets).await.map_err(|error| internal(&error))? {
        tracing::warn!(limit = full.scope, "an SMS was not sent: the limit is reached");
        return Err(SendError::Limit { retry_after_secs: full.ends_in_secs(now) });
    }
    let code = sms::generate().map_err(|error| internal(&error))?;
    let tag = sms::tag(&setup.sealer, purpose, &code).ok_or_else(|| internal(&"the code is none"))?;
    let sent = SentCode { factor_id: to.factor_id.to_owned(), tag };
    let expires_at = now.plus_secs(sms::LASTS_SECS);
    setup.store.keep_code(purpose, &sent, expires_at).await.map_err(|error| internal(&error))?;
    let text = sms::message(&code, &setup.issuer, what_for);
    match gateway.sender.send(to.phone, text.expose()).await {
        Ok(()) => Ok(()),
        Err(SmsError::Refused { cause }) => {
            tracing::warn!(cause, "an SMS was refused");
            Err(SendError::Refused)
        }
        Err(SmsError::Unavailable { cause }) => {
            tracing::error!(cause, "SMS cannot be sent");
            Err(SendError::Down)
        }
    }
}
