//! One session: commands in their order, each line ended by CR LF and by nothing else.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{At, Mail, State, Tls, Trouble, lock};

/// A connection, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    state: Arc<Mutex<State>>,
    secure: bool,
    known: bool,
    from: Option<String>,
    to: Vec<String>,
}

/// Speaks with a client until it leaves or breaks the rules.
pub(super) async fn run(stream: TcpStream, state: Arc<Mutex<State>>) -> Result<()> {
    let known = lock(&state).login.is_none();
    let tls = lock(&state).tls.as_ref().map(|(tls, _)| *tls);
    let stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(stream));
    let mut session = Session { stream, state, secure: tls.is_none(), known, from: None, to: Vec::new() };
    if tls == Some(Tls::AtOnce) {
        session.encrypt().await?;
    }
    session.answer(Some(At::Greeting), "220 mail.example.com ESMTP").await?;
    loop {
        let line = session.line().await?;
        lock(&session.state).commands.push(line.clone());
        if !session.obey(&line).await? {
            return Ok(());
        }
    }
}

impl Session {
    /// Carries out a command; `false` ends the session.
    async fn obey(&mut self, line: &str) -> Result<bool> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => {
                let login = if lock(&self.state).login.is_some() { "250-AUTH PLAIN\r\n" } else { "" };
                let tls = if self.secure { "" } else { "250-STARTTLS\r\n" };
                self.answer(None, &format!("250-mail.example.com\r\n{login}{tls}250 8BITMIME")).await?;
            }
            "STARTTLS" if !self.secure => {
                self.answer(None, "220 Ready").await?;
                self.encrypt().await?;
            }
            "AUTH" | "MAIL" if !self.secure => self.answer(None, "530 5.7.0 STARTTLS first").await?,
            "AUTH" => self.auth(rest).await?,
            "MAIL" if !self.known => self.answer(None, "530 5.7.0 Authentication required").await?,
            "MAIL" if self.from.is_none() => {
                self.from = Some(path(rest, "FROM:")?);
                self.answer(Some(At::Sender), "250 OK").await?;
            }
            "RCPT" if self.from.is_some() => {
                self.to.push(path(rest, "TO:")?);
                self.answer(Some(At::Recipient), "250 OK").await?;
            }
            "DATA" if !self.to.is_empty() => {
                self.answer(None, "354 End data with <CR><LF>.<CR><LF>").await?;
                self.data().await?;
            }
            "NOOP" => self.answer(None, "250 OK").await?,
            "RSET" => {
                (self.from, self.to) = (None, Vec::new());
                self.answer(None, "250 OK").await?;
            }
            "QUIT" => {
                self.answer(None, "221 Bye").await?;
                return Ok(false);
            }
            _ => self.answer(None, "503 5.5.1 Bad sequence of commands").await?,
        }
        Ok(true)
    }

    /// Goes on with TLS; what came in before it is forgotten (RFC 3207 §4.2).
    async fn encrypt(&mut self) -> Result<()> {
        let acceptor = lock(&self.state).tls.as_ref().map(|(_, acceptor)| acceptor.clone());
        let none: Box<dyn Stream> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.stream, BufReader::new(none)).into_inner();
        let stream: Box<dyn Stream> =
            Box::new(acceptor.context("there is no TLS here")?.accept(plain).await?);
        (self.stream, self.secure) = (BufReader::new(stream), true);
        Ok(())
    }

    async fn auth(&mut self, rest: &str) -> Result<()> {
        let login = lock(&self.state).login.clone();
        let expected = login.map(|(user, password)| STANDARD.encode(format!("\0{user}\0{password}")));
        self.known = rest.strip_prefix("PLAIN ").is_some_and(|given| Some(given) == expected.as_deref());
        let answer =
            if self.known { "235 2.7.0 Accepted" } else { "535 5.7.8 Authentication credentials invalid" };
        self.answer(Some(At::Login), answer).await
    }

    async fn data(&mut self) -> Result<()> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            // RFC 5321 §4.5.2: a dot at the beginning was doubled on the way.
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        let mail = Mail::parse(self.from.take().unwrap_or_default(), std::mem::take(&mut self.to), &text)?;
        let taken = self.trouble(At::End).is_none();
        let to = mail.to.clone();
        if taken {
            lock(&self.state).mails.push(mail);
        }
        self.to = to;
        self.answer(Some(At::End), "250 OK: queued").await?;
        self.to.clear();
        Ok(())
    }

    fn trouble(&self, at: At) -> Option<Trouble> {
        lock(&self.state).trouble.filter(|(when, _)| *when == at).map(|(_, trouble)| trouble)
    }

    async fn answer(&mut self, at: Option<At>, usual: &str) -> Result<()> {
        let line = match at.and_then(|at| self.trouble(at)) {
            None => usual.to_owned(),
            // Real servers quote the address.
            Some(Trouble::Code(code)) => format!("{code} planned for {:?} of {:?}", self.to, self.from),
            Some(Trouble::Noise) => "ann@example.com has no such thing".to_owned(),
            Some(Trouble::Silence) => std::future::pending().await,
        };
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// Reads a line; one that has a bare CR or LF in it breaks the session, as it would let a mail smuggle commands.
    async fn line(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.stream.read_until(b'\n', &mut bytes).await?;
        let line = bytes.strip_suffix(b"\r\n").context("the line does not end with CR LF")?;
        if line.contains(&b'\r') || line.len() > 998 {
            bail!("a bare CR, or a line that is too long (RFC 5322 §2.1.1)");
        }
        Ok(std::str::from_utf8(line)?.to_owned())
    }
}

/// Takes the address out of `FROM:<address> BODY=8BITMIME`.
fn path(rest: &str, keyword: &str) -> Result<String> {
    let path = rest.strip_prefix(keyword).and_then(|rest| rest.strip_prefix('<'));
    let (address, _) = path.and_then(|path| path.split_once('>')).context("no path in angle brackets")?;
    Ok(address.to_owned())
}
