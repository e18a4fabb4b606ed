//! What people hear of requests: who may approve, when one begins to wait; its requester, when it is over; the webhook, both.
//!
//! A notice is kept in the transaction that takes the request on, so there is one for every step that was taken.

use std::collections::{BTreeMap, BTreeSet};

use ca_core::log::event::Closing;
use ca_core::names::{Email, UserName};
use ca_core::policy::{Approvals, User};
use ca_core::request::CertRequest;

use super::Asked;
use crate::app::App;
use crate::error::ApiError;
use crate::store::{Closed, NewNotice, RequestRow};
use crate::warnings::{OfficerNotice, prepare};

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    /// It has its certificate.
    Issued {
        /// Its serial.
        serial: u64,
        /// By whose approvals.
        approvers: &'a [UserName],
    },
    /// It gets none.
    Closed(&'a Closed),
}

/// Writes to those who may approve that a request waits for them.
pub(super) async fn begun(
    app: &App,
    row: &RequestRow,
    asked: &Asked<'_>,
) -> Result<Vec<NewNotice>, ApiError> {
    let request = asked.request.request();
    let Some(profile) = asked.policy.profile(&request.profile) else { return Ok(Vec::new()) };
    let groups = profile.approvals.as_ref().map(|approvals| names(approvals.groups.iter(), " or "));
    let (accounts, ttl) = super::asked_for(request, profile, &asked.facts.user);
    let accounts = names(accounts.iter(), ", ");
    let reason = request.reason.as_ref().map(ToString::to_string).unwrap_or_default();
    let RequestRow { id, user, needed, expires_at, .. } = row;
    let approvals = if *needed == 1 { "approval" } else { "approvals" };
    let text = format!(
        "{} <{}> asks for {} and waits for {needed} {approvals} by {}, until {expires_at}.\n\n  \
         accounts  {accounts}\n  lasts     {ttl}\n  reason    {}\n  key       {}\n  from      {}\n\n\
         Look at it, and then decide about it:\n  ca show {id}\n  ca approve {id}\n  ca deny {id} --reason \"…\"\n",
        user.name,
        user.email,
        request.profile,
        groups.as_deref().unwrap_or("nobody"),
        if reason.is_empty() { "none was given" } else { &reason },
        request.key.key().fingerprint(),
        row.source.ip,
    );
    let more = [
        ("accounts", accounts),
        ("ttl", ttl.to_string()),
        ("reason", reason),
        ("needed", needed.to_string()),
        ("groups", groups.unwrap_or_default()),
        ("expires_at", expires_at.to_string()),
    ];
    let notice = OfficerNotice {
        kind: "request-pending",
        subject: format!("{} asks for {} and waits for approval", user.name, request.profile),
        text,
        about: about(row, request).into_iter().chain(more).collect(),
    };
    let approvers = approvers(app, profile.approvals.as_ref(), &asked.facts.user).await?;
    prepare(app.login.setup(), &notice, approvers).map_err(ApiError::internal)
}

/// Writes to who asked what became of it, unless they ended it themselves or their account is off.
pub(super) fn over(app: &App, row: &RequestRow, end: &End<'_>) -> Result<Vec<NewNotice>, ApiError> {
    let Ok(request) = CertRequest::from_text(&row.request) else {
        tracing::error!(request = %row.id, "the database does not hold a request: nobody is told how it ended");
        return Ok(Vec::new());
    };
    let (user, profile, id) = (&row.user, &request.profile, row.id);
    let (kind, outcome, words, todo) = match end {
        End::Issued { approvers, .. } if row.voucher.is_some() => (
            "certificate",
            "issued",
            format!("was issued by a voucher that {} sealed", names(approvers.iter(), " and ")),
            format!("It is to be looked into and signed off by one of them:\n  ca review {id}\n"),
        ),
        End::Issued { approvers, .. } => (
            "certificate",
            "issued",
            format!("was approved by {}, and its certificate issued", names(approvers.iter(), " and ")),
            format!("Fetch it where it was asked for:\n  ca collect {id}\n"),
        ),
        End::Closed(closed) => (
            "request-closed",
            closed.outcome.as_str(),
            format!("gets no certificate: {}", why(closed)),
            format!("It can be asked for again:\n  ca request {profile}\n"),
        ),
    };
    let more = match end {
        End::Issued { serial, approvers } => {
            [("serial", serial.to_string()), ("by", names(approvers.iter(), ", "))].to_vec()
        }
        End::Closed(closed) => [("by", closed.by.clone())].to_vec(),
    };
    let more = more.into_iter().chain([("outcome", outcome.to_owned())]);
    let notice = OfficerNotice {
        kind,
        subject: format!("the request of {} for {profile}: {outcome}", user.name),
        text: format!("The request {id} of {} for {profile} {words}.\n\n{todo}", user.name),
        about: about(row, &request).into_iter().chain(more).collect(),
    };
    let told = user.enabled
        && !matches!(end, End::Closed(Closed { outcome: Closing::Cancelled | Closing::UserDisabled, .. }));
    let requester = told.then(|| user.email.clone()).into_iter().collect();
    prepare(app.login.setup(), &notice, requester).map_err(ApiError::internal)
}

/// Finds who may approve, as far as that can be told of people who are not logged in: by their groups.
async fn approvers(
    app: &App,
    approvals: Option<&Approvals>,
    requester: &User,
) -> Result<BTreeSet<Email>, ApiError> {
    let setup = app.login.setup();
    let Some(approvals) = approvals.filter(|_| setup.providers.mail.is_some()) else {
        return Ok(BTreeSet::new());
    };
    let users = setup.store.users().await?.into_iter().map(User::from);
    Ok(users.filter(|user| approvals.can_be_by(user, requester)).map(|user| user.email).collect())
}

fn about(row: &RequestRow, request: &CertRequest) -> BTreeMap<&'static str, String> {
    [
        ("request_id", row.id.to_string()),
        ("user", row.user.name.to_string()),
        ("profile", request.profile.to_string()),
    ]
    .into()
}

fn why(closed: &Closed) -> String {
    let Closed { outcome, by, reason } = closed;
    match outcome {
        Closing::Cancelled => format!("{by} took it back"),
        Closing::Denied => match reason {
            Some(reason) => format!("{by} denied it: {reason}"),
            None => format!("{by} denied it"),
        },
        Closing::Expired => "it was not approved in time".to_owned(),
        Closing::PolicyChanged => "the policy changed while it waited".to_owned(),
        Closing::UserDisabled => "the account was switched off".to_owned(),
        Closing::NotPermitted => "the policy does not permit it any more".to_owned(),
        _ => "what the server remembers of it cannot be relied on".to_owned(),
    }
}

fn names<'a, T: ToString + 'a>(items: impl Iterator<Item = &'a T>, between: &str) -> String {
    items.map(ToString::to_string).collect::<Vec<_>>().join(between)
}
