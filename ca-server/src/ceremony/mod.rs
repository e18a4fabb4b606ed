//! Ceremonies: a security key is shown to a browser, for a program that waits elsewhere.
//!
//! ```text
//! program  open ─▶ link, short code, poll secret          poll … poll ─▶ outcome, once
//! browser         link or code ─▶ challenge ─▶ key ─▶ answer ┘
//! ```
//!
//! Three secrets, none of which is another: the *link* opens the page on the machine that asked, and only there; the
//! *code* opens it on any device, where wrong codes are counted; the *poll secret*, which only the program has, gets
//! what came of it. So the page alone gets no session, and a link that is sent to somebody else opens nothing.
//! A ceremony is answered once, well or badly, and taken once.

mod error;
mod guesses;
mod state;

use std::net::IpAddr;
use std::sync::Arc;

use ca_core::names::Label;
use ca_core::policy::Source;
use ca_core::time::UnixSeconds;
use webauthn_rs::prelude::Passkey;

pub use error::CeremonyError;
use guesses::Guesses;
pub use state::{Asked, Outcome};
use state::{Challenge, Stage, State};

use crate::clock::Clock;
use crate::factors::sealing::Sealer;
use crate::factors::short_code;
use crate::factors::webauthn::RelyingParty;
use crate::login::{TokenHash, generate_token};
use crate::secret::Secret;
use crate::store::{CeremonyKey, CeremonyRow, Store, User};

/// How long a ceremony is open, in seconds.
pub const OPEN_SECS: u64 = 300;

const LINK: &str = "cs_w_";
const POLL: &str = "cs_p_";

/// What began a ceremony; each has one open at a time, and only it gets the outcome.
#[derive(Clone, Copy, Debug)]
pub enum Begun<'a> {
    /// A login after its password, by the hash of its challenge.
    Login(TokenHash),
    /// A session for changing the account, by its identity.
    Session(&'a str),
}

impl Begun<'_> {
    fn key(self) -> String {
        match self {
            Self::Login(challenge) => format!("login/{}", hex::encode(challenge.as_slice())),
            Self::Session(id) => format!("session/{id}"),
        }
    }
}

/// A ceremony, opened: what the program needs for the person and for itself.
#[derive(Debug)]
pub struct Opened {
    /// The page, for a browser at the program's own address.
    pub url: Secret,
    /// The page, for a browser elsewhere.
    pub page: String,
    /// What to type there, if that is allowed.
    pub code: Option<Secret>,
    /// What the program asks with.
    pub poll: Secret,
    /// When it is too late.
    pub expires_at: UnixSeconds,
}

/// What a browser has to open a ceremony with.
#[derive(Clone, Debug)]
pub enum Key {
    /// The secret of the link.
    Link(Secret),
    /// The short code.
    Code(Secret),
}

/// A ceremony, as the page shows it.
#[derive(Debug)]
pub struct Shown {
    /// Who asked, from where.
    pub asked: Asked,
    /// What `navigator.credentials` takes.
    pub options: serde_json::Value,
    /// When it is too late.
    pub expires_at: UnixSeconds,
}

/// What came of a ceremony.
#[derive(Debug)]
pub struct Answered {
    /// Takes the ceremony, so that nobody takes it again.
    pub poll: TokenHash,
    /// What was asked.
    pub asked: Asked,
    /// What came of it.
    pub outcome: Outcome,
}

/// Opens ceremonies and sees them through.
#[derive(Debug)]
pub struct Ceremonies {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Clock,
    party: RelyingParty,
    /// Whether a code opens a ceremony as well as a link.
    codes: bool,
    guesses: Guesses,
}

impl Ceremonies {
    /// Puts the parts together.
    pub fn new(store: Store, sealer: Arc<Sealer>, clock: Clock, party: RelyingParty, codes: bool) -> Self {
        Self { store, sealer, clock, party, codes, guesses: Guesses::default() }
    }

    /// Gives the only origin whose pages may call.
    pub fn origin(&self) -> String {
        self.party.page().origin()
    }

    /// Opens a ceremony for a login, in place of the one it had.
    pub async fn open_login(
        &self,
        begun: Begun<'_>,
        user: &User,
        source: &Source,
        passkeys: &[Passkey],
    ) -> Result<Opened, CeremonyError> {
        let (options, state) = self.party.begin_assertion(passkeys)?;
        let challenge = Challenge::Login { options, state: Box::new(state) };
        self.open(begun, user, asked(user, source, None), challenge).await
    }

    /// Opens a ceremony for a new factor, in place of the one the session had.
    pub async fn open_registration(
        &self,
        begun: Begun<'_>,
        user: &User,
        source: &Source,
        label: Label,
        known: &[Passkey],
    ) -> Result<Opened, CeremonyError> {
        let (options, state) = self.party.begin_registration(user, known)?;
        let challenge = Challenge::Register { options, state: Box::new(state) };
        self.open(begun, user, asked(user, source, Some(label)), challenge).await
    }

    async fn open(
        &self,
        begun: Begun<'_>,
        user: &User,
        asked: Asked,
        challenge: Challenge,
    ) -> Result<Opened, CeremonyError> {
        let ((link, link_hash), (poll, poll_hash)) = (generate_token(LINK)?, generate_token(POLL)?);
        let code = short_code::generate()?;
        let code_tag = self.code_tag(&code).ok_or(CeremonyError::Unknown)?;
        let expires_at = self.clock.now().seconds().plus_secs(OPEN_SECS);
        let sealed = self.seal(link_hash, &State { asked, stage: Stage::Open(Box::new(challenge)) })?;
        let row = CeremonyRow { link: link_hash, sealed, expires_at, answered: false };
        self.store.open_ceremony(&row, code_tag, poll_hash, &user.id, &begun.key()).await?;
        let page = format!("{}/webauthn", self.origin());
        let url = Secret::new(format!("{page}#{}", link.expose()));
        Ok(Opened { url, page, code: self.codes.then_some(code), poll, expires_at })
    }

