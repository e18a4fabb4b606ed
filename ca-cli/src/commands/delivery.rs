//! Where a certificate goes once it is checked: into ssh-agent, or beside a key file.

use std::path::PathBuf;

use ca_api::IssuedCertificate;
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use serde::Serialize;

use crate::agent::Agent;
use crate::cli::Global;
use crate::clock;
use crate::failure::{Exit, Result};
use crate::issued::{self, Issued};
use crate::keys::EphemeralKey;
use crate::output;
use crate::pins::Pins;
use crate::render::text::grouped;
use crate::render::time::{length, local};
use crate::state::write_atomic;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    certificate: String,
    request_id: String,
    serial: u64,
    key: String,
    key_id: &'a str,
    principals: &'a [String],
    valid_after: u64,
    valid_before: u64,
    log_origin: String,
    log_index: u64,
    /// The file it was written to, if it was.
    file: Option<PathBuf>,
    /// Whether it is in ssh-agent now.
    in_agent: bool,
}

/// Where the certificate goes.
pub(super) enum Place {
    /// Into the agent, with the key that was made for it.
    Agent(Box<EphemeralKey>),
    /// Into this file.
    File(PathBuf),
}

/// Checks what the server issued, puts it where ssh finds it, and says so.
pub(super) fn deliver(
    global: &Global,
    answer: &IssuedCertificate,
    request: &CertRequest,
    pins: &Pins,
    place: &Place,
) -> Result<Exit> {
    let issued = issued::check(&answer.certificate, request, pins, clock::now_secs())?;
    place.put(&issued, request, pins)?;
    report(global, &issued, request, place);
    Ok(Exit::Good)
}

impl Place {
    fn put(&self, issued: &Issued, request: &CertRequest, pins: &Pins) -> Result<()> {
        match self {
            Self::File(path) => write_atomic(path, issued.certificate.to_openssh().as_bytes(), 0o644),
            Self::Agent(key) => {
                let mut agent = Agent::required()?;
                let comment = format!("countersign {}", request.profile);
                let left = issued.certificate.content().valid_before.0.saturating_sub(clock::now_secs().0);
                let lifetime = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
                agent.add_ed25519(key.seed(), &issued.certificate, &comment, lifetime)?;
                remove_older(&mut agent, issued, &comment, pins)
            }
        }
    }
}

/// Takes the certificates out of the agent that the new one replaces: those for the same profile by the same authority.
fn remove_older(agent: &mut Agent, issued: &Issued, comment: &str, pins: &Pins) -> Result<()> {
    for identity in agent.identities()? {
        if identity.comment != comment || identity.blob == issued.certificate.bytes() {
            continue;
        }
        let certificate = ca_core::cert::UnverifiedCertificate::from_bytes(&identity.blob);
        if certificate.is_ok_and(|old| pins.user_ca_keys.contains(&old.unverified_content().ca)) {
            agent.remove(&identity)?;
        }
    }
    Ok(())
}

fn report(global: &Global, issued: &Issued, request: &CertRequest, place: &Place) {
    let content = issued.certificate.content();
    let file = match place {
        Place::Agent(_) => None,
        Place::File(path) => Some(path.clone()),
    };
    if global.json {
        return output::json(&Answer {
            certificate: issued.certificate.to_openssh().trim_end().to_owned(),
            request_id: request.id.to_string(),
            serial: content.serial,
            key: content.key.fingerprint().to_string(),
            key_id: &content.key_id,
            principals: &content.principals,
            valid_after: content.valid_after.0,
            valid_before: content.valid_before.0,
            log_origin: issued.evidence.origin.to_string(),
            log_index: issued.evidence.index,
            in_agent: file.is_none(),
            file,
        });
    }
    let place = file.map_or_else(|| "in ssh-agent".to_owned(), |file| format!("in {}", file.display()));
    let left = UnixSeconds(content.valid_before.0.saturating_sub(clock::now_secs().0)).0;
    output::note(&format!(
        "Certificate {place} until {} ({}). Logs in as {}. Entry {} of the log.",
        local(content.valid_before),
        length(left),
        content.principals.join(", "),
        grouped(issued.evidence.index),
    ));
}
