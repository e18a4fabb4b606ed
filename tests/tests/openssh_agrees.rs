//! `ca inspect` and `ssh-keygen -L` say the same about a certificate.

use std::process::Command;

use anyhow::{Context as _, Result};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::server::Server;
use serde_json::Value;

#[test]
fn ssh_keygen_and_ca_inspect_agree_on_every_kind_of_key() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers", "operators"])?;
    ann.login()?;
    for (kind, profile) in
        [("ed25519", "dev"), ("ecdsa", "prod-web"), ("rsa", "prod-root"), ("ed25519", "prod-web")]
    {
        let key = ann.new_key(&format!("{kind}-{profile}"), &[kind])?;
        let certificate = ann.request(profile, &key, &["--reason", "INC-42"])?;
        let theirs = run(Command::new("ssh-keygen").arg("-L").arg("-f").arg(&certificate))?;
        compare(&ann.inspect(&certificate)?, &theirs)?;
    }
    Ok(())
}

/// Compares field by field; the proof extension, which `ssh-keygen` shows as unknown, must be the only one it has more.
fn compare(ours: &Value, theirs: &str) -> Result<()> {
    let field = |name: &str| {
        let line = theirs.lines().find_map(|l| l.trim().strip_prefix(name));
        line.map(|l| l.trim().to_owned()).with_context(|| format!("{name} in {theirs}"))
    };
    let text = |name: &str| ours[name].as_str().with_context(|| format!("{name} in {ours}"));
    assert_eq!(ours["serial"].to_string(), field("Serial:")?);
    assert_eq!(format!("{:?}", text("key_id")?), field("Key ID:")?);
    assert!(field("Public key:")?.contains(text("fingerprint")?), "{theirs}");
    assert!(field("Signing CA:")?.contains(text("ca_fingerprint")?), "{theirs}");
    assert_eq!(list(&ours["principals"]), section(theirs, "Principals:"));
    Ok(())
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Gives the indented lines below a heading.
fn section(theirs: &str, heading: &str) -> Vec<String> {
    let after = theirs.lines().skip_while(|l| l.trim() != heading).skip(1);
    after.take_while(|l| l.starts_with("                ")).map(|l| l.trim().to_owned()).collect()
}
