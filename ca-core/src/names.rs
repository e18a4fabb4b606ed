//! The names that appear in requests, certificates and events, each parsed once into a type that cannot be wrong.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a string is not the name it was offered as; carries the rule and the offending text, escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {rule}")]
pub struct NameError {
    what: &'static str,
    value: String,
    rule: &'static str,
}

impl NameError {
    fn new(what: &'static str, value: &str, rule: &'static str) -> Self {
        Self { what, value: value.chars().take(80).collect(), rule }
    }
}

/// Declares a string newtype whose only constructor checks a rule.
macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Gives the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(value: String) -> Result<Self, NameError> {
                if $check(&value) { Ok(Self(value)) } else { Err(NameError::new($what, &value, $rule)) }
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(value: &str) -> Result<Self, NameError> {
                Self::try_from(value.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_string!(
    /// An account a certificate may log in to (I4).
    ///
    /// sshd cuts principals at `,` and `#` and compares case-sensitively, so none of those can be represented.
    Principal, "principal", "it must match ^[a-z0-9_][a-z0-9._-]{0,63}$", is_account
);
checked_string!(
    /// A person's or a machine's short name in Countersign.
    UserName, "user name", "it must match ^[a-z0-9_][a-z0-9._-]{0,63}$", is_account
);
checked_string!(
    /// Who stands behind an account: two accounts of one person have the same.
    PersonName, "person", "it must match ^[a-z0-9_][a-z0-9._-]{0,63}$", is_account
);
checked_string!(
    /// The name of a kind of access, as the policy defines it.
    ProfileName, "profile name", "it must match ^[a-z0-9_][a-z0-9._-]{0,63}$", is_account
);
checked_string!(
    /// The name of a group of users, as the policy refers to it.
    GroupName, "group name", "it must match ^[a-z0-9_][a-z0-9._-]{0,63}$", is_account
);
checked_string!(
    /// An e-mail address in its canonical form: ASCII, lower case, at most 254 characters (RFC 5321 §4.5.3.1.3).
    ///
    /// It opens every key id, and sshd writes key ids into its log: nothing that could forge a line fits in.
    Email, "e-mail address", "it must be lower-case ASCII such as ann@example.com, without spaces, quotes or slashes", is_email
);
checked_string!(
    /// Why somebody wants access: one line of 1 to 500 characters, without control characters.
    ///
    /// People decide by it: nothing in it may break the line or show its letters in another order than they have.
    Reason, "reason",
    "it must be one line of 1 to 500 characters without control characters or marks that reorder text", is_reason
);

checked_string!(
    /// What its owner calls a factor or key: one line of 1 to 40 characters, without control characters.
    Label, "label",
    "it must be one line of 1 to 40 characters without control characters or marks that reorder text", is_label
);

mod host;

pub use host::{DnsName, HostName, HostNames};

fn is_label(s: &str) -> bool {
    is_reason(s) && s.trim() == s && s.chars().count() <= 40
}

fn is_account(s: &str) -> bool {
    let mut bytes = s.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    first
        && s.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

fn is_email(s: &str) -> bool {
    let Some((local, domain)) = s.split_once('@') else { return false };
    let local_ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._+-".contains(&b);
    let domain_ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    !local.is_empty()
        && !domain.is_empty()
        && s.len() <= 254
        && local.bytes().all(local_ok)
        && domain.bytes().all(domain_ok)
}

fn is_reason(s: &str) -> bool {
    let length = s.chars().count();
    // Line and paragraph separators; embeddings, overrides and isolates (Unicode UAX 9 §2). No `Cc` is among them.
    let deceptive = |c| matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (1..=500).contains(&length) && s.trim() == s && !s.chars().any(|c| c.is_control() || deceptive(c))
}

impl From<&UserName> for Principal {
    /// Takes the account named like the user; both have the same rule.
    fn from(user: &UserName) -> Self {
        Self(user.0.clone())
    }
}

/// The principals of one certificate: 1 to 256, sorted, each once (I4).
///
/// OpenSSH refuses more than 256 and, before 10.3, takes a certificate with none for every account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Principal>", into = "Vec<Principal>")]
pub struct Principals(Vec<Principal>);

impl Principals {
    /// The most principals sshd accepts in one certificate.
    pub const MAX: usize = 256;

    /// Gives the principals in order.
    pub fn iter(&self) -> impl Iterator<Item = &Principal> {
        self.0.iter()
    }

    /// Tells whether all of these are among `others`.
    pub fn is_subset_of(&self, others: &Principals) -> bool {
        self.0.iter().all(|p| others.0.binary_search(p).is_ok())
    }
}

impl TryFrom<Vec<Principal>> for Principals {
    type Error = NameError;

    fn try_from(mut names: Vec<Principal>) -> Result<Self, NameError> {
        names.sort();
        names.dedup();
        if names.is_empty() || names.len() > Self::MAX {
            let found = format!("list of {}", names.len());
            return Err(NameError::new("principals", &found, "a certificate has 1 to 256 of them"));
        }
        Ok(Self(names))
    }
}

impl From<Principals> for Vec<Principal> {
    fn from(principals: Principals) -> Self {
        principals.0
    }
}

impl fmt::Display for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, principal) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(principal.as_str())?;
        }
        Ok(())
    }
}

