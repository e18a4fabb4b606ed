//! A real sshd with a KRL of ours as its `RevokedKeys`, which it reads anew at every login.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use ca_core::krl::{Krl, Revocations};
use ca_core::ssh::PublicKey;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::process::run;
use countersign_tests::sshd::{Sshd, running_user};
use tempfile::TempDir;

use super::stock::Dice;
use super::{bytes, revoke_serials};

/// One sshd of each OpenSSH, all with the same KRL, and keys with certificates.
struct Scene {
    folder: TempDir,
    ca: PublicKey,
    sshds: Vec<Sshd>,
}

impl Scene {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ca = new_key(&folder.path().join("ca"))?;
        let scene = Self { folder, ca, sshds: Vec::new() };
        scene.install(&bytes(&Revocations::default()))?;
        let line = format!("RevokedKeys {}\n", scene.path("krl").display());
        let start = |openssh| Sshd::start_with(openssh, &scene.path("ca.pub"), &line);
        let sshds = OpenSsh::all().into_iter().map(start).collect::<Result<_>>()?;
        Ok(Self { sshds, ..scene })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key with a certificate beside it.
    fn certify(&self, name: &str, serial: u64, key_id: &str) -> Result<PathBuf> {
        let key = self.path(name);
        new_key(&key)?;
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-I", key_id, "-z", &serial.to_string(), "-n", &running_user()?, "-s"]);
        run(command.arg(self.path("ca")).arg(key.with_extension("pub")))?;
        Ok(key)
    }

    /// Puts a KRL in place as a host should: whole, or not at all.
    fn install(&self, krl: &[u8]) -> Result<()> {
        fs::write(self.path("krl.new"), krl)?;
        Ok(fs::rename(self.path("krl.new"), self.path("krl"))?)
    }

    /// Checks what every sshd makes of a key's certificate.
    fn assert_lets_in(&self, key: &Path, expected: bool, what: &str) -> Result<()> {
        for sshd in &self.sshds {
            let done = sshd.try_login(key, "127.0.0.1")?;
            let code = if expected { Some(0) } else { Some(255) };
            assert_eq!(done.status.code(), code, "{what}: {}\n{}", key.display(), sshd.log());
        }
        Ok(())
    }

    fn revoking(&self, revoke: impl FnOnce(&mut Revocations, &PublicKey)) -> Vec<u8> {
        let mut revocations = Revocations::default();
        revoke(&mut revocations, &self.ca);
        bytes(&revocations)
    }
}

fn new_key(path: &Path) -> Result<PublicKey> {
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path))?;
    Ok(fs::read_to_string(path.with_extension("pub"))?.parse()?)
}

#[test]
fn sshd_refuses_what_our_krl_revokes_and_nothing_else() -> Result<()> {
    let scene = Scene::new()?;
    let (ann, bob) = (scene.certify("ann", 5, "ann/1")?, scene.certify("bob", 6, "bob/1")?);
    scene.assert_lets_in(&ann, true, "nothing is revoked")?;
    let key: PublicKey = fs::read_to_string(ann.with_extension("pub"))?.parse()?;
    let krls = [
        ("the serial", scene.revoking(|krl, ca| revoke_serials(krl, ca, [5]))),
        ("the key", scene.revoking(|krl, _| krl.revoke_key(key.fingerprint(), None))),
        (
            "the key id",
            scene.revoking(|krl, ca| {
                krl.revoke_key_id(ca, "ann/1".to_owned().try_into().expect("no NUL"), None);
            }),
        ),
        (
            "half of many serials",
            scene.revoking(|krl, ca| {
                let dice = &mut Dice(1);
                revoke_serials(krl, ca, (7..200_000).filter(|_| dice.below(2) == 0).chain([5]));
            }),
        ),
    ];
    for (what, krl) in krls {
        scene.install(&krl)?;
        scene.assert_lets_in(&ann, false, what)?;
        scene.assert_lets_in(&bob, true, what)?;
    }
    scene.install(&scene.revoking(|krl, ca| krl.revoke_ca_key(ca.fingerprint())))?;
    scene.assert_lets_in(&bob, false, "the CA's key")?;
    scene.install(&bytes(&Revocations::default()))?;
    scene.assert_lets_in(&ann, true, "nothing is revoked any more")
}

#[test]
fn h3_the_reader_refuses_whatever_sshd_takes_for_nothing_revoked_or_for_everything() -> Result<()> {
    let scene = Scene::new()?;
    let (ann, bob) = (scene.certify("ann", 5, "ann/1")?, scene.certify("bob", 6, "bob/1")?);
    let krl = scene.revoking(|krl, ca| revoke_serials(krl, ca, [5]));
    for lets_in in [&b""[..], b"# ann is revoked\n", &[0; 4096]] {
        scene.install(lets_in)?;
        scene.assert_lets_in(&ann, true, "a KRL that is none")?;
        assert!(Krl::parse(lets_in).is_err());
    }
    let at = krl.windows(8).rposition(|window| window == 5_u64.to_be_bytes()).context("serial 5")?;
    let serial_0 = [&krl[..at], &[0; 8], &krl[at + 8..]].concat();
    for locks_out in [&krl[..krl.len() - 1], &krl[..20], &serial_0, &[krl.as_slice(), b"\n"].concat()] {
        scene.install(locks_out)?;
        scene.assert_lets_in(&bob, false, "a KRL that is broken")?;
        assert!(Krl::parse(locks_out).is_err());
    }
    scene.install(&krl)?;
    scene.assert_lets_in(&ann, false, "the KRL as it should be")?;
    scene.assert_lets_in(&bob, true, "the KRL as it should be")
}
