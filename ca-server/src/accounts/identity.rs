//! Who an account is for, read from what somebody typed.

use std::collections::BTreeSet;

use ca_core::names::{Email, GroupName, NameError, PersonName, UserName};

use crate::login::canonical;
use crate::store::User;

/// Who an account is for.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) name: UserName,
    pub(super) email: Email,
    groups: BTreeSet<GroupName>,
    person: Option<PersonName>,
}

impl Identity {
    /// Reads name, address and person in any case, and groups as they are.
    pub(super) fn typed(
        name: &str,
        email: &str,
        groups: &[String],
        person: Option<&str>,
    ) -> Result<Self, NameError> {
        Ok(Self {
            name: canonical(name).parse()?,
            email: canonical(email).parse()?,
            groups: groups.iter().map(|group| group.parse()).collect::<Result<_, _>>()?,
            person: person.map(|person| canonical(person).parse()).transpose()?,
        })
    }

    /// Gives the account of this identity.
    pub(super) fn with_id(self, id: String) -> User {
        let Self { name, email, groups, person } = self;
        User { id, name, email, groups, enabled: true, person, reduced_until: None }
    }
}
