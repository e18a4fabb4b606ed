//! Certificates in bulk, and what `ssh-keygen` says of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cert::{CertKind, Content, Options};
use ca_core::krl::Krl;
use ca_core::ssh::{PublicKey, Signature};
use ca_core::time::UnixSeconds;
use ca_core::wire::Writer;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::process::{line_of, output, run};
use tempfile::TempDir;

/// A sequence that looks random; the same seed gives the same one.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Gives a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 ^ self.0 >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_right(17) % end
    }

    /// Gives some of these, about one of `one_of`.
    pub(crate) fn some<'a, T>(&mut self, all: &'a [T], one_of: u64) -> Vec<&'a T> {
        all.iter().filter(|_| self.below(one_of) == 0).collect()
    }
}

/// Every serial that certificates have here but 0: neighbours, gaps, and the largest.
pub(crate) fn serials() -> Vec<u64> {
    let far = [200, 16_383, 16_384, 16_385, 1 << 32, (1 << 40) + 3];
    (1..=40).chain(far).chain(u64::MAX - 3..=u64::MAX).collect()
}

/// Certificates by several CAs for several keys, each in a file.
pub(crate) struct Stock {
    folder: TempDir,
    /// The keys of the CAs.
    pub(crate) cas: Vec<PublicKey>,
    /// The certified keys.
    pub(crate) keys: Vec<PublicKey>,
    certificates: Vec<Content>,
    files: Vec<PathBuf>,
}

impl Stock {
    /// Makes a certificate by each CA for every serial.
    pub(crate) fn new() -> Result<Self> {
        let cas = (100..103).map(pair).collect::<Result<Vec<_>>>()?;
        let keys = (0..7).map(|seed| Ok(pair(seed)?.1)).collect::<Result<Vec<_>>>()?;
        let mut stock = Self {
            folder: tempfile::tempdir()?,
            cas: cas.iter().map(|(_, public)| public.clone()).collect(),
            keys,
            certificates: Vec::new(),
            files: Vec::new(),
        };
        for key in stock.keys.clone() {
            stock.write(&key.to_string())?;
        }
        for (number, serial) in (0..).zip(std::iter::once(0).chain(serials())) {
            for (index, ca) in cas.iter().enumerate() {
                let key = &stock.keys[(number + index) % stock.keys.len()];
                let content = content(ca.1.clone(), serial, format!("id{}", number % 11), key.clone());
                stock.write(&sign(&content, &ca.0))?;
                stock.certificates.push(content);
            }
        }
        Ok(stock)
    }

    /// Gives the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives our verdicts: the keys, then the certificates.
    pub(crate) fn ours(&self, krl: &Krl) -> Vec<bool> {
        let keys = self.keys.iter().map(|key| krl.revokes_key(key).is_some());
        let certificates = self.certificates.iter();
        keys.chain(
            certificates.map(|c| krl.revokes_certificate(&c.ca, c.serial, &c.key_id, &c.key).is_some()),
        )
        .collect()
    }

    /// Gives the verdicts of `ssh-keygen -Q` in the same order.
    pub(crate) fn theirs(&self, openssh: &OpenSsh, krl: &[u8]) -> Result<Vec<bool>> {
        let path = self.path("krl");
        fs::write(&path, krl)?;
        let mut command = Command::new(openssh.program("ssh-keygen"));
        let done = output(command.args(["-Q", "-f"]).arg(&path).args(&self.files))?;
        ensure!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8(done.stdout)?;
        let verdicts = said.lines().map(|line| match line.rsplit_once(": ") {
            Some((_, "REVOKED")) => Ok(true),
            Some((_, "ok")) => Ok(false),
            _ => bail!("{} says {line}", line_of(&command)),
        });
        let verdicts: Vec<bool> = verdicts.collect::<Result<_>>()?;
        ensure!(verdicts.len() == self.files.len(), "a verdict for each file: {said}");
        Ok(verdicts)
    }

    /// Has `ssh-keygen -k` make or extend a KRL from a specification.
    pub(crate) fn make(
        &self,
        openssh: &OpenSsh,
        ca: &str,
        update: bool,
        specification: &str,
    ) -> Result<Vec<u8>> {
        let (made, spec) = (self.path("made"), self.path("spec"));
        fs::write(&spec, specification)?;
        let mut command = Command::new(openssh.program("ssh-keygen"));
        command.args(["-k", "-s", ca, "-f"]).arg(&made).args(update.then_some("-u")).arg(&spec);
        run(&mut command)?;
        fs::read(made).context("ssh-keygen made a KRL")
    }

    fn write(&mut self, line: &str) -> Result<()> {
        let path = self.path(&format!("{}.pub", self.files.len()));
        fs::write(&path, format!("{line}\n"))?;
        self.files.push(path);
        Ok(())
    }
}

fn pair(seed: u8) -> Result<(Ed25519KeyPair, PublicKey)> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32])?;
    let mut blob = Writer::default();
    blob.string(b"ssh-ed25519").string(pair.public_key().as_ref());
    Ok((pair, PublicKey::from_blob(&blob.finish())?))
}

fn content(ca: PublicKey, serial: u64, key_id: String, key: PublicKey) -> Content {
    Content {
        key,
        nonce: vec![7; 32],
        serial,
        kind: CertKind::User,
        key_id,
        principals: vec!["ann".to_owned()],
        valid_after: UnixSeconds(0),
        valid_before: UnixSeconds(u64::MAX),
        critical_options: Options::new(),
        extensions: Options::new(),
        ca,
    }
}

fn sign(content: &Content, ca: &Ed25519KeyPair) -> String {
    let signed = content.to_be_signed(None);
    let signature = Signature::new("ssh-ed25519", ca.sign(&signed).as_ref());
    let mut writer = Writer::default();
    writer.raw(&signed).string(&signature.to_bytes());
    format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(writer.finish()))
}
