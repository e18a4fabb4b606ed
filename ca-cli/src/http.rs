//! The HTTP client: JSON there, JSON or a problem back, and the log's objects.

use std::time::Duration;

use ca_api::Problem;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The longest answer to an API call, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The longest object of a log that is fetched, in bytes: a journal object has at most 1024 events.
const MAX_OBJECT_BYTES: usize = 128 * 1024 * 1024;

/// How long a connection that is not used is used again: less than the server waits for the next call.
const IDLE: Duration = Duration::from_secs(1);

/// A connection to one server. Calls block; may be shared by threads.
pub(crate) struct Server {
    base: String,
    client: reqwest::Client,
    runtime: Runtime,
    token: Option<Zeroizing<String>>,
}

impl Server {
    /// Prepares to talk to a server; `tls_ca` are certificates in PEM to trust instead of the platform's.
    pub(crate) fn new(base: &str, tls_ca: Option<&str>, token: Option<String>) -> Result<Self> {
        // There is one provider of cryptography in the program; a second installation is refused, which is harmless.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let internal =
            |error: &dyn std::fmt::Display| Failure::new("client", format!("cannot start: {error}"));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ca/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            // While somebody is asked for something nothing is answered here, and the server hangs up.
            .pool_idle_timeout(IDLE)
            .timeout(Duration::from_mins(1));
        if let Some(pem) = tls_ca {
            let bad = |_| Failure::new("usage", "the --ca-file has no certificate in PEM");
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(bad)?;
            builder = builder.tls_certs_only(certificates);
        }
        Ok(Self {
            base: base.to_owned(),
            client: builder.build().map_err(|error| internal(&error))?,
            runtime: Builder::new_current_thread().enable_all().build().map_err(|error| internal(&error))?,
            token: token.map(Zeroizing::new),
        })
    }

    /// Gives the server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Goes on with a session.
    #[must_use]
    pub(crate) fn with_token(self, token: String) -> Self {
        Self { token: Some(Zeroizing::new(token)), ..self }
    }

    /// Asks for JSON.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(self.request(Method::GET, path))
    }

    /// Asks for JSON without saying who asks, as long as it is not known that this is the right server.
    pub(crate) fn get_anonymously<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(self.client.get(format!("{}{path}", self.base)))
    }

    /// Sends JSON and reads JSON.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.json(self.request(Method::POST, path).json(body))
    }

    /// Sends JSON to be kept.
    pub(crate) fn put(&self, path: &str, body: &impl Serialize) -> Result<()> {
        self.bytes(self.request(Method::PUT, path).json(body), MAX_ANSWER_BYTES).map(drop)
    }

    /// Deletes something.
    pub(crate) fn delete(&self, path: &str) -> Result<()> {
        self.bytes(self.request(Method::DELETE, path), MAX_ANSWER_BYTES).map(drop)
    }

    /// Fetches an object of a log; `None` when there is none.
    pub(crate) fn object(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.bytes(self.request(Method::GET, path), MAX_OBJECT_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failure) if failure.status() == 404 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Fetches a file of at most `limit` bytes that is there for everybody, without saying who asks.
    pub(crate) fn fetch(&self, path: &str, limit: usize) -> Result<Vec<u8>> {
        self.bytes(self.client.get(format!("{}{path}", self.base)), limit)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token.as_str()),
            None => request,
        }
    }

    fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let bytes = Zeroizing::new(self.bytes(request, MAX_ANSWER_BYTES)?);
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(
                "bad-answer",
                format!("{} answered something else than Countersign would: {error}", self.base),
            )
            .hint("Is the address right, and this `ca` of the server's version?")
        })
    }

    fn bytes(&self, request: RequestBuilder, limit: usize) -> Result<Vec<u8>> {
        self.runtime.block_on(async {
            let response = request.send().await.map_err(|error| self.unreachable(&error))?;
            if response.status().is_success() {
                return self.body(response, limit).await;
            }
            let (status, wait) = (response.status(), retry_after(&response));
            let body = self.body(response, MAX_ANSWER_BYTES).await.unwrap_or_default();
            Err(self.problem(status, wait, &body))
        })
    }

    async fn body(&self, mut response: Response, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + chunk.len() > limit {
                return Err(Failure::new(
                    "bad-answer",
                    format!("{} sent more than {limit} bytes", self.base),
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn problem(&self, status: StatusCode, wait: Option<u64>, body: &[u8]) -> Failure {
        let mut problem = serde_json::from_slice(body).unwrap_or_else(|_| Problem {
            kind: "about:blank".to_owned(),
            title: format!("{} answered {status}", self.base),
            status: 0,
            detail: None,
            hint: None,
            retry_after_secs: None,
            instance: None,
        });
        problem.status = status.as_u16();
        problem.retry_after_secs = problem.retry_after_secs.or(wait);
        Failure::from(problem)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let reason = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
        let failure = Failure::new("unreachable", format!("cannot reach {}: {reason}", self.base));
        if reason.contains("certificate") {
            return failure.hint("If the server has a certificate of its own, name it: --ca-file FILE");
        }
        failure.hint("Is the address right, and the server up?")
    }
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
