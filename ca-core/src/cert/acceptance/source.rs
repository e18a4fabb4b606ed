//! The value of `source-address`: a list of networks, read as sshd reads it (OpenSSH `addrmatch.c`).

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// The most characters of one entry: an IPv6 address and its mask.
const MAX_ENTRY: usize = 46 + 3;

/// Networks to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceList(Vec<IpNet>);

/// A list that sshd refuses, whoever comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is no network that sshd reads")]
pub struct SourceListError {
    entry: String,
}

impl SourceList {
    /// Tells whether an address is in one of the networks; IPv4 within IPv6 is IPv4, as sshd sees its peers.
    pub fn contains(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.0.iter().any(|network| network.contains(&from))
    }
}

impl FromStr for SourceList {
    type Err = SourceListError;

    /// One entry that cannot be read spoils the list, as does an address with bits beyond its mask.
    fn from_str(text: &str) -> Result<Self, SourceListError> {
        let read = |entry: &str| {
            network(entry).ok_or_else(|| SourceListError { entry: entry.chars().take(80).collect() })
        };
        text.split(',').map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn network(entry: &str) -> Option<IpNet> {
    if entry.len() > MAX_ENTRY {
        return None;
    }
    let Some((address, bits)) = entry.split_once('/') else {
        return Some(entry.parse::<IpAddr>().ok()?.into());
    };
    if !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let network = IpNet::new(address.parse().ok()?, bits.parse().ok()?).ok()?;
    Some(network).filter(|network| network.trunc() == *network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(list: &str, from: &str) -> Option<bool> {
        Some(list.parse::<SourceList>().ok()?.contains(from.parse().unwrap()))
    }

    #[test]
    fn a_list_holds_addresses_and_networks_of_both_families() {
        for (list, from, expected) in [
            ("10.0.0.0/8", "10.9.0.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("10.0.0.0/8,2001:db8::/32", "2001:db8::1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ] {
            assert_eq!(contains(list, from), Some(expected), "{list} {from}");
        }
    }

    #[test]
    fn one_bad_entry_spoils_the_list() {
        for list in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "host",
            "!10.0.0.0/8",
            "10.0.0.0/8, 10.1.0.0/16",
        ] {
            assert_eq!(contains(list, "10.0.0.1"), None, "{list}");
        }
    }
}
