use anyhow::{Result, ensure};
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::server::Server;
use countersign_tests::yubico::{API_KEY, CLIENT_ID, Misbehaviour, SoftYubikey, YubicoServer};
use reqwest::Method;
use serde_json::json;

use super::ensure_logged;

fn server(yubico: &YubicoServer) -> Result<Server> {
    let url = yubico.url();
    let more = format!(
        "[yubikey]\nclient_id = {CLIENT_ID}\napi_key_file = \"yubico_key\"\nurls = [\"{url}\"]\ntimeout = \"2s\"\n"
    );
    super::server(&more, &[("yubico_key", API_KEY)])
}

/// Adds a new Yubikey to an account.
async fn add(api: &Api, token: &str, yubico: &YubicoServer, label: &str) -> Result<SoftYubikey> {
    let key = SoftYubikey::new()?;
    yubico.admit(&key);
    let body = json!({ "label": label, "otp": key.press()? });
    let (status, factor) = api.call(token, Method::POST, "/v1/account/factors/yubikey", &body).await?;
    ensure!(status == 200 && factor["kind"] == "yubikey", "{status} {factor}");
    Ok(key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_an_otp_works_once_and_only_of_the_own_key() -> Result<()> {
    let yubico = YubicoServer::start()?;
    let server = server(&yubico)?;
    let (ann, bob) =
        (Person::new(&server, "ann", &["engineers"])?, Person::new(&server, "bob", &["engineers"])?);
    let api = Api::new(&server)?;
    let key = add(&api, &api.own(&ann).await?, &yubico, "key").await?;
    let bobs = api.own(&bob).await?;
    let foreign = add(&api, &bobs, &yubico, "key").await?;
    let again = json!({ "label": "ann's", "otp": key.press()? });
    let (status, answer) = api.call(&bobs, Method::POST, "/v1/account/factors/yubikey", &again).await?;
    ensure!(status == 409, "a key of another account was added: {status} {answer}");

    let asked = yubico.questions();
    let (skipped, otp) = (key.press()?, key.press()?);
    let challenge = api.begin(&ann, "access").await?;
    ensure!(challenge["factors"] == json!(["totp", "yubikey"]), "{challenge}");
    let (status, answer) = api.show(&challenge, "yubikey", &foreign.press()?).await?;
    ensure!(status == 401 && problem(&answer) == "wrong-code", "another's key: {status} {answer}");
    ensure!(yubico.questions() == asked, "another's OTP was used up");
    let (status, login) = api.show(&challenge, "yubikey", &otp).await?;
    ensure!(status == 200 && login["session"]["factors"] == json!(["yubikey"]), "{status} {login}");
    for old in [&otp, &skipped] {
        let challenge = api.begin(&ann, "access").await?;
        let (status, answer) = api.show(&challenge, "yubikey", old).await?;
        ensure!(status == 401, "an OTP worked again, or an older one: {status} {answer}");
        ensure!(!answer.to_string().contains(old.as_str()), "f5: the OTP is in the answer");
    }
    for otp in [&otp, &skipped] {
        ensure!(!server.output().contains(otp.as_str()), "f5: the OTP is in the server's output");
    }
    ensure_logged(&server, &ann, "login-failed", "wrong-code")
}

/// Logs in with a key; gives the answer.
async fn press_at_login(api: &Api, person: &Person, otp: &str) -> Result<Answered> {
    api.show(&api.begin(person, "access").await?, "yubikey", otp).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_replay_or_an_older_counter_is_refused_though_the_validation_server_forgot_it() -> Result<()> {
    let yubico = YubicoServer::start()?;
    let mut server = server(&yubico)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let key = SoftYubikey::new()?;
    yubico.admit(&key);
    let (skipped, added) = (key.press()?, key.press()?);
    let body = json!({ "label": "key", "otp": added });
    let own = api.own(&ann).await?;
    let (status, answer) = api.call(&own, Method::POST, "/v1/account/factors/yubikey", &body).await?;
    ensure!(status == 200, "{status} {answer}");
    yubico.misbehave(Misbehaviour::Forgetful);

    let first = key.press()?;
    key.replug();
    let (second, third) = (key.press()?, key.press()?);
    // One more failure, and the next try would have to wait; a success ends them.
    for (good, older) in
        [(&first, &added), (&second, &key.otp_at(1, 200)?), (&third, &first), (&key.press()?, &skipped)]
    {
        let (status, answer) = press_at_login(&api, &ann, good).await?;
        ensure!(status == 200, "a newer one: {status} {answer}");
        let asked = yubico.questions();
        for otp in [good, older] {
            let (status, answer) = press_at_login(&api, &ann, otp).await?;
            ensure!(status == 401 && problem(&answer) == "code-used", "{status} {answer}");
            ensure!(!answer.to_string().contains(otp.as_str()), "f5: the OTP is in the answer");
        }
        ensure!(yubico.questions() == asked + 2, "both were good to the validation server");
    }
    tokio::task::block_in_place(|| server.stop())?;
    ensure_logged(&server, &ann, "login-failed", "code-used")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_when_yubico_is_down_other_factors_are_offered_and_none_is_skipped() -> Result<()> {
    let yubico = YubicoServer::start()?;
    let server = server(&yubico)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let key = add(&api, &api.own(&ann).await?, &yubico, "key").await?;
    for trouble in [Misbehaviour::Status("BACKEND_ERROR"), Misbehaviour::NoSignature, Misbehaviour::Silence] {
        yubico.misbehave(trouble);
        // More often than wrong codes would be allowed: an outage is not the owner's failure.
        for _ in 0..2 {
            let challenge = api.begin(&ann, "access").await?;
            let (status, answer) = api.show(&challenge, "yubikey", &key.press()?).await?;
            ensure!(
                status == 503 && problem(&answer) == "factor-unavailable",
                "{trouble:?}: {status} {answer}"
            );
            ensure!(answer["hint"].as_str().is_some_and(|hint| hint.contains("totp")), "{answer}");
        }
    }
    let challenge = api.begin(&ann, "access").await?;
    let (status, _) = api.show(&challenge, "totp", &ann.phone.code()).await?;
    ensure!(status == 200, "the other factor: {status}");
    yubico.behave();
    let challenge = api.begin(&ann, "access").await?;
    let (status, answer) = api.show(&challenge, "yubikey", &key.press()?).await?;
    ensure!(status == 200, "after the outage: {status} {answer}");
    Ok(())
}

#[test]
fn a_person_adds_a_yubikey_with_the_real_ca_and_logs_in_with_it() -> Result<()> {
    let yubico = YubicoServer::start()?;
    let server = server(&yubico)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let key = SoftYubikey::new()?;
    yubico.admit(&key);
    let mut add = ann.ca(&["factor", "add", "yubikey", "--label", "blue one", "--factor", "totp"])?;
    add.env("COUNTERSIGN_PASSWORD", &ann.password).env("COUNTERSIGN_CODE", ann.phone.code());
    run(add.env("COUNTERSIGN_NEW_CODE", key.press()?))?;
    let mut login = ann.ca(&["login", "--user", "ann", "--factor", "yubikey"])?;
    run(login.env("COUNTERSIGN_PASSWORD", &ann.password).env("COUNTERSIGN_CODE", key.press()?))?;
    let certified = ann.new_key("id", &["ed25519"])?;
    ann.request("prod-web", &certified, &[])?;
    ensure_logged(&server, &ann, "factor-added", "blue one")?;
    countersign_tests::journey::verify(&server, &ann)
}