/// Declares an identity that carries its time: a ULID in its one spelling.
macro_rules! timed_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(ulid::Ulid);

        impl $name {
            /// Makes an id from the time in milliseconds and 80 random bits.
            pub fn from_parts(time: crate::time::UnixMillis, random: u128) -> Self {
                Self(ulid::Ulid::from_parts(time.0, random))
            }

            /// Gives the time the id was made.
            pub fn time(self) -> crate::time::UnixMillis {
                crate::time::UnixMillis(self.0.timestamp_ms())
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(s: &str) -> Result<Self, NameError> {
                let rule = "it must be a ULID: 26 upper-case characters of Crockford's base 32";
                let id = ulid::Ulid::from_string(s).map_err(|_| NameError::new($what, s, rule))?;
                if id.to_string() == s { Ok(Self(id)) } else { Err(NameError::new($what, s, rule)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(value: String) -> Result<Self, NameError> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

timed_id!(
    /// A request's identity and its time in one: a ULID chosen by the client.
    ///
    /// Because the id carries the time (48 bits of milliseconds), a request is fresh or stale by its id alone, and an id
    /// seen once can be forgotten as soon as it is stale: nothing with that id will be accepted again (I8).
    RequestId, "request id"
);
timed_id!(
    /// The identity of something an officer signs, and its time in one: a ULID chosen by the officer's program.
    ApprovalId, "approval id"
);
timed_id!(
    /// The identity of a voucher, and its time in one: a ULID chosen by the program of the officer who made it.
    VoucherId, "voucher id"
);
timed_id!(
    /// The identity of one recovery of an account, and the time it was opened in one: a ULID chosen by the program of the
    /// officer who opens it.
    RecoveryId, "recovery id"
);

/// A certificate's serial number, which is also its index in the log.
///
/// The log decides who gets which index, so a serial can be neither zero (entry 0 creates the log) nor used twice, whatever
/// happens to a database (A15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Serial(NonZeroU64);

impl Serial {
    /// Takes the serial of the entry at a log index; `None` at index 0.
    pub fn at_index(index: u64) -> Option<Self> {
        NonZeroU64::new(index).map(Self)
    }

    /// Gives the number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What sshd logs of a certificate: the owner's e-mail address, a slash and the request id; for a host `host/`, its first
/// name, a slash and the request id, which no person's can be taken for: an address has an `@` before the first slash.
///
/// It is built here from checked parts and never taken from outside (A7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// Builds the key id of a request.
    pub fn new(email: &Email, request: RequestId) -> Self {
        Self(format!("{email}/{request}"))
    }

    /// Builds the key id of a request for a host.
    pub fn of_host(names: &HostNames, request: RequestId) -> Self {
        Self(format!("host/{}/{request}", names.first()))
    }

    /// Gives the key id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_a6_only_plain_principals_can_be_represented() {
        for good in ["root", "_svc", "a", "web-1.prod_x", "0day", &"a".repeat(64)] {
            assert!(good.parse::<Principal>().is_ok(), "{good}");
        }
        let long = "a".repeat(65);
        for bad in [
            "", "Root", "a,b", "a#b", "*", "a\0", "a\n", "a b", "a\"b", "-a", ".a", "é", "a/b", "!a", "a?",
            &long,
        ] {
            let error = bad.parse::<Principal>().unwrap_err().to_string();
            assert!(error.contains("^[a-z0-9_]"), "{bad:?}: the rule is named: {error}");
        }
    }

    #[test]
    fn i4_a6_a_certificate_has_1_to_256_principals() {
        let many = |n: usize| (0..n).map(|i| format!("u{i}").parse().unwrap()).collect::<Vec<Principal>>();
        assert!(Principals::try_from(many(0)).is_err());
        assert!(Principals::try_from(many(1)).is_ok());
        assert!(Principals::try_from(many(256)).is_ok());
        assert!(Principals::try_from(many(257)).is_err());
    }

    #[test]
    fn a7_no_control_character_reaches_a_key_id() {
        for bad in ["a\n@b.c", "a@b\r.c", "a b@c.d", "a@b@c", "A@b.c", "a/b@c.d", "\"a\"@b.c", "a@", "@b"] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        assert!("ann.b+c@example.com".parse::<Email>().is_ok());
    }

    #[test]
    fn a_request_id_has_one_spelling() {
        let id = RequestId::from_parts(crate::time::UnixMillis(1_700_000_000_123), 42);
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        assert_eq!(id.time().0, 1_700_000_000_123);
        assert!(id.to_string().to_lowercase().parse::<RequestId>().is_err());
    }
}
