//! Notices to officers: something waits, was decided, or looks like an attack.

use std::collections::{BTreeMap, BTreeSet};

use ca_core::names::Email;
use serde::Serialize;

use super::{Message, WarnError, queue, seal_all};
use crate::ids;
use crate::login::Setup;
use crate::store::{NewNotice, User};

/// Something that officers are to hear of. No secret goes in: it leaves the house by mail and webhook.
#[derive(Clone, Debug)]
pub struct OfficerNotice {
    /// What kind of thing it is, for programs: the type of the event in the log, such as `account-frozen`.
    pub kind: &'static str,
    /// What happened, in one line.
    pub subject: String,
    /// The same for people, with what to do about it; several lines.
    pub text: String,
    /// The same for programs, such as `user` and `request_id`.
    pub about: BTreeMap<&'static str, String>,
}

/// What a webhook is called with. Fields are added, never renamed or removed.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    kind: &'static str,
    /// When it was kept, RFC 3339 in UTC.
    at: String,
    /// Which authority says so, by the origin of its log.
    authority: &'a str,
    subject: &'a str,
    text: &'a str,
    about: &'a BTreeMap<&'static str, String>,
}

/// Keeps a notice for everybody who is to have it: by mail the addresses in `alerts` and the enabled accounts that
/// `is_officer` says, each once, and the webhook. It is sent afterwards, until it arrives.
///
/// To be called before what it is about takes effect, if that must not happen unheard.
pub async fn tell_officers(
    setup: &Setup,
    notice: &OfficerNotice,
    is_officer: impl Fn(&User) -> bool,
) -> Result<(), WarnError> {
    let addresses = addresses_of(setup, is_officer).await?;
    queue(setup, &messages(setup, notice, addresses)?).await
}

/// Finds the addresses in `alerts` and those of the enabled accounts that `is_officer` says, each once.
pub async fn addresses_of(
    setup: &Setup,
    is_officer: impl Fn(&User) -> bool,
) -> Result<BTreeSet<Email>, WarnError> {
    let mut addresses: BTreeSet<Email> = BTreeSet::new();
    if setup.providers.mail.is_some() {
        addresses.extend(setup.alerts.iter().cloned());
        let users = setup.store.users().await?;
        let officers = users.into_iter().filter(|user| user.enabled && is_officer(user));
        addresses.extend(officers.map(|user| user.email));
    }
    Ok(addresses)
}

/// Writes and seals a notice for the webhook and, by mail, for these addresses; nothing when neither is configured.
///
/// Whoever keeps it in the same transaction as what it is about neither loses it in a crash nor says it twice.
pub fn prepare(
    setup: &Setup,
    notice: &OfficerNotice,
    addresses: BTreeSet<Email>,
) -> Result<Vec<NewNotice>, WarnError> {
    seal_all(setup, &messages(setup, notice, addresses)?)
}

fn messages(
    setup: &Setup,
    notice: &OfficerNotice,
    addresses: BTreeSet<Email>,
) -> Result<Vec<Message>, WarnError> {
    let mut messages = Vec::new();
    if setup.providers.mail.is_some() {
        messages.extend(addresses.into_iter().map(|to| Message::Mail {
            to: to.to_string(),
            subject: notice.subject.clone(),
            text: notice.text.clone(),
        }));
    }
    if setup.providers.webhook.is_some() {
        messages.push(call(setup, notice)?);
    }
    Ok(messages)
}

fn call(setup: &Setup, notice: &OfficerNotice) -> Result<Message, WarnError> {
    let now = setup.clock.now();
    let id = ids::new_id(now)?;
    let OfficerNotice { kind, subject, text, about } = notice;
    let at = now.seconds().to_string();
    let body =
        serde_json::to_string(&Body { id: &id, kind, at, authority: &setup.issuer, subject, text, about })?;
    Ok(Message::Webhook { id, body })
}
