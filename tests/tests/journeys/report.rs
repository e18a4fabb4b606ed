//! What officers read: a month of a log, searched and reported on with the real `ca`, and what becomes of it when the log is
//! not what it was.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use serde_json::Value;

const FORMULA: &str = "=HYPERLINK(\"http://example.com\") and \"quotes\"";

/// A server on which something happened, stopped; and an officer of it.
struct Scene {
    server: Server,
    officer: Person,
    fingerprint: String,
    serial: String,
}

fn scene() -> Result<Scene> {
    let mut server = Server::start()?;
    let officer = Person::new(&server, "olga", &["security-officers"])?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    officer.login()?;
    run(&mut officer.ca(&[
        "admin",
        "user",
        "add",
        "carol",
        "--email",
        "carol@example.com",
        "--group",
        "engineers",
    ])?)?;
    run(&mut officer.ca(&["admin", "user", "disable", "carol"])?)?;
    ann.login()?;
    let key = ann.new_key("id", &["ed25519"])?;
    ann.request("dev", &key, &["--ttl", "1h", "--reason", FORMULA])?;
    let certificate = ann.request("dev", &key, &["--ttl", "30m", "--reason", "INC-42 disk full"])?;
    let inspected = ann.inspect(&certificate)?;
    let refused = output(&mut ann.ca(&["request", "prod-root", "--key", &key.to_string_lossy()])?)?;
    ensure!(refused.status.code() == Some(1), "ann has prod-root");
    let mut wrong = ann.login_command()?;
    ensure!(!output(wrong.env("COUNTERSIGN_PASSWORD", "not hers at all"))?.status.success(), "any password");
    server.stop()?;
    let fingerprint = inspected["key"]["fingerprint"].as_str().context("a fingerprint")?.to_owned();
    let serial = inspected["serial"].to_string();
    Ok(Scene { server, officer, fingerprint, serial })
}

impl Scene {
    fn audit(&self, what: &str, log: &Path, more: &[&str]) -> Result<Output> {
        let key = self.server.log_key();
        let (log, key) = (log.to_string_lossy(), key.to_string_lossy());
        let args = [&["audit", what, &log, "--key", &key], more].concat();
        output(&mut self.officer.ca(&args)?)
    }

    fn search(&self, more: &[&str]) -> Result<Vec<String>> {
        let done = self.audit("search", &self.server.log_folder(), more)?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8(done.stdout)?.lines().map(str::to_owned).collect())
    }

    fn report(&self, more: &[&str]) -> Result<String> {
        let done = self.audit("report", &self.server.log_folder(), more)?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8(done.stdout)?)
    }
}

#[test]
fn events_are_found_by_who_what_and_why() -> Result<()> {
    let scene = scene()?;
    let own = scene.serial.as_str();
    for (options, kinds) in [
        (&["--by", "olga"][..], &["user-added", "user-enabled"][..]),
        (&["--person", "olga"], &["user-added", "login-succeeded", "user-added", "user-enabled"]),
        (&["--user", "ann", "--profile", "dev"], &["certificate", "certificate"]),
        (&["--user", "ANN@example.com", "--type", "request-denied"], &["request-denied"]),
        (&["--principal", "ann", "--reason", "inc-42"], &["certificate"]),
        (&["--reason", "disk full", "--by", "olga"], &[]),
        (&["--fingerprint", &scene.fingerprint], &["certificate", "certificate"]),
        (&["--serial", own], &["certificate"]),
        (&["--profile", "prod-root"], &["request-denied"]),
        (&["--text", "carol@example.com"], &["user-added"]),
        (&["--since", "1h", "--user", "carol"], &["user-added", "user-enabled"]),
        (&["--until", "2020-01-01"], &[]),
    ] {
        let found = scene.search(options)?;
        let found: Vec<_> = found.iter().filter_map(|line| line.split_ascii_whitespace().nth(2)).collect();
        ensure!(found == kinds, "{options:?}: {found:?}");
    }
    let json = scene.search(&["--serial", own, "--json"])?;
    let found: Value = serde_json::from_str(&json[0])?;
    let id = found["event"]["request_id"].as_str().context("an id")?;
    ensure!(
        scene.search(&["--id", id])?.len() == 1 && found["index"].as_u64() == own.parse().ok(),
        "{json:?}"
    );
    Ok(())
}

