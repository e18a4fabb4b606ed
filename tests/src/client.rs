//! A person's program that speaks the API itself, without `ca`.

use anyhow::Result;
use ca_api::{
    CertificateRequest, FactorRequest, IssuedCertificate, LoginChallenge, LoginRequest, LoginSession, Secret,
};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::http::{Answer, Connection, post, trust};
use crate::person::Person;
use crate::requests::signed_request;
use crate::server::{ORIGIN, Server};

/// A connection with, after [`Client::login`], a session.
pub struct Client {
    /// The connection.
    pub connection: Connection,
    /// The session's token.
    pub token: Option<String>,
    /// What the last login left for the next one.
    pub device: Option<Secret>,
}

impl Client {
    /// Connects to a server.
    pub async fn connect(server: &Server) -> Result<Self> {
        Self::open(server.url(), &trust(&server.tls_certificate())?).await
    }

    /// Connects to an address with what has been prepared for it.
    pub async fn open(url: &str, tls: &TlsConnector) -> Result<Self> {
        Ok(Self { connection: Connection::open(url, tls).await?, token: None, device: None })
    }

    /// Logs in with both steps.
    pub async fn login(&mut self, person: &Person) -> Result<()> {
        self.login_with(&person.name, &person.password, &person.phone.code()).await
    }

    /// Logs in with what is given.
    pub async fn login_with(&mut self, user: &str, password: &str, code: &str) -> Result<()> {
        let first = LoginRequest {
            user: user.to_owned(),
            password: Secret(password.to_owned()),
            purpose: None,
            device: self.device.clone(),
        };
        let challenge: LoginChallenge = self.post("/v1/login", &first).await?.json()?;
        let second = FactorRequest {
            challenge: challenge.challenge,
            kind: "totp".to_owned(),
            code: Secret(code.to_owned()),
        };
        let session: LoginSession = self.post("/v1/login/factor", &second).await?.json()?;
        self.token = Some(session.token.0);
        self.device = session.device.or(self.device.take());
        Ok(())
    }

    /// Sends a request for a certificate.
    pub async fn certify(&mut self, request: &CertificateRequest) -> Result<IssuedCertificate> {
        self.post("/v1/certificates", request).await?.json()
    }

    /// Sends JSON, with the session if there is one.
    pub async fn post(&mut self, path: &str, body: &impl serde::Serialize) -> Result<Answer> {
        self.connection.send(&post(path, self.token.as_deref(), body)?).await
    }
}

/// Lets so many clients ask for certificates as `user` until the server is gone; each task ends with those that were
/// answered.
pub fn crowd(
    server: &Server,
    (user, token): (&str, &str),
    clients: usize,
) -> Result<JoinSet<Vec<IssuedCertificate>>> {
    let tls = trust(&server.tls_certificate())?;
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        let (url, tls) = (server.url().to_owned(), tls.clone());
        let (user, token) = (user.to_owned(), token.to_owned());
        asking.spawn(async move {
            let mut answered = Vec::new();
            let Ok(mut client) = Client::open(&url, &tls).await else { return answered };
            client.token = Some(token);
            while let Ok(request) = signed_request(ORIGIN, &user, "dev") {
                match client.certify(&request).await {
                    Ok(issued) => answered.push(issued),
                    Err(_) => break,
                }
            }
            answered
        });
    }
    Ok(asking)
}
