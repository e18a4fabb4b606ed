//! Who may have which certificate, decided by a pure function over recorded facts (I3, I6).

mod action;
pub mod cases;
mod decide;
mod decide_host;
pub mod diff;
mod digest;
mod error;
pub mod explain;
mod facts;
mod files;
mod host_pattern;
mod host_profile;
mod principal;
mod profile;
mod quorum;
mod rules;
mod ticket;
mod voucher;

pub use action::{Action, UnknownAction};
pub use decide::{BACKDATE_SECS, Decision, Denial, Denials, decide};
pub use decide_host::{HostDenial, decide_host};
pub use error::{PolicyError, Problem};
pub use facts::{
    Approver, Factor, FactorKind, Facts, KeyScope, Purpose, Session, Source, UnknownFactor, User, Waited,
};
pub use files::{CASES, PROFILES, PolicyFiles, RULES};
pub use host_pattern::HostPattern;
pub use host_profile::HostProfile;
pub use principal::{Account, Mapped, PrincipalTemplate};
pub use profile::{Approvals, Extension, FactorStrength, Profile, SourceAddress};
pub use quorum::Quorum;
pub use rules::{ProfileKind, RuleId, SCHEMA, Verdict};
pub use ticket::TicketPattern;
pub use voucher::VoucherDenial;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use toml::Spanned;

use crate::log::hash::sha256;
use crate::names::ProfileName;
use crate::time::UnixSeconds;
use crate::voucher::Digest;
use rules::Rules;

/// The identity of a policy: the SHA-256 of its bytes, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyId([u8; 32]);

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<PolicyId> for String {
    fn from(id: PolicyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for PolicyId {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// A whole policy: the profiles, the rules, and the text they were read from.
#[derive(Clone, Debug)]
pub struct Policy {
    id: PolicyId,
    text: String,
    profiles: BTreeMap<ProfileName, Profile>,
    host_profiles: BTreeMap<ProfileName, HostProfile>,
    digests: BTreeMap<ProfileName, Digest>,
    rules: Rules,
    warnings: Vec<Problem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfilesFile {
    #[serde(default)]
    profiles: BTreeMap<ProfileName, Spanned<Profile>>,
    #[serde(default)]
    host_profiles: BTreeMap<ProfileName, Spanned<HostProfile>>,
}

impl Policy {
    /// Reads the files of a policy; the cases are left alone.
    pub fn read(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let (profiles, host_profiles) = read_profiles(&files.profiles)?;
        let users = profiles.keys().map(|name| (name.clone(), ProfileKind::User));
        let kinds = users.chain(host_profiles.keys().map(|name| (name.clone(), ProfileKind::Host))).collect();
        let (rules, mut warnings) = Rules::read(&files.rules, &kinds)?;
        let nobody = kinds.iter().filter(|(name, kind)| !rules.can_permit(kind.action(), Some(name)));
        warnings.extend(nobody.map(|(name, kind)| {
            Problem::new(RULES, format!("no rule permits anybody to {} {name}", kind.action()))
        }));
        let text = files.canonical_text();
        let (id, digests) = (PolicyId(sha256(text.as_bytes())), digest::digests(&files.profiles));
        Ok(Self { id, text, profiles, host_profiles, digests, rules, warnings })
    }

    /// Gives the SHA-256 of the text.
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// Gives profiles and rules as one text, as it goes into the log.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives what is worth a look, though it is not wrong: a profile nobody can have, a rule that never matches.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Finds a profile.
    pub fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Gives the hash of how a profile is written, which changes with every value in it.
    pub fn profile_digest(&self, name: &ProfileName) -> Option<Digest> {
        self.digests.get(name).copied()
    }

    /// Gives all profiles by name.
    pub fn profiles(&self) -> impl Iterator<Item = (&ProfileName, &Profile)> {
        self.profiles.iter()
    }

    /// Finds a host profile.
    pub fn host_profile(&self, name: &ProfileName) -> Option<&HostProfile> {
        self.host_profiles.get(name)
    }

    /// Gives all host profiles by name.
    pub fn host_profiles(&self) -> impl Iterator<Item = (&ProfileName, &HostProfile)> {
        self.host_profiles.iter()
    }

    /// Gives the names of all rules, in the order of the file.
    pub fn rule_ids(&self) -> impl Iterator<Item = &RuleId> {
        self.rules.ids()
    }

    /// Gives a rule as it is written.
    pub fn rule_text(&self, id: &RuleId) -> Option<String> {
        self.rules.text(id)
    }

    /// Asks the rules whether somebody may do something, on one profile where it is about one.
    pub fn ask(&self, action: Action, on: Option<&ProfileName>, facts: &Facts, now: UnixSeconds) -> Verdict {
        self.rules.ask(action, on, facts, now)
    }

    /// Tells whether somebody may do something: their account is enabled, a rule permits it and none forbids it.
    ///
    /// An account that was recovered not long ago does nothing for others, whatever the rules say.
    pub fn permits(&self, action: Action, on: Option<&ProfileName>, facts: &Facts, now: UnixSeconds) -> bool {
        let reduced = facts.user.reduced(now).is_some() && action != Action::Request;
        facts.user.enabled && !reduced && self.ask(action, on, facts, now).is_permitted()
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    /// Reads the text of a policy as the log has it.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::read(&PolicyFiles::from_canonical_text(text)?)
    }
}

type ByName<T> = BTreeMap<ProfileName, T>;

fn read_profiles(text: &str) -> Result<(ByName<Profile>, ByName<HostProfile>), PolicyError> {
    let file: ProfilesFile = toml::from_str(text).map_err(|error| toml_problem(text, &error))?;
    let problem = |name: &ProfileName, at: usize, rule: &str| {
        Problem::new(PROFILES, format!("profile {name}: {rule}")).at(text, at)
    };
    let users = file.profiles.iter().filter_map(|(name, profile)| {
        Some(problem(name, profile.span().start, profile.get_ref().check().err()?))
    });
    let hosts = file.host_profiles.iter().filter_map(|(name, profile)| {
        // The scope of an API key and the rules name profiles of either kind by name alone.
        let twice = file.profiles.contains_key(name);
        let twice = twice.then_some("a profile and a host profile must not have the same name");
        Some(problem(name, profile.span().start, profile.get_ref().check().err().or(twice)?))
    });
    let problems: Vec<Problem> = users.chain(hosts).collect();
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let written_out = |profile: Spanned<Profile>| profile.into_inner().with_factors_written_out();
    Ok((
        file.profiles.into_iter().map(|(name, profile)| (name, written_out(profile))).collect(),
        file.host_profiles.into_iter().map(|(name, profile)| (name, profile.into_inner())).collect(),
    ))
}

fn toml_problem(text: &str, error: &toml::de::Error) -> Problem {
    let message = error.message();
    let problem = Problem::new(PROFILES, message);
    let problem = error.span().map_or(problem.clone(), |span| problem.at(text, span.start));
    let old = ["unknown field `groups`", "unknown field `officers`"];
    if old.iter().any(|old| message.starts_with(old)) { problem.hint(files::GROUPS_HINT) } else { problem }
}
