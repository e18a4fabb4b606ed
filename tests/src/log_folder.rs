//! Reads a log's folder by the C2SP paths alone, and judges certificates by it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ca_core::cert::{Certificate, UnverifiedCertificate};
use ca_core::issuance::LogEvidence;
use ca_core::log::bundle::EntryBundle;
use ca_core::log::hash::leaf_hash;
use ca_core::log::tile::{FULL_WIDTH, TileLevel, TilePath};
use ca_core::log::{Frontier, Hash, SignedCheckpoint, UnverifiedProof, VerifierKey};

/// Every entry of a log, and the root at every size, computed here from the entries.
pub struct LogFolder {
    key: VerifierKey,
    leaves: Vec<Hash>,
    roots: Vec<Hash>,
}

impl LogFolder {
    /// Reads the log up to its checkpoint, and checks that its root is the one the checkpoint signs.
    pub fn read(folder: &Path, key: &Path) -> Result<Self> {
        let key: VerifierKey = fs::read_to_string(key)?.trim().parse()?;
        let checkpoint = SignedCheckpoint::parse(&fs::read_to_string(folder.join("checkpoint"))?, &key)?;
        let mut log = Self { key, leaves: Vec::new(), roots: vec![Frontier::empty().root()] };
        let mut tree = Frontier::empty();
        for bundle in 0..checkpoint.size().div_ceil(u64::from(FULL_WIDTH)) {
            let path = TilePath::in_tree(TileLevel::Entries, bundle, checkpoint.size()).context("no path")?;
            let bytes = fs::read(folder.join(path.to_string())).with_context(|| path.to_string())?;
            for entry in EntryBundle::parse(&bytes)?.entries() {
                log.leaves.push(leaf_hash(entry));
                tree.push(leaf_hash(entry));
                log.roots.push(tree.root());
            }
        }
        ensure!(log.size() == checkpoint.size(), "{} entries, not {}", log.size(), checkpoint.size());
        ensure!(tree.root() == checkpoint.root(), "the checkpoint signs another root");
        Ok(log)
    }

    /// Gives the number of entries.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Checks that a certificate is in this log: its proof holds, it is the entry its serial says, and the tree its proof
    /// speaks of is one that this log went through.
    pub fn check(&self, certificate: &str) -> Result<Certificate> {
        let certificate = UnverifiedCertificate::from_openssh(certificate)?.verify()?;
        let content = certificate.content();
        let evidence = LogEvidence::of(content)?.context("the certificate carries no proof")?;
        let verified = evidence.verify(content, &self.key)?;
        ensure!(verified.index == content.serial, "serial {} at {}", content.serial, verified.index);
        let tree = SignedCheckpoint::parse(
            &UnverifiedProof::parse(&evidence.proof)?.unverified_parts().checkpoint,
            &self.key,
        )?;
        let root = self.roots.get(usize::try_from(tree.size())?).context("the log shrank")?;
        ensure!(*root == tree.root(), "the log was forked before entry {}", tree.size());
        Ok(certificate)
    }
}
