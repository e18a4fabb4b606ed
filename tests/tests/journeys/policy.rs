//! The policy changes while the server runs: what is right is taken up and recorded, what is wrong is refused and said.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run, wait_until};
use countersign_tests::programs::{program, repository};
use countersign_tests::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);

/// Gives what `/policyz` or `/metrics` says, whatever the status.
fn operations(server: &Server, path: &str) -> Result<String> {
    let address = server.metrics_url().strip_prefix("http://").context("plain HTTP")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) -> Result<()> {
    Ok(std::fs::write(path, change(std::fs::read_to_string(path)?))?)
}

/// Asks for a certificate; gives what `ca` said, and whether there is one.
fn ask(person: &Person, profile: &str, key: &Path) -> Result<(bool, String)> {
    let answer = output(&mut person.ca(&["request", profile, "--key", &key.to_string_lossy()])?)?;
    Ok((answer.status.success(), String::from_utf8_lossy(&answer.stderr).into_owned()))
}

fn in_force(server: &Server) -> Result<String> {
    let said = operations(server, "/policyz")?;
    said.lines()
        .find_map(|line| line.strip_prefix("policy "))
        .map(str::to_owned)
        .with_context(|| said.clone())
}

/// Waits until another policy than this is in force.
fn another(server: &Server, than: &str) -> Result<String> {
    wait_until("another policy", PATIENCE, || Ok(Some(in_force(server)?).filter(|id| id != than)))
}

#[test]
fn a_changed_folder_is_taken_up_and_a_broken_one_is_not() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let key = ann.new_key("id", &["ed25519"])?;
    let (rules, cases) = (server.policy().join("rules.cedar"), server.policy().join("cases.toml"));
    let first = in_force(&server)?;
    ensure!(ask(&ann, "dev", &key)?.0, "the sample policy lets engineers have dev");

    // A rule more: it is in force without a restart, and the denial names it.
    edit(&rules, |text| {
        text + "\n@id(\"nobody-today\")\nforbid (principal in Group::\"engineers\", action, resource);\n"
    })?;
    let refusal = || Ok(Some(operations(&server, "/policyz")?).filter(|said| said.contains("refused")));
    let said = wait_until("the refusal", PATIENCE, refusal)?;
    ensure!(said.contains("cases.toml line ") && said.contains("expected granted, came denied"), "{said}");
    ensure!(ask(&ann, "dev", &key)?.0, "its own cases fail: the old one stays");
    std::fs::remove_file(&cases)?;
    let second = another(&server, &first)?;
    let (granted, said) = ask(&ann, "dev", &key)?;
    ensure!(!granted && said.contains("nobody-today"), "{said}");

    // A broken file: the old policy stays, and file, line and hint are said everywhere.
    let good = std::fs::read_to_string(&rules)?;
    edit(&rules, |text| text.replace("Profile::\"prod-root\"", "Profile::\"prod-rot\""))?;
    let said = wait_until("the refusal", PATIENCE, refusal)?;
    ensure!(said.contains("rules.cedar line ") && said.contains("Did you mean \"prod-root\"?"), "{said}");
    ensure!(in_force(&server)? == second && !ask(&ann, "dev", &key)?.0, "the old one stays");
    ensure!(operations(&server, "/metrics")?.contains("countersign_policy_reload_failed 1"), "the metric");
    ensure!(server.output().contains("prod-rot"), "the log says why");
    let check = output(&mut server.command(&["check-config"])?)?;
    let words = String::from_utf8_lossy(&check.stderr).into_owned();
    ensure!(!check.status.success() && words.contains("rules.cedar line "), "{words}");

    // Put right, by the signal that asks to read it again.
    std::fs::write(
        &rules,
        good.replace("forbid (principal in Group::\"engineers\"", "forbid (principal in Group::\"guests\""),
    )?;
    run(std::process::Command::new("kill").args(["-HUP", &server.process()?.id().to_string()]))?;
    let third = another(&server, &second)?;
    ensure!(third != first && ask(&ann, "dev", &key)?.0, "engineers have dev again");
    ensure!(operations(&server, "/metrics")?.contains("countersign_policy_reload_failed 0"), "the metric");
    ensure!(server.output().contains("asked to read the policy again"), "the signal");
    journey::verify(&server, &ann)
}

#[test]
fn a_policy_that_fails_its_own_cases_does_not_start() -> Result<()> {
    let mut server = Server::start()?;
    server.stop()?;
    edit(&server.policy().join("cases.toml"), |text| {
        text.replacen("expect = \"granted\"", "expect = \"denied\"", 1)
    })?;
    let started = output(&mut server.serve_command()?)?;
    let words = String::from_utf8_lossy(&started.stderr).into_owned();
    ensure!(!started.status.success() && words.contains("cases.toml line "), "{words}");
    std::fs::remove_file(server.policy().join("rules.cedar"))?;
    let words = String::from_utf8_lossy(&output(&mut server.serve_command()?)?.stderr).into_owned();
    ensure!(words.contains("rules.cedar") && words.contains("permit (principal in Group"), "{words}");
    Ok(())
}

