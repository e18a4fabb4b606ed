//! `ca requests`, `ca show`, `ca approve`, `ca deny`, `ca cancel`: what waits, and what people say to it.
//!
//! What an officer reads before they sign is taken from the text that the requester signed, verified here; of what the
//! server says in its own words nothing is signed.

use std::io::{BufRead as _, IsTerminal as _};

use ca_api::{NewApproval, Profiles, SigningKeys, WaitingRequest, WaitingRequests};
use ca_core::approval::{Approval, NAMESPACE, RequestHash, Verdict};
use ca_core::names::{ApprovalId, NameError, Reason, RequestId};
use ca_core::request::{CertRequest, ProvenRequest};
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;

use super::contact;
use crate::cli::{self, Global, Signing};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::keys::{AgentKey, KeyFile, Possession};
use crate::output;
use crate::pins::Pins;
use crate::render::text::plain;
use crate::render::time::{length, local};
use crate::retry;
use crate::site::Site;

/// `ca requests`.
pub(super) fn list(global: &Global) -> Result<Exit> {
    let server = contact::connect_with_session(global, &Site::choose(global)?)?;
    let found: WaitingRequests = server.get("/v1/requests")?;
    if global.json {
        output::json(&found);
        return Ok(Exit::Good);
    }
    if found.requests.is_empty() {
        output::note("Nothing waits.");
    }
    for waiting in &found.requests {
        let request = CertRequest::from_text(&waiting.request).ok();
        let profile = request.as_ref().map(|request| request.profile.to_string()).unwrap_or_default();
        let reason = request.and_then(|request| request.reason).map(|reason| reason.to_string());
        output::data(&format!(
            "{}  {:<14} {:<16} {}  {}\n",
            waiting.id,
            plain(&waiting.user),
            profile,
            state(waiting),
            plain(&reason.unwrap_or_default()),
        ));
    }
    Ok(Exit::Good)
}

/// Says where a request stands.
pub(super) fn state(waiting: &WaitingRequest) -> String {
    match (waiting.state.as_str(), &waiting.outcome) {
        ("pending", _) => {
            let by: Vec<_> = waiting.approvals.iter().map(|given| plain(&given.approver)).collect();
            let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
            let left = waiting.expires_at.saturating_sub(clock::now_secs().0);
            format!(
                "{} of {} approvals{by} by {}, {} left",
                waiting.approvals.len(),
                waiting.needs,
                plain(&waiting.groups.join(" or ")),
                length(left)
            )
        }
        ("issued", _) if waiting.to_review && !waiting.own => {
            format!("issued by a voucher, to be looked into: ca review {}", waiting.id)
        }
        ("issued", _) if waiting.own => format!("issued: ca collect {}", waiting.id),
        (_, Some(outcome)) => {
            let by = waiting.closed_by.as_deref().unwrap_or("?");
            format!("{} by {}{}", plain(outcome), plain(by), plain(&reason(waiting)))
        }
        (state, None) => plain(state).into_owned(),
    }
}

/// Gives the reason that an end was given, as it follows that.
pub(super) fn reason(waiting: &WaitingRequest) -> String {
    waiting.closed_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// `ca show`.
pub(super) fn show(global: &Global, options: &cli::RequestId) -> Result<Exit> {
    let read = Read::fetch(global, &options.id)?;
    if global.json {
        output::json(&read.waiting);
    } else {
        read.print(&mut |line| output::data(&format!("{line}\n")))?;
    }
    Ok(Exit::Good)
}

/// `ca approve`.
pub(super) fn approve(global: &Global, options: &cli::Approve) -> Result<Exit> {
    say(global, &options.request, (Verdict::Approve, options.note.as_deref()), &options.signing)
}

/// `ca deny`.
pub(super) fn deny(global: &Global, options: &cli::Deny) -> Result<Exit> {
    say(global, &options.request, (Verdict::Deny, Some(&options.reason)), &options.signing)
}

/// `ca review`.
pub(super) fn review(global: &Global, options: &cli::Review) -> Result<Exit> {
    say(global, &options.request, (Verdict::Review, Some(&options.note)), &options.signing)
}

/// `ca cancel`.
pub(super) fn cancel(global: &Global, options: &cli::RequestId) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let id = find_own(&server, &options.id)?;
    let over: WaitingRequest = server.post(&format!("/v1/requests/{id}/cancel"), &serde_json::json!({}))?;
    site.remove_pending(id)?;
    if global.json {
        output::json(&over);
    } else {
        output::note(&format!("Cancelled {id}."));
    }
    Ok(Exit::Good)
}

