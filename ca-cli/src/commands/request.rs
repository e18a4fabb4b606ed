//! `ca request`: asks for a certificate, checks it, and puts it where ssh finds it.

use ca_api::{BreakGlassRequest, CertificateRequest, IssuedCertificate, PendingRequest, Secret, Session};
use ca_core::names::{NameError, Principals, RequestId};
use ca_core::request::CertRequest;
use ca_core::ssh::CertifiableKey;
use ca_core::time::UnixMillis;
use serde::Deserialize;

use super::delivery::{Place, deliver};
use super::{contact, waiting};
use crate::agent::Agent;
use crate::cli::{Global, Request};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::keys::{EphemeralKey, KeyFile, Possession};
use crate::pending::PendingFile;
use crate::pins::Pins;
use crate::retry;
use crate::secrets;
use crate::site::Site;

/// What the server says to a request.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Issued(IssuedCertificate),
    Pending(PendingRequest),
}

pub(super) fn run(global: &Global, options: &Request) -> Result<Exit> {
    // What can be said without a server is said before one is asked.
    let id = match &options.id {
        Some(id) => id.parse().map_err(|error: NameError| Failure::new("usage", error.to_string()))?,
        None => new_id(RequestId::from_parts)?,
    };
    let asked = (options.ttl.as_deref(), &options.principals[..], options.reason.as_deref());
    let wishes = Wishes::new(id, &options.profile, asked)?;
    let mut holder = Holder::new(options)?;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;

    let user = user(options.user.as_deref(), &site, &server)?;
    let request = wishes.request(&pins, &user, holder.key()?)?;
    let text = request.to_text();
    let signature = holder.possession().prove(&text)?;
    let body = CertificateRequest { request: text, signature };
    match ask(&server, options, &body)? {
        Answer::Issued(issued) => deliver(global, &issued, &request, &pins, &holder.place()),
        Answer::Pending(pending) => {
            // Kept first, so that nothing is lost however the waiting ends.
            site.save_pending(request.id, &holder.pending(body.request, pending.expires_at))?;
            if options.wait {
                waiting::wait(global, &site, &server, &pins, request.id)
            } else {
                Ok(waiting::leave(global, &pending))
            }
        }
    }
}

fn ask(server: &Server, options: &Request, body: &CertificateRequest) -> Result<Answer> {
    if !options.voucher {
        return retry::patiently(|| server.post("/v1/certificates", body));
    }
    let voucher = secrets::VOUCHER.read(options.voucher_fd, "Voucher")?;
    let CertificateRequest { request, signature } = body.clone();
    let body = BreakGlassRequest { request, signature, voucher: Secret(voucher.to_string()) };
    retry::patiently(|| server.post("/v1/certificates/break-glass", &body))
}

/// Whoever holds the key to be certified.
enum Holder {
    Memory(EphemeralKey),
    File(KeyFile),
}

/// What was asked for on the command line, parsed.
pub(super) struct Wishes {
    id: RequestId,
    profile: ca_core::names::ProfileName,
    ttl: Option<ca_core::time::Ttl>,
    principals: Option<Principals>,
    reason: Option<ca_core::names::Reason>,
}

impl Wishes {
    /// Parses a profile, and what may be said besides: the lifetime, the accounts and the reason.
    pub(super) fn new(
        id: RequestId,
        profile: &str,
        (ttl, accounts, reason): (Option<&str>, &[String], Option<&str>),
    ) -> Result<Self> {
        let name = |error: NameError| Failure::new("usage", error.to_string());
        let ttl = ttl.map(str::parse).transpose();
        Ok(Self {
            id,
            profile: profile.parse().map_err(name)?,
            ttl: ttl.map_err(|error: ca_core::time::TtlError| Failure::new("usage", error.to_string()))?,
            principals: principals(accounts).map_err(name)?,
            reason: reason.map(|reason| reason.trim().parse()).transpose().map_err(name)?,
        })
    }

    pub(super) fn request(self, pins: &Pins, user: &str, key: CertifiableKey) -> Result<CertRequest> {
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

/// Makes an id of the time and randomness.
pub(super) fn new_id<T>(from_parts: fn(UnixMillis, u128) -> T) -> Result<T> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Failure::new("randomness", "the system gives no randomness"))?;
    Ok(from_parts(clock::now(), u128::from_be_bytes(random)))
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

impl Holder {
    fn new(options: &Request) -> Result<Self> {
        if let Some(path) = &options.key {
            return Ok(Self::File(KeyFile::open(path, options.passphrase_fd)?));
        }
        // Said now, and not when the certificate is there and has nowhere to go.
        Agent::required()?;
        Ok(Self::Memory(EphemeralKey::generate()?))
    }

    fn key(&mut self) -> Result<CertifiableKey> {
        let key = self.possession().public_key().clone();
        CertifiableKey::try_from(key).map_err(|error| Failure::new("usage", error.to_string()))
    }

    fn possession(&mut self) -> &mut dyn Possession {
        match self {
            Self::Memory(key) => key,
            Self::File(key) => key,
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Memory(key) => Place::Agent(Box::new(key)),
            Self::File(key) => Place::File(key.certificate_path().to_owned()),
        }
    }

    fn pending(&self, request: String, expires_at: u64) -> PendingFile {
        let (seed, certificate) = match self {
            Self::Memory(key) => (Some(hex::encode(key.seed())), None),
            Self::File(key) => (None, Some(key.certificate_path().to_owned())),
        };
        PendingFile { request, seed, certificate, expires_at }
    }
}
