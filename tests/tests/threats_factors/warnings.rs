use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Api, problem};
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{run, wait_until};
use countersign_tests::server::Server;
use countersign_tests::smtp::{At, Mail, Smtp, Trouble};
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_logged;

/// Longer than a message is left alone that a server was sending when it was stopped: two minutes.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);
pub(super) const URL: &str = "https://ca.example.com";

fn server(smtp: &Smtp) -> Result<Server> {
    let address = smtp.address();
    // Before the first table.
    let top = format!("public_url = \"{URL}\"\nalerts = [\"officers@example.com\"]\n");
    let mail = format!("[mail]\nurl = \"smtp://{address}\"\nfrom = \"ca@example.com\"\ntimeout = \"2s\"\n");
    super::server_with(&top, &mail, &[])
}

/// Waits for a mail to somebody that says this.
pub(super) fn mail(smtp: &Smtp, to: &str, words: &str) -> Result<Mail> {
    wait_until(&format!("a mail to {to} about {words}"), PATIENCE, || {
        let to = to.to_owned();
        Ok(smtp.mails().into_iter().find(|mail| mail.to.contains(&to) && mail.subject.contains(words)))
    })
}

/// Finds the path of the link in a mail.
pub(super) fn link(mail: &Mail) -> Result<String> {
    let start = mail.body.find(&format!("{URL}/freeze/")).context("a link")? + URL.len();
    Ok(mail.body[start..].split_whitespace().next().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_warned_of_a_change_and_can_freeze_the_account() -> Result<()> {
    let smtp = Smtp::start()?;
    let server = server(&smtp)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    Person::new(&server, "olga", &["security-officers"])?;
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    let new = json!({ "password": "an altogether different one" });
    let (status, answer) = api.call(&token, Method::PUT, "/v1/account/password", &new).await?;
    ensure!(status == 204, "{status} {answer}");
    let warning = mail(&smtp, "ann@example.com", "the password was changed")?;
    for words in ["from  127.0.0.1", "when  20", "freeze the account"] {
        ensure!(warning.body.contains(words), "no {words:?} in {}", warning.body);
    }

    let path = link(&warning)?;
    for _ in 0..2 {
        let (status, _) = api.call("", Method::GET, &path, &Value::Null).await?;
        ensure!(status == 200, "looking at the link: {status}");
    }
    let (status, _) = api.call(&token, Method::GET, "/v1/account", &Value::Null).await?;
    ensure!(status == 200, "looking at the link froze the account");
    let (status, _) = api.call("", Method::POST, &path, &Value::Null).await?;
    ensure!(status == 200, "freezing: {status}");

    let (status, _) = api.call(&token, Method::GET, "/v1/account", &Value::Null).await?;
    ensure!(status == 401, "the session of whoever changed it goes on: {status}");
    let again = json!({ "user": "ann", "password": "an altogether different one" });
    let (status, answer) = api.post("/v1/login", &again).await?;
    ensure!(status == 401 && problem(&answer) == "wrong-credentials", "{status} {answer}");
    for officer in ["officers@example.com", "olga@example.com"] {
        let alert = mail(&smtp, officer, "ann has frozen their account")?;
        ensure!(alert.body.contains("ann@example.com") && alert.body.contains("127.0.0.1"), "{}", alert.body);
    }
    for (method, path) in
        [(Method::POST, path.as_str()), (Method::GET, &path), (Method::POST, "/freeze/cs_f_x")]
    {
        let (status, _) = api.call("", method, path, &Value::Null).await?;
        ensure!(status == 404, "{path}: {status}");
    }
    ensure_logged(&server, &ann, "account-frozen", "127.0.0.1")?;
    journey::verify(&server, &ann)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_f15_the_owner_is_warned_of_a_recovery_code_and_of_what_officers_do() -> Result<()> {
    let smtp = Smtp::start()?;
    let server = server(&smtp)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    let (_, codes) = api.call(&token, Method::POST, "/v1/account/recovery-codes", &json!({})).await?;
    let code = codes["codes"][0].as_str().context("a code")?;
    mail(&smtp, "ann@example.com", "new recovery codes were made")?;
    for (expected, words) in [(200, "was used to log in"), (401, "that was used before")] {
        let challenge = api.begin(&ann, "access").await?;
        let (status, answer) = api.show(&challenge, "recovery", code).await?;
        ensure!(status == expected, "{status} {answer}");
        let warning = mail(&smtp, "ann@example.com", words)?;
        ensure!(!warning.body.contains(code), "the code is in the mail");
    }
    // With none left the same is told and answered.
    let codes = codes["codes"].as_array().context("codes")?;
    for code in codes.iter().skip(1).filter_map(Value::as_str) {
        let challenge = api.begin(&ann, "access").await?;
        let (status, answer) = api.show(&challenge, "recovery", code).await?;
        ensure!(status == 200, "{status} {answer}");
    }
    let warned = || smtp.mails().iter().filter(|mail| mail.subject.contains("that was used before")).count();
    let before = warned();
    let challenge = api.begin(&ann, "access").await?;
    let (status, answer) = api.show(&challenge, "recovery", code).await?;
    ensure!(status == 401 && problem(&answer) == "code-used", "{status} {answer}");
    wait_until("another warning", PATIENCE, || Ok((warned() > before).then_some(())))?;
    // On the console, by a process that sends nothing itself.
    run(server.command(&["user", "reset", "ann"])?.env("COUNTERSIGN_PASSWORD", "given by an officer"))?;
    mail(&smtp, "ann@example.com", "the password and all factors were replaced by console")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_waits_for_the_mail_server_also_over_a_restart_and_is_sealed() -> Result<()> {
    let smtp = Smtp::start()?;
    let mut server = server(&smtp)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    smtp.fail(At::Sender, Trouble::Code(451));
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    let (status, _) = api.call(&token, Method::POST, "/v1/account/recovery-codes", &json!({})).await?;
    ensure!(status == 200, "{status}");
    wait_until("a try", PATIENCE, || Ok((!smtp.commands().is_empty()).then_some(())))?;
    tokio::task::block_in_place(|| server.stop())?;
    let database = std::fs::read(server.folder().join("state.db"))?;
    let words = b"recovery codes were made";
    ensure!(!database.windows(words.len()).any(|window| window == words), "f17: the message can be read");
    smtp.behave();
    server.serve()?;
    mail(&smtp, "ann@example.com", "new recovery codes were made")?;
    Ok(())
}
