//! A stand-in for Amazon SNS that knows one operation: `Publish` to a phone number, in the query protocol.
//!
//! It reads what moto accepts without showing it, and fails where moto cannot be made to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use hyper::Method;

use crate::stand_in::{Call, Reply, StandIn};

/// The id of the access key.
pub const KEY: &str = "TESTKEY";
/// The secret of the access key.
pub const SECRET: &str = "test-secret-of-no-worth";
/// The region that requests are signed for.
pub const REGION: &str = "eu-central-1";

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// An SMS that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it goes.
    pub to: String,
    /// The text.
    pub message: String,
    /// The attributes, by name.
    pub attributes: BTreeMap<String, String>,
}

/// How it treats calls that are in order.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// An error of this status and code.
    Error(u16, &'static str),
    /// No answer.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    published: Vec<Published>,
}

/// A running stand-in; it ends when dropped.
#[derive(Debug)]
pub struct Sns {
    stand_in: StandIn,
    state: Arc<Mutex<State>>,
}

impl Sns {
    /// Starts one on a free port.
    pub fn start() -> Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let answer = move |call: &Call| answer(call, &mut lock(&shared));
        Ok(Self { stand_in: StandIn::start("sns", answer)?, state })
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

    /// Gives all that was published, in order.
    pub fn published(&self) -> Vec<Published> {
        lock(&self.state).published.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(call: &Call, state: &mut State) -> Reply {
    if matches!(state.mood, Mood::Silent) {
        return Reply::Silence;
    }
    match accept(call) {
        Err((status, code)) => refusal(status, code, "the stand-in is strict"),
        Ok(published) => match state.mood {
            // The real one quotes the number as well.
            Mood::Error(status, code) => {
                let message = format!("Invalid parameter: PhoneNumber Reason: {}", published.to);
                refusal(status, code, &message)
            }
            Mood::Well | Mood::Silent => {
                state.published.push(published);
                xml(200, &success())
            }
        },
    }
}

fn accept(call: &Call) -> Result<Published, (u16, &'static str)> {
    let scope = format!("/{REGION}/sns/aws4_request,");
    let authorization = call.header("authorization");
    let signed = authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/"))
        && authorization.contains(&scope)
        && authorization.contains("Signature=")
        && !call.header("x-amz-date").is_empty();
    if !signed {
        return Err((403, "InvalidClientTokenId"));
    }
    if call.method != Method::POST || call.path != "/" {
        return Err((404, "UnknownOperationException"));
    }
    let mut form: BTreeMap<String, String> =
        call.form().ok_or((400, "MalformedInput"))?.into_iter().collect();
    let mut field = |name: &str| form.remove(name).filter(|value| !value.is_empty());
    if field("Action").as_deref() != Some("Publish") || field("Version").as_deref() != Some("2010-03-31") {
        return Err((400, "InvalidAction"));
    }
    let to = field("PhoneNumber").filter(|to| is_e164(to)).ok_or((400, "InvalidParameter"))?;
    let message = field("Message").filter(|text| text.len() <= 1600).ok_or((400, "InvalidParameter"))?;
    let attributes = attributes(&mut form);
    if form.is_empty() { Ok(Published { to, message, attributes }) } else { Err((400, "InvalidParameter")) }
}

/// Takes the attributes out of a form: `MessageAttributes.entry.1.Name` and so on.
fn attributes(form: &mut BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for number in 1.. {
        let mut part = |name: &str| form.remove(&format!("MessageAttributes.entry.{number}.{name}"));
        let parts = (part("Name"), part("Value.DataType"), part("Value.StringValue"));
        let (Some(name), Some("String"), Some(value)) = (parts.0, parts.1.as_deref(), parts.2) else { break };
        found.insert(name, value);
    }
    found
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn success() -> String {
    format!(
        "<PublishResponse xmlns=\"{NAMESPACE}\"><PublishResult>\
         <MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult><ResponseMetadata>\
         <RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId></ResponseMetadata></PublishResponse>"
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>"
    );
    xml(status, &body)
}

fn xml(status: u16, body: &str) -> Reply {
    Reply::Answer { status, kind: "text/xml", body: body.to_owned() }
}
