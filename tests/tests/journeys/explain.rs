//! `ca explain PROFILE`: what it says of a request is what happens to it, and what it says would help does.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_api::{ExplainedDenial, Explanation};
use countersign_tests::journey;
use countersign_tests::person::{Person, add_command, new_password};
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;

const PROFILES: &str = r#"
[profiles.dev]
description = "Your own account"
principals = ["{user}", "deploy"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"

[profiles.ticketed]
description = "With a ticket"
principals = ["{user}"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"
key_kinds = ["ecdsa-p256"]
ticket_pattern = "INC-[0-9]+"

[profiles.fresh]
description = "After a fresh login"
principals = ["{user}"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "5s"

[profiles.vault]
description = "The vault"
principals = ["vault"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
approvals = { count = 2, groups = ["officers"], wait = "1h" }

[profiles.root]
description = "For operators"
principals = ["root"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
"#;

const RULES: &str = r#"
@id("engineers") permit (principal in Group::"engineers", action == Action::"request", resource)
unless { resource == Profile::"root" };
@id("operators") permit (principal in Group::"operators", action == Action::"request", resource == Profile::"root");
@id("officers") permit (principal in Group::"officers", action == Action::"approve", resource);
@id("logged-in-lately") forbid (principal, action == Action::"request", resource == Profile::"fresh")
when { context.login_age > 5 };
"#;

/// Somebody who asks, with a program's token and the server it is for if they are given.
struct Asker<'a> {
    person: &'a Person,
    token: Option<(String, &'a str)>,
}

impl Asker<'_> {
    fn ca(&self, args: &[&str]) -> Result<Command> {
        let mut command = self.person.ca(args)?;
        if let Some((token, server)) = &self.token {
            command.env("COUNTERSIGN_TOKEN", token).env("COUNTERSIGN_SERVER", server);
        }
        Ok(command)
    }

    /// Explains; gives what it says, and checks that the exit code says the same.
    fn explain(&self, asked: &[&str]) -> Result<Explanation> {
        let done = output(&mut self.ca(&[&["explain", "--json"], asked].concat())?)?;
        let text = String::from_utf8_lossy(&done.stdout);
        let said: Explanation = serde_json::from_str(&text).with_context(|| format!("{done:?}"))?;
        let expected = match said.verdict.as_str() {
            "granted" => 0,
            "needs-approval" => 3,
            _ => 1,
        };
        ensure!(done.status.code() == Some(expected), "{said:?} {:?}", done.status);
        Ok(said)
    }

    /// Explains what is denied for one reason, which the request itself is then denied for, too.
    fn denied(&self, asked: &[&str], code: &str) -> Result<ExplainedDenial> {
        let said = self.explain(asked)?;
        let [denial] = &said.denials[..] else { anyhow::bail!("not one reason: {said:?}") };
        ensure!(said.verdict == "denied" && denial.code == code, "not {code}: {said:?}");
        let done = output(&mut self.ca(&[&["request"], asked].concat())?)?;
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.code() == Some(1) && words.contains(&denial.detail), "{denial:?}: {words}");
        ensure!(said.together.is_some() != denial.remedies.is_empty(), "{said:?}");
        Ok(denial.clone())
    }

    /// Explains what is granted, and then asks for it.
    fn granted(&self, asked: &[&str]) -> Result<()> {
        let said = self.explain(asked)?;
        ensure!(said.verdict == "granted" && said.denials.is_empty(), "{said:?}");
        run(&mut self.ca(&[&["request"], asked].concat())?).map(drop)
    }
}

/// Gives what is typed for the first remedy, which has to say this.
fn remedy(denial: &ExplainedDenial, words: &str) -> Result<String> {
    let first = denial.remedies.first().with_context(|| format!("no remedy: {denial:?}"))?;
    ensure!(first.detail.contains(words), "not {words}: {denial:?}");
    first.command.clone().with_context(|| format!("nothing to type: {denial:?}"))
}

fn key(person: &Person, name: &str, kind: &[&str]) -> Result<String> {
    Ok(person.new_key(name, kind)?.to_string_lossy().into_owned())
}

fn start() -> Result<Server> {
    let mut server = Server::make_ruled(PROFILES, RULES)?;
    server.serve()?;
    Ok(server)
}

/// Counts the events of a type in the log.
fn count(server: &Server, kind: &str) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(server.log_folder().join("journal"))? {
        let text = std::fs::read(entry?.path())?;
        count += String::from_utf8_lossy(&text).matches(&format!("\"type\":\"{kind}\"")).count();
    }
    Ok(count)
}

#[test]
fn each_denial_is_explained_and_its_remedy_is_one() -> Result<()> {
    let server = start()?;
    let person = Person::new(&server, "ann", &["engineers"])?;
    person.login()?;
    let ann = Asker { person: &person, token: None };
    let ed25519 = key(&person, "id", &["ed25519"])?;

    let long = ann.denied(&["dev", "--key", &ed25519, "--ttl", "9h"], "ttl-above-cap")?;
    let typed = remedy(&long, "2h at most")?;
    let typed: Vec<&str> = typed.split(' ').collect();
    ann.granted(&[&["dev", "--key", &ed25519], &typed[..]].concat())?;

    let accounts = ["--principal", "root", "--principal", "deploy"];
    let other =
        ann.denied(&[&["dev", "--key", &ed25519], &accounts[..]].concat(), "principal-not-granted")?;
    let typed = remedy(&other, "no other account than deploy")?;
    let typed: Vec<&str> = typed.split(' ').collect();
    ann.granted(&[&["dev", "--key", &ed25519], &typed[..]].concat())?;

    let why = ["--reason", "INC-7 disk full"];
    let kind = ann.denied(&[&["ticketed", "--key", &ed25519], &why[..]].concat(), "key-kind")?;
    ensure!(remedy(&kind, "ecdsa-sha2-nistp256")? == "--key FILE", "{kind:?}");
    let ecdsa = key(&person, "id_ecdsa", &["ecdsa", "-b", "256"])?;
    ann.granted(&[&["ticketed", "--key", &ecdsa], &why[..]].concat())?;

    let none = ann.denied(&["ticketed", "--key", &ecdsa], "reason-missing")?;
    remedy(&none, "a word like INC-[0-9]+")?;
    let vague = ann.denied(&["ticketed", "--key", &ecdsa, "--reason", "disk full"], "ticket-missing")?;
    remedy(&vague, "a word like INC-[0-9]+")?;

    let nowhere = ann.denied(&["dve", "--key", &ed25519], "no-such-profile")?;
    ensure!(remedy(&nowhere, "dev instead")? == "ca request dev", "{nowhere:?}");

    // Only those who look after accounts could do anything about this one; the group is named, and nobody in it.
    let root = ann.denied(&["root", "--key", &ed25519], "not-permitted")?;
    let words: Vec<&str> = root.remedies.iter().map(|remedy| remedy.detail.as_str()).collect();
    ensure!(words == ["have an officer put you into the group operators"], "{root:?}");

    // Two reasons, one remedy; and the rule is shown as it is written.
    std::thread::sleep(Duration::from_secs(6));
    let stale = ann.explain(&["fresh", "--key", &ed25519])?;
    let codes: Vec<&str> = stale.denials.iter().map(|denial| denial.code.as_str()).collect();
    ensure!(codes == ["forbidden", "login-too-old"], "{stale:?}");
    let rule = &stale.denials[0].rules[0];
    ensure!(rule.id == "logged-in-lately" && rule.text.contains("context.login_age > 5"), "{stale:?}");
    let together = stale.together.context("a way")?;
    ensure!(together.verdict == "granted" && together.remedies.len() == 1, "{together:?}");
    ensure!(together.remedies[0].command.as_deref() == Some("ca login --factor totp"), "{together:?}");
    person.login()?;
    ann.granted(&["fresh", "--key", &ed25519])?;

    // Each was asked about and then asked for: what was only asked about is not in the log.
    ensure!(count(&server, "request-denied")? == 7, "{} denials", count(&server, "request-denied")?);
    ensure!(count(&server, "certificate")? == 4, "{} certificates", count(&server, "certificate")?);
    journey::verify(&server, &person)
}

#[test]
fn a_program_is_told_that_a_person_could_log_in() -> Result<()> {
    let server = start()?;
    let nora = Person::new(&server, "nora", &["engineers"])?;
    let key = key(&nora, "id", &["ed25519"])?;
    let add = ["apikey", "add", "ci", "--profile", "dev", "--network", "127.0.0.1/32", "--factor", "totp"];
    let mut add = nora.ca(&add)?;
    add.args(["--server", server.url(), "--user", "nora"]);
    add.env("COUNTERSIGN_PASSWORD", &nora.password).env("COUNTERSIGN_CODE", nora.phone.code());
    let program = Asker { person: &nora, token: Some((run(&mut add)?.trim().to_owned(), server.url())) };
    let missing = program.denied(&["dev", "--user", "nora", "--key", &key], "factor-missing")?;
    ensure!(remedy(&missing, "log in again with totp")? == "ca login --factor totp", "{missing:?}");
    nora.login()?;
    Asker { person: &nora, token: None }.granted(&["dev", "--key", &key])?;
    journey::verify(&server, &nora)
}

#[test]
fn what_needs_approval_names_who_could_give_it_and_waits_for_nothing() -> Result<()> {
    let server = start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    for name in ["bo", "chen", "fay"] {
        Person::new(&server, name, &["officers"])?;
    }
    run(&mut server.command(&["user", "disable", "fay"])?)?;
    let mut second = add_command(&server, "ann2", &["officers"], &new_password()?)?;
    run(second.args(["--person", "ann"]))?;
    ann.login()?;
    let asker = Asker { person: &ann, token: None };
    let said = asker.explain(&["vault"])?;
    ensure!(said.verdict == "needs-approval" && said.accounts == ["vault"], "{said:?}");
    let approvals = said.approvals.context("approvals")?;
    ensure!(approvals.needs == 2 && approvals.groups == ["officers"], "{approvals:?}");
    ensure!(approvals.approvers == ["bo", "chen"], "{approvals:?}");

    // For people: the verdict first, and then who.
    let done = output(&mut ann.ca(&["explain", "vault", "--ttl", "5h"])?)?;
    let words = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.code() == Some(1) && words.starts_with("✗ You would not get vault now."), "{words}");
    for expected in ["vault lasts at most 1h, not 5h", "--ttl 1h", "Then it has to be approved.", "bo, chen"]
    {
        ensure!(words.contains(expected), "no {expected:?} in {words}");
    }
    ensure!(count(&server, "request-pending")? + count(&server, "request-denied")? == 0, "it is in the log");
    let waiting: serde_json::Value = serde_json::from_str(&run(&mut ann.ca(&["requests", "--json"])?)?)?;
    ensure!(waiting.to_string().matches("vault").count() == 0, "{waiting}");
    journey::verify(&server, &ann)
}
