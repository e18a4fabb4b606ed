//! Who may do what: rules in Cedar, held against our schema when they are read, and asked in small slices.

mod question;
mod read;
mod slice;
mod types;
mod verdict;

pub use read::RuleId;
pub use verdict::Verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Action, Facts, PolicyError, Problem};
use crate::names::{GroupName, ProfileName};
use crate::time::UnixSeconds;
use read::Rule;
use slice::Slice;
use types::Types;

/// The schema that every rule is held against, in Cedar's own notation.
pub const SCHEMA: &str = include_str!("countersign.cedarschema");

/// Whose keys a profile is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileKind {
    /// People's and programs'.
    User,
    /// Hosts'.
    Host,
}

impl ProfileKind {
    /// Gives what is done with a profile of this kind first of all.
    pub(super) fn action(self) -> Action {
        match self {
            Self::User => Action::Request,
            Self::Host => Action::CertifyHost,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
        }
    }
}

/// The rules of a policy, ready to be asked.
///
/// For every action on every profile there is a slice of only those rules that can match, in it one set for each group
/// or user that rules name; a question goes to the sets of who asks. So its cost depends on the rules about them and
/// what they ask for, and hardly on how many there are.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    types: Types,
    written: Vec<Rule>,
    slices: BTreeMap<(Action, Option<ProfileName>), Slice>,
}

impl Rules {
    /// Reads rules; `profiles` are those that they can be about.
    pub(super) fn read(
        text: &str,
        profiles: &BTreeMap<ProfileName, ProfileKind>,
    ) -> Result<(Self, Vec<Problem>), PolicyError> {
        let types = Types::new().map_err(|cause| Problem::new(super::RULES, cause))?;
        let (rules, warnings) = read::read(text, profiles)?;
        let about = |action: Action| {
            let profiles = profiles.keys().map(|name| Some(name.clone()));
            let profiles = profiles.filter(move |_| action.is_about_a_profile());
            profiles.chain((!action.is_about_a_profile()).then_some(None)).map(move |on| (action, on))
        };
        let mut slices = BTreeMap::new();
        for (action, on) in Action::ALL.into_iter().flat_map(about) {
            let kind = on.as_ref().and_then(|name| profiles.get(name)).copied();
            let slice = Slice::cut(&types, &rules, action, on.as_ref(), kind);
            slices.insert((action, on), slice.map_err(|cause| Problem::new(super::RULES, cause))?);
        }
        Ok((Self { types, written: rules, slices }, warnings))
    }

    /// Asks whether somebody may do something. Whatever is not there or cannot be evaluated says no.
    pub(super) fn ask(
        &self,
        action: Action,
        on: Option<&ProfileName>,
        facts: &Facts,
        now: UnixSeconds,
    ) -> Verdict {
        let Some(slice) = self.slices.get(&(action, on.cloned())) else { return Verdict::NotPermitted };
        slice.ask(&self.types, facts, now)
    }

    /// Tells whether any rule at all permits an action on a profile to anybody.
    pub(super) fn can_permit(&self, action: Action, on: Option<&ProfileName>) -> bool {
        self.slices.get(&(action, on.cloned())).is_some_and(Slice::can_permit)
    }

    /// Gives the ids of all rules, in the order of the file.
    pub(super) fn ids(&self) -> impl Iterator<Item = &RuleId> {
        self.written.iter().map(|rule| &rule.id)
    }

    /// Gives the rules that can match an action on a profile, as they are written.
    pub(super) fn texts(&self, action: Action, on: Option<&ProfileName>) -> Vec<String> {
        let slice = self.slices.get(&(action, on.cloned()));
        slice.into_iter().flat_map(Slice::ids).filter_map(|id| self.text(&id)).collect()
    }

    /// Gives the networks and addresses that the rules about an action on a profile name.
    pub(super) fn networks(&self, action: Action, on: Option<&ProfileName>) -> BTreeSet<IpNet> {
        let texts = self.texts(action, on);
        let named = texts.iter().flat_map(|rule| quoted(rule, "ip(\""));
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        named.filter_map(network).collect()
    }

    /// Gives a rule as it is written.
    pub(super) fn text(&self, id: &RuleId) -> Option<String> {
        self.written.iter().find(|rule| rule.id == *id).map(|rule| rule.text.clone())
    }

    /// Gives the groups that rules name.
    pub(super) fn groups(&self) -> impl Iterator<Item = GroupName> {
        let literals = self.written.iter().flat_map(|rule| rule.policy.entity_literals());
        let groups = literals.filter(|uid| uid.type_name().to_string() == "Group");
        groups.filter_map(|uid| uid.id().unescaped().parse().ok())
    }
}

/// Gives what stands between this opening and the next quotation mark, every time.
pub(super) fn quoted<'a>(rule: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
    rule.split(opening).skip(1).filter_map(|rest| rest.split('"').next())
}
