//! What the server asks and sends outside: validation of Yubikeys, SMS, mail, webhooks. Each is there when it is configured.

use std::sync::Arc;

use crate::config::{Config, Sms};
use crate::factors::yubikey::validator::{Validator, ValidatorError};
use crate::messages::SetupError;
use crate::messages::mail::Mailer;
use crate::messages::sms::{self, SmsSender};
use crate::messages::webhook::Webhook;

/// Why a provider cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// Yubikeys.
    #[error("[yubikey]: {0}")]
    Yubikey(#[from] ValidatorError),
    /// SMS, mail or webhook.
    #[error(transparent)]
    Messages(#[from] SetupError),
}

/// The providers there are.
#[derive(Debug, Default)]
pub struct Providers {
    /// Who validates Yubikeys.
    pub yubikey: Option<Validator>,
    /// Who sends SMS.
    pub sms: Option<SmsGateway>,
    /// Who sends mail.
    pub mail: Option<Mailer>,
    /// Who calls the webhook.
    pub webhook: Option<Webhook>,
}

/// A sender of SMS with the limits it is used within.
#[derive(Clone, Debug)]
pub struct SmsGateway {
    /// Who sends.
    pub sender: Arc<dyn SmsSender>,
    /// Where to, and how much.
    pub config: Sms,
}

impl Providers {
    /// Prepares what is configured; nothing is sent yet.
    pub async fn new(config: &Config) -> Result<Self, ProviderError> {
        let sms = match &config.sms {
            Some(sms) => Some(SmsGateway { sender: sms::sender(sms).await?, config: sms.clone() }),
            None => None,
        };
        Ok(Self {
            yubikey: config.yubikey.as_ref().map(Validator::new).transpose()?,
            sms,
            mail: config.mail.as_ref().map(Mailer::new).transpose()?,
            webhook: config.webhook.as_ref().map(Webhook::new).transpose()?,
        })
    }
}
