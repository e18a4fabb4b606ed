//! Reading the journal: its rounds, and answers that are in it already.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::Precert;
use ca_core::log::Batch;
use ca_core::log::event::What;
use ca_core::log::hash::sha256;
use ca_core::log::journal::{self, Entry, JournalError, Round};
use ca_core::log::leaf::Leaf;

use super::draft::Committed;
use super::recent::Spot;
use super::{Draft, LedgerError, RecoverError, Setup};

/// Computes the leaves of a round.
pub(super) fn leaves(round: &Round) -> Result<Vec<Leaf>, JournalError> {
    round.entries().map(|entry| entry.map(|entry| entry.leaf)).collect()
}

/// Reads and verifies one journal object; `None` when there is none.
pub(super) async fn find(setup: &Setup, key: &str) -> Result<Option<Round>, RecoverError> {
    let object = |cause: String| RecoverError::Object { key: key.to_owned(), cause };
    let Some(found) = setup.store.get(key).await? else { return Ok(None) };
    let round = Round::verify(&found.bytes, setup.keys.origin(), setup.keys.verifier());
    let round = round.map_err(|error| object(error.to_string()))?;
    if journal::object_key(round.first_index()) == key {
        Ok(Some(round))
    } else {
        Err(object("it is the round of another place".to_owned()))
    }
}

/// Reads and verifies one journal object that has to be there.
pub(super) async fn read(setup: &Setup, key: &str) -> Result<Round, RecoverError> {
    let missing = || RecoverError::Object { key: key.to_owned(), cause: "it is not there".to_owned() };
    find(setup, key).await?.ok_or_else(missing)
}

/// Gives the answer to a request that is in the log already: the same entry, proof and precert as the first time (I8).
pub(super) async fn committed_at(setup: &Setup, spot: Spot, draft: &Draft) -> Result<Committed, LedgerError> {
    let unavailable = |error: String| LedgerError::Unavailable(error);
    let round =
        read(setup, &journal::object_key(spot.round)).await.map_err(|e| unavailable(e.to_string()))?;
    let entries: Vec<Entry> =
        round.entries().collect::<Result<_, _>>().map_err(|e| unavailable(e.to_string()))?;
    let position = usize::try_from(spot.index - spot.round).map_err(|e| unavailable(e.to_string()))?;
    let entry =
        entries.get(position).ok_or_else(|| unavailable("the entry is not in its round".to_owned()))?;
    let precert = precert_of(draft, &entry.event.what).ok_or(LedgerError::Conflict)?;
    let leaves: Vec<_> = entries.iter().map(|entry| entry.leaf).collect();
    let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
    let bytes = STANDARD.decode(precert).map_err(|e| unavailable(e.to_string()))?;
    Ok(Committed {
        index: entry.index,
        time: entry.event.time,
        event_hash: sha256(entry.line.as_bytes()),
        proof: tree.proof(position).unwrap_or_default(),
        checkpoint: Arc::new(setup.keys.checkpoint(tree.size(), tree.root())?),
        precert: Some(Precert::from_bytes(&bytes).map_err(|e| unavailable(e.to_string()))?),
    })
}

/// Gives the precert of an entry that answers a draft; `None` when it is the answer to something else.
fn precert_of<'a>(draft: &Draft, what: &'a What) -> Option<&'a str> {
    let (asked, answered, precert) = match (draft, what) {
        (Draft::Certificate(draft), What::Certificate(intent)) => {
            (draft.request.text(), &intent.request, &intent.precert)
        }
        (Draft::HostCertificate(draft), What::HostCertificate(intent)) => {
            (draft.request.text(), &intent.request, &intent.precert)
        }
        _ => return None,
    };
    (asked == answered).then_some(precert)
}