fn say(
    global: &Global,
    options: &cli::RequestId,
    (verdict, note): (Verdict, Option<&str>),
    signing: &Signing,
) -> Result<Exit> {
    let note: Option<Reason> =
        note.map(|note| note.trim().parse()).transpose().map_err(|error| usage(&error))?;
    let read = Read::fetch(global, &options.id)?;
    if verdict == Verdict::Review && !read.waiting.to_review {
        return Err(Failure::new("nothing-to-review", "no voucher was used for this, or it is reviewed")
            .hint("See what is open: ca requests")
            .refused());
    }
    if verdict != Verdict::Review && read.waiting.state != "pending" {
        let what = format!("the request does not wait any more: it is {}", state(&read.waiting));
        return Err(Failure::new("request-over", what).refused());
    }
    let mut signer = signer(&read.server, signing)?;
    read.print(&mut output::note)?;
    confirm(verdict, signing)?;
    let text = read.approval(verdict, note)?.to_text();
    let signature = signer.sign(NAMESPACE, &text)?;
    let path = format!("/v1/requests/{}/approvals", read.request.id);
    // Not tried again by itself: what was said once is refused the second time.
    let after: WaitingRequest = read.server.post(&path, &NewApproval { text, signature })?;
    if global.json {
        output::json(&after);
    } else {
        output::note(&format!("✓ signed with {}. {}", signer.public_key().fingerprint(), came_of(&after)));
    }
    Ok(Exit::Good)
}

fn came_of(after: &WaitingRequest) -> String {
    match after.state.as_str() {
        "issued" if after.voucher.is_some() => "It is reviewed.".to_owned(),
        "issued" => format!("{} of {}, issued.", after.needs, after.needs),
        "pending" => format!("{} of {}.", after.approvals.len(), after.needs),
        _ => format!("It is {}.", state(after)),
    }
}

/// Asks before signing, where there is somebody to ask.
pub(super) fn confirm(verdict: impl std::fmt::Display, signing: &Signing) -> Result<()> {
    if signing.yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new("no-terminal", "there is no terminal to ask whether to sign this")
            .hint("If you have read it: --yes"));
    }
    output::note(&format!("You sign exactly this. Really {verdict}? [y/N]"));
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::new("not-signed", "nothing was signed").refused())
}

/// Finds what to sign with: the file named, or a registered key that the agent holds.
pub(super) fn signer(server: &Server, signing: &Signing) -> Result<Box<dyn Possession>> {
    if let Some(path) = &signing.key {
        return Ok(Box::new(KeyFile::open(path, signing.passphrase_fd)?));
    }
    let registered: SigningKeys = server.get("/v1/account/signing-keys")?;
    let keys: Vec<PublicKey> =
        registered.signing_keys.iter().filter_map(|key| key.key.parse().ok()).collect();
    match AgentKey::find(&keys)? {
        Some(key) => Ok(Box::new(key)),
        None if keys.is_empty() => Err(Failure::new("no-such-key", "you have no key to approve with")
            .hint("Register one: ca approval-key add ~/.ssh/id_ed25519.pub")
            .refused()),
        None => Err(Failure::new("no-such-key", "ssh-agent holds none of the keys you approve with")
            .hint("Add it with ssh-add, or name it: --key FILE")),
    }
}

/// A request that was fetched, and whose requester's signature holds.
struct Read {
    server: Server,
    pins: Pins,
    waiting: WaitingRequest,
    request: CertRequest,
}

impl Read {
    fn fetch(global: &Global, typed: &str) -> Result<Self> {
        let site = Site::choose(global)?;
        let server = contact::connect_with_session(global, &site)?;
        let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
        let id = find(&server, typed, |_| true)?;
        let waiting: WaitingRequest = server.get(&format!("/v1/requests/{id}"))?;
        let request = verify(&waiting, &pins, id).map_err(|flaw| {
            let what = format!("the server shows a request that is not right: {flaw}");
            Failure::new("bad-request", what).hint("Do not approve it. Tell your security officers.")
        })?;
        Ok(Self { server, pins, waiting, request })
    }

