//! A receiver of webhooks, as strict as its documentation asks for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::hmac;
use hyper::Method;
use serde_json::Value;

use crate::stand_in::{Call, Reply, StandIn};

/// How old a signature may be, in seconds.
const FRESH_SECS: u64 = 60;

/// A notice that came in with a good signature.
#[derive(Clone, Debug)]
pub struct Received {
    /// The id in the header.
    pub id: String,
    /// The body.
    pub body: Value,
}

/// A receiver; it ends when dropped.
pub struct Receiver {
    stand_in: StandIn,
    received: Arc<Mutex<Vec<std::result::Result<Received, String>>>>,
}

impl Receiver {
    /// Starts one that knows this secret, answers with these statuses in turn, and then with 204.
    pub fn start(secret: &str, statuses: &[u16]) -> Result<Self> {
        let received: Arc<Mutex<Vec<_>>> = Arc::default();
        let seen = Arc::clone(&received);
        let statuses = Mutex::new(statuses.iter().copied().collect::<VecDeque<_>>());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let stand_in = StandIn::start("webhook", move |call| {
            let judged = judge(call, &key).map_err(|error| format!("{error:#}"));
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(judged);
            let status = statuses.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            Reply::Answer { status: status.unwrap_or(204), kind: "text/plain", body: String::new() }
        })?;
        Ok(Self { stand_in, received })
    }

    /// Gives the address, as a URL.
    pub fn url(&self) -> String {
        format!("{}/hook?from=countersign", self.stand_in.url())
    }

    /// Gives everything that came in; fails if anything was not as it must be.
    pub fn received(&self) -> Result<Vec<Received>> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().map(|judged| judged.clone().map_err(anyhow::Error::msg)).collect()
    }
}

/// Holds a call against the documentation.
fn judge(call: &Call, key: &hmac::Key) -> Result<Received> {
    ensure!(call.method == Method::POST && call.path == "/hook?from=countersign", "{call:?}");
    ensure!(call.header("content-type") == "application/json", "{call:?}");
    let (time, tag) = call
        .header("countersign-signature")
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .context("no signature")?;
    let age = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().abs_diff(time.parse()?);
    ensure!(age <= FRESH_SECS, "the signature is {age} s old");
    let signed = [time.as_bytes(), b".", &call.body].concat();
    hmac::verify(key, &signed, &hex::decode(tag)?).ok().context("the signature is wrong")?;
    let body: Value = serde_json::from_slice(&call.body)?;
    let id = call.header("countersign-id").to_owned();
    ensure!(id.len() == 26 && body["id"] == id.as_str(), "the ids differ: {id} {body}");
    Ok(Received { id, body })
}
