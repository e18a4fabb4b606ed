//! What is revoked does not get in; everything else does.

use std::fs;

use anyhow::{Result, ensure};
use countersign_tests::journey;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::process::{output, run};
use countersign_tests::sshd::Sshd;

use super::Authority;

#[test]
fn a_revoked_person_serial_or_key_does_not_get_in() -> Result<()> {
    let authority = Authority::start()?;
    let folder = tempfile::tempdir()?;
    let krl = folder.path().join("countersign.krl");
    authority.fetch(&krl)?;
    ensure!(fs::read(&krl)?.len() == 44, "a KRL that revokes nothing has 44 bytes");
    let line = format!("RevokedKeys {}\n", krl.display());
    let sshd = Sshd::start_with(OpenSsh::of_the_system(), &authority.server.ca_key(), &line)?;
    let lets_in = |key| Ok::<_, anyhow::Error>(sshd.try_login(key, "127.0.0.1")?.status.code() == Some(0));

    let ((ann, ann_key), (bob, bob_key)) = (authority.engineer("ann")?, authority.engineer("bob")?);
    ensure!(lets_in(&ann_key)? && lets_in(&bob_key)?, "nothing is revoked yet: {}", sshd.log());

    let said = authority.revoke(&["--user", "ann@example.com"])?;
    ensure!(said.contains("1 live certificate"), "{said}");
    authority.fetch(&krl)?;
    ensure!(!lets_in(&ann_key)?, "ann's certificate is revoked:\n{}", sshd.log());
    ensure!(lets_in(&bob_key)?, "bob's is not:\n{}", sshd.log());
    let certificate = format!("{}-cert.pub", ann_key.display());
    let inspected = output(ann.ca(&["inspect", &certificate, "--krl"])?.arg(&krl))?;
    let text = String::from_utf8_lossy(&inspected.stdout).into_owned();
    ensure!(inspected.status.code() == Some(1) && text.contains("revoked (its serial)"), "{text}");

    let (code, said) = Authority::ask(&ann, &ann_key)?;
    ensure!(code == Some(1), "her session has ended: {code:?} {said}");
    // A login in the second of the revocation counts as one before it.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ann.login()?;
    let new_key = ann.new_key("new", &["ed25519"])?;
    let new = ann.request("dev", &new_key, &[])?;
    authority.fetch(&krl)?;
    ensure!(lets_in(&new_key)?, "who logs in again is welcome:\n{}", sshd.log());
    let serial = ann.inspect(&new)?["serial"].to_string();
    authority.revoke(&["--serial", &serial])?;
    let twice = output(&mut authority.officer.ca(&["revoke", "--serial", &serial, "--reason", "again"])?)?;
    ensure!(twice.status.code() == Some(1), "a serial that is revoked already");
    authority.fetch(&krl)?;
    ensure!(!lets_in(&new_key)? && lets_in(&bob_key)?, "one certificate by its serial:\n{}", sshd.log());

    authority.revoke(&["--key", &format!("{}.pub", bob_key.display())])?;
    authority.fetch(&krl)?;
    ensure!(!lets_in(&bob_key)?, "a key:\n{}", sshd.log());
    let (code, said) = Authority::ask(&bob, &bob_key)?;
    ensure!(code == Some(1) && said.contains("was revoked"), "a revoked key is not certified again: {said}");
    let other = bob.new_key("other", &["ed25519"])?;
    bob.request("dev", &other, &[])?;
    ensure!(lets_in(&other)?, "another key of his:\n{}", sshd.log());

    let shown = run(authority.officer.ca(&["krl", "show"])?.arg(&krl))?;
    ensure!(shown.contains("2 certificates and 1 key revoked"), "{shown}");
    let list = run(&mut authority.officer.ca(&["revoke", "--list"])?)?;
    ensure!(list.lines().count() == 3 && list.contains("lost laptop"), "{list}");
    let refused = output(&mut bob.ca(&["revoke", "--user", "ann", "--reason", "spite"])?)?;
    ensure!(refused.status.code() == Some(1), "bob is no officer");
    journey::verify(&authority.server, &authority.officer)
}

#[test]
fn a_ca_key_is_revoked_only_by_those_who_say_so_twice() -> Result<()> {
    let authority = Authority::start()?;
    let folder = tempfile::tempdir()?;
    let krl = folder.path().join("krl");
    authority.fetch(&krl)?;
    let line = format!("RevokedKeys {}\n", krl.display());
    let sshd = Sshd::start_with(OpenSsh::of_the_system(), &authority.server.ca_key(), &line)?;
    let (ann, key) = authority.engineer("ann")?;
    let ca_key = authority.server.ca_key();
    let ca_key = ca_key.to_string_lossy();
    let asked = output(&mut authority.officer.ca(&["revoke", "--ca-key", &ca_key, "--reason", "stolen"])?)?;
    ensure!(asked.status.code() == Some(1), "without --yes");
    authority.fetch(&krl)?;
    ensure!(sshd.try_login(&key, "127.0.0.1")?.status.success(), "nothing was revoked: {}", sshd.log());
    let said = authority.revoke(&["--ca-key", &ca_key, "--yes"])?;
    ensure!(said.contains("1 live certificate"), "{said}");
    authority.fetch(&krl)?;
    ensure!(sshd.try_login(&key, "127.0.0.1")?.status.code() == Some(255), "{}", sshd.log());
    // No host takes what it would sign now, so nothing is issued any more.
    let (status, said) = Authority::ask(&ann, &key)?;
    ensure!(status == Some(1) && said.contains("the CA key of this server was revoked"), "{status:?} {said}");
    journey::verify(&authority.server, &authority.officer)
}
