//! Which names a host profile takes.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::{DnsName, HostName, NameError};

/// Names of hosts as the policy writes them: a name, `*.` and a name for every name with exactly one label more, an
/// address, or a network for every address in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// This name.
    Exact(DnsName),
    /// Every name with exactly one label before this one.
    Below(DnsName),
    /// Every address in this network.
    Network(IpNet),
}

impl HostPattern {
    /// Tells whether it takes a name. A wildcard is taken only by the very pattern that reads the same.
    pub fn takes(&self, name: &HostName) -> bool {
        match (self, name) {
            (Self::Exact(own), HostName::Exact(name)) => own == name,
            (Self::Below(own), HostName::Exact(name)) => name.is_child_of(own),
            (Self::Below(own), HostName::Wildcard(parent)) => own == parent,
            (Self::Network(own), HostName::Address(ip)) => own.contains(ip),
            _ => false,
        }
    }

    /// Tells whether it takes everything that another pattern does.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(own), Self::Exact(name)) => name.is_child_of(own),
            (Self::Network(own), Self::Network(other)) => own.contains(other),
            (own, other) => own == other,
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        if let Ok(network) = text.parse::<IpNet>()
            && network.addr() == network.network()
        {
            return Ok(Self::Network(network));
        }
        Ok(match text.parse()? {
            HostName::Exact(name) => Self::Exact(name),
            HostName::Wildcard(parent) => Self::Below(parent),
            HostName::Address(ip) => Self::Network(ip.into()),
        })
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Below(parent) => write!(f, "*.{parent}"),
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, name: &str) -> bool {
        HostPattern::try_from(pattern.to_owned()).unwrap().takes(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_exactly_one_label() {
        assert!(takes("*.db.example.com", "db1.db.example.com"));
        for other in
            ["db.example.com", "a.b.db.example.com", "xdb.example.com", "db1.db.example.com.x", "10.0.0.1"]
        {
            assert!(!takes("*.db.example.com", other), "{other}");
        }
        assert!(takes("db1.x", "db1.x") && !takes("db1.x", "db2.x") && !takes("db1.x", "a.db1.x"));
    }

    #[test]
    fn a_wildcard_is_taken_only_by_its_like() {
        assert!(takes("*.db.x", "*.db.x"));
        for pattern in ["*.x", "*.a.db.x", "db.x", "0.0.0.0/0"] {
            assert!(!takes(pattern, "*.db.x"), "{pattern}");
        }
    }

    #[test]
    fn a_network_takes_its_addresses() {
        assert!(takes("10.1.0.0/16", "10.1.2.3") && !takes("10.1.0.0/16", "10.2.2.3"));
        assert!(takes("10.1.2.3", "10.1.2.3") && !takes("10.1.2.3", "10.1.2.4"));
        assert!(takes("2001:db8::/32", "2001:db8::1") && !takes("::/0", "10.1.2.3"));
        for bad in ["10.1.2.3/16", "*", "a.*.b", "10.0.0.0/33", ""] {
            assert!(HostPattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(HostPattern::try_from("10.1.2.3".to_owned()).unwrap().to_string(), "10.1.2.3");
    }
}
