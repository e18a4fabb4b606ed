//! What a real sshd refuses: the expired, another account's, one from another address. Each time the same key and sshd
//! first take a good certificate, so that nothing else can be the cause.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};

/// Profiles for the account `{account}`, each wrong in one way for a login from 127.0.0.1.
const POLICY: &str = r#"
[profiles.good]
description = "the account we run as"
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"

[profiles.other]
description = "another account"
principals = ["somebody-else"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"

[profiles.requester]
description = "from where it was asked for"
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
source_address = "requester"

[profiles.elsewhere]
description = "from networks that we are not in"
principals = ["{account}"]
default_ttl = "1h"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "1h"
source_address = { networks = ["10.9.0.0/16", "127.0.0.128/25"] }
"#;

struct Scene {
    _server: Server,
    sshds: Vec<Sshd>,
    person: Person,
    key: PathBuf,
}

/// Sets everything up and logs in once with a good certificate.
fn scene() -> Result<Scene> {
    let account = running_user()?;
    let server = Server::start_with(None, Some(&POLICY.replace("{account}", &account)))?;
    let start = |openssh| Sshd::start_of(openssh, &server.ca_key());
    let sshds = OpenSsh::all().into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let person = Person::new(&server, "ann", &["engineers"])?;
    person.login()?;
    let key = person.new_key("id", &["ed25519"])?;
    let scene = Scene { _server: server, sshds, person, key };
    scene.person.request("good", &scene.key, &[])?;
    scene.assert_taken("127.0.0.1")?;
    Ok(scene)
}

impl Scene {
    fn assert_taken(&self, from: &str) -> Result<()> {
        for sshd in &self.sshds {
            assert!(sshd.try_login(&self.key, from)?.status.success(), "{}", sshd.log());
        }
        Ok(())
    }

    fn assert_refused(&self, from: &str, why: &str) -> Result<()> {
        for sshd in &self.sshds {
            let before = sshd.accepted().len();
            let done = sshd.try_login(&self.key, from)?;
            assert_eq!(done.status.code(), Some(255), "ssh got in:\n{}", sshd.log());
            assert_eq!(sshd.accepted().len(), before, "{}", sshd.log());
            assert!(sshd.log().contains(why), "sshd does not say {why:?}:\n{}", sshd.log());
        }
        Ok(())
    }
}

#[test]
fn sshd_refuses_an_expired_certificate() -> Result<()> {
    let scene = scene()?;
    scene.person.request("good", &scene.key, &["--ttl", "2s"])?;
    scene.assert_taken("127.0.0.1")?;
    std::thread::sleep(Duration::from_secs(3));
    scene.assert_refused("127.0.0.1", "expired")
}

#[test]
fn sshd_refuses_a_certificate_for_another_account() -> Result<()> {
    let scene = scene()?;
    scene.person.request("other", &scene.key, &[])?;
    scene.assert_refused("127.0.0.1", "name is not a listed principal")
}

#[test]
fn sshd_refuses_a_certificate_from_another_address_than_the_requesters() -> Result<()> {
    let scene = scene()?;
    scene.person.request("requester", &scene.key, &[])?;
    scene.assert_taken("127.0.0.1")?;
    scene.assert_refused("127.0.0.2", "not from a permitted source address")
}

#[test]
fn sshd_refuses_a_certificate_from_outside_its_networks() -> Result<()> {
    let scene = scene()?;
    scene.person.request("elsewhere", &scene.key, &[])?;
    scene.assert_refused("127.0.0.1", "not from a permitted source address")?;
    scene.assert_taken("127.0.0.200")
}

#[test]
fn sshd_refuses_a_certificate_by_another_authority() -> Result<()> {
    let (ours, theirs) = (scene()?, scene()?);
    for sshd in &theirs.sshds {
        assert!(!sshd.try_login(&ours.key, "127.0.0.1")?.status.success(), "{}", sshd.log());
    }
    theirs.assert_taken("127.0.0.1")
}
