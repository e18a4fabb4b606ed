//! `ca trust`: what to put on a host so that it takes this authority's certificates.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ca_core::ssh::KeyKind;
use serde::Serialize;

use super::contact;
use crate::cli::{Global, Trust};
use crate::failure::{Exit, Failure, Result};
use crate::known_hosts;
use crate::output;
use crate::pins::Pins;
use crate::site::Site;

/// What `--json` prints.
#[derive(Serialize)]
struct Authority<'a> {
    server: &'a str,
    origin: String,
    log_key: String,
    user_ca_keys: Vec<CaKey>,
    host_ca_keys: Vec<CaKey>,
    sshd_config: [String; 4],
    /// Only once the file is there: without it sshd refuses everybody.
    revoked_keys: String,
    fetch_krl: String,
}

#[derive(Serialize)]
struct CaKey {
    line: String,
    fingerprint: String,
}

/// Where the keys of the authority go on a host.
const KEYS_FILE: &str = "/etc/ssh/countersign_user_ca.pub";

pub(super) fn run(global: &Global, options: &Trust) -> Result<Exit> {
    let site = Site::choose(global)?;
    let pins = if options.pin { pin(global, &site)? } else { keys(global, &site)? };
    if let Some(pattern) = &options.known_hosts {
        print_known_hosts(global, &known_hosts::lines(&pins, pattern)?);
    } else if global.json {
        output::json(&Authority::new(&pins));
    } else {
        output::data(&instructions(&pins));
    }
    Ok(Exit::Good)
}

fn print_known_hosts(global: &Global, lines: &[String]) {
    if global.json {
        output::json(&lines);
    } else {
        output::data(&(lines.join("\n") + "\n"));
    }
}

/// Gives what is pinned. When the server is named it is asked, and must say the same.
fn keys(global: &Global, site: &Site) -> Result<Pins> {
    let pinned = site.pins()?;
    if global.server.is_none() {
        return pinned.ok_or_else(|| {
            Failure::new("not-pinned", "nothing is pinned yet").hint("ca login, or name a --server")
        });
    }
    let found = contact::ask_keys(global, site, &contact::connect(global, site, None)?)?;
    let Some(pinned) = pinned else {
        output::note(&format!("Not pinned: this is what {} says. To pin it: ca trust --pin", site.url()));
        return Ok(found);
    };
    let changes = pinned.changes(&found);
    if changes.is_empty() { Ok(pinned) } else { Err(pinned.mismatch(&changes)) }
}

/// Pins what the server says now.
fn pin(global: &Global, site: &Site) -> Result<Pins> {
    let found = contact::ask_keys(global, site, &contact::connect(global, site, None)?)?;
    let changes = site.pins()?.map(|pinned| pinned.changes(&found)).unwrap_or_default();
    site.save_pins(&found)?;
    for change in &changes {
        output::note(&format!("Changed: {change}"));
    }
    output::note(&format!("Pinned for {}:\n{}", site.url(), found.describe()));
    Ok(found)
}

impl<'a> Authority<'a> {
    fn new(pins: &'a Pins) -> Self {
        let key = |key: &ca_core::ssh::PublicKey| CaKey {
            line: key.to_string(),
            fingerprint: key.fingerprint().to_string(),
        };
        Self {
            server: &pins.server,
            origin: pins.origin.to_string(),
            log_key: pins.log_key.to_string(),
            user_ca_keys: pins.user_ca_keys.iter().map(key).collect(),
            host_ca_keys: pins.host_ca_keys.iter().map(key).collect(),
            sshd_config: sshd_config(pins),
            revoked_keys: revoked_keys(),
            fetch_krl: fetch_krl(pins),
        }
    }
}

/// Without a principals file sshd takes a certificate for the accounts that are its principals, and no others.
fn sshd_config(pins: &Pins) -> [String; 4] {
    let algorithms: BTreeSet<_> =
        pins.user_ca_keys.iter().map(|key| signature_algorithms(key.kind())).collect();
    let algorithms: Vec<_> = algorithms.into_iter().collect();
    [
        "PubkeyAuthentication yes".to_owned(),
        format!("TrustedUserCAKeys {KEYS_FILE}"),
        "AuthorizedPrincipalsFile none".to_owned(),
        format!("CASignatureAlgorithms {}", algorithms.join(",")),
    ]
}

/// Where a host keeps what is revoked.
const KRL_FILE: &str = "/etc/ssh/countersign.krl";

fn revoked_keys() -> String {
    format!("RevokedKeys {KRL_FILE}")
}

fn fetch_krl(pins: &Pins) -> String {
    format!("ca krl fetch {KRL_FILE} --server {} --log-key {}", pins.server, pins.log_key)
}

fn signature_algorithms(kind: KeyKind) -> &'static str {
    if kind == KeyKind::Rsa { "rsa-sha2-512,rsa-sha2-256" } else { kind.algorithm() }
}

fn instructions(pins: &Pins) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# {KEYS_FILE}: the keys that sign user certificates");
    for key in &pins.user_ca_keys {
        let _ = writeln!(text, "{key} {}", pins.origin);
    }
    let _ = writeln!(text, "\n# /etc/ssh/sshd_config.d/countersign.conf: four lines, then reload sshd");
    for line in sshd_config(pins) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n# what is revoked: fetch it, now and every few minutes (cron, a timer) ...");
    let _ = writeln!(text, "#   {}", fetch_krl(pins));
    let _ =
        writeln!(text, "# ... and once the file is there (without it sshd refuses everybody) add this line");
    let _ = writeln!(text, "{}", revoked_keys());
    let _ = writeln!(text, "\n# fingerprints, to compare by another way");
    for key in &pins.user_ca_keys {
        let _ = writeln!(text, "#   CA   {} {}", key.kind(), key.fingerprint());
    }
    for key in &pins.host_ca_keys {
        let _ = writeln!(text, "#   CA   {} {}  (hosts)", key.kind(), key.fingerprint());
    }
    let _ = writeln!(text, "#   log  {}", pins.log_key);
    text
}
