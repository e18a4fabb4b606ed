//! Asks validation servers about an OTP.
//!
//! All servers are asked at once, with the same nonce. The first signed verdict decides; nobody without the API key can
//! sign one, so that a server that misbehaves, or somebody on the way to it, can delay or deny and never grant.

use std::fmt;
use std::time::Duration;

use ca_core::time::Ttl;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use reqwest::{StatusCode, Url, redirect};
use zeroize::Zeroizing;

use super::otp::Otp;
use super::protocol::{
    Accepted, ApiKey, MAX_BYTES, Nonce, Refusal, Request, Response, SyncLevel, Verdict, YubicoError,
};
use crate::config::{ServerUrl, YubikeyConfig};
use crate::ids::NoRandomness;
use crate::listen::install_crypto_provider;
use crate::secret_file::{self, SecretFileError};

/// Why no validator can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorError {
    /// The file of the API key cannot be used.
    #[error(transparent)]
    ApiKey(#[from] SecretFileError),
    /// The HTTP client does not start.
    #[error("cannot prepare to ask validation servers: {0}")]
    Client(reqwest::Error),
}

/// Why an OTP is not accepted; none of it holds any of the OTP.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YubikeyError {
    /// A server says so, signed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No server gave a signed verdict in time.
    #[error("no validation server decides: {}", list(.0))]
    Unavailable(Vec<Failure>),
    /// There is no randomness for a nonce.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

fn list(failures: &[Failure]) -> String {
    failures.iter().map(Failure::to_string).collect::<Vec<_>>().join("; ")
}

/// One server did not decide.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {cause}")]
pub struct Failure {
    /// The server's name.
    pub server: String,
    /// What happened.
    pub cause: Cause,
}

/// Why a server did not decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It was silent for too long.
    #[error("no answer in time")]
    Timeout,
    /// There was no connection, and so nothing was sent.
    #[error("no connection: {0}")]
    Connection(String),
    /// The connection ended before the answer did, or the answer was not HTTP.
    #[error("the connection broke off")]
    BrokenOff,
    /// It answered with another status than 200.
    #[error("status {0}")]
    Status(u16),
    /// Its answer proves nothing.
    #[error(transparent)]
    Answer(#[from] YubicoError),
}

/// Asks validation servers.
pub struct Validator {
    client: reqwest::Client,
    client_id: u64,
    api_key: ApiKey,
    servers: Vec<Url>,
    sl: Option<SyncLevel>,
    timeout: Ttl,
}

impl Validator {
    /// Reads the API key, which nobody else may be able to read (S3), and prepares the HTTP client; asks nobody yet.
    pub fn new(config: &YubikeyConfig) -> Result<Self, ValidatorError> {
        install_crypto_provider();
        let text = secret_file::read_text(&config.api_key_file)?;
        let api_key = ApiKey::from_base64(&text).map_err(|_| {
            secret_file::content(
                &config.api_key_file,
                "it should hold an API key in base64, as Yubico gives it out",
            )
        })?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(config.timeout.secs()))
            .build()
            .map_err(ValidatorError::Client)?;
        let servers = config.urls.iter().map(ServerUrl::as_url).cloned().collect();
        let YubikeyConfig { client_id, sl, timeout, .. } = *config;
        Ok(Self { client, client_id, api_key, servers, sl, timeout })
    }

    /// Finds out whether an OTP is genuine and new. That its counter is accepted once here too is the caller's to see to.
    pub async fn validate(&self, otp: &Otp) -> Result<Accepted, YubikeyError> {
        let request = Request {
            client_id: self.client_id,
            api_key: &self.api_key,
            otp,
            nonce: Nonce::generate()?,
            sl: self.sl,
            // A server that waits for its fellows must answer while we still listen.
            timeout: Ttl::from_secs(self.timeout.secs().saturating_sub(1)),
        };
        let mut answers: FuturesUnordered<_> =
            self.servers.iter().map(|server| self.ask(server, &request)).collect();
        let mut failures = Vec::new();
        let mut request_replayed = false;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Verdict::Accepted(accepted)) => return Ok(accepted),
                // Our nonce is new: another of these servers told it, and is about to answer us.
                Ok(Verdict::Refused(Refusal::RequestReplayed)) => request_replayed = true,
                Ok(Verdict::Refused(refusal)) => return Err(refusal.into()),
                Err(failure) => failures.push(failure),
            }
        }
        if request_replayed {
            return Err(Refusal::RequestReplayed.into());
        }
        Err(YubikeyError::Unavailable(failures))
    }

    async fn ask(&self, server: &Url, request: &Request<'_>) -> Result<Verdict, Failure> {
        let verdict = async {
            let body = self.fetch(server, request).await?;
            Ok(Response::parse(&body)?.verify(request)?)
        };
        let name = || server.host_str().unwrap_or_default().to_owned();
        verdict.await.map_err(|cause| Failure { server: name(), cause })
    }

    async fn fetch(&self, server: &Url, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let mut url = server.clone();
        url.set_query(Some(request.to_query().expose()));
        let mut answer = self.client.get(url).send().await.map_err(cause)?;
        if answer.status() != StatusCode::OK {
            return Err(Cause::Status(answer.status().as_u16()));
        }
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        while let Some(chunk) = answer.chunk().await.map_err(cause)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(YubicoError::TooLong.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").field("servers", &self.servers).finish_non_exhaustive()
    }
}

/// Says what happened without the URL, which holds the OTP. The words of others are taken only where nothing was sent yet.
fn cause(error: reqwest::Error) -> Cause {
    if error.is_timeout() {
        return Cause::Timeout;
    }
    if !error.is_connect() {
        return Cause::BrokenOff;
    }
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    Cause::Connection(deepest.to_string())
}
