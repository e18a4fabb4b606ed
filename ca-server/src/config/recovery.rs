//! How hard it is to get an account back when everything is lost.

use ca_core::recovery::{MAX_OFFICERS, MIN_OFFICERS};
use ca_core::time::Ttl;
use serde::Deserialize;

/// What the recovery of an account takes, and what it leaves its owner for a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recovery {
    /// How long the owner has to veto it once the officers have signed; less than a day is for trying it out.
    pub wait: Ttl,
    /// For how long the account can do less afterwards.
    pub reduced_for: Ttl,
    /// How many people have to sign, 2 to 8.
    pub officers: u8,
}

impl Default for Recovery {
    /// A day, a week, two people.
    fn default() -> Self {
        let hours = |hours: u64| Ttl::from_secs(hours * 3600).unwrap_or(Ttl::MAX);
        Self { wait: hours(24), reduced_for: hours(168), officers: MIN_OFFICERS }
    }
}

impl Recovery {
    pub(super) fn check(&self) -> Result<(), String> {
        if (MIN_OFFICERS..=MAX_OFFICERS).contains(&self.officers) {
            return Ok(());
        }
        Err(format!("recovery.officers must be {MIN_OFFICERS} to {MAX_OFFICERS}"))
    }
}
