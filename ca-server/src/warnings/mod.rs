//! Warnings to the owner of an account about every change of it, through every channel on file; and notices to officers.
//!
//! A warning is kept before the change is made and sent afterwards, again and again until it arrives: whoever changes
//! something cannot keep it from being said. It says what, when and from where, and has a link that freezes the account.

mod delivery;
mod freeze;
mod officers;
mod text;

use ca_core::policy::{FactorKind, Source};
use serde::{Deserialize, Serialize};

pub use delivery::deliver;
pub use freeze::{FreezeError, freeze, is_open};
pub use officers::{OfficerNotice, addresses_of, prepare, tell_officers};
pub use text::Change;

use crate::factors::sealing::{SealError, Sealed, Sealer};
use crate::ids::{self, NoRandomness};
use crate::login::{DISAVOWAL, Setup, generate_token, sms};
use crate::store::{NewNotice, StoreError, User};

/// How long a link to freeze an account works, in seconds: a week.
const LINK_SECS: u64 = 7 * 86_400;

/// Why a warning was not kept; the change it is about must not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarnError {
    /// The database does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It cannot be written down.
    #[error("a message cannot be written: {0}")]
    Message(#[from] serde_json::Error),
}

/// A message to one person or program through one channel; sealed while it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "kebab-case")]
enum Message {
    Mail { to: String, subject: String, text: String },
    Sms { user: String, to: String, text: String },
    Webhook { id: String, body: String },
}

impl Message {
    fn seal(&self, sealer: &Sealer, id: &str) -> Result<Sealed, WarnError> {
        Ok(sealer.seal(&serde_json::to_vec(self)?, &purpose(id))?)
    }
}

fn purpose(id: &str) -> String {
    format!("notice/{id}")
}

/// Keeps a warning to the owner of an account, for every channel there is.
pub async fn warn(
    setup: &Setup,
    user: &User,
    change: &Change<'_>,
    source: Option<&Source>,
) -> Result<(), WarnError> {
    let link = match &setup.public_url {
        Some(url) => Some(new_link(setup, user, url).await?),
        None => None,
    };
    let words = text::Words { setup, user, change, source, link: link.as_deref() };
    let mut messages = Vec::new();
    if setup.providers.mail.is_some() {
        messages.push(Message::Mail {
            to: user.email.to_string(),
            subject: words.subject(),
            text: words.letter(),
        });
    }
    if setup.providers.sms.is_some() {
        for factor in setup.store.factors(&user.id).await? {
            if factor.kind != FactorKind::Sms {
                continue;
            }
            let Ok(phone) = sms::open_phone(setup, &factor) else { continue };
            let (user, to) = (user.id.clone(), phone.expose().to_owned());
            messages.push(Message::Sms { user, to, text: words.line() });
        }
    }
    queue(setup, &messages).await
}

async fn queue(setup: &Setup, messages: &[Message]) -> Result<(), WarnError> {
    let sealed = seal_all(setup, messages)?;
    Ok(setup.store.queue_notices(&sealed, setup.clock.now().seconds()).await?)
}

fn seal_all(setup: &Setup, messages: &[Message]) -> Result<Vec<NewNotice>, WarnError> {
    let now = setup.clock.now();
    let mut sealed = Vec::with_capacity(messages.len());
    for message in messages {
        let id = ids::new_id(now)?;
        let seal = message.seal(&setup.sealer, &id)?;
        sealed.push((id, seal));
    }
    Ok(sealed)
}

async fn new_link(setup: &Setup, user: &User, url: &str) -> Result<String, WarnError> {
    let (token, hash) = generate_token(DISAVOWAL)?;
    let expires_at = setup.clock.now().seconds().plus_secs(LINK_SECS);
    setup.store.add_disavowal(hash, &user.id, expires_at).await?;
    Ok(format!("{}/freeze/{}", url.trim_end_matches('/'), token.expose()))
}
