use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Api, problem};
use countersign_tests::person::Person;
use countersign_tests::process::{output, run, wait_until};
use countersign_tests::server::Server;
use countersign_tests::twilio::{ACCOUNT_SID, AUTH_TOKEN, FROM, Mood, Twilio};
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_logged;

fn server(twilio: &Twilio, limits: &str) -> Result<Server> {
    server_for(twilio, "\"+49\"", limits)
}

/// Starts a server that sends SMS to some countries, within these limits.
pub(super) fn server_for(twilio: &Twilio, countries: &str, limits: &str) -> Result<Server> {
    let url = twilio.url();
    let more = format!(
        "[sms]\nprovider = \"twilio\"\nbase_url = \"{url}\"\naccount_sid = \"{ACCOUNT_SID}\"\n\
         auth_file = \"twilio\"\nfrom = \"{FROM}\"\ncountries = [{countries}]\ntimeout = \"2s\"\n\n[sms.limits]\n{limits}\n"
    );
    super::server(&more, &[("twilio", AUTH_TOKEN)])
}

/// Reads the code out of the last message to a number.
fn code(twilio: &Twilio, number: &str) -> Result<String> {
    let text = twilio.last_to(number).context("a message")?;
    Ok(text.chars().take(9).filter(char::is_ascii_digit).collect())
}

/// Adds a phone to an account.
async fn add(api: &Api, person: &Person, twilio: &Twilio, number: &str) -> Result<()> {
    add_as("phone", api, person, twilio, number).await
}

async fn add_as(label: &str, api: &Api, person: &Person, twilio: &Twilio, number: &str) -> Result<()> {
    let token = api.own(person).await?;
    let body = json!({ "label": label, "number": number });
    let (status, pending) = api.call(&token, Method::POST, "/v1/account/factors/sms", &body).await?;
    ensure!(status == 200, "{status} {pending}");
    ensure!(!pending.to_string().contains(&number[3..]), "the number is shown: {pending}");
    let path = format!("/v1/account/factors/{}", pending["id"].as_str().context("an id")?);
    let (status, answer) = api.call(&token, Method::POST, &path, &json!({ "code": "00000000" })).await?;
    ensure!(status == 400, "a wrong code: {status} {answer}");
    let shown = json!({ "code": code(twilio, number)? });
    let (status, answer) = api.call(&token, Method::POST, &path, &shown).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(())
}

