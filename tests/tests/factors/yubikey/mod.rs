//! Yubikeys: real OTPs, a validation server that misbehaves, and the tools of those who invented both.

mod failover;
mod misbehaviour;
mod replays;
mod tools;

use std::sync::Arc;

use anyhow::Result;
use ca_core::time::Ttl;
use ca_server::config::{ServerUrl, YubikeyConfig};
use ca_server::factors::yubikey::otp::Otp;
use ca_server::factors::yubikey::protocol::Accepted;
use ca_server::factors::yubikey::validator::{Validator, YubikeyError};
use ca_server::secret_file;
use countersign_tests::yubico::{API_KEY, CLIENT_ID, SoftYubikey, YubicoServer};

/// Longer than any test takes: only a test of silence waits for it.
const PATIENCE_SECS: u64 = 60;

/// A server, a key it knows, and a validator that asks it.
struct Scene {
    server: YubicoServer,
    key: SoftYubikey,
    validator: Validator,
}

impl Scene {
    fn new() -> Result<Self> {
        let (server, key) = (YubicoServer::start()?, SoftYubikey::new()?);
        server.admit(&key);
        let validator = validator(&[&server.url()], PATIENCE_SECS)?;
        Ok(Self { server, key, validator })
    }

    async fn touch(&self) -> Result<Outcome> {
        check(&self.validator, &self.key.press()?).await
    }
}

type Outcome = std::result::Result<Accepted, YubikeyError>;

/// Makes a validator as the server's configuration would.
fn validator(urls: &[&str], timeout_secs: u64) -> Result<Validator> {
    validator_with(urls, timeout_secs, CLIENT_ID, API_KEY)
}

fn validator_with(urls: &[&str], timeout_secs: u64, client_id: u64, api_key: &str) -> Result<Validator> {
    let folder = tempfile::tempdir()?;
    let api_key_file = folder.path().join("yubico_key");
    secret_file::create(&api_key_file, format!("{api_key}\n").as_bytes())?;
    let urls = urls.iter().map(|url| ServerUrl::try_from((*url).to_owned()));
    Ok(Validator::new(&YubikeyConfig {
        client_id,
        api_key_file,
        urls: urls.collect::<std::result::Result<_, _>>()?,
        sl: None,
        timeout: Ttl::from_secs(timeout_secs).unwrap_or(Ttl::MAX),
    })?)
}

async fn check(validator: &Validator, typed: &str) -> Result<Outcome> {
    Ok(validator.validate(&Otp::parse(typed)?).await)
}

/// Begins to check an OTP beside the test.
fn begin(validator: &Arc<Validator>, typed: &str) -> Result<tokio::task::JoinHandle<Outcome>> {
    let (validator, otp) = (Arc::clone(validator), Otp::parse(typed)?);
    Ok(tokio::spawn(async move { validator.validate(&otp).await }))
}

/// Waits until a server was asked this often.
async fn asked(server: &YubicoServer, questions: u64) {
    while server.questions() < questions {
        tokio::task::yield_now().await;
    }
}
