//! The audit: goes through the whole log and finds whatever is not as it must be (I6).
//!
//! Pure and incremental: the caller reads objects, from wherever they are, and hands them in; memory holds one batch of
//! rounds, the right edge of the tree, and what later entries can refer to. The work comes in three kinds, so that a
//! caller can use every core:
//!
//! ```text
//! bytes ──Opened::read──▶ Opened ──Auditor::round──▶ cases ──Case::replay──▶ findings
//!        (each on its own)        (in order, cheap)        (each on its own)
//!                                  └─▶ leaves ──Tree::append──▶ roots and objects, to compare with what is stored
//! ```
//!
//! Besides, [`Statement`] reads entries without judging them, for searching and for the [`report`].
//!
//! Reading order: [`Finding`], [`ObjectName`], [`Opened`], [`Auditor`], [`Case`], [`Tree`], [`check_checkpoint`].

mod auditor;
mod checkpoint;
mod finding;
mod history;
mod mentions;
mod object;
mod opened;
mod policies;
mod recovery;
mod replay;
mod replay_host;
pub mod report;
mod revocation;
mod statement;
mod tree;
mod vouchers;
mod waiting;

pub use auditor::Auditor;
pub use checkpoint::check_checkpoint;
pub use finding::{Finding, Flaw, RecoveryFlaw, VoucherFlaw};
pub use mentions::Mentions;
pub use object::{ObjectName, checkpoint_key};
pub use opened::Opened;
pub use replay::Case;
pub use statement::Statement;
pub use tree::{Grown, Tree, compare, leaves_of};
