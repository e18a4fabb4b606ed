//! Yubikeys and the servers that validate what they type: real OTPs and the real protocol, without hardware or Yubico.
//!
//! A [`SoftYubikey`] is touched with [`press`](SoftYubikey::press). A [`YubicoServer`] speaks validation protocol 2.0,
//! more strictly than Yubico's own server, and on demand it misbehaves ([`Misbehaviour`]).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;

use crate::background::Background;

mod answer;
mod block;
mod http;
mod misbehaviour;
mod registry;
mod token;

pub use misbehaviour::Misbehaviour;
pub use token::SoftYubikey;

use http::Shared;

/// The number of the only client the server knows.
pub const CLIENT_ID: u64 = 87;

/// The only client's secret, in base64: 20 bytes, as Yubico gives out.
pub const API_KEY: &str = "dGVzdCBrZXkgb2Ygbm8gd29ydGg=";

/// Where the protocol is spoken.
const PATH: &str = "/wsapi/2.0/verify";

/// A running validation server; it ends when dropped.
#[derive(Debug)]
pub struct YubicoServer {
    background: Background,
    shared: Arc<Shared>,
}

impl YubicoServer {
    /// Starts a server on a free port.
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let background = Background::start("yubico-server", |listener| http::serve(listener, served))?;
        Ok(Self { background, shared })
    }

    /// Gives the address at which OTPs are verified.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.background.address())
    }

    /// Learns the secrets of a key, as Yubico does when it makes one; its counter starts anew.
    pub fn admit(&self, key: &SoftYubikey) {
        self.shared.registry().admit(key);
    }

    /// Makes every answer from here on wrong in one way.
    pub fn misbehave(&self, how: Misbehaviour) {
        *self.shared.misbehaviour() = Some(how);
    }

    /// Answers right again, those questions included that are being held.
    pub fn behave(&self) {
        *self.shared.misbehaviour() = None;
        self.shared.released.notify_waiters();
    }

    /// Counts the questions that arrived.
    pub fn questions(&self) -> u64 {
        self.shared.questions.load(Ordering::SeqCst)
    }
}
