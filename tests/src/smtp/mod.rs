//! A mail server that keeps what it is given (RFC 5321), or does not take it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::net::TcpListener;

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

#[derive(Debug, Default)]
struct State {
    login: Option<(String, String)>,
    trouble: Option<(At, Trouble)>,
    commands: Vec<String>,
    mails: Vec<Mail>,
}

/// A running mail server; it ends when dropped.
#[derive(Debug)]
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
