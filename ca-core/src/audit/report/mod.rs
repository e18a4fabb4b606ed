//! The report on a stretch of the log: who had what, who agreed, who is there and how well they are protected.
//!
//! Entries are taken in one by one; what is kept grows with the number of accounts and profiles, not of entries.
//! Types of event that are not known here are counted by their type and their actors.

mod access;
mod accounts;
mod activity;

use serde::Serialize;

pub use access::{Access, Denied};
pub use accounts::{AccountLine, Dormancy, Protection};
pub use activity::{Action, BreakGlass, FailedLogins};

use super::{Mentions, Statement};
use crate::time::UnixMillis;

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first millisecond.
    pub since: UnixMillis,
    /// The last millisecond.
    pub until: UnixMillis,
}

impl Period {
    fn contains(&self, time: UnixMillis) -> bool {
        (self.since..=self.until).contains(&time)
    }
}

/// What happened in the period, and how things stood at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many entries are of the period.
    pub entries: u64,
    /// Who had what.
    pub access: Vec<Access>,
    /// How many of these certificates were never handed out, as the signer failed.
    pub signing_failed: u64,
    /// Whose requests the policy denied.
    pub denied: Vec<Denied>,
    /// What was used for emergencies.
    pub break_glass: BreakGlass,
    /// Every account, as it stood at the end.
    pub accounts: Vec<AccountLine>,
    /// What officers and the operator did.
    pub actions: Vec<Action>,
    /// Failed logins by account.
    pub failed_logins: Vec<FailedLogins>,
}

/// Makes a report from entries in order.
#[derive(Debug)]
pub struct Reporter {
    period: Period,
    entries: u64,
    access: access::Tally,
    accounts: accounts::Accounts,
    activity: activity::Tally,
}

impl Reporter {
    /// Starts before the first entry of a log; earlier entries say how things stood when the period began.
    pub fn new(period: Period) -> Self {
        let (access, accounts, activity) = Default::default();
        Self { period, entries: 0, access, accounts, activity }
    }

    /// Takes in an entry.
    pub fn take(&mut self, statement: &Statement) {
        if statement.time > self.period.until {
            return;
        }
        self.accounts.take(statement);
        if self.period.contains(statement.time) {
            self.entries += 1;
            let mentions = Mentions::of(statement);
            self.access.take(statement, &mentions);
            self.activity.take(statement, &mentions);
        }
    }

    /// Ends.
    pub fn finish(self) -> Report {
        let (access, denied, signing_failed) = self.access.finish();
        let (break_glass, actions, failed_logins) = self.activity.finish();
        let accounts = self.accounts.finish(self.period.until.seconds());
        Report {
            entries: self.entries,
            access,
            signing_failed,
            denied,
            break_glass,
            accounts,
            actions,
            failed_logins,
        }
    }
}
