//! The journal: the create-only objects whose existence commits events to the log.
//!
//! An object is a signed note that names the place and the content, a blank line after it, then the event lines. The header
//! carries the frontier of the tree before it, so the last object alone is enough to go on from; and it is signed, so
//! that whoever can only write to the bucket cannot append. The first line differs from a checkpoint's, so neither
//! signature can pass for the other.

use super::checkpoint::Origin;
use super::event::{Event, EventError, Mark};
use super::frontier::Frontier;
use super::hash::{Hash, leaf_hash, sha256};
use super::key::{NoteSigner, VerifierKey};
use super::leaf::Leaf;
use super::note::{self, NoteError, UnverifiedNote};

const FIRST_LINE: &str = "countersign journal v1";

/// The most entries one round may have; a node that looks for the last round need not look further back than this.
pub const MAX_ENTRIES: usize = 1024;

/// The folder of the journal.
pub const PREFIX: &str = "journal/";

/// Gives the key of the journal object whose first entry has this index.
pub fn object_key(first_index: u64) -> String {
    format!("{PREFIX}{first_index:020}")
}

/// Why bytes are not a good journal object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The header or the body is not in the format.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// The header is not signed by the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The body is not the one that was signed for.
    #[error("the event lines are not those the header was signed for")]
    Body,
    /// It belongs to another log.
    #[error("it is of the log {found}")]
    Origin {
        /// The log it says it is of.
        found: String,
    },
    /// A line is not an event.
    #[error("entry {index}: {cause}")]
    Event {
        /// The entry's index.
        index: u64,
        /// What is wrong with it.
        cause: EventError,
    },
}

/// One round of the log: the tree before it and the event lines it adds.
#[derive(Clone, Debug)]
pub struct Round {
    before: Frontier,
    fresh_since: u64,
    lines: Vec<String>,
}

/// One entry of a round, read back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its index in the log.
    pub index: u64,
    /// Its exact line.
    pub line: String,
    /// The line's meaning.
    pub event: Event,
    /// Its leaf.
    pub leaf: Leaf,
}

impl Round {
    /// Takes the tree before and the lines to add; `fresh_since` is where the oldest round starts that may hold a
    /// request still fresh, so that a node starting here knows which request ids are taken.
    ///
    /// `None` when there are no lines or more than [`MAX_ENTRIES`], when one has a newline, or `fresh_since` lies ahead.
    pub fn new(before: Frontier, fresh_since: u64, lines: Vec<String>) -> Option<Self> {
        let good = (1..=MAX_ENTRIES).contains(&lines.len())
            && fresh_since <= before.size()
            && !lines.iter().any(|line| line.contains('\n'));
        good.then_some(Self { before, fresh_since, lines })
    }

    /// Gives where the oldest round starts that may hold a request still fresh.
    pub fn fresh_since(&self) -> u64 {
        self.fresh_since
    }

    /// Gives the frontier of the tree before.
    pub fn before(&self) -> &Frontier {
        &self.before
    }

    /// Gives the index of the first entry.
    pub fn first_index(&self) -> u64 {
        self.before.size()
    }

    /// Gives the size of the tree after.
    pub fn size(&self) -> u64 {
        self.before.size() + self.lines.len() as u64
    }

    /// Gives the event lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Writes and signs the object.
    pub fn sign(&self, origin: &Origin, signer: &NoteSigner) -> Result<Vec<u8>, JournalError> {
        let body = self.lines.join("\n") + "\n";
        let mut object = note::sign(&self.header(origin, &body), &[signer])?.into_bytes();
        object.push(b'\n');
        object.extend_from_slice(body.as_bytes());
        Ok(object)
    }

    fn header(&self, origin: &Origin, body: &str) -> String {
        let frontier: Vec<String> = self.before.hashes().iter().map(ToString::to_string).collect();
        format!(
            "{FIRST_LINE}\n{origin}\nfirst {}\ncount {}\nfresh-since {}\nfrontier {}\nbody {}\n",
            self.first_index(),
            self.lines.len(),
            self.fresh_since,
            if frontier.is_empty() { "-".to_owned() } else { frontier.join(" ") },
            Hash(sha256(body.as_bytes())),
        )
    }

