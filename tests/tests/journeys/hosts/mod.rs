//! Certificates for hosts: a real ssh knows a real sshd by the line of the CA alone, and by nothing that is not right.

mod enrolling;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::journey;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};
use serde_json::{Value, json};

const NAME: &str = "db1.db.example.com";

fn policy() -> Result<String> {
    Ok(format!(
        r#"
[profiles.dev]
description = "Your own account"
principals = ["{{user}}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "12h"
extensions = ["permit-pty"]

[host_profiles.db]
description = "Databases"
names = ["*.db.example.com", "127.0.0.0/8"]
default_ttl = "168h"
max_ttl = "336h"
factors = ["totp", "api-key"]
login_max_age = "1h"

[host_profiles.farm]
description = "Machines that come and go, and one called like an account"
names = ["*.farm.example.com", "{}"]
wildcards = true
default_ttl = "24h"
max_ttl = "24h"
factors = ["totp"]
login_max_age = "1h"
require_possession = true
"#,
        running_user()?
    ))
}

/// A server, an officer who may also log in, and her key with its certificate.
struct Scene {
    server: Server,
    officer: Person,
    login_key: PathBuf,
}

impl Scene {
    fn new() -> Result<Self> {
        let server = Server::start_with(None, Some(&policy()?))?;
        let officer = Person::new(&server, &running_user()?, &["engineers", "security-officers"])?;
        officer.login()?;
        let login_key = officer.new_key("id", &["ed25519"])?;
        officer.request("dev", &login_key, &[])?;
        Ok(Self { server, officer, login_key })
    }

    fn host_key(&self, name: &str) -> Result<PathBuf> {
        self.officer.new_key(name, &["ed25519"])
    }

    fn sign(&self, key: &Path, more: &[&str]) -> Result<Output> {
        output(&mut self.officer.ca(&[&["host", "sign", &key.to_string_lossy()], more].concat())?)
    }

    fn signed(&self, key: &Path, more: &[&str]) -> Result<PathBuf> {
        let done = self.sign(key, more)?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(certificate_of(key))
    }

    /// Starts an sshd that has this host key and certificate.
    fn sshd(&self, key: &Path, certificate: &Path) -> Result<Sshd> {
        self.sshd_of(&OpenSsh::of_the_system(), key, certificate)
    }

    fn sshd_of(&self, openssh: &OpenSsh, key: &Path, certificate: &Path) -> Result<Sshd> {
        let lines = format!("HostKey {}\nHostCertificate {}\n", key.display(), certificate.display());
        Sshd::start_with(openssh.clone(), &self.server.ca_key(), &lines)
    }

    /// Writes what `ca trust --known-hosts` says, and nothing else.
    fn known_hosts(&self) -> Result<PathBuf> {
        let lines = run(&mut self.officer.ca(&["trust", "--known-hosts"])?)?;
        ensure!(lines.starts_with("@cert-authority *.example.com ssh-ed25519 "), "{lines}");
        let addresses =
            run(&mut self.officer.ca(&["trust", "--known-hosts", "127.0.0.*,db9.db.example.org"])?)?;
        let file = self.officer.home("known_hosts");
        fs::write(&file, lines + &addresses)?;
        Ok(file)
    }

    /// Logs in with no other knowledge of hosts than this file, to a host called so.
    fn ssh(&self, sshd: &Sshd, known_hosts: &Path, name: Option<&str>) -> Result<Output> {
        self.ssh_with(sshd, known_hosts, name, &[])
    }

    fn ssh_with(&self, sshd: &Sshd, known_hosts: &Path, name: Option<&str>, more: &[&str]) -> Result<Output> {
        let mut ssh = Command::new(sshd.openssh().program("ssh"));
        ssh.args(["-F", "none", "-p", &sshd.port().to_string(), "-l", sshd.account()]);
        for option in
            ["BatchMode=yes", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", "IdentitiesOnly=yes"]
        {
            ssh.args(["-o", option]);
        }
        ssh.args([
            "-o",
            "IdentityAgent=none",
            "-o",
            &format!("UserKnownHostsFile={}", known_hosts.display()),
        ]);
        if let Some(name) = name {
            ssh.args(["-o", &format!("HostKeyAlias={name}")]);
        }
        ssh.args(more);
        output(ssh.arg("-i").arg(&self.login_key).args(["127.0.0.1", "id", "-un"]))
    }

    fn knows(&self, sshd: &Sshd, known_hosts: &Path, name: Option<&str>) -> Result<()> {
        let done = self.ssh(sshd, known_hosts, name)?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.success(), "{said}\nsshd said:\n{}", sshd.log());
        ensure!(String::from_utf8_lossy(&done.stdout).trim() == sshd.account());
        Ok(())
    }

    /// Makes sure that ssh goes no further than the host's key.
    fn refuses(&self, sshd: &Sshd, known_hosts: &Path, name: &str, why: &str) -> Result<()> {
        let done = self.ssh(sshd, known_hosts, Some(name))?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.code() == Some(255), "{name}: {said}");
        ensure!(said.contains("Host key verification failed") && said.contains(why), "{name}: {said}");
        Ok(())
    }
}

