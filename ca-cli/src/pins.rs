//! What is pinned of a server at first contact, and held against it ever after.

use std::fmt::Write as _;

use ca_api::Trust;
use ca_core::cert;
use ca_core::log::{Origin, VerifierKey};
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

/// An authority's names and keys, as they were at first contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pins {
    /// The server's address.
    pub(crate) server: String,
    /// The name of the log.
    pub(crate) origin: Origin,
    /// The key of the log.
    pub(crate) log_key: VerifierKey,
    /// The CA keys for users.
    #[serde(with = "key_lines")]
    pub(crate) user_ca_keys: Vec<PublicKey>,
    /// The CA keys for hosts; none in what was pinned before there were any.
    #[serde(default, with = "key_lines")]
    pub(crate) host_ca_keys: Vec<PublicKey>,
    /// When this was pinned.
    pub(crate) pinned_at: UnixSeconds,
    /// The certificates that vouch for the server's TLS, in PEM, when they are not the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_ca: Option<String>,
}

impl Pins {
    /// Takes what a server says about itself.
    pub(crate) fn new(server: &str, trust: &Trust, now: UnixSeconds, tls_ca: Option<String>) -> Result<Self> {
        let bad = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new("bad-answer", format!("{server} sent {what} that makes no sense: {error}"))
        };
        let origin: Origin = trust.origin.parse().map_err(|error| bad("a log origin", &error))?;
        let log_key: VerifierKey = trust.log_key.parse().map_err(|error| bad("a log key", &error))?;
        if log_key.name() != origin.as_str() {
            return Err(bad("a log key", &format!("it is of {}, not of {origin}", log_key.name())));
        }
        let keys = |lines: &[String]| {
            let keys = lines.iter().map(|line| line.parse()).collect::<std::result::Result<Vec<_>, _>>();
            keys.map_err(|error| bad("a CA key", &error))
        };
        let (user_ca_keys, host_ca_keys) = (keys(&trust.user_ca_keys)?, keys(&trust.host_ca_keys)?);
        if user_ca_keys.is_empty() {
            return Err(bad("no CA key", &"there must be one"));
        }
        if user_ca_keys.iter().any(|key| host_ca_keys.contains(key)) {
            return Err(bad("a CA key", &"the same is for users and for hosts"));
        }
        let server = server.to_owned();
        Ok(Self { server, origin, log_key, user_ca_keys, host_ca_keys, pinned_at: now, tls_ca })
    }

    /// Reads what was kept.
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            Failure::new("state", format!("what was pinned cannot be read: {error}"))
                .hint("The file is pins.json under $XDG_STATE_HOME/countersign; restore it, or pin again: ca trust --pin")
        })
    }

    /// Writes what is to be kept.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Lists what a server says now that differs from what was pinned, one line each.
    pub(crate) fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut compare = |what: &str, pinned: &dyn ToString, found: &dyn ToString| {
            let (pinned, found) = (pinned.to_string(), found.to_string());
            if pinned != found {
                changes.push(format!("the {what} was {pinned}, and is now {found}"));
            }
        };
        compare("log", &self.origin, &now.origin);
        compare("log key", &self.log_key, &now.log_key);
        let mut compare = |what: &str, pinned: &[PublicKey], found: &[PublicKey]| {
            for key in found.iter().filter(|key| !pinned.contains(key)) {
                changes.push(format!("the {what} {} {} is new", key.kind(), key.fingerprint()));
            }
            for key in pinned.iter().filter(|key| !found.contains(key)) {
                changes.push(format!("the {what} {} {} is gone", key.kind(), key.fingerprint()));
            }
        };
        compare("CA key", &self.user_ca_keys, &now.user_ca_keys);
        // Pinned before there were CA keys for hosts: none is trusted until it is pinned, and nothing is held against it.
        if !self.host_ca_keys.is_empty() {
            compare("CA key for hosts", &self.host_ca_keys, &now.host_ca_keys);
        }
        changes
    }

    /// Says that a server is not the one that was pinned.
    pub(crate) fn mismatch(&self, changes: &[String]) -> Failure {
        let what =
            format!("{} is not what was pinned on {}: {}", self.server, self.pinned_at, changes.join("; "));
        Failure::new("pin-mismatch", what).hint(
            "Do not go on unless your security officers confirm the new values. Then: ca trust --pin --server URL",
        )
    }

    /// Gives what an inspector needs.
    pub(crate) fn trust(&self) -> cert::Trust {
        cert::Trust {
            ca_keys: self.user_ca_keys.clone(),
            host_ca_keys: self.host_ca_keys.clone(),
            log_key: Some(self.log_key.clone()),
        }
    }

    /// Says in words what is pinned.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for key in &self.user_ca_keys {
            let _ = writeln!(text, "  CA key   {} {}", key.kind(), key.fingerprint());
        }
        for key in &self.host_ca_keys {
            let _ = writeln!(text, "  host CA  {} {}", key.kind(), key.fingerprint());
        }
        let _ = write!(text, "  log key  {}", self.log_key);
        text
    }
}

