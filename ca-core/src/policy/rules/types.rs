//! The names of the schema as Cedar's values, made once.

use std::str::FromStr as _;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// The entity types of the schema.
#[derive(Clone, Debug)]
pub(super) struct Types {
    user: EntityTypeName,
    group: EntityTypeName,
    profile: EntityTypeName,
    kind: EntityTypeName,
    authority: EntityTypeName,
    factor: EntityTypeName,
    weekday: EntityTypeName,
    action: EntityTypeName,
}

impl Types {
    pub(super) fn new() -> Result<Self, String> {
        let name = |text: &str| EntityTypeName::from_str(text).map_err(|error| error.to_string());
        Ok(Self {
            user: name("User")?,
            group: name("Group")?,
            profile: name("Profile")?,
            kind: name("Kind")?,
            authority: name("Authority")?,
            factor: name("Factor")?,
            weekday: name("Weekday")?,
            action: name("Action")?,
        })
    }

    pub(super) fn user(&self, name: &str) -> EntityUid {
        uid(&self.user, name)
    }

    pub(super) fn group(&self, name: &str) -> EntityUid {
        uid(&self.group, name)
    }

    pub(super) fn profile(&self, name: &str) -> EntityUid {
        uid(&self.profile, name)
    }

    pub(super) fn kind(&self, name: &str) -> EntityUid {
        uid(&self.kind, name)
    }

    pub(super) fn authority(&self) -> EntityUid {
        uid(&self.authority, "this")
    }

    pub(super) fn factor(&self, name: &str) -> EntityUid {
        uid(&self.factor, name)
    }

    pub(super) fn weekday(&self, name: &str) -> EntityUid {
        uid(&self.weekday, name)
    }

    pub(super) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}
