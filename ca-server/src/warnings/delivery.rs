//! Sending what waits.

use ca_core::names::Email;
use ca_core::time::UnixSeconds;

use super::{Message, WarnError, purpose};
use crate::factors::sms;
use crate::login::Setup;
use crate::messages::limits;
use crate::messages::mail::MailError;
use crate::messages::phone::Phone;
use crate::messages::sms::SmsError;
use crate::store::Notice;

/// How many messages are sent in one go.
const BATCH: usize = 32;

/// How long a message that is being sent is left alone, in seconds; longer than any provider takes.
const LEASE_SECS: u64 = 120;

/// The wait after the first try, in seconds; it doubles with each.
const FIRST_WAIT_SECS: u64 = 5;

/// The longest wait between two tries, in seconds.
const MAX_WAIT_SECS: u64 = 3600;

/// After this many tries, which take more than a day, a message is given up.
const MAX_ATTEMPTS: u64 = 30;

/// What came of a try.
enum Outcome {
    Sent,
    Never(String),
    Later(String),
}

/// Sends messages that are due; to be called every few seconds.
pub async fn deliver(setup: &Setup) -> Result<(), WarnError> {
    for _ in 0..BATCH {
        let now = setup.clock.now().seconds();
        let Some(notice) = setup.store.take_notice(now, now.plus_secs(LEASE_SECS)).await? else { break };
        match send(setup, &notice, now).await {
            Outcome::Later(cause) if notice.attempts < MAX_ATTEMPTS => {
                tracing::warn!(
                    cause,
                    attempts = notice.attempts,
                    "a message was not sent; it is tried again"
                );
                let wait = (FIRST_WAIT_SECS << notice.attempts.saturating_sub(1).min(16)).min(MAX_WAIT_SECS);
                setup.store.put_off_notice(&notice.id, now.plus_secs(wait)).await?;
                continue;
            }
            Outcome::Later(cause) | Outcome::Never(cause) => {
                tracing::error!(
                    cause,
                    attempts = notice.attempts,
                    "alarm: a message is not sent, and given up"
                );
            }
            Outcome::Sent => {}
        }
        setup.store.drop_notice(&notice.id).await?;
    }
    Ok(())
}

async fn send(setup: &Setup, notice: &Notice, now: UnixSeconds) -> Outcome {
    let opened = match setup.sealer.open(&notice.sealed, &purpose(&notice.id)) {
        Ok(opened) => opened,
        Err(error) => return Outcome::Later(error.to_string()),
    };
    match serde_json::from_slice(&opened) {
        Ok(Message::Mail { to, subject, text }) => send_mail(setup, &to, &subject, &text).await,
        Ok(Message::Sms { user, to, text }) => send_sms(setup, &user, &to, &text, now).await,
        Ok(Message::Webhook { id, body }) => call_webhook(setup, &id, &body, now).await,
        Err(_) => Outcome::Never("the message cannot be read".to_owned()),
    }
}

async fn send_mail(setup: &Setup, to: &str, subject: &str, text: &str) -> Outcome {
    let Some(mailer) = &setup.providers.mail else { return Outcome::Later("no [mail]".to_owned()) };
    let Ok(to) = to.parse::<Email>() else { return Outcome::Never("no address".to_owned()) };
    match mailer.send(&to, subject, text).await {
        Ok(()) => Outcome::Sent,
        Err(error @ MailError::Unavailable { .. }) => Outcome::Later(error.to_string()),
        Err(error) => Outcome::Never(error.to_string()),
    }
}

/// Whatever its answer is, the other side can be put right while the notice waits.
async fn call_webhook(setup: &Setup, id: &str, body: &str, now: UnixSeconds) -> Outcome {
    let Some(webhook) = &setup.providers.webhook else { return Outcome::Later("no [webhook]".to_owned()) };
    match webhook.post(id, body, now).await {
        Ok(()) => Outcome::Sent,
        Err(error) => Outcome::Later(error.to_string()),
    }
}

async fn send_sms(setup: &Setup, user: &str, to: &str, text: &str, now: UnixSeconds) -> Outcome {
    let Some(gateway) = &setup.providers.sms else { return Outcome::Later("no [sms]".to_owned()) };
    let Ok(phone) = to.parse::<Phone>() else { return Outcome::Never("no number".to_owned()) };
    // By counters of their own, so that nobody uses them up with codes.
    let tag = |text: &str| sms::limit_tag(&setup.sealer, &format!("warning {text}"));
    let buckets = match limits::buckets(&gateway.config, &phone, &format!("{user}/warning"), now, tag) {
        Ok(buckets) => buckets,
        Err(error) => return Outcome::Never(error.to_string()),
    };
    match setup.store.take_sends(&buckets).await {
        Ok(None) => {}
        Ok(Some(full)) => return Outcome::Later(format!("the limit {} is reached", full.scope)),
        Err(error) => return Outcome::Later(error.to_string()),
    }
    match gateway.sender.send(&phone, text).await {
        Ok(()) => Outcome::Sent,
        Err(SmsError::Refused { cause }) => Outcome::Never(cause),
        Err(SmsError::Unavailable { cause }) => Outcome::Later(cause),
    }
}
