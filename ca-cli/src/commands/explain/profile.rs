//! `ca explain PROFILE`: may I have it, and what would change the answer.

use ca_api::{ExplainRequest, Explanation};
use ca_core::names::RequestId;
use ca_core::ssh::CertifiableKey;

use crate::cli::{Global, Wanted};
use crate::commands::contact;
use crate::commands::request::{Wishes, new_id, user};
use crate::failure::{Exit, Failure, Result};
use crate::keys::{EphemeralKey, KeyFile, Possession as _};
use crate::output;
use crate::render::explanation;
use crate::retry;
use crate::site::Site;

pub(super) fn run(global: &Global, profile: &str, wanted: &Wanted) -> Result<Exit> {
    let ttl = wanted.ttl.as_deref();
    let id = new_id(RequestId::from_parts)?;
    let wishes = Wishes::new(id, profile, (ttl, &wanted.principals, wanted.reason.as_deref()))?;
    let key = key(wanted)?;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
    let asked = user(wanted.user.as_deref(), &site, &server)?;
    let request = wishes.request(&pins, &asked, key)?;
    // Nobody has to unlock a key for a question.
    let body = ExplainRequest { request: request.to_text(), signature: None };
    let answer: Explanation = retry::patiently(|| server.post("/v1/explain", &body))?;
    if global.json {
        output::json(&answer);
    } else {
        output::data(&explanation::describe(&answer, profile));
    }
    Ok(match answer.verdict.as_str() {
        "granted" => Exit::Good,
        "needs-approval" => Exit::Pending,
        _ => Exit::Refused,
    })
}

/// Gives the key to ask about: the file's, or one such as `ca request` would make.
fn key(wanted: &Wanted) -> Result<CertifiableKey> {
    let key = match &wanted.key {
        Some(path) => KeyFile::public_half(path)?,
        None => EphemeralKey::generate()?.public_key().clone(),
    };
    CertifiableKey::try_from(key).map_err(|error| Failure::new("usage", error.to_string()))
}