    /// Reads an object and verifies its signature and its body; the events are parsed by [`Round::entries`].
    pub fn verify(bytes: &[u8], origin: &Origin, key: &VerifierKey) -> Result<Self, JournalError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JournalError::Malformed("not UTF-8"))?;
        let (header, body) = split(text).ok_or(JournalError::Malformed("no blank line ends the header"))?;
        let note = UnverifiedNote::parse(header)?;
        if note.signatures().len() != 1 {
            // Nothing may stand in the object that the log did not sign.
            return Err(JournalError::Malformed("more than one signature"));
        }
        let note = note.verify(std::slice::from_ref(key))?;
        let round = parse_header(note.text(), body, origin)?;
        // One spelling: no further lines, no leading zeroes, no last line without its newline.
        if round.header(origin, body) == note.text() && body.ends_with('\n') {
            Ok(round)
        } else {
            Err(JournalError::Malformed("the header is not in its one form"))
        }
    }

    /// Reads of each event no more than its time and its request, with its index.
    pub fn marks(&self) -> impl Iterator<Item = Result<(u64, Mark), JournalError>> {
        (self.first_index()..).zip(&self.lines).map(|(index, line)| {
            let mark = Mark::from_line(line).map_err(|cause| JournalError::Event { index, cause })?;
            Ok((index, mark))
        })
    }

    /// Parses the events and computes their leaves.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, JournalError>> {
        (self.first_index()..).zip(&self.lines).map(|(index, line)| {
            let wrap = |cause| JournalError::Event { index, cause };
            let event = Event::from_line(line).map_err(wrap)?;
            let leaf = event.leaf(line).map_err(wrap)?;
            Ok(Entry { index, line: line.clone(), event, leaf })
        })
    }
}

/// Splits an object after its header: the note's text, a blank line, its signatures, and one more blank line.
fn split(text: &str) -> Option<(&str, &str)> {
    let after_text = text.find("\n\n")? + 2;
    let end = after_text + text.get(after_text..)?.find("\n\n")? + 1;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn parse_header(header: &str, body: &str, origin: &Origin) -> Result<Round, JournalError> {
    let mut lines = header.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err(JournalError::Malformed("not a journal header"));
    }
    match lines.next() {
        Some(found) if found == origin.as_str() => {}
        found => return Err(JournalError::Origin { found: found.unwrap_or_default().to_owned() }),
    }
    let mut field = |name: &'static str| {
        lines
            .next()
            .and_then(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .ok_or(JournalError::Malformed(name))
    };
    let first: u64 = field("first")?.parse().map_err(|_| JournalError::Malformed("first"))?;
    let count: usize = field("count")?.parse().map_err(|_| JournalError::Malformed("count"))?;
    let fresh_since = field("fresh-since")?.parse().map_err(|_| JournalError::Malformed("fresh-since"))?;
    let frontier = parse_frontier(first, field("frontier")?)?;
    if field("body")? != Hash(sha256(body.as_bytes())).to_string() {
        return Err(JournalError::Body);
    }
    let lines: Vec<String> = body.strip_suffix('\n').unwrap_or(body).split('\n').map(str::to_owned).collect();
    let round = Round::new(frontier, fresh_since, lines).filter(|round| round.lines.len() == count);
    round.ok_or(JournalError::Malformed("the header does not fit the lines"))
}

fn parse_frontier(size: u64, text: &str) -> Result<Frontier, JournalError> {
    let hashes = text.split(' ').filter(|h| *h != "-").map(str::parse).collect::<Result<Vec<Hash>, _>>();
    let frontier = hashes.ok().and_then(|hashes| Frontier::from_parts(size, hashes).ok());
    frontier.ok_or(JournalError::Malformed("frontier"))
}

/// Hashes leaves as the tree does.
pub fn leaf_hashes(leaves: &[Leaf]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf_hash(&leaf.to_bytes())).collect()
}
