//! The names of the schema as Cedar's values, made once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};

/// How many addresses are kept; when there are more, all are forgotten.
const ADDRESSES: usize = 1024;

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
    addresses: Arc<Mutex<HashMap<IpAddr, RestrictedExpression>>>,
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
            addresses: Arc::default(),
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

    /// Writes an address as Cedar has it. Kept, because Cedar runs its parser for each: a quarter of a decision.
    pub(super) fn address(&self, ip: IpAddr) -> RestrictedExpression {
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES {
            known.clear();
        }
        known.entry(ip).or_insert_with(|| RestrictedExpression::new_ip(ip.to_string())).clone()
    }

    pub(super) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}
