//! A certificate for programs. Fields are added, never renamed or removed.

use ca_core::cert::{CertKind, LogStanding, Options, Report, Validity, value_text};
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;
use serde::Serialize;

/// All there is to say about one certificate.
#[derive(Serialize)]
pub(crate) struct Certificate {
    /// Where it was found: a file, `-`, or the comment in the agent.
    source: String,
    /// Whether nothing speaks against using it.
    good: bool,
    /// What speaks against it, for people.
    problems: Vec<String>,
    kind: CertKind,
    /// OpenSSH's name of this type of certificate.
    r#type: &'static str,
    key: Key,
    ca: Key,
    /// Whether the CA is one that was pinned; `null` when none was.
    ca_pinned: Option<bool>,
    signature: Signature,
    key_id: String,
    serial: u64,
    principals: Vec<String>,
    /// Seconds since the epoch.
    valid_after: u64,
    /// Seconds since the epoch, exclusive; `null` means forever.
    valid_before: Option<u64>,
    /// `valid`, `expired` or `not-yet`.
    validity: &'static str,
    /// Seconds until it ends, since it ended, or until it begins; `null` means forever.
    validity_secs: Option<u64>,
    critical_options: Vec<OptionValue>,
    extensions: Vec<OptionValue>,
    log: Log,
}

#[derive(Serialize)]
struct Key {
    algorithm: &'static str,
    bits: u32,
    fingerprint: String,
}

#[derive(Serialize)]
struct Signature {
    algorithm: String,
    valid: bool,
    error: Option<String>,
}

#[derive(Serialize)]
struct OptionValue {
    name: String,
    /// The value if it is a text.
    text: Option<String>,
    /// The value's bytes in hexadecimal.
    hex: String,
}

#[derive(Default, Serialize)]
struct Log {
    /// `proven`, `refuted`, `unchecked` (no key to check with) or `none` (no proof inside).
    standing: &'static str,
    /// The index of the entry, claimed or proven.
    index: Option<u64>,
    /// When it was entered, in milliseconds since the epoch.
    time: Option<u64>,
    origin: Option<String>,
    /// The size of the tree in the proof's checkpoint.
    tree_size: Option<u64>,
    error: Option<String>,
}

impl Certificate {
    /// Lays out a report.
    pub(crate) fn new(source: &str, report: &Report, flaws: &[String]) -> Self {
        let content = &report.content;
        let forever = content.valid_before == UnixSeconds(u64::MAX);
        let (validity, secs) = match report.validity {
            Validity::Valid { secs_left } => ("valid", Some(secs_left).filter(|_| !forever)),
            Validity::Expired { secs_ago } => ("expired", Some(secs_ago)),
            Validity::NotYet { secs } => ("not-yet", Some(secs)),
        };
        Self {
            source: source.to_owned(),
            good: flaws.is_empty(),
            problems: flaws.to_vec(),
            kind: content.kind,
            r#type: content.key.kind().certificate_algorithm(),
            key: Key::new(&content.key),
            ca: Key::new(&content.ca),
            ca_pinned: report.ca_pinned,
            signature: Signature {
                algorithm: report.signature_algorithm.clone(),
                valid: report.signature.is_ok(),
                error: report.signature.as_ref().err().map(ToString::to_string),
            },
            key_id: content.key_id.clone(),
            serial: content.serial,
            principals: content.principals.clone(),
            valid_after: content.valid_after.0,
            valid_before: Some(content.valid_before.0).filter(|_| !forever),
            validity,
            validity_secs: secs,
            critical_options: option_values(&content.critical_options),
            extensions: option_values(&content.extensions),
            log: Log::new(&report.log),
        }
    }
}

impl Key {
    fn new(key: &PublicKey) -> Self {
        Self {
            algorithm: key.kind().algorithm(),
            bits: key.bits(),
            fingerprint: key.fingerprint().to_string(),
        }
    }
}

fn option_values(options: &Options) -> Vec<OptionValue> {
    let value = |(name, data): (&String, &Vec<u8>)| OptionValue {
        name: name.clone(),
        text: value_text(data).map(str::to_owned),
        hex: hex::encode(data),
    };
    options.iter().map(value).collect()
}

impl Log {
    fn new(standing: &LogStanding) -> Self {
        match standing {
            LogStanding::NoProof => Self { standing: "none", ..Self::default() },
            LogStanding::Unchecked { index } => {
                Self { standing: "unchecked", index: Some(*index), ..Self::default() }
            }
            LogStanding::Proven(proven) => Self {
                standing: "proven",
                index: Some(proven.index),
                time: Some(proven.time.0),
                origin: Some(proven.origin.to_string()),
                tree_size: Some(proven.tree_size),
                error: None,
            },
            LogStanding::Refuted(error) => {
                Self { standing: "refuted", error: Some(error.to_string()), ..Self::default() }
            }
        }
    }
}