fn certificate_of(key: &Path) -> PathBuf {
    PathBuf::from(format!("{}-cert.pub", key.display()))
}

/// Signs a certificate with a CA key outside of Countersign, as somebody who stole it would.
fn keygen(ca: &Path, key: &Path, options: &[&str]) -> Result<()> {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-I", "forged", "-s"]).arg(ca).args(options).arg(key.with_extension("pub"));
    run(&mut keygen).map(drop)
}

#[test]
fn ssh_knows_a_host_by_the_line_of_the_ca_alone() -> Result<()> {
    let scene = Scene::new()?;
    let key = scene.host_key("host")?;
    let done =
        scene.sign(&key, &["--name", "DB1.db.example.com", "--name", "127.0.0.1", "--reason", "new disk"])?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "{said}");
    let certificate = certificate_of(&key);
    for line in [format!("HostKey {}", key.display()), format!("HostCertificate {}", certificate.display())] {
        ensure!(said.lines().any(|said| said.trim() == line), "{line} is missing in {said}");
    }
    let report = scene.officer.inspect(&certificate)?;
    ensure!(report["kind"] == "host" && report["principals"] == json!([NAME, "127.0.0.1"]), "{report}");

    let sshd = scene.sshd(&key, &certificate)?;
    let known_hosts = scene.known_hosts()?;
    scene.knows(&sshd, &known_hosts, Some(NAME))?;
    scene.knows(&sshd, &known_hosts, None)?;
    scene.refuses(&sshd, &known_hosts, "db2.db.example.com", "name is not a listed principal")?;
    scene.refuses(&sshd, &known_hosts, "db1.db.example.net", "No ED25519 host key is known")?;
    journey::verify(&scene.server, &scene.officer)
}

