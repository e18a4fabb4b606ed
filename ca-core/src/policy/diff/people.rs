//! The people over whom two policies are compared.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::names::{GroupName, NameError, UserName};
use crate::policy::{Policy, User};

/// A person, or anybody in a group.
#[derive(Clone, Debug)]
pub struct Someone {
    /// What they are called in a difference.
    pub label: String,
    /// Who the rules see.
    pub user: User,
}

impl Someone {
    /// Takes a person by name and groups.
    pub fn person(name: UserName, groups: BTreeSet<GroupName>, enabled: bool) -> Result<Self, NameError> {
        let list: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
        let label =
            format!("{name} ({})", if list.is_empty() { "no groups".to_owned() } else { list.join(", ") });
        let email = format!("{name}@example.com").parse()?;
        Ok(Self { label, user: User { name, email, groups, enabled, person: None, reduced_until: None } })
    }

    /// Takes anybody who is in one group and no other.
    fn member(group: &GroupName) -> Result<Self, NameError> {
        let someone = Self::person("somebody".parse()?, [group.clone()].into(), true)?;
        Ok(Self { label: format!("whoever is in {group}"), ..someone })
    }
}

/// Makes one person for each group that the rules of either policy name, and one who is in none.
pub fn groups_named(old: &Policy, new: &Policy) -> Result<Vec<Someone>, NameError> {
    let groups: BTreeSet<GroupName> = old.rules.groups().chain(new.rules.groups()).collect();
    let nobody = Someone::person("somebody".parse()?, BTreeSet::new(), true)?;
    let nobody = Someone { label: "whoever is in no group".to_owned(), ..nobody };
    std::iter::once(Ok(nobody)).chain(groups.iter().map(Someone::member)).collect()
}

#[derive(Deserialize)]
struct People {
    #[serde(alias = "user")]
    users: Vec<Listed>,
}

/// What matters of an account; `ca admin user list --json` says more.
#[derive(Deserialize)]
struct Listed {
    name: UserName,
    #[serde(default)]
    groups: BTreeSet<GroupName>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

/// Reads people: JSON as `ca admin user list --json` prints it, or TOML with `[[user]]` sections of name and groups.
pub fn read_people(text: &str) -> Result<Vec<Someone>, String> {
    let people: People = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(text).map_err(|error| error.to_string())?
    };
    let people = people.users.into_iter().map(|one| Someone::person(one.name, one.groups, one.enabled));
    people.collect::<Result<_, _>>().map_err(|error| error.to_string())
}