/// Begins a login and has a code sent.
async fn begin(api: &Api, person: &Person) -> Result<(Value, u16, Value)> {
    let challenge = api.begin(person, "access").await?;
    let (status, sent) = api.post("/v1/login/sms", &json!({ "challenge": challenge["challenge"] })).await?;
    Ok((challenge, status, sent))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_several_phones_chooses_one() -> Result<()> {
    const NUMBERS: [&str; 2] = ["+4915123456789", "+4915123456700"];
    let twilio = Twilio::start()?;
    let server = server(&twilio, "")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    add_as("own", &api, &ann, &twilio, NUMBERS[0]).await?;
    add_as("of work", &api, &ann, &twilio, NUMBERS[1]).await?;

    let (challenge, status, sent) = begin(&api, &ann).await?;
    ensure!(status == 200 && sent == json!({ "number": "…89", "others": ["of work"] }), "{status} {sent}");
    let to = |phone: &str| json!({ "challenge": challenge["challenge"], "phone": phone });
    let (status, answer) = api.post("/v1/login/sms", &to("lost")).await?;
    ensure!(status == 404 && problem(&answer) == "no-such-phone", "{status} {answer}");
    ensure!(answer["hint"].as_str().is_some_and(|hint| hint.contains("\"of work\"")), "{answer}");
    let (status, sent) = api.post("/v1/login/sms", &to("of work")).await?;
    ensure!(status == 200 && sent == json!({ "number": "…00", "others": ["own"] }), "{status} {sent}");
    let (status, answer) = api.show(&challenge, "sms", &code(&twilio, NUMBERS[0])?).await?;
    ensure!(status == 401, "the code of the other phone was replaced: {status} {answer}");
    let (status, login) = api.show(&challenge, "sms", &code(&twilio, NUMBERS[1])?).await?;
    ensure!(status == 200, "{status} {login}");

    let mut login = ann.ca(&["login", "--server", server.url(), "--user", "ann"])?;
    login.args(["--phone", "lost"]).env("COUNTERSIGN_PASSWORD", &ann.password).env("COUNTERSIGN_CODE", "1");
    let refused = output(&mut login)?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(1) && said.contains("\"own\", \"of work\""), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f11_a_code_is_for_one_login_and_works_once() -> Result<()> {
    const NUMBER: &str = "+4915123456789";
    let twilio = Twilio::start()?;
    let server = server(&twilio, "")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    add(&api, &ann, &twilio, NUMBER).await?;

    let (first, status, sent) = begin(&api, &ann).await?;
    ensure!(status == 200 && sent["number"].as_str().is_some_and(|shown| shown.ends_with("89")), "{sent}");
    let text = twilio.last_to(NUMBER).context("a message")?;
    ensure!(text.contains("127.0.0.1"), "the message says where the login comes from: {text}");
    let old = code(&twilio, NUMBER)?;
    let (second, _, _) = begin(&api, &ann).await?;
    let (status, answer) = api.show(&second, "sms", &old).await?;
    ensure!(status == 401, "the code of one login in another: {status} {answer}");
    let (status, login) = api.show(&first, "sms", &old).await?;
    ensure!(status == 200 && login["session"]["factors"] == json!(["sms"]), "{status} {login}");
    let (status, answer) = api.show(&first, "sms", &old).await?;
    ensure!(status == 401, "twice: {status} {answer}");
    let (status, _) = api.show(&second, "sms", &code(&twilio, NUMBER)?).await?;
    ensure!(status == 200, "its own code: {status}");
    for secret in [NUMBER, &NUMBER[1..], &old] {
        ensure!(!server.output().contains(secret), "i9: {secret} is in the server's output");
        let database = std::fs::read(server.folder().join("state.db"))?;
        ensure!(
            !database.windows(secret.len()).any(|w| w == secret.as_bytes()),
            "f17: {secret} in the database"
        );
    }
    ensure_logged(&server, &ann, "login-failed", "wrong-code")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_flood_ends_at_the_limits_and_other_factors_work() -> Result<()> {
    const NUMBER: &str = "+4915123456789";
    let twilio = Twilio::start()?;
    let server = server(&twilio, "per_user_hour = 3")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    add(&api, &ann, &twilio, NUMBER).await?;
    let mut refused = 0;
    // Enough for two hours, should one end meanwhile.
    for _ in 0..8 {
        let (_, status, answer) = begin(&api, &ann).await?;
        if status == 429 {
            refused += 1;
            ensure!(problem(&answer) == "too-many-messages", "{answer}");
            ensure!(answer["retry_after_secs"].as_u64().is_some_and(|secs| secs > 0), "{answer}");
        }
    }
    ensure!(refused >= 3 && twilio.sent().len() <= 6, "{refused} refused, {} sent", twilio.sent().len());
    let challenge = api.begin(&ann, "access").await?;
    let (status, answer) = api.show(&challenge, "totp", &ann.phone.code()).await?;
    ensure!(status == 200, "the other factor: {status} {answer}");
    // Warnings have limits of their own: whoever has the password does not silence them.
    run(server.command(&["user", "reset", "ann"])?.env("COUNTERSIGN_PASSWORD", "given by an officer"))?;
    wait_until("a warning", Duration::from_mins(1), || {
        let is_warning = |text: &String| text.contains("all factors were replaced by console");
        Ok(twilio.last_to(NUMBER).filter(is_warning).map(drop))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_the_spend_cap_ends_a_flood_over_many_accounts() -> Result<()> {
    let twilio = Twilio::start()?;
    let server = server(&twilio, "price_cents = 10\nspend_cap_cents_per_day = 20")?;
    let api = Api::new(&server)?;
    let mut statuses = Vec::new();
    for (n, name) in ["ann", "bob", "carol", "dave", "erin"].into_iter().enumerate() {
        let person = Person::new(&server, name, &["engineers"])?;
        let token = api.own(&person).await?;
        let body = json!({ "label": "phone", "number": format!("+49151234567{n}0") });
        let (status, _) = api.call(&token, Method::POST, "/v1/account/factors/sms", &body).await?;
        statuses.push(status);
    }
    // A day may end meanwhile, and another begin.
    ensure!(statuses[..2] == [200, 200] && statuses.contains(&429), "{statuses:?}");
    ensure!(twilio.sent().len() <= 4, "{} sent", twilio.sent().len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_when_twilio_is_down_other_factors_are_offered() -> Result<()> {
    const NUMBER: &str = "+4915123456789";
    let twilio = Twilio::start()?;
    let server = server(&twilio, "")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    add(&api, &ann, &twilio, NUMBER).await?;
    twilio.set_mood(Mood::Error(500, 20500));
    let (challenge, status, answer) = begin(&api, &ann).await?;
    ensure!(status == 503 && problem(&answer) == "factor-unavailable", "{status} {answer}");
    ensure!(answer["hint"].as_str().is_some_and(|hint| hint.contains("totp")), "{answer}");
    let (status, _) = api.show(&challenge, "totp", &ann.phone.code()).await?;
    ensure!(status == 200, "the other factor: {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_no_message_goes_to_a_country_that_is_not_listed() -> Result<()> {
    let twilio = Twilio::start()?;
    let server = server(&twilio, "")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    for (number, word) in
        [("+18005550100", "no-message"), ("0151 23456789", "malformed"), ("+49abc", "malformed")]
    {
        let body = json!({ "label": "phone", "number": number });
        let (status, answer) = api.call(&token, Method::POST, "/v1/account/factors/sms", &body).await?;
        ensure!(status == 400 && problem(&answer) == word, "{number}: {status} {answer}");
    }
    ensure!(twilio.sent().is_empty(), "something was sent");
    Ok(())
}
