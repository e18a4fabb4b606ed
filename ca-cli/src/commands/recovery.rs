//! `ca recovery open`, `sign`, `deny`, `list`, `veto`, `finish`: what people say to giving an account back.
//!
//! What an officer signs is written here and shown first; of what the server says in its own words nothing is signed.

use ca_api::{NewVote, Recoveries, Recovery, RecoveryInvitation};
use ca_core::approval::Verdict;
use ca_core::names::{ApprovalId, NameError, RecoveryId};
use ca_core::recovery::{NAMESPACE, Vote};
use ca_core::time::UnixSeconds;

use super::{account, contact, requests};
use crate::cli::{self, Global, RecoveryVote};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::pins::Pins;
use crate::render::text::plain;
use crate::render::time::{length, local};
use crate::retry;
use crate::site::Site;

/// `ca recovery …`.
pub(super) fn run(global: &Global, command: &cli::Recovery) -> Result<Exit> {
    match command {
        cli::Recovery::Codes(credentials) => account::recovery_codes(global, credentials),
        cli::Recovery::Open(options) => open(global, options),
        cli::Recovery::Sign(options) => say(global, options, Verdict::Approve),
        cli::Recovery::Deny(options) => say(global, options, Verdict::Deny),
        cli::Recovery::List => list(global),
        cli::Recovery::Veto => veto(global),
        cli::Recovery::Finish(options) => finish(global, &options.which),
    }
}

fn open(global: &Global, options: &RecoveryVote) -> Result<Exit> {
    let officer = Officer::connect(global)?;
    let user = options.recovery.which.parse().map_err(|error| usage(&error))?;
    let id = super::request::new_id(RecoveryId::from_parts)?;
    let vote = officer.vote((id, user), Verdict::Approve, &options.reason)?;
    officer.sign_and_send(global, "/v1/recoveries", &vote, options)
}

fn say(global: &Global, options: &RecoveryVote, verdict: Verdict) -> Result<Exit> {
    let officer = Officer::connect(global)?;
    let found = find(&officer.server, &options.recovery.which, |recovery| {
        matches!(recovery.state.as_str(), "open" | "due")
    })?;
    let id = found.id.parse().map_err(|error| usage(&error))?;
    let user = found.user.parse().map_err(|error| usage(&error))?;
    print(&found, &mut output::note);
    let vote = officer.vote((id, user), verdict, &options.reason)?;
    officer.sign_and_send(global, &format!("/v1/recoveries/{id}/votes"), &vote, options)
}

fn list(global: &Global) -> Result<Exit> {
    let server = contact::connect_with_session(global, &Site::choose(global)?)?;
    let found: Recoveries = server.get("/v1/recoveries")?;
    if global.json {
        output::json(&found);
        return Ok(Exit::Good);
    }
    if found.recoveries.is_empty() {
        output::note("There are no recoveries.");
    }
    for recovery in &found.recoveries {
        print(recovery, &mut |line| output::data(&format!("{line}\n")));
    }
    Ok(Exit::Good)
}

fn veto(global: &Global) -> Result<Exit> {
    let server = contact::connect_with_session(global, &Site::choose(global)?)?;
    let own = |recovery: &Recovery| recovery.own && matches!(recovery.state.as_str(), "open" | "due");
    let found: Recoveries = retry::patiently(|| server.get("/v1/recoveries"))?;
    let found = found.recoveries.into_iter().find(own);
    let found =
        found.ok_or_else(|| Failure::new("no-recovery", "nobody is recovering your account").refused())?;
    let over: Recovery = server.post(&format!("/v1/recoveries/{}/veto", found.id), &serde_json::json!({}))?;
    if global.json {
        output::json(&over);
    } else {
        output::note(&format!("Vetoed {}: your account stays as it is.", found.id));
    }
    Ok(Exit::Good)
}

fn finish(global: &Global, which: &str) -> Result<Exit> {
    let server = contact::connect_with_session(global, &Site::choose(global)?)?;
    let found = find(&server, which, |recovery| recovery.state != "closed")?;
    let invitation: RecoveryInvitation =
        server.post(&format!("/v1/recoveries/{}/finish", found.id), &serde_json::json!({}))?;
    if global.json {
        output::json(&invitation);
        return Ok(Exit::Good);
    }
    output::data(&format!("{}\n", invitation.token.0));
    output::note(&format!(
        "An invitation for {}, shown this once and good until {}. Hand it over in person.",
        plain(&invitation.user),
        local(UnixSeconds(invitation.expires_at))
    ));
    output::note("Its owner takes the account over with `ca accept`; what it could do before has ended.");
    output::note(&format!("Until {} it can do less.", local(UnixSeconds(invitation.reduced_until))));
    Ok(Exit::Good)
}

