//! Who may have which certificate, decided by a pure function over recorded facts (I3, I6).

mod action;
mod decide;
mod decide_host;
mod facts;
mod host_pattern;
mod host_profile;
mod profile;

pub use action::Action;
pub use decide::{BACKDATE_SECS, Decision, Denial, Denials, decide};
pub use decide_host::{HostDenial, decide_host};
pub use facts::{Factor, FactorKind, Facts, KeyScope, Purpose, Session, Source, UnknownFactor, User};
pub use host_pattern::HostPattern;
pub use host_profile::HostProfile;
pub use profile::{Extension, PrincipalTemplate, Profile, SourceAddress};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::log::hash::sha256;
use crate::names::{GroupName, ProfileName};

/// Why a text is not a policy; names the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is not TOML, or a key or value is not one a policy has.
    #[error("{0}")]
    Syntax(String),
    /// A profile contradicts itself.
    #[error("profile {profile}: {rule}")]
    Profile {
        /// The profile.
        profile: ProfileName,
        /// What does not hold.
        rule: &'static str,
    },
}

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

/// A whole policy: the profiles, and the text they were read from.
#[derive(Clone, Debug)]
pub struct Policy {
    id: PolicyId,
    text: String,
    officers: BTreeSet<GroupName>,
    profiles: BTreeMap<ProfileName, Profile>,
    host_profiles: BTreeMap<ProfileName, HostProfile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    officers: BTreeSet<GroupName>,
    #[serde(default)]
    profiles: BTreeMap<ProfileName, Profile>,
    #[serde(default)]
    host_profiles: BTreeMap<ProfileName, HostProfile>,
}

impl Policy {
    /// Gives the SHA-256 of the text.
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// Gives the text it was read from, as it goes into the log.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Finds a profile.
    pub fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.profiles.get(name)
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
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let file: PolicyFile =
            toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
        let wrong = |name: &ProfileName, rule| PolicyError::Profile { profile: name.clone(), rule };
        for (name, profile) in &file.profiles {
            profile.check().map_err(|rule| wrong(name, rule))?;
        }
        for (name, profile) in &file.host_profiles {
            profile.check().map_err(|rule| wrong(name, rule))?;
            // The scope of an API key names profiles of either kind by name alone.
            if file.profiles.contains_key(name) {
                return Err(wrong(name, "a profile and a host profile must not have the same name"));
            }
        }
        Ok(Self {
            id: PolicyId(sha256(text.as_bytes())),
            text: text.to_owned(),
            officers: file.officers,
            profiles: file.profiles,
            host_profiles: file.host_profiles,
        })
    }
}
