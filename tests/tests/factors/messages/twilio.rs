//! What Twilio gets.

use anyhow::Result;
use ca_server::config::{Sms, SmsProvider};
use ca_server::messages::{SetupError, sms};
use countersign_tests::twilio::{
    ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, FROM, SERVICE_SID, Twilio,
};

use super::{NUMBER, TEXT, phone, secret_file};

/// The configuration of an account at the stand-in, with one more line.
pub(crate) fn config(base_url: &str, secret: &std::path::Path, more: &str) -> Result<Sms> {
    let secret = secret.display();
    Ok(toml::from_str(&format!(
        "provider = \"twilio\"\nbase_url = \"{base_url}\"\naccount_sid = \"{ACCOUNT_SID}\"\nauth_file = \"{secret}\"\n\
         countries = [\"+49\"]\ntimeout = \"2s\"\n{more}\n"
    ))?)
}

fn from() -> String {
    format!("from = \"{FROM}\"")
}

#[tokio::test]
async fn an_sms_arrives_as_it_was_written() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, secret) = secret_file(AUTH_TOKEN)?;
    let sender = sms::sender(&config(&twilio.url(), &secret, &from())?).await?;
    for text in [TEXT, "Größe & Wert = 100 % + 1; näher?\n„ok“ 🔑"] {
        sender.send(&phone()?, text).await?;
        assert_eq!(twilio.last_to(NUMBER).as_deref(), Some(text));
    }
    assert_eq!(twilio.sent()[0].sender, FROM);
    assert_eq!(twilio.calls(), 2);
    Ok(())
}

#[tokio::test]
async fn an_api_key_and_a_messaging_service_do_as_well() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, secret) = secret_file(API_KEY_SECRET)?;
    let more = format!("api_key_sid = \"{API_KEY_SID}\"\nmessaging_service_sid = \"{SERVICE_SID}\"");
    let sender = sms::sender(&config(&twilio.url(), &secret, &more)?).await?;
    sender.send(&phone()?, TEXT).await?;
    assert_eq!(twilio.sent()[0].sender, SERVICE_SID);
    Ok(())
}

#[tokio::test]
async fn s3_a_secret_that_others_can_read_or_that_is_empty_is_not_used() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let (_folder, secret) = secret_file(AUTH_TOKEN)?;
    let config = config("https://api.twilio.com", &secret, &from())?;
    assert!(sms::sender(&config).await.is_ok());
    std::fs::write(&secret, "\n")?;
    let error = sms::sender(&config).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("auth token"), "{error}");
    std::fs::write(&secret, AUTH_TOKEN)?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o640))?;
    let error = sms::sender(&config).await.err();
    assert!(matches!(error, Some(SetupError::Secret(_))), "{error:?}");
    Ok(())
}

#[test]
fn i9_a_client_shows_no_secret() -> Result<()> {
    let (_folder, secret) = secret_file(AUTH_TOKEN)?;
    let config = config("https://api.twilio.com", &secret, &from())?;
    let SmsProvider::Twilio(account) = &config.provider else { anyhow::bail!("not Twilio") };
    let client = sms::twilio::Twilio::new(account, std::time::Duration::from_secs(1))?;
    assert!(!format!("{client:?} {config:?}").contains(AUTH_TOKEN));
    Ok(())
}
