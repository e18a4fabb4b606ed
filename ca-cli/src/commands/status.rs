//! `ca status`: the session, what is pinned, what waits, and the certificates in the agent.

use ca_api::{WaitingRequest, WaitingRequests};
use ca_core::time::UnixSeconds;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::contact;
use super::inspect::{Judge, Judged, in_agent};
use super::requests::state;
use crate::agent::Agent;
use crate::cli::Global;
use crate::clock;
use crate::failure::{Exit, Result};
use crate::http::Server;
use crate::output;
use crate::pins::Pins;
use crate::render::json;
use crate::render::text::plain;
use crate::render::time::{length, local};
use crate::site::Site;

/// What `--json` prints.
#[derive(Serialize)]
struct Status {
    server: Option<String>,
    origin: Option<String>,
    log_key: Option<String>,
    ca_fingerprints: Vec<String>,
    session: SessionStatus,
    requests: Vec<WaitingRequest>,
    certificates: Vec<json::Certificate>,
}

#[derive(Default, Serialize)]
struct SessionStatus {
    /// `active`, `none`, `ended`, or `unknown` when the server could not be asked.
    state: &'static str,
    user: Option<String>,
    expires_at: Option<u64>,
    factors: Vec<String>,
    error: Option<String>,
    /// What waits, of one's own or for one's word.
    #[serde(skip)]
    requests: Vec<WaitingRequest>,
}

pub(super) fn run(global: &Global) -> Result<Exit> {
    let site = Site::choose_if_any(global)?;
    let pins = site.as_ref().map(Site::pins).transpose()?.flatten();
    let session = match &site {
        Some(site) => session(global, site)?,
        None => SessionStatus { state: "none", ..SessionStatus::default() },
    };
    let certificates = certificates()?;
    if global.json {
        let status = Status::new(site.as_ref(), pins.as_ref(), session, &certificates);
        output::json(&status);
    } else {
        print(site.as_ref(), pins.as_ref(), &session, &certificates);
    }
    Ok(Exit::Good)
}

fn certificates() -> Result<Vec<Judged>> {
    let Some(mut agent) = Agent::from_env()? else { return Ok(Vec::new()) };
    let judge = Judge::by_pins();
    let found = in_agent(&mut agent)?;
    Ok(found.into_iter().filter_map(|(source, parsed)| Some(judge.judge(source, &parsed.ok()?))).collect())
}

/// Asks the server about the session; what cannot be asked is told from what is kept here.
fn session(global: &Global, site: &Site) -> Result<SessionStatus> {
    let Some(token) = contact::token(site)? else {
        let ended = site.session()?;
        let state = if ended.is_some() { "ended" } else { "none" };
        return Ok(SessionStatus { state, ..SessionStatus::default() });
    };
    let server = contact::connect(global, site, Some(token))?;
    match server.get::<ca_api::Session>("/v1/session") {
        Ok(session) => Ok(SessionStatus {
            requests: requests(&server),
            state: "active",
            user: Some(session.user),
            expires_at: Some(session.expires_at),
            factors: session.factors,
            error: None,
        }),
        Err(failure) if failure.status() == 401 => {
            Ok(SessionStatus { state: "ended", ..SessionStatus::default() })
        }
        Err(failure) => {
            let kept = site.session()?;
            Ok(SessionStatus {
                state: "unknown",
                user: kept.as_ref().map(|session| session.user.clone()),
                expires_at: kept.as_ref().map(|session| session.expires_at),
                factors: Vec::new(),
                error: Some(failure.what().to_owned()),
                requests: Vec::new(),
            })
        }
    }
}

/// Asks what waits; a session that may not ask has nothing waiting.
fn requests(server: &Server) -> Vec<WaitingRequest> {
    let all = server.get::<WaitingRequests>("/v1/requests").map(|all| all.requests).unwrap_or_default();
    let open = |request: &WaitingRequest| request.outcome.is_none() && request.state != "issued";
    all.into_iter().filter(open).collect()
}

impl Status {
    fn new(
        site: Option<&Site>,
        pins: Option<&Pins>,
        mut session: SessionStatus,
        certificates: &[Judged],
    ) -> Self {
        let keys = pins.map(|pins| pins.user_ca_keys.as_slice()).unwrap_or_default();
        let json = |j: &Judged| json::Certificate::new(&j.source, &j.report, &j.flaws);
        Self {
            server: site.map(|site| site.url().to_owned()),
            origin: pins.map(|pins| pins.origin.to_string()),
            log_key: pins.map(|pins| pins.log_key.to_string()),
            ca_fingerprints: keys.iter().map(|key| key.fingerprint().to_string()).collect(),
            requests: std::mem::take(&mut session.requests),
            session,
            certificates: certificates.iter().map(json).collect(),
        }
    }
}

fn print(site: Option<&Site>, pins: Option<&Pins>, session: &SessionStatus, certificates: &[Judged]) {
    let mut lines = Vec::new();
    let server = site.map_or("none yet: ca login --server https://ca.example.com", Site::url);
    lines.push(format!("server   {server}"));
    lines.push(format!("session  {}", describe(session)));
    if let Some(pins) = pins {
        lines.push(format!("log      {}", pins.log_key));
        let key = |key: &ca_core::ssh::PublicKey| format!("CA       {} {}", key.kind(), key.fingerprint());
        lines.extend(pins.user_ca_keys.iter().map(key));
    }
    lines.extend(session.requests.iter().map(|request| {
        let whose = if request.own { "yours" } else { "for you to decide" };
        format!("waiting  {} of {}, {whose}: {}", request.id, plain(&request.user), state(request))
    }));
    lines.push(match certificates.len() {
        0 => "agent    no certificates".to_owned(),
        1 => "agent    1 certificate".to_owned(),
        count => format!("agent    {count} certificates"),
    });
    lines.extend(certificates.iter().map(|judged| format!("  {}", one_line(judged))));
    output::data(&(lines.join("\n") + "\n"));
}

fn describe(session: &SessionStatus) -> String {
    let user = plain(session.user.as_deref().unwrap_or("?"));
    let until = session.expires_at.map(|at| local(UnixSeconds(at))).unwrap_or_default();
    match (session.state, &session.error) {
        ("active", _) => format!("{user}, until {until}, by {}", plain(&session.factors.join(", "))),
        ("ended", _) => "ended: ca login".to_owned(),
        (_, Some(error)) => format!("{user}, until {until} as far as known here: {}", plain(error)),
        _ => "none: ca login".to_owned(),
    }
}

fn one_line(judged: &Judged) -> String {
    let content = &judged.report.content;
    let names = content.principals.iter().map(|name| plain(name)).collect::<Vec<_>>().join(",");
    let source = plain(judged.source.trim_start_matches("ssh-agent: ")).into_owned();
    let left = content.valid_before.0.saturating_sub(clock::now_secs().0);
    let good = || format!("✓ {} left", length(left)).green().to_string();
    let standing = judged.flaws.first().map(|flaw| format!("✗ {}", plain(flaw)).red().to_string());
    let standing = standing.unwrap_or_else(good);
    format!("{source}  as {names}  serial {}  {standing}", content.serial)
}
