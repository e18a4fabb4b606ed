//! `[mail]`: the server that takes mail, and who it comes from.

use std::path::PathBuf;

use ca_core::time::Ttl;
use lettre::message::Mailbox;
use reqwest::Url;
use serde::Deserialize;

use super::{bare, default_timeout, is_loopback};

/// How e-mail is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Mail {
    /// The server that takes it.
    pub server: MailServer,
    /// Who it comes from.
    pub from: Sender,
    /// Who the server knows us as; nobody when left out.
    pub login: Option<Login>,
    /// A file with certificates in PEM to trust instead of the platform's.
    pub ca_file: Option<PathBuf>,
    /// How long the server may take for one mail.
    pub timeout: Ttl,
}

/// A name and the file with its password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The file, readable by the server's user alone.
    pub password_file: PathBuf,
}

/// A server that takes mail (RFC 6409).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailServer {
    /// Its name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the way to it is protected.
    pub transport: Transport,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after STARTTLS; nothing is sent to a server that does not offer it (RFC 3207).
    StartTls,
    /// None; on this machine only.
    Plain,
}

/// An address, with or without a name before it: `Countersign <ca@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Sender(Mailbox);

impl Sender {
    /// Gives the mailbox.
    pub fn mailbox(&self) -> &Mailbox {
        &self.0
    }

    /// Gives the domain of the address.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl TryFrom<String> for Sender {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |mailbox: &Mailbox| {
            !text.chars().any(char::is_control) && AsRef::<str>::as_ref(&mailbox.email).is_ascii()
        };
        let sender = text.parse().ok().filter(plain).map(Self);
        sender.ok_or_else(|| {
            "mail.from must be an address such as \"ca@example.com\" or \"Countersign <ca@example.com>\""
                .to_owned()
        })
    }
}

impl TryFrom<String> for MailServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const FORMS: &str = "write mail.url as \"smtps://host\" or \"smtp+starttls://host:587\"";
        let url = Url::parse(&text).map_err(|error| format!("{error}: {FORMS}"))?;
        let host = bare(url.host_str().unwrap_or_default()).to_owned();
        let (transport, port) = match url.scheme() {
            "smtps" => (Transport::Tls, 465),
            "smtp+starttls" => (Transport::StartTls, 587),
            "smtp" if is_loopback(&host) => (Transport::Plain, 25),
            "smtp" => return Err(format!("mail without TLS stays on this machine: {FORMS}")),
            _ => return Err(FORMS.to_owned()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "write the user into mail.username and the password into mail.password_file".to_owned()
            );
        }
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if host.is_empty() || !bare {
            return Err(FORMS.to_owned());
        }
        Ok(Self { host, port: url.port().unwrap_or(port), transport })
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: MailServer,
    from: Sender,
    username: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    #[serde(default = "default_timeout")]
    timeout: Ttl,
}

impl TryFrom<Written> for Mail {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let login = match (written.username, written.password_file) {
            (Some(username), Some(password_file)) => Some(Login { username, password_file }),
            (None, None) => None,
            (Some(_), None) => return Err("mail.username needs mail.password_file".to_owned()),
            (None, Some(_)) => return Err("mail.password_file needs mail.username".to_owned()),
        };
        let Written { url: server, from, ca_file, timeout, .. } = written;
        if ca_file.is_some() && server.transport == Transport::Plain {
            return Err("mail.ca_file goes with TLS, which smtp:// does without: leave it out".to_owned());
        }
        Ok(Self { server, from, login, ca_file, timeout })
    }
}
