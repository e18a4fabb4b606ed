//! Amazon SNS: `Publish` to a phone number.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::{Builder, Credentials, Region};
use aws_sdk_sns::error::{BuildError, ProvideErrorMetadata as _, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{SmsError, SmsSender, refused, unavailable};
use crate::config::Sns as Settings;
use crate::messages::phone::Phone;
use crate::messages::root;

/// Sends SMS by Amazon SNS.
pub struct Sns {
    client: Client,
    sender_id: Option<String>,
    timeout: Duration,
}

impl Sns {
    /// Takes the credentials from where the AWS SDK looks for them.
    pub async fn from_surroundings(settings: &Settings, timeout: Duration) -> Self {
        let region = Region::new(settings.region.clone());
        let found = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
        Self::with(Builder::from(&found), settings, timeout)
    }

    /// Takes these credentials.
    pub fn with_key(settings: &Settings, timeout: Duration, key_id: &str, secret: &str) -> Self {
        let builder = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .credentials_provider(Credentials::new(key_id, secret, None, None, "configured"));
        Self::with(builder, settings, timeout)
    }

    fn with(mut builder: Builder, settings: &Settings, timeout: Duration) -> Self {
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.endpoint_url(endpoint.as_str());
        }
        // SNS does not notice that a request is a repetition: a second try could be a second SMS.
        let config = builder.retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), sender_id: settings.sender_id.clone(), timeout }
    }
}

#[async_trait]
impl SmsSender for Sns {
    async fn send(&self, to: &Phone, text: &str) -> Result<(), SmsError> {
        let mut request = self
            .client
            .publish()
            .phone_number(to.expose())
            .message(text)
            .message_attributes("AWS.SNS.SMS.SMSType", attribute("Transactional")?);
        if let Some(name) = &self.sender_id {
            request = request.message_attributes("AWS.SNS.SMS.SenderID", attribute(name)?);
        }
        match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(sent) => sent.map(drop).map_err(|error| judge(&error)),
            Err(_) => Err(unanswered("no answer in time".to_owned())),
        }
    }
}

impl fmt::Debug for Sns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's configuration holds what the credentials come from.
        f.debug_struct("Sns").field("sender_id", &self.sender_id).finish_non_exhaustive()
    }
}

fn attribute(value: &str) -> Result<MessageAttributeValue, SmsError> {
    let built = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    built.map_err(|error: BuildError| unavailable(root(&error)))
}

/// Uses the status and the code alone: the message quotes the number, and the SDK's own words hold request headers.
fn judge(error: &SdkError<PublishError>) -> SmsError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let Some(status) = status.filter(|status| *status >= 400) else {
        return unanswered(root(error));
    };
    let code = error.code().unwrap_or("no code");
    let said = format!("SNS error {code} (status {status})");
    match code {
        "InvalidParameter" | "InvalidParameterValue" | "ParameterValueInvalid" | "OptedOut" => {
            tracing::warn!(code, "SNS refuses a number");
            refused(said)
        }
        _ if status >= 500 || status == 429 || code.contains("Throttl") => {
            tracing::warn!(status, code, "SNS cannot send an SMS at the moment");
            unavailable(said)
        }
        _ => {
            tracing::error!(status, code, "SNS does not send SMS: check the credentials and sns:Publish");
            unavailable(said)
        }
    }
}

fn unanswered(cause: String) -> SmsError {
    tracing::warn!(cause, "SNS cannot be reached");
    unavailable(cause)
}
