//! The server's API, call by call, for what `ca` would never send.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

use crate::person::Person;
use crate::server::Server;

/// A client of one server.
pub struct Api {
    client: Client,
    url: String,
}

/// A status, and the body as JSON (null when it is none).
pub type Answered = (u16, Value);

impl Api {
    /// Prepares to call a server.
    pub fn new(server: &Server) -> Result<Self> {
        let pem = std::fs::read(server.tls_certificate())?;
        let client = Client::builder().tls_certs_only(Certificate::from_pem_bundle(&pem)?).build()?;
        Ok(Self { client, url: server.url().to_owned() })
    }

    /// Sends a call with a bearer token, which may be empty.
    pub async fn call(&self, token: &str, method: Method, path: &str, body: &Value) -> Result<Answered> {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        let answer = request.json(body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    /// Posts without a session.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answered> {
        self.call("", Method::POST, path, body).await
    }

    /// Shows the password; gives the answer with the challenge.
    pub async fn begin(&self, person: &Person, purpose: &str) -> Result<Value> {
        let body = json!({ "user": person.name, "password": person.password, "purpose": purpose });
        let (status, answer) = self.post("/v1/login", &body).await?;
        ensure!(status == 200, "{status} {answer}");
        Ok(answer)
    }

    /// Shows a factor.
    pub async fn show(&self, challenge: &Value, kind: &str, code: &str) -> Result<Answered> {
        let body = json!({ "challenge": challenge["challenge"], "kind": kind, "code": code });
        self.post("/v1/login/factor", &body).await
    }

    /// Logs in with the app, to change the account; gives the token.
    pub async fn own(&self, person: &Person) -> Result<String> {
        let challenge = self.begin(person, "account").await?;
        let (status, login) = self.show(&challenge, "totp", &person.phone.code()).await?;
        ensure!(status == 200, "{status} {login}");
        Ok(login["token"].as_str().context("a token")?.to_owned())
    }
}

/// Gives the word that names a problem.
pub fn problem(body: &Value) -> &str {
    body["type"].as_str().and_then(|kind| kind.strip_prefix("urn:countersign:problem:")).unwrap_or_default()
}
