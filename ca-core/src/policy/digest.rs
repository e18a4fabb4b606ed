//! The identity of one profile, so that what was said about it counts as long as it is written the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::log::hash::sha256;
use crate::names::ProfileName;
use crate::voucher::Digest;

/// Hashes every profile of a policy, by the values in its section; comments, order and spacing do not matter.
pub(super) fn digests(text: &str) -> BTreeMap<ProfileName, Digest> {
    let file: toml::Table = text.parse().unwrap_or_default();
    let profiles = file.get("profiles").and_then(toml::Value::as_table);
    let digest = |(name, section): (&String, &toml::Value)| {
        let mut canonical = String::new();
        write(section, &mut canonical);
        Some((name.parse().ok()?, Digest(sha256(canonical.as_bytes()))))
    };
    profiles.into_iter().flatten().filter_map(digest).collect()
}

/// Writes a value in one way: tables sorted by key, strings as in JSON.
fn write(value: &toml::Value, out: &mut String) {
    match value {
        toml::Value::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(out, "{}=", serde_json::Value::from(key.as_str()));
                write(value, out);
                out.push(';');
            }
            out.push('}');
        }
        toml::Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        toml::Value::String(text) => {
            out.push_str(&serde_json::Value::from(text.as_str()).to_string());
        }
        toml::Value::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        toml::Value::Boolean(truth) => {
            let _ = write!(out, "{truth}");
        }
        // No key of a profile takes one.
        toml::Value::Float(_) | toml::Value::Datetime(_) => out.push('?'),
    }
}
