//! `ca inspect` and `ssh-keygen -L` say the same about a certificate.

use std::process::Command;

use anyhow::{Context as _, Result};
use ca_core::time::UnixSeconds;
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
        [("ed25519", "dev"), ("ecdsa", "prod-web"), ("rsa", "prod-web"), ("ed25519", "prod-web")]
    {
        let key = ann.new_key(&format!("{kind}-{profile}"), &[kind])?;
        let certificate = ann.request(profile, &key, &["--reason", "INC-42"])?;
        let theirs = run(Command::new("ssh-keygen").env("TZ", "UTC").args(["-L", "-f"]).arg(&certificate))?;
        compare(&ann.inspect(&certificate)?, &theirs)?;
    }
    Ok(())
}

/// Compares field by field.
fn compare(ours: &Value, theirs: &str) -> Result<()> {
    let field = |name: &str| {
        let line = theirs.lines().find_map(|l| l.trim().strip_prefix(name));
        line.map(|l| l.trim().to_owned()).with_context(|| format!("{name} in {theirs}"))
    };
    let text = |pointer: &str| {
        let value = ours.pointer(pointer).and_then(Value::as_str);
        value.map(str::to_owned).with_context(|| format!("{pointer} in {ours}"))
    };
    assert_eq!(format!("{} user certificate", text("/type")?), field("Type:")?);
    assert_eq!(ours["serial"].to_string(), field("Serial:")?);
    assert_eq!(format!("{:?}", text("/key_id")?), field("Key ID:")?);
    assert!(field("Public key:")?.ends_with(&text("/key/fingerprint")?), "{theirs}");
    let ca = format!("{} (using {})", text("/ca/fingerprint")?, text("/signature/algorithm")?);
    assert!(field("Signing CA:")?.ends_with(&ca), "{ca} in {theirs}");
    let time = |name: &str| {
        ours[name].as_u64().map(|s| UnixSeconds(s).to_string().replace('Z', "")).context("a time")
    };
    assert_eq!(format!("from {} to {}", time("valid_after")?, time("valid_before")?), field("Valid:")?);
    assert_eq!(words(&ours["principals"], serde_json::Value::as_str), section(theirs, "Principals:"));
    let names = |options: &Value| words(options, |v| v["name"].as_str());
    assert_eq!(names(&ours["critical_options"]), section(theirs, "Critical Options:"));
    assert_eq!(names(&ours["extensions"]), section(theirs, "Extensions:"));
    Ok(())
}

fn words(list: &Value, word: impl Fn(&Value) -> Option<&str>) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|v| word(v).map(str::to_owned)).collect()
}

/// Gives the first word of each of the indented lines below a heading.
fn section(theirs: &str, heading: &str) -> Vec<String> {
    let after = theirs.lines().skip_while(|l| l.trim() != heading).skip(1);
    let below = after.take_while(|l| l.starts_with("                "));
    below.filter_map(|l| l.split_whitespace().next().map(str::to_owned)).collect()
}