#[test]
fn a_report_says_who_had_what_in_every_format() -> Result<()> {
    let scene = scene()?;
    let report: Value = serde_json::from_str(&scene.report(&["--json"])?)?;
    let access = &report["access"][0];
    ensure!(access["user"] == "ann" && access["profile"] == "dev" && access["certificates"] == 2, "{access}");
    ensure!(access["total_secs"] == 5400 && access["longest_secs"] == 3600, "{access}");
    ensure!(report["denied"][0]["profile"] == "prod-root", "{report:#}");
    ensure!(report["failed_logins"][0]["account"] == "ann", "{report:#}");
    ensure!(report["tree_verified"] == true && report["decisions_verified"] == false, "{report:#}");
    let accounts = report["accounts"].as_array().context("accounts")?;
    let carol = accounts.iter().find(|account| account["user"] == "carol").context("carol")?;
    ensure!(carol["enabled"] == false && carol["protection"] == "none", "{carol}");
    let by_olga = report["actions"].as_array().context("actions")?;
    ensure!(
        by_olga.iter().any(|act| act["by"] == "officer olga" && act["kind"] == "user-enabled"),
        "{report:#}"
    );

    let csv = scene.report(&["--format", "csv"])?;
    ensure!(
        csv.starts_with("part,who,what,count,") && csv.lines().count() == csv.matches("\r\n").count(),
        "{csv}"
    );
    // RFC 4180: quoted, quotes doubled; and no formula.
    ensure!(
        csv.contains("\"'=HYPERLINK(\"\"http://example.com\"\") and \"\"quotes\"\"; INC-42 disk full\""),
        "{csv}"
    );
    let table = scene.report(&[])?;
    for words in
        ["Who had what", "INC-42 disk full", "1 h 30 min", "checkpoint", "can be phished", "officer olga"]
    {
        ensure!(table.contains(words), "no {words:?} in\n{table}");
    }
    let before: Value = serde_json::from_str(&scene.report(&["--month", "2020-01", "--json"])?)?;
    ensure!(before["entries"] == 0 && before["accounts"] == serde_json::json!([]), "{before:#}");
    for wrong in [
        &["--month", "2026-13"][..],
        &["--since", "1h", "--until", "2h"],
        &["--month", "2026-11", "--since", "1h"],
    ] {
        let done = scene.audit("report", &scene.server.log_folder(), wrong)?;
        ensure!(done.status.code() == Some(2), "{wrong:?}: {done:?}");
    }
    Ok(())
}

#[test]
fn l6_there_is_no_report_on_a_log_that_was_changed() -> Result<()> {
    let scene = scene()?;
    let copy = scene.officer.home("copy");
    let spoil = |change: &dyn Fn(&Path) -> Result<()>| -> Result<()> {
        let _ = fs::remove_dir_all(&copy);
        run(std::process::Command::new("cp").arg("-a").arg(scene.server.log_folder()).arg(&copy))?;
        change(&copy)?;
        let done = scene.audit("report", &copy, &["--json"])?;
        let said = String::from_utf8(done.stdout)?;
        ensure!(
            done.status.code() == Some(2) && said.contains("bad-log") && !said.contains("\"access\""),
            "{said}"
        );
        Ok(())
    };
    let journal = |copy: &Path| -> Result<Vec<std::path::PathBuf>> {
        let mut files: Vec<_> =
            fs::read_dir(copy.join("journal"))?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
        files.sort();
        Ok(files)
    };
    spoil(&|copy| {
        let file = journal(copy)?.pop().context("a round")?;
        let text = fs::read_to_string(&file)?;
        Ok(fs::write(file, text.replacen("ann", "bob", 1))?)
    })?;
    spoil(&|copy| Ok(fs::remove_file(&journal(copy)?[1])?))?;
    spoil(&|copy| Ok(fs::remove_file(journal(copy)?.pop().context("a round")?)?))?;
    // An older checkpoint is a shorter log, which whoever verified the longer one knows.
    let verified = scene.audit("verify", &scene.server.log_folder(), &[])?;
    ensure!(verified.status.success(), "{verified:?}");
    spoil(&|copy| {
        let mut sizes: Vec<_> =
            fs::read_dir(copy.join("checkpoints"))?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
        sizes.sort();
        Ok(fs::copy(&sizes[2], copy.join("checkpoint")).map(drop)?)
    })
}