#[test]
fn a_host_certificate_that_is_revoked_by_its_serial_is_no_hosts() -> Result<()> {
    let scene = Scene::new()?;
    let (key, other) = (scene.host_key("host")?, scene.host_key("other")?);
    let certificate = scene.signed(&key, &["--name", NAME])?;
    let others = scene.signed(&other, &["--name", "db2.db.example.com"])?;
    let serial = scene.officer.inspect(&certificate)?["serial"].to_string();
    let krl = scene.officer.home("krl");
    let fetch = || {
        let mut fetch = scene.officer.ca(&["krl", "fetch"])?;
        fetch.arg(&krl).args(["--server", scene.server.url(), "--log-key"]).arg(scene.server.log_key());
        run(&mut fetch).map(drop)
    };
    let known_hosts = scene.known_hosts()?;
    let sshd = scene.sshd(&key, &certificate)?;
    let revoked_keys = format!("RevokedHostKeys={}", krl.display());
    let knows = |sshd: &Sshd, name: &str| {
        let done = scene.ssh_with(sshd, &known_hosts, Some(name), &["-o", &revoked_keys])?;
        Ok::<_, anyhow::Error>((done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned()))
    };
    fetch()?;
    let (success, said) = knows(&sshd, NAME)?;
    ensure!(success, "{said}");
    let revoke = ["revoke", "--serial", serial.trim_matches('"'), "--reason", "the host was stolen"];
    let done = run(&mut scene.officer.ca(&revoke)?)?;
    ensure!(done.contains("1 live certificate"), "{done}");
    fetch()?;
    let (success, said) = knows(&sshd, NAME)?;
    ensure!(!success && said.contains("revoked"), "{said}");
    let (success, said) = knows(&scene.sshd(&other, &others)?, "db2.db.example.com")?;
    ensure!(success, "{said}");
    journey::verify(&scene.server, &scene.officer)
}

#[test]
fn h4_a_certificate_that_is_not_of_a_host_by_the_ca_for_hosts_is_no_hosts() -> Result<()> {
    let scene = Scene::new()?;
    let known_hosts = scene.known_hosts()?;
    let expiring = scene.host_key("expiring")?;
    let expired = scene.signed(&expiring, &["--name", NAME, "--ttl", "1s"])?;

    // A host certificate, by the CA for users.
    let forged = scene.host_key("forged")?;
    keygen(&scene.server.folder().join("ca_key"), &forged, &["-h", "-n", NAME])?;
    let sshd = scene.sshd(&forged, &certificate_of(&forged))?;
    scene.refuses(&sshd, &known_hosts, NAME, "No ED25519 host key is known")?;

    // A user certificate of the host's key, for somebody who trusts the CA for users with hosts.
    let user = scene.host_key("user")?;
    let as_user = scene.officer.request("dev", &user, &[])?;
    let gullible = scene.officer.home("gullible");
    fs::write(&gullible, format!("@cert-authority * {}", fs::read_to_string(scene.server.ca_key())?))?;
    let sshd = scene.sshd(&user, &as_user)?;
    scene.refuses(&sshd, &gullible, &running_user()?, "No ED25519 host key is known")?;

    // However quick all that was, by now it is over.
    std::thread::sleep(Duration::from_secs(2));
    let sshd = scene.sshd(&expiring, &expired)?;
    scene.refuses(&sshd, &known_hosts, NAME, "expired")
}

#[test]
fn h4_a_host_certificate_logs_nobody_in() -> Result<()> {
    let scene = Scene::new()?;
    let key = scene.host_key("host")?;
    // A host that is called like the account, and an sshd that trusts the CA for hosts with users.
    let account = running_user()?;
    scene.signed(&key, &["--name", &account])?;
    for ca in [scene.server.ca_key(), scene.server.host_ca_key()] {
        let sshd = Sshd::start(&ca)?;
        let done = sshd.try_login(&key, "127.0.0.1")?;
        ensure!(!done.status.success() && sshd.accepted().is_empty(), "{}", sshd.log());
    }
    // The same account with a certificate for users.
    Sshd::start(&scene.server.ca_key())?.login(&scene.login_key).map(drop)
}

