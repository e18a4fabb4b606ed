//! `ca request`: asks for a certificate, checks it, and puts it where ssh finds it.

use std::path::PathBuf;

use ca_api::{CertificateRequest, IssuedCertificate, Session};
use ca_core::names::{NameError, Principals, RequestId};
use ca_core::request::CertRequest;
use ca_core::ssh::CertifiableKey;
use ca_core::time::UnixSeconds;
use serde::Serialize;

use super::contact;
use crate::agent::Agent;
use crate::cli::{Global, Request};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::issued::{self, Issued};
use crate::keys::{EphemeralKey, KeyFile, Possession};
use crate::output;
use crate::pins::Pins;
use crate::render::text::grouped;
use crate::render::time::{length, local};
use crate::retry;
use crate::site::Site;
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
enum Place {
    Agent { agent: Agent, key: EphemeralKey },
    File(KeyFile),
}

pub(super) fn run(global: &Global, options: &Request) -> Result<Exit> {
    // What can be said without a server is said before one is asked.
    let wishes = Wishes::new(options)?;
    let mut place = Place::new(options)?;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;

    let user = user(options.user.as_deref(), &site, &server)?;
    let request = wishes.request(&pins, &user, place.key()?)?;
    let text = request.to_text();
    let signature = place.possession().prove(&text)?;
    let body = CertificateRequest { request: text, signature };
    let issued: IssuedCertificate = retry::patiently(|| server.post("/v1/certificates", &body))?;

    let issued = issued::check(&issued.certificate, &request, &pins, clock::now_secs())?;
    place.put(&issued, &request, &pins)?;
    report(global, &issued, &request, &place);
    Ok(Exit::Good)
}

/// What was asked for on the command line, parsed.
struct Wishes {
    id: RequestId,
    profile: ca_core::names::ProfileName,
    ttl: Option<ca_core::time::Ttl>,
    principals: Option<Principals>,
    reason: Option<ca_core::names::Reason>,
}

impl Wishes {
    fn new(options: &Request) -> Result<Self> {
        let name = |error: NameError| Failure::new("usage", error.to_string());
        let ttl = options.ttl.as_deref().map(str::parse).transpose();
        Ok(Self {
            id: match &options.id {
                Some(id) => id.parse().map_err(name)?,
                None => new_id()?,
            },
            profile: options.profile.parse().map_err(name)?,
            ttl: ttl.map_err(|error: ca_core::time::TtlError| Failure::new("usage", error.to_string()))?,
            principals: principals(&options.principals).map_err(name)?,
            reason: options
                .reason
                .as_deref()
                .map(|reason| reason.trim().parse())
                .transpose()
                .map_err(name)?,
        })
    }

    fn request(self, pins: &Pins, user: &str, key: CertifiableKey) -> Result<CertRequest> {
        Ok(CertRequest {
            authority: pins.origin.clone(),
            id: self.id,
            user: user.parse().map_err(|error: NameError| Failure::new("usage", error.to_string()))?,
            profile: self.profile,
            ttl: self.ttl,
            principals: self.principals,
            key,
            reason: self.reason,
        })
    }
}

/// Reads the accounts asked for; `None` when there are none, which means all that are granted.
fn principals(names: &[String]) -> std::result::Result<Option<Principals>, NameError> {
    if names.is_empty() {
        return Ok(None);
    }
    let names = names.iter().map(|name| name.parse()).collect::<std::result::Result<Vec<_>, _>>()?;
    Principals::try_from(names).map(Some)
}

/// Makes the id of a request made now.
pub(super) fn new_id() -> Result<RequestId> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Failure::new("randomness", "the system gives no randomness"))?;
    Ok(RequestId::from_parts(clock::now(), u128::from_be_bytes(random)))
}

/// Gives whose request it is: as said, as kept with the session, or as the server knows the token.
pub(super) fn user(said: Option<&str>, site: &Site, server: &Server) -> Result<String> {
    if let Some(user) = said {
        return Ok(user.to_owned());
    }
    let by_variable = crate::secrets::token_variable().is_some();
    match site.session()? {
        Some(session) if !by_variable => Ok(session.user.clone()),
        _ => Ok(server.get::<Session>("/v1/session")?.user),
    }
}

impl Place {
    fn new(options: &Request) -> Result<Self> {
        if let Some(path) = &options.key {
            return Ok(Self::File(KeyFile::open(path, options.passphrase_fd)?));
        }
        Ok(Self::Agent { agent: Agent::required()?, key: EphemeralKey::generate()? })
    }

    fn key(&mut self) -> Result<CertifiableKey> {
        let key = self.possession().public_key().clone();
        CertifiableKey::try_from(key).map_err(|error| Failure::new("usage", error.to_string()))
    }

    fn possession(&mut self) -> &mut dyn Possession {
        match self {
            Self::Agent { key, .. } => key,
            Self::File(key) => key,
        }
    }

    fn put(&mut self, issued: &Issued, request: &CertRequest, pins: &Pins) -> Result<()> {
        match self {
            Self::File(key) => {
                write_atomic(key.certificate_path(), issued.certificate.to_openssh().as_bytes(), 0o644)
            }
            Self::Agent { agent, key } => {
                let comment = format!("countersign {}", request.profile);
                let left = issued.certificate.content().valid_before.0.saturating_sub(clock::now_secs().0);
                let lifetime = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
                agent.add_ed25519(key.seed(), &issued.certificate, &comment, lifetime)?;
                remove_older(agent, issued, &comment, pins)
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
        Place::Agent { .. } => None,
        Place::File(key) => Some(key.certificate_path().to_owned()),
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
