//! Webhooks: what arrives, and where none may go (S4).

use anyhow::{Context as _, Result, ensure};
use ca_core::time::UnixSeconds;
use ca_server::config;
use ca_server::messages::webhook::{Webhook, WebhookError};
use countersign_tests::server::Server;
use countersign_tests::stand_in::{Reply, StandIn};
use countersign_tests::webhook::Receiver;

use super::secret_file;

const SECRET: &str = "a secret that both sides know";
const ID: &str = "01JD0000000000000000000000";

/// Prepares a webhook with more lines of configuration.
fn webhook(url: &str, more: &str) -> Result<Webhook> {
    let (_folder, secret) = secret_file(SECRET)?;
    let text = format!("url = {url:?}\nsecret_file = \"{}\"\ntimeout = \"2s\"\n{more}", secret.display());
    Ok(Webhook::new(&toml::from_str::<config::Webhook>(&text)?)?)
}

fn private(url: &str) -> Result<Webhook> {
    webhook(url, "allow_private = true")
}

fn now() -> Result<UnixSeconds> {
    Ok(UnixSeconds(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs()))
}

async fn post(webhook: &Webhook) -> Result<Result<(), WebhookError>> {
    Ok(webhook.post(ID, &format!("{{\"id\":\"{ID}\",\"kind\":\"test\"}}"), now()?).await)
}

#[tokio::test]
async fn a_call_is_signed_and_a_success_is_any_2xx() -> Result<()> {
    let receiver = Receiver::start(SECRET, &[200, 204, 500, 404])?;
    let webhook = private(&receiver.url())?;
    for expected in [Ok(()), Ok(()), Err(500), Err(404)] {
        let expected = expected.map_err(|status| WebhookError::Status { status });
        assert_eq!(post(&webhook).await?, expected);
    }
    let calls = receiver.received()?;
    ensure!(calls.len() == 4 && calls.iter().all(|call| call.id == ID), "{calls:?}");
    let other = Receiver::start("a secret that is another one", &[])?;
    post(&private(&other.url())?).await??;
    ensure!(other.received().is_err(), "the signature holds with any secret");
    Ok(())
}

#[tokio::test]
async fn s4_no_redirect_is_followed_and_silence_ends() -> Result<()> {
    let target =
        StandIn::start("target", |_| Reply::Answer { status: 200, kind: "text/plain", body: String::new() })?;
    let url = target.url();
    let hop = StandIn::start("redirect", move |_| Reply::Redirect(url.clone()))?;
    assert_eq!(post(&private(&hop.url())?).await?, Err(WebhookError::Status { status: 307 }));
    ensure!(hop.calls() == 1 && target.calls() == 0, "the redirect was followed");
    let silent = StandIn::start("silent", |_| Reply::Silence)?;
    let error = post(&private(&silent.url())?).await?.err().context("it was taken")?;
    ensure!(error.to_string().contains("no answer in time"), "{error}");
    Ok(())
}

#[tokio::test]
async fn s4_an_address_that_is_not_public_is_refused_however_it_is_written() -> Result<()> {
    for host in [
        "169.254.169.254",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "%31%32%37.0.0.1",
        "①②⑦.0.0.1",
    ] {
        let made = webhook(&format!("https://{host}/"), "");
        let error = made.err().with_context(|| format!("{host} is taken"))?;
        ensure!(error.to_string().contains("not public"), "{host}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn s4_a_name_is_judged_by_what_it_resolves_to_at_the_call() -> Result<()> {
    let receiver = StandIn::start("private", |_| Reply::Silence)?;
    let port = receiver.url().rsplit(':').next().context("a port")?.to_owned();
    // As with rebinding: what the name once stood for is of no account, and nothing was connected to.
    for name in ["localhost", "LOCALHOST"] {
        let webhook = webhook(&format!("https://{name}:{port}/"), "")?;
        let error = post(&webhook).await?.err().context("it was taken")?;
        ensure!(matches!(error, WebhookError::NotPublic(_)), "{name}: {error:?}");
    }
    ensure!(receiver.calls() == 0, "it was called");
    let allowed = private(&format!("http://localhost:{port}/"))?;
    let error = post(&allowed).await?.err().context("it is silent")?;
    ensure!(error.to_string().contains("no answer in time") && receiver.calls() == 1, "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified_with_the_certificates_that_are_configured() -> Result<()> {
    let server = Server::start()?;
    let url = format!("{}/no-such-page", server.url());
    let ca = format!("allow_private = true\nca_file = {:?}", server.tls_certificate());
    let status = post(&webhook(&url, &ca)?).await?;
    ensure!(matches!(status, Err(WebhookError::Status { status: 400..500 })), "{status:?}");
    let unknown = post(&private(&url)?).await?;
    ensure!(matches!(unknown, Err(WebhookError::Unreachable { .. })), "{unknown:?}");
    Ok(())
}

#[test]
fn s3_what_is_configured_wrongly_is_refused() -> Result<()> {
    let config = |url: &str, more: &str| {
        toml::from_str::<config::Webhook>(&format!("url = {url:?}\nsecret_file = \"secret\"\n{more}"))
            .map_err(|error| error.to_string())
    };
    for (url, more, words) in [
        ("http://hooks.example.com/", "", "https://"),
        ("http://hooks.example.com/", "allow_private = true", "this machine alone"),
        ("http://127.0.0.1:1/", "", "allow_private = true"),
        ("ftp://hooks.example.com/", "", "https://host/path"),
        ("https://ann:pw@hooks.example.com/", "", "without a user"),
        ("https://hooks.example.com/#x", "", "fragment"),
        ("https://hooks.example.com/", "timeout = \"5m\"", "60s"),
        ("https://hooks.example.com/", "allow_privat = true", "unknown field"),
    ] {
        let error = config(url, more).err().with_context(|| format!("{url} {more} is taken"))?;
        ensure!(error.contains(words), "{url} {more}: {error}");
    }
    let shown = format!("{:?}", config("https://hooks.example.com/T0/secret-part", ""));
    ensure!(shown.contains("hooks.example.com") && !shown.contains("secret-part"), "{shown}");
    let (_folder, short) = secret_file("too short")?;
    let text = format!("url = \"https://hooks.example.com/\"\nsecret_file = {short:?}\n");
    let error = Webhook::new(&toml::from_str(&text)?).err().context("a short secret is taken")?;
    ensure!(error.to_string().contains("16 characters"), "{error}");
    Ok(())
}