/// An officer who is logged in, at an authority whose keys are pinned.
struct Officer {
    server: Server,
    pins: Pins,
}

impl Officer {
    fn connect(global: &Global) -> Result<Self> {
        let site = Site::choose(global)?;
        let server = contact::connect_with_session(global, &site)?;
        let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
        Ok(Self { server, pins })
    }

    fn vote(
        &self,
        (recovery, user): (RecoveryId, ca_core::names::UserName),
        verdict: Verdict,
        reason: &str,
    ) -> Result<Vote> {
        let session: ca_api::Session = self.server.get("/v1/session")?;
        Ok(Vote {
            authority: self.pins.origin.clone(),
            id: super::request::new_id(ApprovalId::from_parts)?,
            recovery,
            user,
            officer: session.user.parse().map_err(|error| usage(&error))?,
            verdict,
            reason: reason.trim().parse().map_err(|error| usage(&error))?,
        })
    }

    /// Says in words what is signed, asks, and sends it.
    fn sign_and_send(
        &self,
        global: &Global,
        path: &str,
        vote: &Vote,
        options: &RecoveryVote,
    ) -> Result<Exit> {
        let mut signer = requests::signer(&self.server, &options.signing)?;
        let what = if vote.verdict == Verdict::Approve {
            "is given back to its owner, who has lost everything"
        } else {
            "is NOT given back: the recovery ends"
        };
        output::note(&format!("{} says: the account {} {what}", vote.officer, vote.user));
        output::note(&format!("  reason   {}", vote.reason.as_str()));
        output::note(&format!("  id       {}", vote.recovery));
        requests::confirm(vote.verdict, &options.signing)?;
        let text = vote.to_text();
        let signature = signer.sign(NAMESPACE, &text)?;
        // Not tried again by itself: what was said once is refused the second time.
        let after: Recovery = self.server.post(path, &NewVote { text, signature })?;
        if global.json {
            output::json(&after);
        } else {
            let key = signer.public_key().fingerprint();
            output::note(&format!("✓ signed with {key}. {}.", state(&after)));
        }
        Ok(Exit::Good)
    }
}

fn print(recovery: &Recovery, line: &mut dyn FnMut(&str)) {
    let (user, email) = (plain(&recovery.user), plain(&recovery.email));
    line(&format!("{}  {user} <{email}>  {}", recovery.id, state(recovery)));
    for given in &recovery.votes {
        // Unverified words of the server: they help to decide, and none of them is signed.
        let reason = given.text.lines().find_map(|line| line.strip_prefix("reason ")).unwrap_or_default();
        line(&format!("  {}, {}: {}", plain(&given.officer), local(UnixSeconds(given.at)), plain(reason)));
    }
}

/// Says where a recovery stands.
fn state(recovery: &Recovery) -> String {
    let (have, needs) = (recovery.votes.len(), recovery.needs);
    match (recovery.state.as_str(), &recovery.outcome, recovery.due_until) {
        ("open", ..) => format!("signed by {have} of {needs}"),
        ("due", _, Some(until)) => match until.saturating_sub(clock::now_secs().0) {
            0 => format!("signed by {have} of {needs}; to be finished: ca recovery finish {}", recovery.user),
            left => format!("signed by {have} of {needs}, waits another {}", length(left)),
        },
        (_, Some(outcome), _) => plain(outcome).into_owned(),
        (state, ..) => plain(state).into_owned(),
    }
}

/// Finds a recovery by its account or id; the newest of an account that fits.
fn find(server: &Server, typed: &str, fits: impl Fn(&Recovery) -> bool) -> Result<Recovery> {
    let all: Recoveries = retry::patiently(|| server.get("/v1/recoveries"))?;
    let meant = |recovery: &Recovery| {
        let names = [&recovery.id, &recovery.user, &recovery.email];
        names.iter().any(|name| name.eq_ignore_ascii_case(typed)) && fits(recovery)
    };
    all.recoveries.into_iter().find(meant).ok_or_else(|| {
        Failure::new("no-recovery", format!("there is no such recovery of {typed:?}"))
            .hint("See what there is: ca recovery list")
            .refused()
    })
}

fn usage(error: &NameError) -> Failure {
    Failure::new("usage", error.to_string())
}
