//! What a real sshd refuses: the expired, another account's, one from another address. Each time the same key and sshd
//! first take a good certificate, so that nothing else can be the cause.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};

/// Profiles for the account `{account}`, each wrong in one way for a login from 127.0.0.1.
const POLICY: &str = r#"
[profiles.good]
description = "the account we run as"
groups = ["engineers"]
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"

[profiles.other]
description = "another account"
groups = ["engineers"]
principals = ["somebody-else"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"

[profiles.requester]
description = "from where it was asked for"
groups = ["engineers"]
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
source_address = "requester"

[profiles.elsewhere]
description = "from networks that we are not in"
groups = ["engineers"]
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
source_address = { networks = ["10.9.0.0/16", "127.0.0.128/25"] }
"#;

struct Scene {
    server: Server,
    sshd: Sshd,
    person: Person,
    key: PathBuf,
}

/// Sets everything up and logs in once with a good certificate.
fn scene() -> Result<Scene> {
    let account = running_user()?;
    let server = Server::start_with(None, Some(&POLICY.replace("{account}", &account)))?;
    let sshd = Sshd::start(&server.ca_key())?;
    let person = Person::new(&server, "ann", &["engineers"])?;
    person.login()?;
    let key = person.new_key("id", &["ed25519"])?;
    person.request("good", &key, &[])?;
    sshd.login(&key)?;
    Ok(Scene { server, sshd, person, key })
}

impl Scene {
    fn assert_refused(&self, from: &str, why: &str) -> Result<()> {
        let before = self.sshd.accepted().len();
        let done = self.sshd.try_login(&self.key, from)?;
        assert_eq!(done.status.code(), Some(255), "ssh got in:\n{}", self.sshd.log());
        assert_eq!(self.sshd.accepted().len(), before, "{}", self.sshd.log());
        assert!(self.sshd.log().contains(why), "sshd does not say {why:?}:\n{}", self.sshd.log());
        Ok(())
    }
}

#[test]
fn sshd_refuses_an_expired_certificate() -> Result<()> {
    let scene = scene()?;
    scene.person.request("good", &scene.key, &["--ttl", "2s"])?;
    scene.sshd.login(&scene.key)?;
    std::thread::sleep(Duration::from_secs(3));
    scene.assert_refused("127.0.0.1", "expired")
}

#[test]
fn sshd_refuses_a_certificate_for_another_account() -> Result<()> {
    let scene = scene()?;
    scene.person.request("other", &scene.key, &[])?;
    scene.assert_refused("127.0.0.1", "Certificate does not contain an authorized principal")
}

#[test]
fn sshd_refuses_a_certificate_from_another_address_than_the_requesters() -> Result<()> {
    let scene = scene()?;
    scene.person.request("requester", &scene.key, &[])?;
    scene.sshd.login(&scene.key)?;
    scene.assert_refused("127.0.0.2", "not from an allowed address")
}

#[test]
fn sshd_refuses_a_certificate_from_outside_its_networks() -> Result<()> {
    let scene = scene()?;
    scene.person.request("elsewhere", &scene.key, &[])?;
    scene.assert_refused("127.0.0.1", "not from an allowed address")?;
    assert!(scene.sshd.try_login(&scene.key, "127.0.0.200")?.status.success(), "{}", scene.sshd.log());
    Ok(())
}

#[test]
fn sshd_refuses_a_certificate_by_another_authority() -> Result<()> {
    let scene = scene()?;
    let other = Sshd::start(&Server::start()?.ca_key())?;
    let done = other.try_login(&scene.key, "127.0.0.1")?;
    assert_eq!(done.status.code(), Some(255), "{}", other.log());
    assert!(scene.server.output().contains("listening"));
    Ok(())
}
