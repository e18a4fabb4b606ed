//! A stand-in for Twilio's Messages API, as strict as the real one, and stricter where a client must not rely on it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::json;

use crate::stand_in::{Call, Reply, StandIn};

/// The account.
pub const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";
/// The account's secret.
pub const AUTH_TOKEN: &str = "fedcba9876543210fedcba9876543210";
/// A key of the account.
pub const API_KEY_SID: &str = "SK0123456789abcdef0123456789abcdef";
/// The key's secret.
pub const API_KEY_SECRET: &str = "KeySecretOfNoWorth0123456789abcd";
/// The number that belongs to the account.
pub const FROM: &str = "+15005550006";
/// The messaging service of the account.
pub const SERVICE_SID: &str = "MG0123456789abcdef0123456789abcdef";

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Where it goes.
    pub to: String,
    /// The number or the service it comes from.
    pub sender: String,
    /// The text.
    pub body: String,
}

/// How it treats calls that are in order.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// An error of this status and code.
    Error(u16, u32),
    /// An answer that is not Twilio's.
    Other(u16, String),
    /// A redirection to this URL.
    Redirect(String),
    /// No answer.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    unverified: HashSet<String>,
    sent: Vec<Sent>,
}

/// A running stand-in; it ends when dropped.
#[derive(Debug)]
pub struct Twilio {
    stand_in: StandIn,
    state: Arc<Mutex<State>>,
}

impl Twilio {
    /// Starts one on a free port.
    pub fn start() -> Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let answer = move |call: &Call| answer(call, &mut lock(&shared));
        Ok(Self { stand_in: StandIn::start("twilio", answer)?, state })
    }

    /// Gives the address, as a URL.
    pub fn url(&self) -> String {
        self.stand_in.url()
    }

    /// Tells how many calls came in, good or bad.
    pub fn calls(&self) -> u64 {
        self.stand_in.calls()
    }

    /// Changes how it treats calls from now on.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// Makes it refuse a number as one that a trial account has not verified.
    pub fn refuse_unverified(&self, number: &str) {
        lock(&self.state).unverified.insert(number.to_owned());
    }

    /// Gives all that was sent, in order.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.state).sent.clone()
    }

    /// Gives the text that was last sent to a number.
    pub fn last_to(&self, number: &str) -> Option<String> {
        lock(&self.state).sent.iter().rfind(|sent| sent.to == number).map(|sent| sent.body.clone())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(call: &Call, state: &mut State) -> Reply {
    match &state.mood {
        Mood::Silent => return Reply::Silence,
        Mood::Redirect(url) => return Reply::Redirect(url.clone()),
        Mood::Other(status, body) => {
            return Reply::Answer { status: *status, kind: "text/html", body: body.clone() };
        }
        Mood::Well | Mood::Error(..) => {}
    }
    match accept(call, state) {
        Ok(sent) => {
            let body = created(&sent, state.sent.len());
            state.sent.push(sent);
            Reply::Answer { status: 201, kind: "application/json", body }
        }
        Err(problem) => problem.reply(),
    }
}

/// What is wrong with a call, in Twilio's terms.
struct Problem {
    status: u16,
    code: u32,
    message: String,
}

impl Problem {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn reply(&self) -> Reply {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        });
        Reply::Answer { status: self.status, kind: "application/json", body: body.to_string() }
    }
}

fn accept(call: &Call, state: &State) -> Result<Sent, Problem> {
    if !is_authentic(call.header("authorization")) {
        return Err(Problem::new(401, 20003, "Authenticate"));
    }
    if call.path != format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json") {
        return Err(Problem::new(404, 20404, format!("The requested resource {} was not found", call.path)));
    }
    if call.method != Method::POST {
        return Err(Problem::new(405, 20004, "Method not allowed"));
    }
    let form = call.form().ok_or_else(|| Problem::new(415, 20415, "Unsupported Media Type"))?;
    let sent = message(&form)?;
    if state.unverified.contains(&sent.to) {
        let message = format!("The number {} is unverified. Trial accounts cannot send to it", sent.to);
        return Err(Problem::new(400, 21608, message));
    }
    if let Mood::Error(status, code) = state.mood {
        // The real one quotes the number as well.
        return Err(Problem::new(status, code, format!("Planned for {}: {}", sent.to, sent.body)));
    }
    Ok(sent)
}

fn is_authentic(header: &str) -> bool {
    let known = [(ACCOUNT_SID, AUTH_TOKEN), (API_KEY_SID, API_KEY_SECRET)];
    known
        .iter()
        .any(|(user, secret)| header == format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))))
}

/// Takes a form apart: every field once, and none that there is not.
fn message(form: &[(String, String)]) -> Result<Sent, Problem> {
    let known = ["To", "From", "MessagingServiceSid", "Body"];
    if let Some((name, _)) = form.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(Problem::new(400, 20001, format!("Unknown parameter {name}")));
    }
    let field = |name: &str| {
        let mut values = form.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone());
        let (first, second) = (values.next(), values.next());
        if second.is_none() { Ok(first) } else { Err(Problem::new(400, 20001, format!("{name} twice"))) }
    };
    let to = field("To")?.ok_or_else(|| Problem::new(400, 21604, "A 'To' phone number is required."))?;
    if !is_e164(&to) {
        let message = format!("The 'To' number {to} is not a valid phone number.");
        return Err(Problem::new(400, 21211, message));
    }
    let sender = match (field("From")?, field("MessagingServiceSid")?) {
        (Some(from), None) if from == FROM => from,
        (Some(from), None) => {
            return Err(Problem::new(400, 21659, format!("'From' {from} is not a Twilio phone number")));
        }
        (None, Some(service)) if service == SERVICE_SID => service,
        _ => {
            return Err(Problem::new(
                400,
                21603,
                "A 'From' phone number or a messaging service is required.",
            ));
        }
    };
    match field("Body")?.filter(|body| !body.is_empty()) {
        None => Err(Problem::new(400, 21602, "Message body is required.")),
        Some(body) if body.chars().count() > 1600 => {
            Err(Problem::new(400, 21617, "The concatenated message body exceeds the 1600 character limit."))
        }
        Some(body) => Ok(Sent { to, sender, body }),
    }
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes what Twilio answers when a message is in its queue.
fn created(sent: &Sent, number: usize) -> String {
    let sid = format!("SM{number:032x}");
    let service = (sent.sender == SERVICE_SID).then_some(SERVICE_SID);
    json!({
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": sent.body,
        "date_created": "Sat, 21 Nov 2026 12:00:00 +0000",
        "date_sent": null,
        "date_updated": "Sat, 21 Nov 2026 12:00:00 +0000",
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": service.is_none().then_some(FROM),
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": "1",
        "price": null,
        "price_unit": "USD",
        "sid": sid,
        "status": if service.is_some() { "accepted" } else { "queued" },
        "subresource_uris": { "media": format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media.json") },
        "to": sent.to,
        "uri": format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json"),
    })
    .to_string()
}
