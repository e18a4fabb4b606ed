//! The whole way with the real `ca`: opened, signed, waited for, taken over, and less for a while.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::approvals::session;
use countersign_tests::invitation::accept;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run, wait_until};
use countersign_tests::server::Server;
use countersign_tests::smtp::Smtp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PATIENCE, mail, server};

const PASSWORD: &str = "a new one of her own";

/// Makes an officer with a key in a file; gives the options to sign with.
fn officer(server: &Server, name: &str) -> Result<(Person, Vec<String>)> {
    let person = Person::new(server, name, &["security-officers"])?;
    let key = person.new_key("approve", &["ed25519"])?.to_string_lossy().into_owned();
    person.login()?;
    let mut add = person.ca(&["approval-key", "add", &key, "--label", "desk", "--user", name])?;
    run(add.env("COUNTERSIGN_PASSWORD", &person.password).env("COUNTERSIGN_CODE", person.phone.code()))?;
    Ok((person, ["--key", &key, "--yes"].map(str::to_owned).to_vec()))
}

/// Says something about ann's recovery, signed.
fn say((officer, signing): &(Person, Vec<String>), what: &str) -> Result<std::process::Output> {
    let mut command = officer.ca(&["recovery", what, "ann", "--reason", "met in person", "--json"])?;
    output(command.args(signing))
}

#[test]
fn two_officers_give_an_account_back_and_it_can_do_less_for_a_while() -> Result<()> {
    let smtp = Smtp::start()?;
    let server = server(&smtp, "2s")?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let key = ann.new_key("id", &["ed25519"])?;
    for profile in ["prod", "dev"] {
        ann.request(profile, &key, &[])?;
    }
    let (bo, chen) = (officer(&server, "bo")?, officer(&server, "chen")?);

    let unread = output(&mut bo.0.ca(&["recovery", "open", "ann", "--reason", "r", "--key", &bo.1[1]])?)?;
    ensure!(unread.status.code() == Some(2), "signed without a word: {unread:?}");
    let opened = say(&bo, "open")?;
    ensure!(opened.status.success(), "{opened:?}");
    let warning = mail(&smtp, "ann@example.com", "officer bo asks to recover the account")?;
    ensure!(warning.body.contains("ca recovery veto"), "{}", warning.body);
    mail(&smtp, "chen@example.com", "ann")?;
    ensure!(say(&bo, "sign")?.status.code() == Some(1), "signed twice");
    let alone = output(&mut bo.0.ca(&["recovery", "finish", "ann"])?)?;
    ensure!(alone.status.code() == Some(1), "finished alone: {alone:?}");
    let shown = run(&mut chen.0.ca(&["recovery", "list"])?)?;
    ensure!(
        shown.contains("signed by 1 of 2") && shown.contains("bo") && shown.contains("met in person"),
        "{shown}"
    );
    let signed: Value = serde_json::from_slice(&say(&chen, "sign")?.stdout)?;
    ensure!(signed["state"] == "due", "{signed}");
    mail(&smtp, "ann@example.com", "the account can be recovered from")?;

    let invitation = wait_until("the end of the wait", PATIENCE, || {
        let done = output(&mut chen.0.ca(&["recovery", "finish", "ann"])?)?;
        Ok(done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned()))
    })?;
    for words in ["you have until", "the account was recovered"] {
        mail(&smtp, "ann@example.com", words)?;
    }
    // Whoever has the old password, session or certificates has nothing now.
    let old = output(&mut ann.ca(&["request", "dev", "--key", &key.to_string_lossy()])?)?;
    ensure!(!old.status.success(), "the old session goes on");
    ensure!(!output(&mut ann.login_command()?)?.status.success(), "the old password works");

    // Another invitation ends the one before, and is told; so is that somebody took the account with it.
    let second = run(&mut bo.0.ca(&["recovery", "finish", "ann"])?)?;
    mail(&smtp, "ann@example.com", "officer bo made another invitation")?;
    mail(&smtp, "chen@example.com", "has another invitation")?;
    let home = tempfile::tempdir()?;
    ensure!(accept(&bo.0, &invitation, PASSWORD).is_err(), "the first invitation works still");
    let (secret, _) = accept(&bo.0, second.trim(), PASSWORD)?;
    let warning = mail(&smtp, "ann@example.com", "somebody accepted its invitation")?;
    ensure!(warning.body.contains("freeze the account"), "{}", warning.body);
    let added = json!({ "email": "ann@example.com", "totp_secret": secret }).to_string();
    let ann = Person::at(&server, "ann", PASSWORD.to_owned(), &added, home.path())?;
    // The app has shown a code for the invitation already.
    let _ = ann.phone.code();
    ann.login()?;
    let key = ann.new_key("id", &["ed25519"])?;
    ann.request("dev", &key, &[])?;
    let less = output(&mut ann.ca(&["request", "prod", "--key", &key.to_string_lossy()])?)?;
    let said = String::from_utf8_lossy(&less.stderr).into_owned();
    ensure!(less.status.code() == Some(1) && said.contains("ann was recovered"), "{said}");

    ensure_recorded(&server, &bo.0)?;
    journey::verify(&server, &bo.0)
}

/// Finds the class of events in the log, and that the certificates of before are revoked.
fn ensure_recorded(server: &Server, officer: &Person) -> Result<()> {
    let log = server.log_folder().display().to_string();
    let mut search = officer.ca(&["audit", "search", &log, "--text", "recovery", "--key"])?;
    let events = run(search.arg(server.log_key()))?;
    for kind in ["recovery-opened", "recovery-signed", "recovery-due", "recovery-finished"] {
        ensure!(events.contains(kind), "{kind} is missing in {events}");
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let api = Api::new(server)?;
        let token = session(&api, officer).await?;
        let (_, list) = api.call(&token, Method::GET, "/v1/revocations", &Value::Null).await?;
        let text = list.to_string();
        ensure!(text.contains("the account was recovered"), "{text}");
        list.as_object().context("an object").map(drop)
    })
}