    /// Gives what a browser shows and asks the authenticator for.
    pub async fn show(&self, key: &Key, ip: IpAddr) -> Result<Shown, CeremonyError> {
        let (row, asked, challenge) = self.find(key, ip).await?;
        Ok(Shown { asked, options: challenge.options()?, expires_at: row.expires_at })
    }

    /// Takes the browser's answer, the first there is; a bad one ends the ceremony too.
    pub async fn answer(
        &self,
        key: &Key,
        ip: IpAddr,
        answer: serde_json::Value,
    ) -> Result<(), CeremonyError> {
        let (row, asked, challenge) = self.find(key, ip).await?;
        let outcome = challenge.judge(&self.party, answer).unwrap_or_else(|error| {
            tracing::info!(user = asked.user, %error, "the answer of a security key was refused");
            Outcome::Refused
        });
        let is_good = !matches!(outcome, Outcome::Refused);
        let sealed = self.seal(row.link, &State { asked, stage: Stage::Answered(outcome) })?;
        if !self.store.answer_ceremony(row.link, &sealed, self.clock.now().seconds()).await? {
            return Err(CeremonyError::Unknown);
        }
        if is_good { Ok(()) } else { Err(CeremonyError::Refused) }
    }

    /// Gives what came of a ceremony, to the program that has its poll secret and for what began it.
    pub async fn outcome(&self, poll: &Secret, begun: Begun<'_>) -> Result<Answered, CeremonyError> {
        let poll = TokenHash::of(poll.expose(), POLL).ok_or(CeremonyError::Unknown)?;
        let row = self.store.polled_ceremony(poll, &begun.key(), self.clock.now().seconds()).await?;
        let row = row.ok_or(CeremonyError::Unknown)?;
        match self.unseal(&row)? {
            State { asked, stage: Stage::Answered(outcome) } => Ok(Answered { poll, asked, outcome }),
            State { stage: Stage::Open(_), .. } => Err(CeremonyError::Pending),
        }
    }

    /// Finds an open ceremony that this browser may see.
    async fn find(
        &self,
        key: &Key,
        ip: IpAddr,
    ) -> Result<(CeremonyRow, Asked, Box<Challenge>), CeremonyError> {
        let now = self.clock.now().seconds();
        let found = match key {
            Key::Link(link) => match TokenHash::of(link.expose(), LINK) {
                Some(link) => self.store.ceremony(&CeremonyKey::Link(link), now).await?,
                None => None,
            },
            Key::Code(code) => self.find_by_code(code, ip, now).await?,
        };
        let row = found.ok_or(CeremonyError::Unknown)?;
        let State { asked, stage: Stage::Open(challenge) } = self.unseal(&row)? else {
            return Err(CeremonyError::Unknown);
        };
        if matches!(key, Key::Link(_)) && asked.ip != ip {
            return Err(CeremonyError::Elsewhere);
        }
        Ok((row, asked, challenge))
    }

    async fn find_by_code(
        &self,
        code: &Secret,
        ip: IpAddr,
        now: UnixSeconds,
    ) -> Result<Option<CeremonyRow>, CeremonyError> {
        if !self.codes {
            return Ok(None);
        }
        if let Some(retry_after_secs) = self.guesses.admit(ip, now) {
            return Err(CeremonyError::TooManyGuesses { retry_after_secs });
        }
        let Some(tag) = self.code_tag(code) else { return Ok(None) };
        let found = self.store.ceremony(&CeremonyKey::Code(tag), now).await?;
        if found.is_some() {
            self.guesses.was_right(ip, now);
        }
        Ok(found)
    }

    fn code_tag(&self, code: &Secret) -> Option<[u8; 32]> {
        Some(self.sealer.tag("ceremony-code", short_code::canonical(code)?.expose()))
    }

    fn seal(&self, link: TokenHash, state: &State) -> Result<crate::factors::sealing::Sealed, CeremonyError> {
        let text = serde_json::to_vec(state).map_err(|error| CeremonyError::unavailable(&error))?;
        Ok(self.sealer.seal(&zeroize::Zeroizing::new(text), &purpose(link))?)
    }

    fn unseal(&self, row: &CeremonyRow) -> Result<State, CeremonyError> {
        let text = self.sealer.open(&row.sealed, &purpose(row.link))?;
        let unreadable = |_| CeremonyError::unavailable(&"a stored ceremony cannot be read");
        let state: State = serde_json::from_slice(&text).map_err(unreadable)?;
        let is_answered = matches!(state.stage, Stage::Answered(_));
        if is_answered == row.answered { Ok(state) } else { Err(unreadable_stage()) }
    }
}

fn unreadable_stage() -> CeremonyError {
    CeremonyError::unavailable(&"a stored ceremony contradicts itself")
}

fn purpose(link: TokenHash) -> String {
    format!("ceremony/{}", hex::encode(link.as_slice()))
}

fn asked(user: &User, source: &Source, label: Option<Label>) -> Asked {
    Asked { user: user.name.to_string(), label, ip: source.ip, user_agent: source.user_agent.clone() }
}
