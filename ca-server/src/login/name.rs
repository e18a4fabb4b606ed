//! The name somebody types to log in, in the one spelling that finds the account (F8).

use ca_core::names::{Email, UserName};
use unicode_normalization::UnicodeNormalization as _;

use crate::factors::sealing::Sealer;
use crate::store::TypedName;

/// An account's name or address, canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountName {
    /// A user name; it has no `@`.
    User(UserName),
    /// An e-mail address.
    Email(Email),
}

impl AccountName {
    /// Reads what was typed; `None` when no account can have that name.
    pub fn parse(typed: &str) -> Option<Self> {
        let canonical = canonical(typed);
        if canonical.contains('@') {
            canonical.parse().ok().map(Self::Email)
        } else {
            canonical.parse().ok().map(Self::User)
        }
    }
}

/// What failures are counted for whether there is an account or not (F8, F9): the name that was typed, or what is before the
/// `@` of the address, which is how most accounts are called.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    /// Where they are counted.
    pub(crate) counter: TypedName,
    /// The account that is called so, if there is one.
    pub(super) account: Option<UserName>,
}

impl Typed {
    pub(crate) fn new(sealer: &Sealer, typed: &str) -> Self {
        let canonical = canonical(typed);
        let name = canonical.split('@').next().unwrap_or_default();
        let counter = TypedName::from_tag(&sealer.tag("typed-name", name));
        Self { counter, account: name.parse().ok() }
    }
}

/// Brings a typed name into its canonical spelling: without space around it, composed (NFC), in lower case.
pub fn canonical(typed: &str) -> String {
    typed.trim().nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f8_one_account_has_one_spelling() {
        let alice = AccountName::User("alice".parse().unwrap());
        for typed in ["alice", "Alice", "alice ", "\tALICE\n"] {
            assert_eq!(AccountName::parse(typed).as_ref(), Some(&alice), "{typed:?}");
        }
        let email = AccountName::Email("alice@example.com".parse().unwrap());
        assert_eq!(AccountName::parse(" ALICE@Example.COM").as_ref(), Some(&email));
        for nobody in ["", " ", "al ice", "älice", "a@b@c", "alice\0", "../etc", "@", &"a".repeat(65)] {
            assert_eq!(AccountName::parse(nobody), None, "{nobody:?}");
        }
    }
}
