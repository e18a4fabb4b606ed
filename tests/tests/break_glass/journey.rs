//! The whole way with the real `ca`: sealed on a quiet day, used at night, looked into in the morning.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::agent::SshAgent;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};
use serde_json::Value;

use crate::server;

fn officer(server: &Server, name: &str) -> Result<(Person, String)> {
    let person = Person::new(server, name, &["security-officers"])?;
    let key = person.new_key("approve", &["ed25519"])?.to_string_lossy().into_owned();
    person.login()?;
    let mut add = person.ca(&["approval-key", "add", &key, "--user", name])?;
    run(add.env("COUNTERSIGN_PASSWORD", &person.password).env("COUNTERSIGN_CODE", person.phone.code()))?;
    Ok((person, key))
}

#[test]
fn two_officers_seal_a_voucher_an_engineer_uses_it_and_one_of_them_looks_into_it() -> Result<()> {
    let server = server()?;
    let sshd = Sshd::start(&server.ca_key())?;
    let agent = SshAgent::start()?;
    let ann = Person::new(&server, &running_user()?, &["engineers"])?.with_agent(agent.socket());
    ann.login()?;
    let ((bo, bos), (chen, chens)) = (officer(&server, "bo")?, officer(&server, "chen")?);

    let unread = output(&mut bo.ca(&["voucher", "seal", "vault", "--key", &bos])?)?;
    ensure!(unread.status.code() == Some(2), "sealed without a word");
    let none = output(&mut bo.ca(&["voucher", "seal", "lab", "--key", &bos, "--yes"])?)?;
    ensure!(none.status.code() == Some(1), "lab takes none: {none:?}");
    let seal = ["voucher", "seal", "vault", "--note", "the safe", "--key", &bos, "--yes", "--json"];
    let made: Value = serde_json::from_str(&run(&mut bo.ca(&seal)?)?)?;
    let (id, secret) = (made["voucher"]["id"].as_str(), made["secret"].as_str());
    let (id, secret) = (id.context("an id")?, secret.context("a secret")?);
    run(&mut chen.ca(&["voucher", "sign", &id[16..], "--key", &chens, "--yes"])?)?;
    let list = run(&mut chen.ca(&["voucher", "list"])?)?;
    ensure!(list.contains("ready (2 of 2: bo, chen)"), "{list}");

    let mut break_glass = ann.ca(&["request", "vault", "--voucher", "--reason", "INC-1 nobody answers"])?;
    run(break_glass.env("COUNTERSIGN_VOUCHER", secret))?;
    let who = run(sshd.ssh().env("SSH_AUTH_SOCK", agent.socket()).args(["127.0.0.1", "id", "-un"]))?;
    ensure!(who.trim() == sshd.account(), "{who}");
    let mut again = ann.ca(&["request", "vault", "--voucher"])?;
    let again = output(again.env("COUNTERSIGN_VOUCHER", secret))?;
    ensure!(again.status.code() == Some(1), "used twice: {again:?}");

    let open = run(&mut bo.ca(&["requests"])?)?;
    let line = open.lines().find(|line| line.contains("ca review")).context("nothing is open")?;
    let request = line.split_whitespace().next().context("an id")?;
    run(&mut bo.ca(&["review", request, "--note", "a full disk; all well", "--key", &bos, "--yes"])?)?;
    ensure!(!run(&mut bo.ca(&["requests"])?)?.contains("ca review"), "it is open still");

    let log = server.log_folder().display().to_string();
    let events = run(ann.ca(&["audit", "search", &log, "--key"])?.arg(server.log_key()))?;
    for kind in
        ["voucher-sealed", "break-glass-used", "nobody answers", "break-glass-reviewed", "a full disk"]
    {
        ensure!(events.contains(kind), "{kind} is missing in {events}");
    }
    ensure!(!events.contains(secret) && !events.contains(&secret.replace('-', "")), "the log has the secret");
    journey::verify(&server, &ann)
}
