//! Agents that make things up, and a real one.

use std::fs;
use std::io::Cursor;
use std::process::{Child, Command};
use std::time::Instant;

use ca_core::cert::UnverifiedCertificate;

use super::*;
use crate::keys::{EphemeralKey, Possession as _};

/// An agent that has one answer, and records what it was sent.
struct Scripted {
    answer: Cursor<Vec<u8>>,
    sent: Vec<u8>,
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.answer.read(buffer)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.sent.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn agent(answer: &[u8]) -> Agent<Scripted> {
    let mut framed = Writer::default();
    framed.string(answer);
    Agent { stream: Scripted { answer: Cursor::new(framed.finish()), sent: Vec::new() } }
}

#[test]
fn a_key_of_an_unknown_kind_does_not_hide_the_others() {
    let mut answer = Writer::default();
    answer.raw(&[IDENTITIES_ANSWER]).u32(2);
    answer.string(b"\0\0\0\x03new").string(b"from the future").string(b"blob").string(b"\xff");
    let identities = agent(&answer.finish()).identities().unwrap();
    let comments: Vec<_> = identities.iter().map(|identity| identity.comment.as_str()).collect();
    assert_eq!(comments, ["from the future", "\u{fffd}"]);
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    for answer in [&[][..], &[SUCCESS], &[IDENTITIES_ANSWER], &[IDENTITIES_ANSWER, 0, 0, 0, 1, 0], &[FAILURE]]
    {
        assert!(agent(answer).identities().is_err(), "{answer:?}");
    }
    let mut endless = agent(&[]);
    endless.stream.answer = Cursor::new(u32::MAX.to_be_bytes().to_vec());
    assert!(endless.identities().is_err());
}

/// A real, empty ssh-agent and a folder for keys.
struct RealAgent {
    process: Child,
    folder: tempfile::TempDir,
}

impl RealAgent {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null());
        let process = command.spawn().unwrap();
        let started = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(started.elapsed() < Duration::from_secs(5), "the agent does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { process, folder }
    }

    fn connect(&self) -> Agent {
        Agent { stream: UnixStream::connect(self.folder.path().join("agent")).unwrap() }
    }

    /// Lets OpenSSH certify a key.
    fn certify(&self, key: &PublicKey) -> Certificate {
        let run = |args: &[&str]| {
            let status =
                Command::new("ssh-keygen").current_dir(self.folder.path()).args(args).status().unwrap();
            assert!(status.success());
        };
        fs::write(self.folder.path().join("key.pub"), format!("{key}\n")).unwrap();
        run(&["-q", "-t", "ed25519", "-N", "", "-f", "ca"]);
        run(&["-q", "-s", "ca", "-I", "id", "-n", "root", "-V", "-1m:forever", "key.pub"]);
        let line = fs::read_to_string(self.folder.path().join("key-cert.pub")).unwrap();
        UnverifiedCertificate::from_openssh(&line).unwrap().verify().unwrap()
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_real_agent_takes_lists_signs_and_forgets() {
    let real = RealAgent::start();
    let key = EphemeralKey::generate().unwrap();
    let certificate = real.certify(key.public_key());
    let mut agent = real.connect();
    agent.add_ed25519(key.seed(), &certificate, "countersign dev", 60).unwrap();

    let identities = agent.identities().unwrap();
    assert_eq!(identities.len(), 1);
    assert_eq!(
        identities[0],
        Identity { blob: certificate.bytes().to_vec(), comment: "countersign dev".to_owned() }
    );
    let signature = agent.sign(key.public_key(), b"message");
    assert!(signature.is_err(), "the plain key is not in the agent, only the certificate");

    agent.remove(&identities[0]).unwrap();
    assert_eq!(agent.identities().unwrap(), []);
    assert!(agent.remove(&identities[0]).is_err());
}

#[test]
fn a_real_agent_forgets_by_itself() {
    let real = RealAgent::start();
    let key = EphemeralKey::generate().unwrap();
    let certificate = real.certify(key.public_key());
    let mut agent = real.connect();
    agent.add_ed25519(key.seed(), &certificate, "x", 1).unwrap();
    assert_eq!(agent.identities().unwrap().len(), 1);
    let started = Instant::now();
    while !agent.identities().unwrap().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10), "it is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_real_agent_signs_with_every_kind_of_key() {
    let real = RealAgent::start();
    let mut agent = real.connect();
    for (kind, bits) in
        [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "3072")]
    {
        let path = real.folder.path().join(format!("{kind}{bits}"));
        let keygen = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-t", kind, "-b", bits, "-f"])
            .arg(&path)
            .status();
        assert!(keygen.unwrap().success());
        let add = Command::new("ssh-add")
            .arg("-q")
            .arg(&path)
            .env("SSH_AUTH_SOCK", real.folder.path().join("agent"))
            .status();
        assert!(add.unwrap().success());
        let key: PublicKey = fs::read_to_string(path.with_extension("pub")).unwrap().parse().unwrap();
        agent.sign(&key, b"message").unwrap().verify(&key, b"message").unwrap();
    }
}
