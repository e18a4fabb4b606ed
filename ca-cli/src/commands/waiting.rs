//! Waiting for approval, and fetching the certificate that comes of it: `ca request --wait`, `ca collect`.

use std::time::{Duration, Instant};

use ca_api::{PendingRequest, WaitingRequest};
use ca_core::names::RequestId;
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use zeroize::Zeroizing;

use super::contact;
use super::delivery::{Place, deliver};
use super::requests::{find_own, reason, state};
use crate::cli::{self, Global};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::keys::EphemeralKey;
use crate::output;
use crate::pending::PendingFile;
use crate::pins::Pins;
use crate::render::text::plain;
use crate::render::time::local;
use crate::retry;
use crate::site::Site;

/// How often is asked at first, and after a minute: people take their time.
const PAUSE: Duration = Duration::from_secs(1);
const LONGER: Duration = Duration::from_secs(4);

/// Says that a request was left waiting.
pub(super) fn leave(global: &Global, pending: &PendingRequest) -> Exit {
    if global.json {
        output::json(pending);
        return Exit::Pending;
    }
    let groups = pending.groups.join(" or ");
    output::note(&format!(
        "{} waits for {} by {}, until {}.",
        pending.request_id,
        if pending.needs == 1 { "an approval".to_owned() } else { format!("{} approvals", pending.needs) },
        plain(&groups),
        local(UnixSeconds(pending.expires_at)),
    ));
    output::note(&format!("Fetch the certificate then: ca collect {}", pending.request_id));
    Exit::Pending
}

/// Asks again and again until a request is over.
pub(super) fn wait(
    global: &Global,
    site: &Site,
    server: &Server,
    pins: &Pins,
    id: RequestId,
) -> Result<Exit> {
    let (begun, mut said) = (Instant::now(), None);
    loop {
        let request: WaitingRequest = retry::patiently(|| server.get(&format!("/v1/requests/{id}")))?;
        if let Some(exit) = finish(global, site, pins, id, &request)? {
            return Ok(exit);
        }
        // Again only when something has happened, not as time goes by.
        let stands = Some((request.state.clone(), request.approvals.len()));
        if stands != said {
            let line = state(&request);
            output::note(&format!("Waiting: {line}. Ctrl-C leaves it waiting: ca collect {id}"));
            said = stands;
        }
        std::thread::sleep(if begun.elapsed() < Duration::from_mins(1) { PAUSE } else { LONGER });
    }
}

/// `ca collect`.
pub(super) fn collect(global: &Global, options: &cli::RequestId) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
    let id = find_own(&server, &options.id)?;
    let request: WaitingRequest = retry::patiently(|| server.get(&format!("/v1/requests/{id}")))?;
    if let Some(exit) = finish(global, &site, &pins, id, &request)? {
        return Ok(exit);
    }
    if global.json {
        output::json(&request);
    } else {
        output::note(&format!("{id} waits still: {}.", state(&request)));
    }
    Ok(Exit::Pending)
}

/// Delivers what was issued; `None` when the request still waits.
fn finish(
    global: &Global,
    site: &Site,
    pins: &Pins,
    id: RequestId,
    answer: &WaitingRequest,
) -> Result<Option<Exit>> {
    if let Some(outcome) = &answer.outcome {
        site.remove_pending(id)?;
        let by = answer.closed_by.as_deref().unwrap_or("the server");
        let what = format!("the request gets no certificate: {outcome}, by {by}{}", reason(answer));
        return Err(Failure::new("request-over", what).hint("Ask again: ca request").refused());
    }
    let Some(issued) = &answer.issued else { return Ok(None) };
    let pending = site.pending(id)?.ok_or_else(|| {
        Failure::new("no-key", format!("the key that {id} was asked for is not on this machine"))
            .hint("Collect it where it was asked for, once.")
    })?;
    let request = CertRequest::from_text(&pending.request)
        .map_err(|error| Failure::new("pending", format!("what was kept of {id} is damaged: {error}")))?;
    let exit = deliver(global, issued, &request, pins, &place(&pending)?)?;
    site.remove_pending(id)?;
    Ok(Some(exit))
}

fn place(pending: &PendingFile) -> Result<Place> {
    let damaged = || Failure::new("pending", "what was kept of the request is damaged");
    match (&pending.seed, &pending.certificate) {
        (Some(seed), _) => {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(seed, bytes.as_mut_slice()).map_err(|_| damaged())?;
            Ok(Place::Agent(Box::new(EphemeralKey::from_seed(bytes)?)))
        }
        (None, Some(path)) => Ok(Place::File(path.clone())),
        (None, None) => Err(damaged()),
    }
}
