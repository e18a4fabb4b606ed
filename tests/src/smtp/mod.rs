//! A mail server that keeps what it is given (RFC 5321), or does not take it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::background::Background;

mod mail;
mod session;

pub use mail::Mail;

/// When something goes wrong in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At the greeting.
    Greeting,
    /// At `AUTH`.
    Login,
    /// At `MAIL FROM`.
    Sender,
    /// At `RCPT TO`.
    Recipient,
    /// At the end of the mail itself.
    End,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// An answer with this code, and a text that quotes the address.
    Code(u16),
    /// No answer, on a connection that stays open.
    Silence,
    /// A line that is not SMTP.
    Noise,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Before anything is said.
    AtOnce,
    /// After `STARTTLS`; before it, no mail is taken.
    WhenAsked,
}

#[derive(Default)]
struct State {
    tls: Option<(Tls, TlsAcceptor)>,
    login: Option<(String, String)>,
    trouble: Option<(At, Trouble)>,
    commands: Vec<String>,
    mails: Vec<Mail>,
}

/// A running mail server; it ends when dropped.
pub struct Smtp {
    background: Background,
    state: Arc<Mutex<State>>,
}

impl Smtp {
    /// Starts one on a free port that takes mail from everybody.
    pub fn start() -> Result<Self> {
        Self::run(State::default())
    }

    /// Starts one that wants a name and a password first.
    pub fn start_with_login(username: &str, password: &str) -> Result<Self> {
        let login = Some((username.to_owned(), password.to_owned()));
        Self::run(State { login, ..State::default() })
    }

    /// Starts one with TLS; gives its certificate for 127.0.0.1 in PEM as well.
    pub fn start_with_tls(tls: Tls) -> Result<(Self, String)> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let smtp = Self::run(State { tls: Some((tls, acceptor)), ..State::default() })?;
        Ok((smtp, made.cert.pem()))
    }

    fn run(state: State) -> Result<Self> {
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        Ok(Self { background: Background::start("smtp", |listener| serve(listener, shared))?, state })
    }

    /// Tells where it listens.
    pub fn address(&self) -> SocketAddr {
        self.background.address()
    }

    /// Makes something go wrong in every session from now on.
    pub fn fail(&self, at: At, trouble: Trouble) {
        lock(&self.state).trouble = Some((at, trouble));
    }

    /// Lets everything go well from here on.
    pub fn behave(&self) {
        lock(&self.state).trouble = None;
    }

    /// Gives all mails that were taken, in order.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state).mails.clone()
    }

    /// Gives every command that came in, `AUTH` with its credentials included.
    pub fn commands(&self) -> Vec<String> {
        lock(&self.state).commands.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        // A failed accept is the client's business.
        if let Ok((stream, _)) = listener.accept().await {
            let session = session::run(stream, Arc::clone(&state));
            // An error here is a connection that ended.
            tokio::spawn(async { drop(session.await) });
        }
    }
}
