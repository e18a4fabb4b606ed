//! More than one CA key for users: a profile chooses, a host that trusts one of them takes its certificates and no others.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::journey;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::{RULES, Server};
use countersign_tests::sshd::{Sshd, running_user};

fn policy(ca: &str) -> String {
    let profile = |name: &str, ca: &str| {
        format!(
            "[profiles.{name}]\ndescription = \"{name}\"\nprincipals = [\"{{user}}\"]\ndefault_ttl = \"1h\"\n\
             max_ttl = \"2h\"\nfactors = [\"totp\"]\nlogin_max_age = \"12h\"\nextensions = [\"permit-pty\"]\n{ca}\n"
        )
    };
    profile("dev", "") + &profile("prod", &format!("ca = \"{ca}\""))
}

#[test]
fn a_profile_chooses_the_ca_key_that_signs() -> Result<()> {
    let mut server =
        Server::make_ruled(&policy("SHA256:ZfORk8zeIJgvdShw5QnZ0Z1gDXqXTZuMxQ9rQ9v5qyM"), RULES)?;
    let refused = output(&mut server.serve_command()?)?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(!refused.status.success() && said.contains("profile prod: this server has no CA key"), "{said}");

    let mut add = server.command(&["add-user-ca"])?;
    let said = run(add.arg("prod_ca"))?;
    let line = |start: &str| {
        let found = said.lines().map(str::trim).find(|line| line.starts_with(start));
        found.map(str::to_owned).with_context(|| format!("no {start} in {said}"))
    };
    let config = fs::read_to_string(server.config())?;
    let config = config.replacen("[keys]\n", &format!("[keys]\n{}\n", line("more_cas = ")?), 1);
    fs::write(server.config(), config)?;
    let chosen = line("ca = ")?;
    server.set_policy(&policy(chosen.trim_start_matches("ca = ").trim_matches('"')), RULES)?;
    server.serve()?;

    let ann = Person::new(&server, &running_user()?, &["engineers"])?;
    ann.login()?;
    let (dev, prod) = (ann.new_key("dev", &["ed25519"])?, ann.new_key("prod", &["ed25519"])?);
    let (ours, theirs) = (ann.request("dev", &dev, &[])?, ann.request("prod", &prod, &[])?);
    let ca_of = |file| Ok::<_, anyhow::Error>(ann.inspect(file)?["ca"].to_string());
    ensure!(ca_of(&ours)? != ca_of(&theirs)?, "one key signed both");

    let trusted = server.folder().join("prod.pub");
    fs::write(&trusted, line("ssh-ed25519 ")? + "\n")?;
    let sshd = Sshd::start_with(OpenSsh::of_the_system(), &trusted, "")?;
    ensure!(sshd.try_login(&prod, "127.0.0.1")?.status.success(), "{}", sshd.log());
    ensure!(sshd.try_login(&dev, "127.0.0.1")?.status.code() == Some(255), "{}", sshd.log());
    server.stop()?;
    journey::verify(&server, &ann)
}
