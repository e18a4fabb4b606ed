//! What changes from one policy to another, in words: whose access grows or shrinks, and the shape of what they get.
//!
//! Who may do what is tried, with the same question the server asks, under circumstances made of what the rules speak
//! of: the hours, days, dates, networks, factors and ages they name, and those just beside.

mod circumstances;
mod people;
mod reach;
mod shape;

pub use people::{Someone, groups_named, read_people};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Action, FactorKind, Policy, ProfileKind};
use crate::names::{GroupName, ProfileName};
use crate::time::UnixSeconds;
use circumstances::Circumstances;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody can do something they could not.
    Grows {
        /// Who.
        who: String,
        /// What they can do.
        right: String,
        /// Whether it is under some circumstances only.
        sometimes: bool,
    },
    /// Somebody can do something no more.
    Shrinks {
        /// Who.
        who: String,
        /// What they could do.
        right: String,
    },
    /// Somebody can do something under other circumstances than before.
    Shifts {
        /// Who.
        who: String,
        /// What they can do.
        right: String,
        /// How: more, fewer or other circumstances, and one of them.
        how: String,
    },
    /// A profile is there, or gone.
    Profile {
        /// Its name.
        name: ProfileName,
        /// Whose keys it is for.
        kind: ProfileKind,
        /// Whether it is there now.
        added: bool,
    },
    /// More people or hosts get something by a profile than before, or fewer.
    Reach {
        /// Its name.
        profile: ProfileName,
        /// Whether it is more.
        grows: bool,
        /// What it does now, as what follows its name.
        words: String,
    },
    /// A profile's certificates look different, or cost something else.
    Shape {
        /// Its name.
        profile: ProfileName,
        /// What is different.
        what: &'static str,
        /// What it was.
        old: String,
        /// What it is.
        new: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grows { who, right, sometimes: false } => write!(f, "+ {who} can now {right}"),
            Self::Grows { who, right, sometimes: true } => write!(f, "+ {who} can now {right}, at times"),
            Self::Shrinks { who, right } => write!(f, "- {who} can no longer {right}"),
            Self::Shifts { who, right, how } => write!(f, "~ {who} can {right} {how}"),
            Self::Profile { name, kind, added: true } => write!(f, "+ there is a {} {name}", called(*kind)),
            Self::Profile { name, kind, added: false } => {
                write!(f, "- there is no {} {name} any more", called(*kind))
            }
            Self::Reach { profile, grows, words } => {
                write!(f, "{} {profile} {words}", if *grows { '+' } else { '-' })
            }
            Self::Shape { profile, what, old, new } => write!(f, "~ {profile}: {what} {old} -> {new}"),
        }
    }
}

fn called(kind: ProfileKind) -> &'static str {
    match kind {
        ProfileKind::User => "profile",
        ProfileKind::Host => "host profile",
    }
}

/// Compares two policies, over these people. `now` is where the week begins that is tried.
pub fn diff(old: &Policy, new: &Policy, people: &[Someone], now: UnixSeconds) -> Vec<Change> {
    let mut changes = profiles(old, new);
    let rights = rights(old, new);
    let tried: Vec<Circumstances> = rights.iter().map(|right| right.circumstances(old, new, now)).collect();
    let mut known = BTreeMap::new();
    for someone in people.iter().filter(|someone| someone.user.enabled) {
        for (right, circumstances) in rights.iter().zip(&tried) {
            // Those in the same groups are the same to rules that speak of nobody by name.
            let name = circumstances.personal.then(|| someone.user.name.clone());
            let class: (_, BTreeSet<GroupName>, _) = (right.clone(), someone.user.groups.clone(), name);
            let change =
                known.entry(class).or_insert_with(|| right.compare(old, new, someone, circumstances));
            changes.extend(change.as_ref().map(|change| change.about(someone, right)));
        }
    }
    changes
}

fn profiles(old: &Policy, new: &Policy) -> Vec<Change> {
    let mut changes = compare(ProfileKind::User, &old.profiles, &new.profiles, |name, before, after| {
        let approvals = reach::approvals(name, before.approvals.as_ref(), after.approvals.as_ref());
        shape::changes(name, before, after).into_iter().chain(approvals).collect()
    });
    changes.extend(compare(ProfileKind::Host, &old.host_profiles, &new.host_profiles, reach::host));
    changes
}

/// Compares the profiles of one kind; `differ` says how two of one name differ.
fn compare<T>(
    kind: ProfileKind,
    old: &BTreeMap<ProfileName, T>,
    new: &BTreeMap<ProfileName, T>,
    differ: impl Fn(&ProfileName, &T, &T) -> Vec<Change>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, before) in old {
        match new.get(name) {
            Some(after) => changes.extend(differ(name, before, after)),
            None => changes.push(Change::Profile { name: name.clone(), kind, added: false }),
        }
    }
    let added = new.keys().filter(|name| !old.contains_key(*name));
    changes.extend(added.map(|name| Change::Profile { name: name.clone(), kind, added: true }));
    changes
}