#[test]
fn ca_policy_checks_tests_and_compares_folders() -> Result<()> {
    let (folder, home) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (old, new) = (repository().join("policies"), folder.path().join("new"));
    std::fs::create_dir(&new)?;
    for name in ["profiles.toml", "rules.cedar", "cases.toml"] {
        std::fs::copy(old.join(name), new.join(name))?;
    }
    let ca = |args: &[&str], folders: &[&Path]| -> Result<(i32, String)> {
        let mut command = std::process::Command::new(program("ca")?);
        let command = command.env_clear().env("HOME", home.path()).arg("policy").args(args).args(folders);
        let done = output(command)?;
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        Ok((done.status.code().context("an exit code")?, said))
    };
    let expect = |(code, said): (i32, String), wanted: i32, words: &[&str]| {
        ensure!(
            code == wanted && words.iter().all(|word| said.contains(word)),
            "exit {code}, not {wanted}:\n{said}"
        );
        Ok(())
    };
    expect(ca(&["check"], &[&new])?, 0, &["good: 4 profiles, 9 rules; policy "])?;
    expect(ca(&["test"], &[&new])?, 0, &["✓ engineers have their own account", "All 26 cases hold."])?;
    expect(ca(&["diff"], &[&old, &new])?, 0, &["No difference"])?;
    expect(ca(&["schema"], &[])?, 0, &["entity Profile", "context: Circumstances"])?;

    edit(&new.join("profiles.toml"), |text| text.replace("max_ttl = \"4h\"", "max_ttl = \"8h\""))?;
    edit(&new.join("rules.cedar"), |text| {
        let text = text.replace("principal in Group::\"operators\"", "principal in Group::\"engineers\"");
        text.replace("context.hour >= 19", "context.hour >= 20")
    })?;
    expect(
        ca(&["diff"], &[&old, &new])?,
        1,
        &[
            "~ prod-web: longest lifetime 4h -> 8h",
            "+ whoever is in engineers can now have prod-root\n",
            "- whoever is in operators can no longer have prod-root",
            "~ whoever is in on-call can have prod-root less often, not on a ",
            " at 19:00 UTC",
        ],
    )?;
    let users = folder.path().join("users.toml");
    std::fs::write(
        &users,
        "[[user]]\nname = \"ann\"\ngroups = [\"engineers\"]\n[[user]]\nname = \"old\"\ngroups = [\"engineers\"]\nenabled = false\n",
    )?;
    let (code, said) = ca(&["diff", "--users", &users.to_string_lossy()], &[&old, &new])?;
    ensure!(code == 1 && said.contains("+ ann (engineers) can now have prod-root"), "{said}");
    ensure!(!said.contains("old (") && !said.contains("operators"), "only those who are there: {said}");

    expect(
        ca(&["test"], &[&new])?,
        1,
        &["✗ engineers do not have root", "expected denied, cases.toml line "],
    )?;
    edit(&new.join("rules.cedar"), |text| text.replace("context.hour", "context.huor"))?;
    expect(ca(&["check"], &[&new])?, 1, &["wrong", "rules.cedar:", "huor", "did you mean `hour`"])?;
    expect(ca(&["check"], &[folder.path()])?, 1, &["profiles.toml", "no such file"])
}

#[test]
fn ca_policy_diff_speaks_of_the_accounts_of_the_server() -> Result<()> {
    let server = Server::start()?;
    let olga = Person::new(&server, "olga", &["security-officers"])?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    Person::new(&server, "eve", &["engineers"])?;
    run(&mut server.command(&["user", "disable", "eve"])?)?;
    let new = olga.home("new");
    std::fs::create_dir(&new)?;
    for name in ["profiles.toml", "rules.cedar"] {
        std::fs::copy(server.policy().join(name), new.join(name))?;
    }
    edit(&new.join("profiles.toml"), |text| {
        text.replace("names = [\"*.db.example.com\"]", "names = [\"*.db.example.com\", \"*.example.com\"]")
    })?;
    edit(&new.join("rules.cedar"), |text| {
        text + "\n@id(\"more\") permit (principal in Group::\"engineers\", action == Action::\"certify-host\", \
                resource == Profile::\"databases\");\n"
    })?;
    let diff = |person: &Person| -> Result<(Option<i32>, String)> {
        let (old, new) = (server.policy(), new.clone());
        let mut command = person.ca(&["policy", "diff", "--accounts"])?;
        let done = output(command.arg(old).arg(new))?;
        let said = [done.stdout, done.stderr].concat();
        Ok((done.status.code(), String::from_utf8_lossy(&said).into_owned()))
    };
    olga.login()?;
    let (code, said) = diff(&olga)?;
    ensure!(code == Some(1) && said.contains("+ databases now takes hosts called *.example.com\n"), "{said}");
    ensure!(said.contains("+ ann (engineers) can now certify hosts under databases"), "{said}");
    ensure!(!said.contains("eve") && !said.contains("olga"), "who gains nothing, or is switched off: {said}");
    // Who is there is for officers to see.
    ann.login()?;
    let (code, said) = diff(&ann)?;
    ensure!(code == Some(1) && said.contains("the policy does not permit you this"), "{code:?} {said}");
    journey::verify(&server, &olga)
}
