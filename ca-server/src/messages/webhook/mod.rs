//! Notices as HTTP calls to a program of the operator's: JSON, signed, to an address that was checked.
//!
//! ```text
//! POST /path
//! Countersign-Id: 01J9…                     the same at every try: what came before can be dropped
//! Countersign-Signature: t=1767324000,v1=…  HMAC-SHA256 of "1767324000." and the body, with the shared secret, in hex
//! ```

mod address;

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use ca_core::time::UnixSeconds;
use reqwest::{Certificate, Client, Url, header};

pub use address::NotPublic;

use super::{SetupError, root};
use crate::config::{Webhook as Config, WebhookUrl};
use crate::listen::install_crypto_provider;
use crate::secret_file;

/// The name of the header that the same notice has at every try.
pub const ID: &str = "countersign-id";

/// The name of the header with the signature.
pub const SIGNATURE: &str = "countersign-signature";

/// The shortest secret, in bytes: 128 bits, if they are random.
const MIN_SECRET_BYTES: usize = 16;

/// Why a call was not made or not taken; another try may do better.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// It would have gone to an address that is not public (S4).
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// The answer is no success; a redirect is none, and nobody goes where it points.
    #[error("the webhook answers with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// It cannot be reached, or says nothing.
    #[error("the webhook cannot be reached: {cause}")]
    Unreachable {
        /// What happened.
        cause: String,
    },
}

/// Makes the calls.
#[derive(Clone)]
pub struct Webhook {
    client: Client,
    url: WebhookUrl,
    key: hmac::Key,
}

impl Webhook {
    /// Reads the secret and prepares the client; nothing is sent yet. An address in the URL that is not public is refused.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        install_crypto_provider();
        let failed = |cause: String| SetupError::Client { what: "the webhook", cause };
        if !config.allow_private && !is_allowed(config.url.as_url()) {
            return Err(failed(NotPublic.to_string()));
        }
        let secret = secret_file::read_text(&config.secret_file)?;
        if secret.len() < MIN_SECRET_BYTES {
            let expected = "it should hold a random secret of 16 characters or more: openssl rand -hex 32";
            return Err(secret_file::content(&config.secret_file, expected).into());
        }
        let mut builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would resolve the name by itself.
            .no_proxy()
            // A connection that is kept was checked, but nobody knows any more for how long that is ago.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(config.timeout.secs()));
        if !config.allow_private {
            builder = builder.dns_resolver(address::PublicOnly);
        }
        if let Some(path) = &config.ca_file {
            let unfit = |cause: String| failed(format!("{}: {cause}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unfit(error.to_string()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unfit(root(&error)))?;
            if certificates.is_empty() {
                return Err(unfit("it should hold certificates in PEM".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| failed(root(&error)))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Ok(Self { client, url: config.url.clone(), key })
    }

    /// Posts a notice, signed as of now. After an error it may have arrived all the same.
    pub async fn post(&self, id: &str, body: &str, now: UnixSeconds) -> Result<(), WebhookError> {
        let request = self
            .client
            .post(self.url.as_url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(ID, id)
            .header(SIGNATURE, self.sign(body, now))
            .body(body.to_owned());
        // What is in the answer is nobody's business: it is not read.
        let answer = request.send().await.map_err(unreachable)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(WebhookError::Status { status: status.as_u16() }),
        }
    }

    /// The time is signed too, so that who keeps a call cannot make it again much later.
    fn sign(&self, body: &str, now: UnixSeconds) -> String {
        let tag = hmac::sign(&self.key, format!("{}.{body}", now.0).as_bytes());
        format!("t={},v1={}", now.0, hex::encode(tag))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Judges an address that is written as one, in any spelling: no name is resolved for it. Names are judged when they are.
fn is_allowed(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.parse().map_or(true, address::is_public)
}

fn unreachable(error: reqwest::Error) -> WebhookError {
    let error = error.without_url();
    let mut causes =
        std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |e| e.source());
    if causes.any(|cause| cause.downcast_ref::<NotPublic>().is_some()) {
        return NotPublic.into();
    }
    let cause = if error.is_timeout() { "no answer in time".to_owned() } else { root(&error) };
    WebhookError::Unreachable { cause }
}
