//! The name somebody types to log in, in the one spelling that finds the account (F8).

use ca_core::names::{Email, UserName};
use unicode_normalization::UnicodeNormalization as _;

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
