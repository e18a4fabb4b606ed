//! SMS, by whichever provider is configured.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::SetupError;
use super::phone::Phone;
use crate::config::{Sms, SmsProvider};

pub mod sns;
pub mod twilio;

/// Why an SMS was not sent; holds neither the number nor the text nor a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmsError {
    /// The provider will not send to this number: trying again changes nothing.
    #[error("the provider refuses this number: {cause}")]
    Refused {
        /// Why.
        cause: String,
    },
    /// The provider is down, too busy, silent, or does not take our credentials.
    #[error("no SMS can be sent at the moment: {cause}")]
    Unavailable {
        /// What it said, or that it said nothing.
        cause: String,
    },
}

/// Sends SMS.
#[async_trait]
pub trait SmsSender: std::fmt::Debug + Send + Sync {
    /// Hands a text to the provider, once: after an error it MUST NOT be sent later, as far as that is in our hands.
    ///
    /// After [`SmsError::Unavailable`] it may have been sent all the same, when only the answer was lost.
    async fn send(&self, to: &Phone, text: &str) -> Result<(), SmsError>;
}

/// Makes the sender that the configuration names.
pub async fn sender(config: &Sms) -> Result<Arc<dyn SmsSender>, SetupError> {
    let timeout = Duration::from_secs(config.timeout.secs());
    Ok(match &config.provider {
        SmsProvider::Twilio(account) => Arc::new(twilio::Twilio::new(account, timeout)?),
        SmsProvider::Sns(sns) => Arc::new(sns::Sns::from_surroundings(sns, timeout).await),
    })
}

fn refused(cause: impl Into<String>) -> SmsError {
    SmsError::Refused { cause: cause.into() }
}

fn unavailable(cause: impl Into<String>) -> SmsError {
    SmsError::Unavailable { cause: cause.into() }
}
