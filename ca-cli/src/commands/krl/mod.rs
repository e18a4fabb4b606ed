//! `ca krl …`: what hosts do with the list of what is revoked. Needs no login.

mod fetch;
mod install;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ca_core::krl::{Krl, KrlError, MAX_BYTES};
use serde::Serialize;

use crate::cli::{self, Global, ShowKrl};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::text::{counted, plain};
use crate::render::time::local;
use crate::state::io_failure;

/// `ca krl …`.
pub(super) fn run(global: &Global, command: &cli::Krl) -> Result<Exit> {
    match command {
        cli::Krl::Fetch(options) => fetch::run(global, options),
        cli::Krl::Show(options) => show(global, options),
    }
}

/// What there is to say about a KRL.
#[derive(Serialize)]
struct About {
    version: u64,
    generated: u64,
    comment: String,
    serials: u64,
    key_ids: u64,
    keys: u64,
}

impl From<&Krl> for About {
    fn from(krl: &Krl) -> Self {
        Self {
            version: krl.version().0,
            generated: krl.generated().0,
            comment: krl.comment().to_owned(),
            serials: krl.serial_count(),
            key_ids: krl.key_id_count(),
            keys: krl.key_count(),
        }
    }
}

/// Says in one line what a KRL revokes.
fn describe(krl: &Krl) -> String {
    format!(
        "KRL {} of {}: {} and {} revoked",
        krl.version(),
        local(krl.generated()),
        counted(krl.serial_count().saturating_add(krl.key_id_count()), "certificate", "certificates"),
        counted(krl.key_count(), "key", "keys"),
    )
}

fn show(global: &Global, options: &ShowKrl) -> Result<Exit> {
    let krl = read(&options.file)?;
    if global.json {
        output::json(&About::from(&krl));
        return Ok(Exit::Good);
    }
    output::data(&format!("{}\n", describe(&krl)));
    if !krl.comment().is_empty() {
        output::data(&format!("  comment  {}\n", plain(krl.comment())));
    }
    Ok(Exit::Good)
}

/// Reads a KRL from a file, or from stdin for `-`, and refuses what sshd would not read, or read as nothing.
pub(super) fn read(path: &Path) -> Result<Krl> {
    let bytes = read_bytes(path).map_err(|error| io_failure("read", path, &error))?;
    let krl = Krl::parse(&bytes);
    krl.map_err(|error: KrlError| Failure::new("bad-krl", format!("{}: {error}", path.display())))
}

/// Reads at most one byte more than a KRL can have.
fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
