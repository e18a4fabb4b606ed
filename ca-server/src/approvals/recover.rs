//! A start: whether the database knows all that the log does (I8).
//!
//! A database that was restored from a copy, or lost its last seconds, may take a request for waiting whose certificate is
//! in the log. What the ledger remembers of the last minutes tells which; what is older it cannot tell, and then every
//! request that waits is void, and every recovery.

use crate::clock::Clock;
use crate::ledger::TakenUp;
use crate::store::{Store, StoreError};

/// Brings what waits in line with the log; `seen` is the number of entries that the database knew of before the start.
pub async fn recover(store: &Store, log: &TakenUp, seen: u64, clock: &Clock) -> Result<(), StoreError> {
    if seen < log.first {
        // It may have forgotten a veto as well.
        let voided = store.void_requests().await? + store.void_recoveries().await?;
        if voided > 0 {
            tracing::error!(voided, seen, "alarm: the database is older than the log; what waited is void");
        }
        return Ok(());
    }
    for row in store.open_requests().await? {
        if log.requests.contains(&row.id) && store.request_is_in_log(row.id, clock.now()).await? {
            tracing::error!(request = %row.id, "alarm: the log has a certificate that the database did not know");
        }
    }
    Ok(())
}
