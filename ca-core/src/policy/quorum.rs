//! Counting approvals: distinct people, none of them the one who asks, each with the right to approve now (I5).

use std::collections::BTreeSet;
use std::fmt;

use super::facts::{Facts, User};
use super::{Action, Approvals, Policy};
use crate::names::{GroupName, ProfileName, UserName};
use crate::time::{Ttl, UnixSeconds};

/// What is still needed of approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// How many people have to approve.
    pub needed: u8,
    /// Whose approvals count now, in the order they were given.
    pub have: Vec<UserName>,
    /// The groups of which each must be in one.
    pub groups: BTreeSet<GroupName>,
    /// How long the request may wait.
    pub wait: Ttl,
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<&str> = self.groups.iter().map(GroupName::as_str).collect();
        write!(f, "{} of {} approvals by {}", self.have.len(), self.needed, groups.join(" or "))
    }
}

impl Policy {
    /// Tells whether somebody may approve what this requester asks for under a profile.
    ///
    /// No program can: an API key does not decide.
    pub fn may_approve(
        &self,
        profile: &ProfileName,
        requester: &User,
        approver: &Facts,
        now: UnixSeconds,
    ) -> bool {
        !approver.user.is_same_person_as(requester) && self.may_seal(profile, approver, now)
    }

    /// Tells whether somebody may approve in advance what anybody else will ask for under a profile.
    pub fn may_seal(&self, profile: &ProfileName, approver: &Facts, now: UnixSeconds) -> bool {
        let approvals = self.profile(profile).and_then(|profile| profile.approvals.as_ref());
        approvals.is_some_and(|approvals| approvals.has(&approver.user))
            && approver.session.key.is_none()
            && self.permits(Action::Approve, Some(profile), approver, now)
    }

    /// Gives whose approvals count now, in the order they were given: each person once.
    pub fn approvers(&self, profile: &ProfileName, facts: &Facts, now: UnixSeconds) -> Vec<UserName> {
        let given = facts.waited.as_ref().map_or([].as_slice(), |waited| &waited.approvals);
        let mut people: Vec<&User> = Vec::new();
        for approver in given {
            let known = people.iter().any(|person| person.is_same_person_as(&approver.user));
            if !known && self.may_approve(profile, &facts.user, &approver.facts(), now) {
                people.push(&approver.user);
            }
        }
        people.into_iter().map(|person| person.name.clone()).collect()
    }
}

/// Counts the approvals of a request that every other rule grants; `None` when they are enough.
pub(super) fn missing(
    policy: &Policy,
    (profile, approvals): (&ProfileName, &Approvals),
    facts: &Facts,
    now: UnixSeconds,
) -> Option<Quorum> {
    let have = policy.approvers(profile, facts, now);
    (have.len() < usize::from(approvals.count)).then(|| Quorum {
        needed: approvals.count,
        have,
        groups: approvals.groups.clone(),
        wait: approvals.wait,
    })
}
