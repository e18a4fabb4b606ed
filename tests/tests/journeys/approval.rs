//! An engineer asks and waits, two officers approve with keys of their own, and a real sshd lets the engineer in.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::agent::SshAgent;
use countersign_tests::approvals::server;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run, wait_until};
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};
use serde_json::Value;

/// Makes an officer who approves with this kind of key.
fn officer(server: &Server, name: &str, kind: &[&str], agent: Option<&SshAgent>) -> Result<Person> {
    let person = Person::new(server, name, &["security-officers"])?;
    let key = person.new_key("approve", kind)?;
    let person = match agent {
        Some(agent) => {
            run(Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", agent.socket()))?;
            // The agent alone has it now.
            std::fs::remove_file(&key)?;
            person.with_agent(agent.socket())
        }
        None => person,
    };
    person.login()?;
    let file = if agent.is_some() { key.with_extension("pub") } else { key };
    let mut add =
        person.ca(&["approval-key", "add", &file.to_string_lossy(), "--label", "desk", "--user", name])?;
    run(add.env("COUNTERSIGN_PASSWORD", &person.password).env("COUNTERSIGN_CODE", person.phone.code()))?;
    Ok(person)
}

/// Waits until somebody has something to decide, and gives its id.
fn waiting(officer: &Person) -> Result<String> {
    wait_until("a request that waits", Duration::from_secs(30), || {
        let list: Value = serde_json::from_str(&run(&mut officer.ca(&["requests", "--json"])?)?)?;
        let found = list["requests"].as_array().into_iter().flatten().find(|r| r["state"] == "pending");
        Ok(found.and_then(|request| Some(request["id"].as_str()?.to_owned())))
    })
}

#[test]
fn an_engineer_waits_two_officers_approve_and_sshd_lets_her_in() -> Result<()> {
    let server = server()?;
    let sshd = Sshd::start(&server.ca_key())?;
    let (agent, officers_agent) = (SshAgent::start()?, SshAgent::start()?);
    let ann = Person::new(&server, &running_user()?, &["engineers"])?.with_agent(agent.socket());
    ann.login()?;
    let bo = officer(&server, "bo", &["ecdsa"], None)?;
    let chen = officer(&server, "chen", &["rsa", "-b", "3072"], Some(&officers_agent))?;

    let mut asking =
        ann.ca(&["request", "vault", "--wait", "--ttl", "5m", "--reason", "INC-4127 disk full"])?;
    let asking = asking.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let id = waiting(&bo)?;
    let shown = run(&mut bo.ca(&["show", &id])?)?;
    let accounts = format!("({}, vault, says the server)", ann.name);
    let asks = format!("{} asks for vault", ann.name);
    for words in [&*asks, &accounts, "INC-4127 disk full", "5m", "unchanged", "0 of 2"] {
        ensure!(shown.contains(words), "{words} is missing in {shown}");
    }
    let status = run(&mut ann.ca(&["status"])?)?;
    ensure!(status.contains(&id), "{status}");
    let unread = output(&mut bo.ca(&["approve", &id, "--key", &bo.home("approve").to_string_lossy()])?)?;
    ensure!(unread.status.code() == Some(2), "signed without a word");
    let key = bo.home("approve").to_string_lossy().into_owned();
    let half = run(&mut bo.ca(&["approve", &id[16..], "--key", &key, "--yes", "--json"])?)?;
    ensure!(half.contains("\"pending\""), "{half}");
    let twice = output(&mut bo.ca(&["approve", &id, "--key", &key, "--yes"])?)?;
    ensure!(twice.status.code() == Some(1), "approved twice");
    let whole = run(&mut chen.ca(&["approve", &id, "--note", "ok, watched", "--yes", "--json"])?)?;
    ensure!(whole.contains("\"issued\""), "{whole}");

    let ended = asking.wait_with_output()?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let who = run(sshd.ssh().env("SSH_AUTH_SOCK", agent.socket()).args(["127.0.0.1", "id", "-un"]))?;
    ensure!(who.trim() == sshd.account(), "{who}");
    let line = sshd.accepted().pop().context("no login in sshd's log")?;
    ensure!(line.contains(&format!("ID {}/{id}", ann.email)), "{line}");
    let log = server.log_folder().display().to_string();
    let mut search = ann.ca(&["audit", "search", &log, "--text", &id, "--key"])?;
    let events = run(search.arg(server.log_key()))?;
    for kind in ["request-pending", "request-approved", "certificate", "ok, watched"] {
        ensure!(events.contains(kind), "{kind} is missing in {events}");
    }
    journey::verify(&server, &ann)
}

#[test]
fn a_request_left_waiting_is_collected_later_and_its_key_is_kept_safely() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut server = server()?;
    let agent = SshAgent::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?.with_agent(agent.socket());
    ann.login()?;
    let bo = officer(&server, "bo", &["ed25519"], None)?;
    let left = output(&mut ann.ca(&["request", "lab", "--json"])?)?;
    ensure!(left.status.code() == Some(3), "{left:?}");
    let pending: Value = serde_json::from_slice(&left.stdout)?;
    let id = pending["request_id"].as_str().context("an id")?.to_owned();
    let early = output(&mut ann.ca(&["collect", &id])?)?;
    ensure!(early.status.code() == Some(3), "{early:?}");
    let found = run(Command::new("find").arg(ann.home("state")).args(["-name", &format!("{id}.json")]))?;
    let mode = std::fs::metadata(found.trim())?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "{mode:o}");
    // Nothing that was asked is lost when the server is.
    server.kill()?;
    server.serve()?;
    let key = bo.home("approve").to_string_lossy().into_owned();
    run(&mut bo.ca(&["approve", &id.to_lowercase(), "--key", &key, "--yes"])?)?;
    run(&mut ann.ca(&["collect", &id])?)?;
    ensure!(agent.list()?.contains("ssh-ed25519-cert-v01@openssh.com"), "{}", agent.list()?);
    ensure!(!std::path::Path::new(found.trim()).exists(), "the key is kept for ever");

    // One that is denied, with a reason, and one that its requester takes back.
    let file = ann.new_key("id", &["ed25519"])?.to_string_lossy().into_owned();
    for (command, more) in
        [("deny", &["--reason", "not tonight", "--key", &key, "--yes"][..]), ("cancel", &[])]
    {
        let left = output(&mut ann.ca(&["request", "lab", "--key", &file, "--json"])?)?;
        let pending: Value = serde_json::from_slice(&left.stdout)?;
        let id = pending["request_id"].as_str().context("an id")?;
        let shown = run(&mut bo.ca(&["show", id])?)?;
        ensure!(shown.contains("usual time (30 min, says the server)"), "{shown}");
        let who = if command == "deny" { &bo } else { &ann };
        run(&mut who.ca(&[&[command, id], more].concat())?)?;
        let over = output(&mut ann.ca(&["collect", id])?)?;
        let said = String::from_utf8_lossy(&over.stderr);
        let end = if command == "deny" { "denied, by bo: not tonight" } else { "cancelled, by ann" };
        ensure!(over.status.code() == Some(1) && said.contains(end), "{over:?}");
    }
    let list = run(&mut bo.ca(&["approval-key", "list"])?)?;
    ensure!(list.contains("desk") && list.contains("SHA256:"), "{list}");
    journey::verify(&server, &ann)
}