#[test]
fn what_the_profile_does_not_say_is_refused_and_recorded() -> Result<()> {
    let scene = Scene::new()?;
    let key = scene.host_key("host")?;
    let public = scene.officer.home("only.pub");
    fs::copy(key.with_extension("pub"), &public)?;
    let farm = ["--name", "*.farm.example.com"];
    for (key, options, words) in [
        (&key, &["--name", "web1.example.com"][..], "no host profile takes web1.example.com"),
        (&key, &["--name", "*.db.example.com"], "no host profile takes"),
        (&key, &["--name", "*.db.example.com", "--profile", "db"], "no certificates for wildcards"),
        (
            &key,
            &["--name", "a.b.db.example.com", "--profile", "db"],
            "not for a host called a.b.db.example.com",
        ),
        (&key, &["--name", NAME, "--ttl", "337h"], "at most 336h"),
        (&public, &farm, "signed by the host's own key"),
    ] {
        let done = scene.sign(key, options)?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.code() == Some(1) && said.contains(words), "{options:?}: {said}");
    }
    for bad in ["db1,db2", "db 1", "db?", "!db1", "-h", "db1#"] {
        let done = scene.sign(&key, &["--name", bad])?;
        ensure!(done.status.code() == Some(2), "{bad}: {}", String::from_utf8_lossy(&done.stderr));
    }
    ensure!(!certificate_of(&key).exists(), "something was written");
    scene.signed(&key, &farm)?;
    scene.signed(&public, &["--name", NAME])?;

    let engineer = Person::new(&scene.server, "eve", &["engineers"])?;
    engineer.login()?;
    let key = engineer.new_key("host", &["ed25519"])?;
    let mut sign =
        engineer.ca(&["host", "sign", &key.to_string_lossy(), "--name", NAME, "--profile", "db"])?;
    let done = output(&mut sign)?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.code() == Some(1) && said.contains("no rule lets this account"), "{said}");

    let log = scene.server.log_folder().display().to_string();
    let mut search =
        scene.officer.ca(&["audit", "search", &log, "--type", "host-request-denied", "--key"])?;
    let denied = run(search.arg(scene.server.log_key()))?;
    ensure!(denied.lines().count() == 5 && denied.contains("eve"), "{denied}");
    journey::verify(&scene.server, &scene.officer)
}

#[test]
fn a_wildcard_names_what_is_below_it_since_openssh_10_3() -> Result<()> {
    let scene = Scene::new()?;
    let key = scene.host_key("host")?;
    scene.signed(&key, &["--name", "*.farm.example.com"])?;
    let known_hosts = scene.known_hosts()?;
    for openssh in OpenSsh::all() {
        let version = openssh.version();
        let number = version.strip_prefix("OpenSSH_").and_then(|v| v.split('p').next()).unwrap_or_default();
        let (major, minor) = number.split_once('.').context("a version")?;
        let (major, minor): (u32, u32) = (major.parse()?, minor.parse()?);
        let sshd = scene.sshd_of(&openssh, &key, &certificate_of(&key))?;
        if (major, minor) < (10, 3) {
            scene.refuses(&sshd, &known_hosts, "m7.farm.example.com", "name is not a listed principal")?;
            continue;
        }
        for name in ["m7.farm.example.com", "a.b.farm.example.com"] {
            scene.knows(&sshd, &known_hosts, Some(name)).context(version.clone())?;
        }
        scene.refuses(&sshd, &known_hosts, "farm.example.com", "name is not a listed principal")?;
    }
    Ok(())
}

#[test]
fn i8_one_request_id_is_one_host_certificate() -> Result<()> {
    let scene = Scene::new()?;
    let key = scene.host_key("host")?;
    let json = |more: &[&str]| -> Result<Value> {
        let done = scene.sign(&key, &[&["--json", "--name", NAME][..], more].concat())?;
        Ok(serde_json::from_slice(&done.stdout)?)
    };
    let first = json(&[])?;
    let id = first["request_id"].as_str().context("an id")?;
    let again = json(&["--id", id])?;
    ensure!(
        first["certificate"] == again["certificate"] && first["proven"] == json!(true),
        "{first} {again}"
    );
    let other = scene.sign(&key, &["--name", "db2.db.example.com", "--id", id])?;
    ensure!(!other.status.success(), "one id, two certificates");
    let mut request = scene.officer.ca(&["request", "dev", "--id", id, "--key", &key.to_string_lossy()])?;
    ensure!(!output(&mut request)?.status.success(), "one id for a host and a user");
    journey::verify(&scene.server, &scene.officer)
}
