//! The whole journey with the log in a folder: log in, request, inspect, use, audit.

use std::process::Command;

use anyhow::{Context as _, Result};
use countersign_tests::agent::SshAgent;
use countersign_tests::journey;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};

#[test]
fn from_a_password_and_a_code_to_a_login_with_the_log_in_a_folder() -> Result<()> {
    let mut server = Server::start()?;
    let certificate = journey::password_to_login(&server)?;
    let log = LogFolder::read(&server.log_folder(), &server.log_key())?;
    log.check(&certificate)?;
    server.stop()
}

#[test]
fn an_ephemeral_key_goes_straight_into_the_agent_and_logs_in() -> Result<()> {
    let server = Server::start()?;
    let sshd = Sshd::start(&server.ca_key())?;
    let agent = SshAgent::start()?;
    let ann = Person::new(&server, &running_user()?, &["engineers"])?.with_agent(agent.socket());
    ann.login()?;
    run(&mut ann.ca(&["request", "dev", "--ttl", "5m"])?)?;
    assert!(agent.list()?.contains("ssh-ed25519-cert-v01@openssh.com"), "{}", agent.list()?);
    let who = run(sshd.ssh().env("SSH_AUTH_SOCK", agent.socket()).args(["127.0.0.1", "id", "-un"]))?;
    assert_eq!(who.trim(), sshd.account());
    let line = sshd.accepted().pop().context("no login in sshd's log")?;
    assert!(line.contains(&format!("ID {}/", ann.email)), "{line}");
    Ok(())
}

#[test]
fn f1_an_independent_app_shows_the_codes_that_the_server_takes_once() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let code = run(Command::new("oathtool").args(["--totp", "--base32", ann.phone.secret()]))?;
    let login = || -> Result<Command> {
        let mut login = ann.login_command()?;
        login.env("COUNTERSIGN_CODE", code.trim());
        Ok(login)
    };
    run(&mut login()?)?;
    let again = output(&mut login()?)?;
    assert_eq!(again.status.code(), Some(1), "{}", String::from_utf8_lossy(&again.stderr));
    Ok(())
}

#[test]
fn the_log_says_who_asked_for_what_and_why() -> Result<()> {
    let mut server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let key = ann.new_key("id", &["ed25519"])?;
    ann.request("dev", &key, &["--reason", "INC-42 disk full"])?;
    server.stop()?;
    let log = server.log_folder().display().to_string();
    let mut search = ann.ca(&["audit", "search", &log, "--user", "ann", "--json", "--key"])?;
    let found = run(search.arg(server.log_key()))?;
    for fact in ["INC-42 disk full", "ann@example.com", "\"dev\"", "totp", "127.0.0.1"] {
        assert!(found.contains(fact), "{fact} is missing in {found}");
    }
    assert!(!found.contains(&ann.password) && !found.contains(ann.phone.secret()), "a secret is in the log");
    Ok(())
}
