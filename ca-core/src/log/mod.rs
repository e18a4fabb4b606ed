//! The mathematics of the append-only log, and the text formats around it.
//!
//! A log is a list of entries under a Merkle tree (RFC 6962 §2.1). A signed *checkpoint* commits to the whole
//! of it, a *proof* shows that one entry is in it, *tiles* let anybody check both, and all of them follow
//! C2SP: [signed-note](https://c2sp.org/signed-note), [tlog-checkpoint](https://c2sp.org/tlog-checkpoint),
//! [tlog-proof](https://c2sp.org/tlog-proof), [tlog-tiles](https://c2sp.org/tlog-tiles).
//!
//! Reading order: [`hash`], [`frontier`], [`merkle`] (verify), [`prove`], [`batch`] (the sequencer's side), [`tile`],
//! [`bundle`], [`edge`] (write), [`tile_reader`] (read), [`key`], [`note`],
//! [`checkpoint`], [`proof`]; then what Countersign puts into the tree: [`event`], [`leaf`], [`journal`].
//!
//! What comes from outside is parsed into a type named `Unverified…`; only verification turns it into a
//! [`SignedCheckpoint`] or [`VerifiedInclusion`], neither of which can be made in another way.

pub mod batch;
pub mod bundle;
pub mod checkpoint;
pub mod edge;
pub mod event;
pub mod frontier;
pub mod hash;
pub mod journal;
pub mod key;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod prove;
pub mod tile;
pub mod tile_reader;

pub use batch::Batch;
pub use checkpoint::{Checkpoint, Origin, SignedCheckpoint};
pub use frontier::Frontier;
pub use hash::Hash;
pub use key::{NoteSigner, VerifierKey};
pub use note::UnverifiedNote;
pub use proof::{TlogProof, UnverifiedProof, VerifiedInclusion};
