//! Twilio's Messages API, version 2010-04-01.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::{SmsError, SmsSender, refused, unavailable};
use crate::config::{Twilio as Account, TwilioSender};
use crate::messages::phone::Phone;
use crate::messages::{SetupError, root};
use crate::secret::Secret;
use crate::secret_file;

/// The longest answer that is read, in bytes; Twilio's errors have a few hundred.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The codes that are about the number, and stay as they are until somebody changes something at Twilio.
const ABOUT_THE_NUMBER: [(u32, &str); 9] = [
    (21211, "it is not a phone number"),
    (21217, "it is not a phone number"),
    (21265, "it is a short code"),
    (21408, "the account may not send to its country"),
    (21608, "a trial account may only send to verified numbers"),
    (21610, "its owner has unsubscribed"),
    (21612, "no SMS gets there from our sender"),
    (21614, "it is not a mobile number"),
    (21635, "it is a landline"),
];

/// Sends SMS by Twilio.
pub struct Twilio {
    client: Client,
    url: String,
    user: String,
    secret: Secret,
    sender: TwilioSender,
}

impl Twilio {
    /// Reads the secret and prepares the client; nothing is sent yet.
    pub fn new(account: &Account, timeout: Duration) -> Result<Self, SetupError> {
        let secret = secret_file::read_text(&account.auth_file)?;
        if secret.is_empty() {
            let expected = "it should hold the account's auth token or the API key's secret";
            return Err(secret_file::content(&account.auth_file, expected).into());
        }
        let client = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            // A redirect or a proxy would show the code to somebody who is not Twilio.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .build()
            .map_err(|error| SetupError::Client { what: "the client for Twilio", cause: root(&error) })?;
        let (base, sid) = (&account.base_url, &account.account_sid);
        Ok(Self {
            client,
            url: format!("{base}/2010-04-01/Accounts/{sid}/Messages.json"),
            user: account.api_key_sid.as_ref().unwrap_or(sid).clone(),
            secret: Secret::new(secret.as_str().to_owned()),
            sender: account.sender.clone(),
        })
    }

    async fn post(&self, to: &Phone, text: &str) -> Result<Response, SmsError> {
        let sender = match &self.sender {
            TwilioSender::From(from) => ("From", from.as_str()),
            TwilioSender::MessagingService(sid) => ("MessagingServiceSid", sid.as_str()),
        };
        let request = self.client.post(&self.url).basic_auth(&self.user, Some(self.secret.expose()));
        let sent = request.form(&[("To", to.expose()), sender, ("Body", text)]).send().await;
        sent.map_err(|error| unavailable(unanswered(error)))
    }
}

#[async_trait]
impl SmsSender for Twilio {
    async fn send(&self, to: &Phone, text: &str) -> Result<(), SmsError> {
        let response = self.post(to, text).await?;
        let status = response.status();
        if status == StatusCode::CREATED {
            return Ok(());
        }
        let body = read(response).await.unwrap_or_default();
        // Twilio's message quotes the number, so only its code is used.
        Err(judge(status, serde_json::from_slice::<Problem>(&body).ok().map(|problem| problem.code)))
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is read of Twilio's description of an error.
#[derive(Deserialize)]
struct Problem {
    code: u32,
}

fn judge(status: StatusCode, code: Option<u32>) -> SmsError {
    let said = match code {
        Some(code) => format!("Twilio error {code} (status {})", status.as_u16()),
        None => format!("status {}", status.as_u16()),
    };
    let about_the_number = code.and_then(|code| ABOUT_THE_NUMBER.iter().find(|(known, _)| *known == code));
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        tracing::warn!(%status, code, "Twilio cannot send an SMS at the moment");
        unavailable(said)
    } else if let Some((code, meaning)) = about_the_number {
        tracing::warn!(code, meaning, "Twilio refuses a number");
        refused(format!("{meaning}: {said}"))
    } else if status == StatusCode::UNAUTHORIZED || code == Some(20003) {
        tracing::error!(
            code,
            "Twilio does not take the credentials: check sms.account_sid and sms.auth_file"
        );
        unavailable(format!("the credentials are not taken: {said}"))
    } else {
        tracing::error!(%status, code, "Twilio does not send SMS: see https://www.twilio.com/docs/api/errors");
        unavailable(said)
    }
}

/// Reads the body, or `None` when it breaks off or is longer than any that Twilio sends.
async fn read(mut response: Response) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes)
}

fn unanswered(error: reqwest::Error) -> String {
    let cause = if error.is_timeout() { "no answer in time".to_owned() } else { root(&error.without_url()) };
    tracing::warn!(cause, "Twilio cannot be reached");
    cause
}
