//! The log as the audit trail of logins and accounts.

use async_trait::async_trait;
use ca_core::log::event::What;

use crate::ledger::{Draft, Ledger};
use crate::login::{Audit, AuditUnavailable};

/// Records login and account events in the log.
#[derive(Clone, Debug)]
pub struct LogAudit(pub Ledger);

#[async_trait]
impl Audit for LogAudit {
    async fn record(&self, event: What) -> Result<(), AuditUnavailable> {
        let committed = self.0.append(Draft::Event(event)).await;
        committed.map(drop).map_err(|error| AuditUnavailable { cause: error.to_string() })
    }
}