/// Something that can be permitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    action: Action,
    on: Option<ProfileName>,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.on.as_ref().map_or("", ProfileName::as_str);
        match self.action {
            Action::Request => write!(f, "have {on}"),
            Action::Approve => write!(f, "approve {on}"),
            Action::CertifyHost => write!(f, "certify hosts under {on}"),
            Action::Revoke => f.write_str("revoke"),
            Action::Audit => f.write_str("read the log"),
            Action::Administer => f.write_str("look after accounts"),
        }
    }
}

fn rights(old: &Policy, new: &Policy) -> Vec<Right> {
    let names: BTreeSet<&ProfileName> = old.profiles().chain(new.profiles()).map(|(name, _)| name).collect();
    let about = names.into_iter().flat_map(|name| {
        [Action::Request, Action::Approve].map(|action| Right { action, on: Some(name.clone()) })
    });
    let hosts: BTreeSet<&ProfileName> = old.host_profiles.keys().chain(new.host_profiles.keys()).collect();
    let hosts = hosts.into_iter().map(|name| Right { action: Action::CertifyHost, on: Some(name.clone()) });
    let others = [Action::Revoke, Action::Audit, Action::Administer];
    about.chain(hosts).chain(others.map(|action| Right { action, on: None })).collect()
}

/// How somebody's right differs; who it is comes later.
#[derive(Clone, Debug)]
enum Difference {
    Grows { sometimes: bool },
    Shrinks,
    Shifts { how: String },
}

impl Difference {
    fn about(&self, someone: &Someone, right: &Right) -> Change {
        let (who, right) = (someone.label.clone(), right.to_string());
        match self.clone() {
            Self::Grows { sometimes } => Change::Grows { who, right, sometimes },
            Self::Shrinks => Change::Shrinks { who, right },
            Self::Shifts { how } => Change::Shifts { who, right, how },
        }
    }
}

impl Right {
    fn circumstances(&self, old: &Policy, new: &Policy, now: UnixSeconds) -> Circumstances {
        let on = self.on.as_ref();
        let mut rules = old.rules.texts(self.action, on);
        rules.extend(new.rules.texts(self.action, on));
        Circumstances::of(&rules, &self.accepted(old, new), now)
    }

    /// Gives the factors that either profile accepts; officers need one that is no recovery code, and are no programs.
    fn accepted(&self, old: &Policy, new: &Policy) -> BTreeSet<FactorKind> {
        let of_profile = |policy: &Policy| -> BTreeSet<FactorKind> {
            let Some(on) = &self.on else { return BTreeSet::new() };
            let user = policy.profile(on).map(|profile| &profile.factors);
            let host = policy.host_profile(on).map(|profile| &profile.factors);
            user.into_iter().chain(host).flatten().copied().collect()
        };
        match self.action {
            Action::Request | Action::CertifyHost => {
                of_profile(old).union(&of_profile(new)).copied().collect()
            }
            _ => [FactorKind::Totp, FactorKind::Sms, FactorKind::Yubikey, FactorKind::Webauthn].into(),
        }
    }

    fn compare(
        &self,
        old: &Policy,
        new: &Policy,
        someone: &Someone,
        circumstances: &Circumstances,
    ) -> Option<Difference> {
        let tries: Vec<_> = circumstances.of_user(&someone.user).collect();
        let can = |policy: &Policy| -> Vec<bool> {
            let permits = |(facts, now): &_| policy.permits(self.action, self.on.as_ref(), facts, *now);
            let gets = self.gets_something(policy, someone);
            tries.iter().map(|one| gets && permits(one)).collect()
        };
        let (before, after) = (can(old), can(new));
        if before == after {
            return None;
        }
        if !before.contains(&true) {
            return Some(Difference::Grows { sometimes: after.contains(&false) });
        }
        if !after.contains(&true) {
            return Some(Difference::Shrinks);
        }
        let only = |wanted: (bool, bool)| {
            let mut pairs = before.iter().zip(&after).zip(&tries);
            let found = pairs.find(|((before, after), _)| (**before, **after) == wanted);
            found.map(|(_, (facts, now))| circumstances::in_words(facts, *now))
        };
        let how = match (only((false, true)), only((true, false))) {
            (Some(more), None) => format!("more often, such as {more}"),
            (None, Some(less)) => format!("less often, not {less}"),
            (more, less) => {
                format!(
                    "at other times, such as {}, not {}",
                    more.unwrap_or_default(),
                    less.unwrap_or_default()
                )
            }
        };
        Some(Difference::Shifts { how })
    }

    /// A profile without an account for somebody gives them nothing, whatever the rules say.
    fn gets_something(&self, policy: &Policy, someone: &Someone) -> bool {
        let Some(profile) = self.on.as_ref().filter(|_| self.action == Action::Request) else { return true };
        let profile = policy.profile(profile);
        profile.is_some_and(|profile| profile.principals.iter().any(|p| p.resolve(&someone.user).is_some()))
    }
}
