//! A journal object on its own: what can be checked without knowing any other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Flaw;
use crate::log::checkpoint::Origin;
use crate::log::event::Event;
use crate::log::journal::{Entry, Round};
use crate::log::key::VerifierKey;
use crate::log::leaf::Leaf;

/// A round whose signature and body hold, with its events read and its leaves computed.
#[derive(Clone, Debug)]
pub struct Opened {
    pub(super) round: Round,
    pub(super) entries: Vec<Entry>,
    /// Entries whose line is not what writing the event gives.
    pub(super) not_canonical: Vec<u64>,
}

impl Opened {
    /// Reads a journal object that is kept under the name for `first`.
    pub fn read(bytes: &[u8], first: u64, origin: &Origin, key: &VerifierKey) -> Result<Self, Flaw> {
        let wrap = |error: crate::log::journal::JournalError| Flaw::Journal(error.to_string());
        let round = Round::verify(bytes, origin, key).map_err(wrap)?;
        if round.first_index() != first {
            return Err(Flaw::JournalName { found: round.first_index() });
        }
        let entries = round.entries().collect::<Result<Vec<_>, _>>().map_err(wrap)?;
        let not_canonical = entries.iter().filter(|entry| !is_canonical(entry)).map(|entry| entry.index);
        Ok(Self { not_canonical: not_canonical.collect(), round, entries })
    }

    /// Gives the entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Gives the leaves.
    pub fn leaves(&self) -> Vec<[u8; Leaf::LEN]> {
        self.entries.iter().map(|entry| entry.leaf.to_bytes()).collect()
    }
}

/// Tells whether the line says what the event says and nothing else: what nobody reads must not be there.
fn is_canonical(entry: &Entry) -> bool {
    let Event { salt, time, at, .. } = &entry.event;
    entry.event.to_line().is_ok_and(|line| line == entry.line)
        && *at == time.seconds().to_string()
        && STANDARD.decode(salt).is_ok_and(|salt| salt.len() == 16)
}
