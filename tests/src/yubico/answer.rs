//! From a question to an answer, as the protocol has it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::time::UnixSeconds;

use super::registry::Registry;
use super::{API_KEY, CLIENT_ID};

/// What may be asked, and whether it must be.
const PARAMETERS: [(&str, bool); 7] = [
    ("h", true),
    ("id", true),
    ("nonce", true),
    ("otp", true),
    ("sl", false),
    ("timeout", false),
    ("timestamp", false),
];

/// Keys and values, and whether they are signed with the client's secret or, as when there is no client, with none.
#[derive(Debug)]
pub(super) struct Answer {
    pairs: BTreeMap<String, String>,
    secret: Vec<u8>,
}

impl Answer {
    /// Answers a query; stricter than Yubico's server: a question must be signed, and hold nothing else.
    pub(super) fn to(query: &str, registry: &mut Registry) -> Self {
        let Some(asked) = parameters(query) else { return Self::new("MISSING_PARAMETER", false) };
        if asked["id"] != CLIENT_ID.to_string() {
            return Self::new("NO_SUCH_CLIENT", false);
        }
        let signed = asked.iter().filter(|(key, _)| *key != "h").collect();
        if sign(&STANDARD.decode(API_KEY).unwrap_or_default(), signed) != asked["h"] {
            return Self::new("BAD_SIGNATURE", true);
        }
        let block = match registry.consume(&asked["otp"], &asked["nonce"]) {
            Ok(block) => block,
            // Here Yubico's server repeats nothing.
            Err("BAD_OTP") => return Self::new("BAD_OTP", true),
            Err(status) => return Self::new(status, true).repeating(&asked),
        };
        let mut answer = Self::new("OK", true).repeating(&asked);
        answer.set("sl", "0");
        if asked.get("timestamp").is_some_and(|wanted| wanted == "1") {
            answer.set("timestamp", &block.timestamp.to_string());
            answer.set("sessioncounter", &block.sessions.to_string());
            answer.set("sessionuse", &block.uses.to_string());
        }
        answer
    }

    fn new(status: &str, is_signed: bool) -> Self {
        let secret = if is_signed { STANDARD.decode(API_KEY).unwrap_or_default() } else { Vec::new() };
        let mut answer = Self { pairs: BTreeMap::new(), secret };
        answer.set("status", status);
        answer.set("t", &timestamp());
        answer
    }

    fn repeating(mut self, asked: &BTreeMap<String, String>) -> Self {
        self.set("otp", &asked["otp"]);
        self.set("nonce", &asked["nonce"]);
        self
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.pairs.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.pairs.remove(key);
    }

    /// Signs the answer and writes it as lines.
    pub(super) fn text(&self) -> String {
        let lines: Vec<String> = self.pairs.iter().map(|(key, value)| format!("{key}={value}\r\n")).collect();
        let signature = sign(&self.secret, self.pairs.iter().collect());
        format!("h={signature}\r\n{}\r\n", lines.concat())
    }
}

/// Reads the query; `None` when something is missing, unknown, there twice or of another form.
fn parameters(query: &str) -> Option<BTreeMap<String, String>> {
    let mut asked = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        PARAMETERS.iter().find(|(name, _)| *name == key)?;
        if asked.insert(key, value).is_some() {
            return None;
        }
    }
    let all_there = PARAMETERS.iter().all(|(name, is_required)| !is_required || asked.contains_key(*name));
    let number = |key: &str, max: u32| {
        asked.get(key).is_none_or(|text| text.parse::<u32>().is_ok_and(|number| number <= max))
    };
    let sl = number("sl", 100) || asked.get("sl").is_some_and(|sl| sl == "fast" || sl == "secure");
    let nonce = asked.get("nonce").map_or("", String::as_str);
    let nonce = (16..=40).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (all_there && sl && nonce && number("timeout", 60)).then_some(asked)
}

fn sign(secret: &[u8], pairs: BTreeMap<&String, &String>) -> String {
    let text: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    STANDARD.encode(hmac::sign(&key, text.join("&").as_bytes()))
}

/// Writes the time as Yubico does: RFC 3339 in UTC, with four digits of milliseconds behind.
fn timestamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}{:04}", UnixSeconds(now.as_secs()), now.subsec_millis())
}