    fn approval(&self, verdict: Verdict, note: Option<Reason>) -> Result<Approval> {
        let session: ca_api::Session = self.server.get("/v1/session")?;
        let policy = self.waiting.policy.clone().try_into();
        Ok(Approval {
            authority: self.pins.origin.clone(),
            id: super::request::new_id(ApprovalId::from_parts)?,
            request_hash: RequestHash::of(&self.request.to_text()),
            request: self.request.id,
            policy: policy.map_err(|_| Failure::new("bad-request", "the server names no policy"))?,
            approver: session.user.parse().map_err(|error| usage(&error))?,
            verdict,
            expires_at: UnixSeconds(self.waiting.expires_at),
            note,
        })
    }

    /// Says in words what is asked, from the text that was signed.
    fn print(&self, line: &mut dyn FnMut(&str)) -> Result<()> {
        let (request, waiting) = (&self.request, &self.waiting);
        let said =
            |what: Option<String>| what.map(|what| format!(" ({what}, says the server)")).unwrap_or_default();
        let accounts = plain(&waiting.accounts.join(", ")).into_owned();
        let accounts = match &request.principals {
            Some(principals) => format!("as {principals}"),
            None => {
                format!("as every account of the profile{}", said((!accounts.is_empty()).then_some(accounts)))
            }
        };
        let ttl = match request.ttl {
            Some(ttl) => ttl.to_string(),
            None => format!("the profile's usual time{}", said(waiting.lasts_secs.map(length))),
        };
        let key = request.key.key();
        line(&format!(
            "{} asks for {}: log in {accounts}, for {ttl} from issue",
            request.user, request.profile
        ));
        line(&format!("  reason   {}", request.reason.as_ref().map_or("none given", Reason::as_str)));
        let touch = if key.kind().is_security_key() { "  (a security key)" } else { "" };
        line(&format!("  key      {} {}{touch}", key.kind(), key.fingerprint()));
        line(&format!("  from     {}, as the server saw it", plain(&waiting.source)));
        line(&format!(
            "  asked    {}, waits until {}",
            local(UnixSeconds(waiting.asked_at)),
            local(UnixSeconds(waiting.expires_at))
        ));
        line(&format!("  policy   {} ({})", plain(&waiting.policy), self.policy()?));
        line(&format!("  state    {}", state(waiting)));
        line(&format!("  id       {}", request.id));
        Ok(())
    }

    fn policy(&self) -> Result<&'static str> {
        let now: Profiles = self.server.get("/v1/profiles")?;
        Ok(if now.policy == self.waiting.policy { "unchanged since" } else { "CHANGED since: it is void" })
    }
}

/// Verifies that the requester signed the text, for this authority.
fn verify(waiting: &WaitingRequest, pins: &Pins, id: RequestId) -> std::result::Result<CertRequest, String> {
    let request = CertRequest::from_text(&waiting.request).map_err(|error| error.to_string())?;
    request.check_authority(&pins.origin).map_err(|error| error.to_string())?;
    if request.id != id {
        return Err("it is another one".to_owned());
    }
    ProvenRequest::verify(request.clone(), waiting.signature.clone()).map_err(|error| error.to_string())?;
    Ok(request)
}

/// Finds a request of the caller's own by what was typed of its id.
pub(super) fn find_own(server: &Server, typed: &str) -> Result<RequestId> {
    find(server, typed, |waiting| waiting.own)
}

fn find(server: &Server, typed: &str, wanted: impl Fn(&WaitingRequest) -> bool) -> Result<RequestId> {
    let typed = typed.to_uppercase();
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    let all: WaitingRequests = retry::patiently(|| server.get("/v1/requests"))?;
    let meant = |waiting: &&WaitingRequest| {
        wanted(waiting) && (waiting.id.starts_with(&typed) || waiting.id.ends_with(&typed))
    };
    let found: Vec<_> = all.requests.iter().filter(meant).collect();
    match found.as_slice() {
        [one] if !typed.is_empty() => one.id.parse().map_err(|error| usage(&error)),
        [] => Err(Failure::new("no-request", format!("no request is called {typed:?}"))
            .hint("See what waits: ca requests")
            .refused()),
        many => Err(Failure::new("usage", format!("{} requests are called {typed:?}", many.len()))
            .hint("Type more of it.")),
    }
}

fn usage(error: &NameError) -> Failure {
    Failure::new("usage", error.to_string())
}
