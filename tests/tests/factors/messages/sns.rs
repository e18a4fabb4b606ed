//! Amazon SNS: what it gets, and F6, what its failures turn into.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ca_server::config::{Sms, SmsProvider};
use ca_server::messages::sms::sns::Sns;
use ca_server::messages::sms::{SmsError, SmsSender as _};
use countersign_tests::sns::{self, KEY, Mood, REGION, SECRET};
use countersign_tests::{ports, real_s3};

use super::{CODE, NUMBER, TEXT, phone, says_nothing_of};

const TIMEOUT: Duration = Duration::from_secs(2);

fn client(endpoint: &str, more: &str, key: &str, secret: &str) -> Result<Sns> {
    let text = format!(
        "provider = \"sns\"\nregion = \"{REGION}\"\nendpoint = \"{endpoint}\"\ncountries = [\"+49\"]\n{more}\n"
    );
    let SmsProvider::Sns(settings) = toml::from_str::<Sms>(&text)?.provider else {
        anyhow::bail!("not SNS");
    };
    Ok(Sns::with_key(&settings, TIMEOUT, key, secret))
}

/// Sends an SMS that must fail, and checks that the error tells nobody's business.
async fn failure(client: &Sns) -> Result<SmsError> {
    let error = client.send(&phone()?, TEXT).await.err().context("it was sent")?;
    says_nothing_of(&error, &[NUMBER, &NUMBER[1..], CODE, SECRET, KEY]);
    Ok(error)
}

#[tokio::test]
async fn an_sms_is_transactional_and_arrives_as_it_was_written() -> Result<()> {
    let stand_in = sns::Sns::start()?;
    let client = client(&stand_in.url(), "sender_id = \"Counter\"", KEY, SECRET)?;
    let text = "Größe & Wert = 100 % + 1\n🔑";
    client.send(&phone()?, text).await?;
    let published = stand_in.published().pop().context("nothing was published")?;
    assert_eq!((published.to.as_str(), published.message.as_str()), (NUMBER, text));
    let attributes = [("AWS.SNS.SMS.SMSType", "Transactional"), ("AWS.SNS.SMS.SenderID", "Counter")];
    assert_eq!(published.attributes, attributes.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    assert!(!format!("{client:?}").contains(SECRET));
    Ok(())
}

#[tokio::test]
async fn moto_takes_an_sms() -> Result<()> {
    let moto = real_s3::moto()?;
    let (key, secret) = moto.access_key();
    client(moto.endpoint(), "", key, secret)?.send(&phone()?, TEXT).await?;
    Ok(())
}

#[tokio::test]
async fn f6_each_error_of_sns_is_the_number_s_or_passing() -> Result<()> {
    let stand_in = sns::Sns::start()?;
    let client = client(&stand_in.url(), "", KEY, SECRET)?;
    let cases = [
        (400, "InvalidParameter", true),
        (400, "InvalidParameterValue", true),
        (400, "OptedOut", true),
        (400, "Throttling", false),
        (429, "TooManyRequestsException", false),
        (403, "AuthorizationError", false),
        (403, "InvalidClientTokenId", false),
        (500, "InternalError", false),
        (503, "ServiceUnavailable", false),
    ];
    for (status, code, refused) in cases {
        stand_in.set_mood(Mood::Error(status, code));
        let error = failure(&client).await?;
        assert_eq!(matches!(error, SmsError::Refused { .. }), refused, "{status} {code}: {error}");
        assert!(error.to_string().contains(code), "{error} does not name {code}");
    }
    assert_eq!(stand_in.calls(), 9, "nothing is tried twice");
    Ok(())
}

#[tokio::test]
async fn f6_sns_that_is_down_or_says_nothing_is_unavailable() -> Result<()> {
    let down = client(&format!("http://127.0.0.1:{}", ports::free()?), "", KEY, SECRET)?;
    assert!(matches!(failure(&down).await?, SmsError::Unavailable { .. }));

    let stand_in = sns::Sns::start()?;
    stand_in.set_mood(Mood::Silent);
    let error = failure(&client(&stand_in.url(), "", KEY, SECRET)?).await?;
    assert_eq!(error, SmsError::Unavailable { cause: "no answer in time".to_owned() });
    assert_eq!(stand_in.calls(), 1);
    Ok(())
}
