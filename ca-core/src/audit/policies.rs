//! Which policy was in force when, as the log tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Flaw;
use crate::policy::{Policy, PolicyError, PolicyId};
use crate::time::UnixSeconds;

/// For how long after a policy was replaced another node may not have heard of it, in seconds.
const HEARSAY_SECS: u64 = 60;

/// The policies adopted so far.
#[derive(Debug, Default)]
pub(super) struct Policies {
    known: BTreeMap<PolicyId, Arc<Policy>>,
    adopted: Vec<Adoption>,
}

#[derive(Clone, Copy, Debug)]
struct Adoption {
    entry: u64,
    at: UnixSeconds,
    policy: PolicyId,
}

impl Policies {
    /// Takes in a policy that an entry adopts.
    pub(super) fn adopt(
        &mut self,
        entry: u64,
        at: UnixSeconds,
        id: PolicyId,
        text: &str,
    ) -> Result<(), Flaw> {
        let flaw = |cause: String| Flaw::PolicyText { policy: id, cause };
        match self.known.get(&id) {
            Some(known) if known.text() == text => {}
            Some(_) => return Err(flaw("its text is another".to_owned())),
            None => {
                let policy: Policy = text.parse().map_err(|error: PolicyError| flaw(error.to_string()))?;
                if policy.id() != id {
                    return Err(flaw(format!("its SHA-256 is {}", policy.id())));
                }
                self.known.insert(id, Arc::new(policy));
            }
        }
        self.adopted.push(Adoption { entry, at, policy: id });
        Ok(())
    }

    /// Gives every policy that a decision at this time could follow.
    pub(super) fn all_in_force(&self, decided: UnixSeconds) -> impl Iterator<Item = Arc<Policy>> {
        self.known.keys().filter_map(move |id| self.in_force(*id, decided).ok())
    }

    /// Finds a policy that a decision at this time could follow.
    pub(super) fn in_force(&self, id: PolicyId, decided: UnixSeconds) -> Result<Arc<Policy>, Flaw> {
        let policy = self.known.get(&id).ok_or(Flaw::PolicyUnknown { policy: id })?;
        let mut replaced = None;
        for (place, _) in self.adopted.iter().enumerate().filter(|(_, adoption)| adoption.policy == id) {
            match self.adopted.get(place + 1) {
                Some(next) if decided > next.at.plus_secs(HEARSAY_SECS) => replaced = Some(next.entry),
                _ => return Ok(Arc::clone(policy)),
            }
        }
        Err(Flaw::PolicyReplaced { policy: id, replaced: replaced.unwrap_or_default() })
    }
}
