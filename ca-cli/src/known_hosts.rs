//! The line of `known_hosts` by which `ssh` knows every host that the authority certified.

use ca_core::log::Origin;

use crate::failure::{Failure, Result};
use crate::pins::Pins;

/// Writes one line for each CA key for hosts; an empty pattern stands for the authority's own domain.
pub(crate) fn lines(pins: &Pins, pattern: &str) -> Result<Vec<String>> {
    if pins.host_ca_keys.is_empty() {
        let what = format!("no CA key for hosts is pinned for {}", pins.server);
        let hint = "Compare what your security officers publish with: ca trust --pin --server URL";
        return Err(Failure::new("not-pinned", what).hint(hint));
    }
    let pattern = if pattern.is_empty() { domain(&pins.origin) } else { pattern.to_owned() };
    // One field of one line: what ssh takes for the end of a pattern, a comment or a hashed name is not in it.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "*?.,:!-_[]".contains(c);
    if !pattern.chars().all(allowed) {
        return Err(Failure::new("usage", format!("{pattern:?} is not a pattern of known_hosts"))
            .hint("Such as *.example.com,10.1.*"));
    }
    let line = |key| format!("@cert-authority {pattern} {key} {}", pins.origin);
    Ok(pins.host_ca_keys.iter().map(line).collect())
}

/// Gives the pattern for everything beside the authority: `*.example.com` for `ca.example.com/log`.
fn domain(origin: &Origin) -> String {
    let host = origin.as_str().split('/').next().unwrap_or_default();
    match host.split_once('.') {
        Some((_, parent)) if parent.contains('.') => format!("*.{parent}"),
        _ => format!("*.{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_the_authoritys_own_domain() {
        for (origin, pattern) in [
            ("ca.example.com/log", "*.example.com"),
            ("example.com/log", "*.example.com"),
            ("ca.eu.example.com/a/b", "*.eu.example.com"),
        ] {
            assert_eq!(domain(&origin.parse().unwrap()), pattern);
        }
    }
}
