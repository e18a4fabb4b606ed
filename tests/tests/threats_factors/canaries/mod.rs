//! I9, L11, F17: the secrets of accounts appear nowhere but in the answer that shows them once, even when everything is
//! logged.

mod calls;
mod seen;

use anyhow::{Result, ensure};
use countersign_tests::person::{Person, new_password};
use countersign_tests::server::{RULES, Server};
use countersign_tests::smtp::Smtp;
use countersign_tests::twilio::{ACCOUNT_SID, AUTH_TOKEN, FROM, Twilio};
use countersign_tests::yubico::{API_KEY, CLIENT_ID, YubicoServer};

use super::warnings::URL;
use seen::Seen;

/// Everything a server talks to.
struct Scene {
    yubico: YubicoServer,
    twilio: Twilio,
    smtp: Smtp,
}

impl Scene {
    fn new() -> Result<Self> {
        Ok(Self { yubico: YubicoServer::start()?, twilio: Twilio::start()?, smtp: Smtp::start()? })
    }

    /// Starts a server that logs all it can.
    fn talkative(&self) -> Result<Server> {
        let (yubico, twilio, smtp) = (self.yubico.url(), self.twilio.url(), self.smtp.address());
        let top = format!("public_url = \"{URL}\"\nalerts = [\"officers@example.com\"]\n");
        let more = format!(
            "[yubikey]\nclient_id = {CLIENT_ID}\napi_key_file = \"yubico_key\"\nurls = [\"{yubico}\"]\n\
             [sms]\nprovider = \"twilio\"\nbase_url = \"{twilio}\"\naccount_sid = \"{ACCOUNT_SID}\"\n\
             auth_file = \"twilio\"\nfrom = \"{FROM}\"\ncountries = [\"+49\"]\n\
             [sms.limits]\nper_user_hour = 99\nper_number_hour = 99\nper_prefix_hour = 99\n\
             [mail]\nurl = \"smtp://{smtp}\"\nfrom = \"ca@example.com\"\n"
        );
        let mut server = super::prepare(&top, &more, &[("yubico_key", API_KEY), ("twilio", AUTH_TOKEN)])?;
        server.set_policy(super::api_keys::POLICY, RULES)?;
        server.set_env("CA_SERVER_LOG_FILTER", "trace");
        server.serve()?;
        Ok(server)
    }
}

/// Invents a secret that is none of anybody's.
fn canary() -> Result<String> {
    Ok(format!("canary-{}", new_password()?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l11_i9_f17_secrets_of_accounts_appear_only_where_they_are_shown_once() -> Result<()> {
    let scene = Scene::new()?;
    let mut server = scene.talkative()?;
    let ann = Person::new(&server, "ann", &["automation"])?;
    let officer = Person::new(&server, "oli", &["security-officers"])?;
    let mut seen = Seen::new(&server)?;
    for (name, secret) in [("Yubico's key", API_KEY), ("Twilio's token", AUTH_TOKEN)] {
        seen.plant(name, secret);
    }
    let token = calls::log_in(&mut seen, &ann, "account").await?;
    calls::add_app(&mut seen, &token).await?;
    calls::add_phone(&mut seen, &token, &scene.twilio).await?;
    let key = calls::add_yubikey(&mut seen, &token, &scene.yubico).await?;
    let codes = calls::make_recovery_codes(&mut seen, &token).await?;
    calls::use_api_key(&mut seen, &token).await?;
    let password = calls::change_password(&mut seen, &token).await?;
    calls::log_in_by_phone(&mut seen, &password, &scene.twilio).await?;
    calls::log_in_by_yubikey(&mut seen, &password, (&key, &scene.yubico)).await?;
    calls::log_in_by_recovery_code(&mut seen, &password, &codes[0]).await?;
    calls::invite(&mut seen, &officer).await?;
    calls::freeze(&mut seen, &scene.smtp).await?;

    let metrics = reqwest::get(format!("{}/metrics", server.metrics_url())).await?.text().await?;
    tokio::task::block_in_place(|| server.stop())?;
    let output = server.output();
    ensure!(output.contains("TRACE"), "the server does not log everything: the test shows nothing");
    seen.assert_shown_once()?;
    seen.assert_absent("metrics", metrics.as_bytes())?;
    seen.assert_absent_below(server.folder(), &["yubico_key", "twilio"])?;
    for mail in scene.smtp.mails() {
        seen.assert_absent_but("freeze token", &mail.subject, mail.body.as_bytes())?;
    }
    seen.plant("label, which is no secret", "other app");
    for place in [server.log_folder(), server.folder().to_owned()] {
        let found = seen.assert_absent_below(&place, &["log"]);
        ensure!(found.is_err(), "what is in {} is not found: the test shows nothing", place.display());
    }
    Ok(())
}
