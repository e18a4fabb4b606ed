//! An entry read without knowing what kinds of event there are, so that a newer log can be searched too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Flaw;
use crate::log::checkpoint::Origin;
use crate::log::hash::sha256;
use crate::log::journal::Round;
use crate::log::key::VerifierKey;
use crate::log::leaf::{EntryType, Leaf};
use crate::time::UnixMillis;

/// The type of the entries that are certificates, the only ones whose leaf commits to a precert.
pub(super) const CERTIFICATE: &str = "certificate";

/// What the event of a certificate for a host is called.
const HOST_CERTIFICATE: &str = "host-certificate";

/// One entry: its place, and what its line says.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its index in the log.
    pub index: u64,
    /// When it was entered, in milliseconds.
    pub time: UnixMillis,
    /// Its type, as in the log.
    pub kind: String,
    /// Its exact line.
    pub line: String,
    /// The line's fields.
    pub fields: Map<String, Value>,
}

impl Statement {
    /// Reads the journal object that is kept under the name for `first`: its signature and body are verified, its events
    /// are taken as they are.
    pub fn read_round(
        bytes: &[u8],
        first: u64,
        origin: &Origin,
        key: &VerifierKey,
    ) -> Result<(Round, Vec<Self>), Flaw> {
        let round = Round::verify(bytes, origin, key).map_err(|error| Flaw::Journal(error.to_string()))?;
        if round.first_index() != first {
            return Err(Flaw::JournalName { found: round.first_index() });
        }
        let read = |(index, line): (u64, &String)| {
            Self::read(index, line).ok_or_else(|| Flaw::Journal(format!("entry {index} is no event")))
        };
        let statements = (first..).zip(round.lines()).map(read).collect::<Result<_, _>>()?;
        Ok((round, statements))
    }

    fn read(index: u64, line: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
        let time = UnixMillis(fields.get("time")?.as_u64()?);
        let kind = fields.get("type")?.as_str()?.to_owned();
        Some(Self { index, time, kind, line: line.to_owned(), fields })
    }

    /// Gives a field that is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// Gives the texts in a field that is a list.
    pub fn texts(&self, field: &str) -> impl Iterator<Item = &str> {
        self.fields.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Gives a field that is a number.
    pub fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field)?.as_u64()
    }

    /// Gives the short name of the account it is about, if it names one.
    pub fn user(&self) -> Option<&str> {
        let of_facts = || self.fields.get("facts")?.get("user")?.get("name")?.as_str();
        of_facts().or_else(|| self.text("user"))
    }

    /// Computes its leaf; `None` when it is a certificate without a precert.
    pub fn leaf(&self) -> Option<Leaf> {
        let hash = sha256(self.line.as_bytes());
        if ![CERTIFICATE, HOST_CERTIFICATE].contains(&self.kind.as_str()) {
            return Some(Leaf::new(EntryType::Event, self.time, None, hash));
        }
        let precert = STANDARD.decode(self.text("precert")?).ok()?;
        Some(Leaf::new(EntryType::Certificate, self.time, Some(&precert), hash))
    }
}
