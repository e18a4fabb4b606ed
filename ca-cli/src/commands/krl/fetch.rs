//! `ca krl fetch`: whatever goes wrong, the KRL that is there stays, and the exit code says so (H3).

use std::path::Path;
use std::time::Duration;

use ca_core::krl::{Krl, MAX_BYTES, SignedKrl, SignedKrlError};
use ca_core::log::VerifierKey;
use ca_core::ssh::PublicKey;
use serde::Serialize;

use super::{About, describe, install, read_bytes};
use crate::cli::{FetchKrl, Global};
use crate::commands::{contact, read_log_key};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::site::Site;
use crate::state::io_failure;

/// The most bytes of a signature.
const MAX_SIGNATURE_BYTES: usize = 16 * 1024;

/// How often file and signature are fetched: when a KRL is published in between, they do not fit.
const TRIES: u32 = 3;

/// How long to wait between tries.
const PAUSE: Duration = Duration::from_millis(300);

/// What `--json` prints.
#[derive(Serialize)]
struct Fetched<'a> {
    file: &'a Path,
    changed: bool,
    #[serde(flatten)]
    about: About,
}

pub(super) fn run(global: &Global, options: &FetchKrl) -> Result<Exit> {
    let (signed, changed) = fetch(global, options).map_err(|failure| stays(&failure, &options.file))?;
    if global.json {
        output::json(&Fetched { file: &options.file, changed, about: About::from(signed.krl()) });
    } else {
        let what = if changed { "installed" } else { "is there already" };
        output::note(&format!("{} {what}: {}", options.file.display(), describe(signed.krl())));
    }
    Ok(Exit::Good)
}

/// Everything that goes wrong means the same to a host: it could not be done, and nothing was touched.
fn stays(failure: &Failure, file: &Path) -> Failure {
    let there = if file.exists() { "the KRL that was there stays" } else { "there is still none" };
    let what = format!("{}: {} ({there})", file.display(), failure.what());
    Failure::new("krl-not-installed", what)
        .hint(failure.hint_text().unwrap_or("Raise an alarm: what was revoked since is not refused here."))
}

fn fetch(global: &Global, options: &FetchKrl) -> Result<(SignedKrl, bool)> {
    let site = Site::choose(global)?;
    let key = log_key(options, &site)?;
    let ssh_key =
        key.to_ssh().map_err(|error| Failure::new("usage", format!("the key of the log: {error}")))?;
    // Nobody has to know which host asks: there is no session in this.
    let server = contact::connect(global, &site, None)?;
    let signed = fetch_signed(&server, &ssh_key)?;
    let changed = compare(&signed, &options.file)?;
    if changed {
        install::install(signed.bytes(), &options.file, &ssh_key)?;
    }
    Ok((signed, changed))
}

/// Never takes the key from the server that sends the KRL.
fn log_key(options: &FetchKrl, site: &Site) -> Result<VerifierKey> {
    if let Some(text) = &options.log_key {
        return read_log_key(text);
    }
    let pins = site.pins()?.ok_or_else(|| {
        Failure::new("not-pinned", format!("no key is pinned for {}", site.url()))
            .hint("Name the log's key with --log-key, or pin it once: ca trust --pin --server URL")
    })?;
    Ok(pins.log_key)
}

fn fetch_signed(server: &Server, key: &PublicKey) -> Result<SignedKrl> {
    let mut last = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let bytes = server.fetch("/v1/krl", MAX_BYTES)?;
        let signature = server.fetch("/v1/krl.sig", MAX_SIGNATURE_BYTES)?;
        match SignedKrl::verify(bytes, &String::from_utf8_lossy(&signature), key) {
            Ok(signed) => return Ok(signed),
            Err(error @ SignedKrlError::Signature(_)) => last = Some(error),
            Err(error) => return Err(bad(&error)),
        }
    }
    Err(last.map_or_else(|| Failure::new("bad-krl", "no KRL came"), |error| bad(&error)))
}

fn bad(error: &SignedKrlError) -> Failure {
    Failure::new("bad-krl", error.to_string())
}

/// Holds what was fetched against what is there; tells whether it is to be installed.
fn compare(signed: &SignedKrl, file: &Path) -> Result<bool> {
    let installed = match read_bytes(file) {
        Ok(installed) => installed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(io_failure("read", file, &error)),
    };
    if installed == signed.bytes() {
        return Ok(false);
    }
    match Krl::parse(&installed) {
        Ok(krl) => signed.newer_than(krl.version()).map(|()| true).map_err(|error| bad(&error)),
        Err(error) => {
            // With such a file sshd lets everybody in or nobody; whatever was signed is better.
            output::note(&format!("{}: {error}; it is replaced", file.display()));
            Ok(true)
        }
    }
}
