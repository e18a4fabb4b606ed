//! The log as the audit trail of logins and accounts.

use async_trait::async_trait;
use ca_core::log::event::What;

use crate::ledger::{Draft, Ledger};
use crate::login::{Audit, AuditEvent, AuditUnavailable};

/// Records login and account events in the log.
#[derive(Clone, Debug)]
pub struct LogAudit(pub Ledger);

#[async_trait]
impl Audit for LogAudit {
    async fn record(&self, event: AuditEvent) -> Result<(), AuditUnavailable> {
        let committed = self.0.append(Draft::Event(event.into())).await;
        committed.map(drop).map_err(|error| AuditUnavailable { cause: error.to_string() })
    }
}

impl From<AuditEvent> for What {
    fn from(event: AuditEvent) -> Self {
        match event {
            AuditEvent::LoginSucceeded { user, email, session, factors, source } => {
                Self::LoginSucceeded { user, email, session, factors, source }
            }
            AuditEvent::LoginFailed { account, source, reason, count, window_secs } => {
                Self::LoginFailed { account, source, reason: reason.to_string(), count, window_secs }
            }
            AuditEvent::FactorDisabled { user, factor, failures } => {
                Self::FactorDisabled { user, factor, failures }
            }
            AuditEvent::UserAdded { user, email, groups, factors, by } => {
                Self::UserAdded { user, email, groups, factors, by }
            }
            AuditEvent::UserEnabled { user, enabled, by } => Self::UserEnabled { user, enabled, by },
            AuditEvent::UserReset { user, factors, by } => Self::UserReset { user, factors, by },
            AuditEvent::UserUnlocked { user, by } => Self::UserUnlocked { user, by },
        }
    }
}