/// Keys as OpenSSH lines.
mod key_lines {
    use ca_core::ssh::PublicKey;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(keys: &[PublicKey], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(keys.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PublicKey>, D::Error> {
        let lines = Vec::<String>::deserialize(deserializer)?;
        lines.iter().map(|line| line.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_1: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const KEY_2: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";

    fn trust(origin: &str, seed: u8, keys: &[&str]) -> Trust {
        Trust {
            origin: origin.to_owned(),
            log_key: VerifierKey::new(origin, [seed; 32]).unwrap().to_string(),
            user_ca_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            host_ca_keys: Vec::new(),
        }
    }

    fn pins(trust: &Trust) -> Pins {
        Pins::new("https://ca.example.com", trust, UnixSeconds(0), None).unwrap()
    }

    #[test]
    fn what_changed_is_said() {
        let pinned = pins(&trust("ca.example.com/log", 1, &[KEY_1]));
        assert_eq!(Pins::from_json(&pinned.to_json()).unwrap(), pinned);
        assert!(pinned.changes(&pinned).is_empty());

        let other_key = pins(&trust("ca.example.com/log", 2, &[KEY_1]));
        let changes = pinned.changes(&other_key);
        assert!(
            matches!(&changes[..], [one] if one.starts_with("the log key was ca.example.com/log+")),
            "{changes:?}"
        );

        let other_ca = pins(&trust("ca.example.com/log", 1, &[KEY_2]));
        let changes = pinned.changes(&other_ca);
        assert!(
            matches!(&changes[..], [new, gone] if new.ends_with("is new") && gone.ends_with("is gone")),
            "{changes:?}"
        );

        let failure = pinned.mismatch(&changes);
        assert!(failure.what().contains("SHA256:"), "{failure:?}");
    }

    #[test]
    fn h4_the_ca_for_hosts_is_pinned_by_itself() {
        let with = |hosts: &[&str]| Trust {
            host_ca_keys: hosts.iter().map(|key| (*key).to_owned()).collect(),
            ..trust("ca.example.com/log", 1, &[KEY_1])
        };
        let (none, one) = (pins(&with(&[])), pins(&with(&[KEY_2])));
        assert_eq!(Pins::from_json(&one.to_json()).unwrap(), one);
        assert!(none.changes(&one).is_empty(), "pinned before there were any");
        assert!(matches!(&one.changes(&none)[..], [gone] if gone.ends_with("is gone")));
        assert_eq!(one.trust().host_ca_keys, one.host_ca_keys);
        let same = Pins::new("https://ca.example.com", &with(&[KEY_1]), UnixSeconds(0), None);
        assert!(same.is_err(), "one key for both");
    }

    #[test]
    fn a_log_key_of_another_log_is_not_pinned() {
        let mut wrong = trust("ca.example.com/log", 1, &[KEY_1]);
        wrong.origin = "other.example.com/log".to_owned();
        assert!(Pins::new("https://ca.example.com", &wrong, UnixSeconds(0), None).is_err());
        assert!(Pins::new("https://ca.example.com", &trust("a", 1, &[]), UnixSeconds(0), None).is_err());
    }
}
