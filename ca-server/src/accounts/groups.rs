//! The groups of an account, which the policy speaks of.

use std::collections::BTreeSet;

use ca_core::log::event::What;
use ca_core::names::{GroupName, NameError};

use super::{AccountError, Accounts};
use crate::store::User;

impl Accounts {
    /// Puts an account into groups and takes it out of others, as typed; `by` is who does it.
    ///
    /// The next decision goes by them, also for sessions there are and for requests and approvals that wait. Certificates
    /// that are out stay good. Nothing is recorded where nothing changes.
    pub async fn regroup(
        &self,
        name: &str,
        join: &[String],
        leave: &[String],
        by: &str,
    ) -> Result<User, AccountError> {
        let (join, leave) = (named(join)?, named(leave)?);
        if let Some(group) = join.intersection(&leave).next() {
            return Err(AccountError::BothWays(group.clone()));
        }
        let _turn = self.regrouping.lock().await;
        let user = self.find(name).await?;
        if let Some(group) = leave.difference(&user.groups).next() {
            return Err(AccountError::NotIn(group.clone()));
        }
        let groups: BTreeSet<GroupName> = user.groups.union(&join).cloned().collect();
        let groups: BTreeSet<GroupName> = groups.difference(&leave).cloned().collect();
        if groups == user.groups {
            return Ok(user);
        }
        let (name, listed) = (user.name.clone(), groups.iter().cloned().collect());
        self.record(What::UserGroups { user: name, groups: listed, by: by.to_owned() }).await?;
        self.setup.store.set_groups(&user.id, &groups).await?;
        self.setup.sessions.forget_user(&user.id);
        Ok(User { groups, ..user })
    }
}

/// Reads the names of groups, as typed.
pub(super) fn named(typed: &[String]) -> Result<BTreeSet<GroupName>, NameError> {
    typed.iter().map(|group| group.parse()).collect()
}
