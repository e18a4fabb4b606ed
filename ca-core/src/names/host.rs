//! What a host is called: the names that its certificate may carry.
//!
//! `ssh` takes the names in a host certificate for patterns, so nothing that means something in a pattern can be
//! represented, but for the one form that is meant to: a leading `*.`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NameError;

checked_string!(
    /// A host's name as DNS writes it, in lower case: labels of letters, digits and inner hyphens (RFC 1123 §2.1), at most
    /// 253 characters, the last label not of digits alone, so that no address is taken for a name.
    DnsName, "host name", "it must be lower-case labels of a-z, 0-9 and inner hyphens, such as db1.example.com", is_dns
);

fn is_dns(s: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|b| plain(*b) || *b == b'-')
            && bytes.first().is_some_and(|b| plain(*b))
            && bytes.last().is_some_and(|b| plain(*b))
    };
    let last = s.rsplit('.').next().unwrap_or_default();
    s.len() <= 253 && s.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

impl DnsName {
    /// Tells whether this is `parent` with exactly one label before it.
    pub(crate) fn is_child_of(&self, parent: &Self) -> bool {
        self.0.split_once('.').is_some_and(|(_, rest)| rest == parent.0)
    }
}

/// One name of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostName {
    /// This name.
    Exact(DnsName),
    /// `*.` and this name. `ssh` takes it for every name below, however many labels come before (since OpenSSH 10.3;
    /// older ones for none).
    Wildcard(DnsName),
    /// An address.
    Address(IpAddr),
}

impl TryFrom<String> for HostName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(parent) = text.strip_prefix("*.") {
            return Ok(Self::Wildcard(parent.parse()?));
        }
        match text.parse::<IpAddr>() {
            // One spelling for each address: `ssh` compares text.
            Ok(ip) if ip.to_canonical() == ip && ip.to_string() == text => Ok(Self::Address(ip)),
            Ok(_) => Err(NameError::new("host name", text, "an address must be in its shortest form")),
            Err(_) => Ok(Self::Exact(text.parse()?)),
        }
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
            Self::Address(ip) => ip.fmt(f),
        }
    }
}

/// The names of one host certificate: 1 to 256, each once, in order: names, then wildcards, then addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<HostName>", into = "Vec<HostName>")]
pub struct HostNames(Vec<HostName>);

impl HostNames {
    /// The most names that OpenSSH reads in one certificate.
    pub const MAX: usize = 256;

    /// Gives the names in order.
    pub fn iter(&self) -> impl Iterator<Item = &HostName> {
        self.0.iter()
    }

    /// Gives the first name.
    pub fn first(&self) -> &HostName {
        // There is at least one.
        &self.0[0]
    }
}

impl TryFrom<Vec<HostName>> for HostNames {
    type Error = NameError;

    fn try_from(mut names: Vec<HostName>) -> Result<Self, NameError> {
        names.sort();
        names.dedup();
        if names.is_empty() || names.len() > Self::MAX {
            let found = format!("list of {}", names.len());
            return Err(NameError::new("host names", &found, "a certificate has 1 to 256 of them"));
        }
        Ok(Self(names))
    }
}

impl FromStr for HostNames {
    type Err = NameError;

    /// Reads names with commas between them.
    fn from_str(text: &str) -> Result<Self, NameError> {
        text.split(',').map(str::parse).collect::<Result<Vec<HostName>, _>>()?.try_into()
    }
}

impl From<HostNames> for Vec<HostName> {
    fn from(names: HostNames) -> Self {
        names.0
    }
}

impl fmt::Display for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_h4_only_plain_host_names_can_be_represented() {
        let (label, long) = ("a".repeat(63), format!("{}a.b", "a.".repeat(125)));
        assert_eq!(long.len(), 253);
        for good in [
            "db1",
            "db1.example.com",
            "0a.x",
            "xn--bcher-kva.example",
            "192.0.2.7",
            "2001:db8::1",
            &label,
            &long,
        ] {
            assert_eq!(good.parse::<HostName>().unwrap().to_string(), good);
        }
        let (label, long) = ("a".repeat(64), format!("a{long}"));
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "Db1",
            "db_1",
            "-a",
            "a-",
            "a,b",
            "a b",
            "a#b",
            "a?",
            "!a",
            "a*",
            "*",
            "**.a",
            "a.*.b",
            "*a.b",
            "*.",
            "*.*.a",
            "*.192.0.2.7",
            "a\n",
            "a\0",
            "é.example",
            "1.2.3",
            "999.0.2.7",
            "192.0.2.007",
            "::ffff:192.0.2.7",
            "2001:db8:0::1",
            "2001:DB8::1",
            "[::1]",
            "[a]:22",
            "a:22",
            "10.0.0.0/8",
            &label,
            &long,
        ] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_wildcard_is_a_form_of_its_own() {
        let name: HostName = "*.db.example.com".parse().unwrap();
        assert_eq!(name, HostName::Wildcard("db.example.com".parse().unwrap()));
        assert_eq!(name.to_string(), "*.db.example.com");
    }

    #[test]
    fn i4_a_host_certificate_has_1_to_256_names() {
        let many = |n: usize| (0..n).map(|i| format!("h{i}").parse().unwrap()).collect::<Vec<HostName>>();
        assert!(HostNames::try_from(many(0)).is_err());
        assert!(HostNames::try_from(many(256)).is_ok());
        assert!(HostNames::try_from(many(257)).is_err());
        let names: HostNames = "10.0.0.1,*.b.x,b.x,a.x,b.x".parse().unwrap();
        assert_eq!(names.to_string(), "a.x,b.x,*.b.x,10.0.0.1");
        assert!("a.x,,b.x".parse::<HostNames>().is_err());
    }
}
