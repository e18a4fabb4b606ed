//! F6: Twilio that refuses, fails, says something else, or says nothing.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ca_server::messages::sms::{self, SmsError, SmsSender};
use countersign_tests::ports;
use countersign_tests::twilio::{ACCOUNT_SID, AUTH_TOKEN, FROM, Mood, Twilio};
use tempfile::TempDir;

use super::twilio::config;
use super::{CODE, NUMBER, TEXT, phone, says_nothing_of, secret_file};

async fn client(url: &str, secret: &str) -> Result<(TempDir, Arc<dyn SmsSender>)> {
    let (folder, path) = secret_file(secret)?;
    let sender = sms::sender(&config(url, &path, &format!("from = \"{FROM}\""))?).await?;
    Ok((folder, sender))
}

/// Sends an SMS that must fail, and checks that the error tells nobody's business.
async fn failure(sender: &dyn SmsSender) -> Result<SmsError> {
    let error = sender.send(&phone()?, TEXT).await.err().context("it was sent")?;
    says_nothing_of(&error, &[NUMBER, &NUMBER[1..], CODE, AUTH_TOKEN, ACCOUNT_SID, "127.0.0.1"]);
    Ok(error)
}

fn is_refused(error: &SmsError) -> bool {
    matches!(error, SmsError::Refused { .. })
}

#[tokio::test]
async fn f6_each_error_of_twilio_is_the_number_s_or_passing() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, sender) = client(&twilio.url(), AUTH_TOKEN).await?;
    let about_the_number = [21211, 21217, 21265, 21408, 21608, 21610, 21612, 21614, 21635];
    let others =
        [(401, 20003), (403, 20005), (404, 20404), (429, 20429), (400, 21606), (500, 20500), (503, 20503)];
    // What the number is blamed for while Twilio is in trouble is not believed.
    let blamed = [(429, 21211), (500, 21211)];
    let cases = about_the_number.map(|code| (400, code, true)).into_iter();
    let cases = cases.chain(others.into_iter().chain(blamed).map(|(status, code)| (status, code, false)));
    for (status, code, refused) in cases {
        twilio.set_mood(Mood::Error(status, code));
        let error = failure(sender.as_ref()).await?;
        assert_eq!(is_refused(&error), refused, "{status} {code}: {error}");
        assert!(error.to_string().contains(&code.to_string()), "{error} does not name {code}");
    }
    assert_eq!(twilio.calls(), 18, "nothing is tried twice");
    twilio.set_mood(Mood::Well);
    Ok(sender.send(&phone()?, TEXT).await?)
}

#[tokio::test]
async fn f6_numbers_that_twilio_does_not_take_are_refused() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, sender) = client(&twilio.url(), AUTH_TOKEN).await?;
    twilio.refuse_unverified(NUMBER);
    let error = failure(sender.as_ref()).await?;
    assert!(is_refused(&error) && error.to_string().contains("verified"), "{error}");
    Ok(())
}

#[tokio::test]
async fn f6_a_wrong_secret_is_not_the_number_s_fault() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, sender) = client(&twilio.url(), "a wrong secret").await?;
    let error = failure(sender.as_ref()).await?;
    assert!(!is_refused(&error) && error.to_string().contains("credentials"), "{error}");
    says_nothing_of(&error, &["a wrong secret"]);
    Ok(())
}

#[tokio::test]
async fn f6_an_answer_that_is_not_twilio_s_is_no_success() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, sender) = client(&twilio.url(), AUTH_TOKEN).await?;
    let long = format!("{{\"code\":21211,\"filler\":\"{}\"}}", "x".repeat(20_000));
    for (status, body) in [
        (200, "<html>Welcome to the hotel's network</html>"),
        (204, ""),
        (400, "<html>"),
        (400, "{\"code\":\"21211\"}"),
        (400, "{\"code\":-1}"),
        (400, long.as_str()),
        (502, NUMBER),
    ] {
        twilio.set_mood(Mood::Other(status, body.to_owned()));
        let error = failure(sender.as_ref()).await?;
        assert!(!is_refused(&error), "{status}: {error}");
        assert!(error.to_string().contains(&status.to_string()), "{error} does not say {status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_redirection_does_not_get_the_code() -> Result<()> {
    let (twilio, elsewhere) = (Twilio::start()?, Twilio::start()?);
    let (_folder, sender) = client(&twilio.url(), AUTH_TOKEN).await?;
    let path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json");
    twilio.set_mood(Mood::Redirect(elsewhere.url() + &path));
    let error = failure(sender.as_ref()).await?;
    assert!(!is_refused(&error) && error.to_string().contains("307"), "{error}");
    assert_eq!((twilio.calls(), elsewhere.calls()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn f6_twilio_that_says_nothing_is_unavailable() -> Result<()> {
    let twilio = Twilio::start()?;
    let (_folder, sender) = client(&twilio.url(), AUTH_TOKEN).await?;
    twilio.set_mood(Mood::Silent);
    let error = failure(sender.as_ref()).await?;
    assert_eq!(error, SmsError::Unavailable { cause: "no answer in time".to_owned() });
    assert_eq!(twilio.calls(), 1);
    Ok(())
}

#[tokio::test]
async fn f6_twilio_that_is_down_or_hangs_up_is_unavailable() -> Result<()> {
    let (_folder, sender) = client(&format!("http://127.0.0.1:{}", ports::free()?), AUTH_TOKEN).await?;
    assert!(!is_refused(&failure(sender.as_ref()).await?));

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let hang_up = std::thread::spawn(move || listener.accept().map(drop));
    let (_folder, sender) = client(&url, AUTH_TOKEN).await?;
    assert!(!is_refused(&failure(sender.as_ref()).await?));
    assert!(hang_up.join().is_ok_and(|accepted| accepted.is_ok()));
    Ok(())
}
