//! E-mail over SMTP: plain text in UTF-8, one recipient.

use std::fmt;
use std::time::Duration;

use ca_core::names::Email;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport as _, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{SetupError, root};
use crate::config::{Login, Mail, MailServer, Sender, Transport};
use crate::ids;
use crate::secret_file;

/// Why a mail was not sent; holds neither the address nor the text nor a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The mail server does not take it: trying again changes nothing.
    #[error("the mail server refuses the mail: {cause}")]
    Refused {
        /// Why.
        cause: String,
    },
    /// The mail server is down, too busy, silent, or does not take our credentials.
    #[error("no mail can be sent at the moment: {cause}")]
    Unavailable {
        /// What it said, or that it said nothing.
        cause: String,
    },
}

/// Sends e-mail.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Sender,
    timeout: Duration,
}

impl Mailer {
    /// Reads the password and prepares the client; nothing is sent yet.
    pub fn new(config: &Mail) -> Result<Self, SetupError> {
        let timeout = Duration::from_secs(config.timeout.secs());
        let MailServer { host, port, .. } = &config.server;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(*port)
            .tls(tls(config)?)
            .timeout(Some(timeout))
            .hello_name(ClientId::Domain(config.from.domain().to_owned()));
        if let Some(login) = &config.login {
            builder = builder.credentials(credentials(login)?);
        }
        Ok(Self { transport: builder.build(), from: config.from.clone(), timeout })
    }

    /// Sends a mail; control characters in the subject become spaces, and a CR of its own in the text ends a line.
    ///
    /// After [`MailError::Unavailable`] it may have been sent all the same, when only the answer was lost.
    pub async fn send(&self, to: &Email, subject: &str, text: &str) -> Result<(), MailError> {
        let message = self.message(to, subject, text)?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_) => {
                tracing::warn!("the mail server does not answer in time");
                Err(MailError::Unavailable { cause: "no answer in time".to_owned() })
            }
        }
    }

    fn message(&self, to: &Email, subject: &str, text: &str) -> Result<Message, MailError> {
        let unfit = || MailError::Refused { cause: "the address is not one that mail can go to".to_owned() };
        let address = to.as_str().parse().map_err(|_| unfit())?;
        let random = ids::random::<16>().map_err(|error| MailError::Unavailable { cause: root(&error) })?;
        // A line break would end the header and begin another of the sender's choice.
        let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Message::builder()
            .from(self.from.mailbox().clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .message_id(Some(format!("<{}@{}>", hex::encode(random), self.from.domain())))
            .header(ContentType::TEXT_PLAIN)
            // Some servers take a CR of its own for the end of a line, and a dot after it for the end of the mail.
            .body(text.replace("\r\n", "\n").replace('\r', "\n"))
            .map_err(|_| unfit())
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

fn tls(config: &Mail) -> Result<Tls, SetupError> {
    Ok(match config.server.transport {
        Transport::Tls => Tls::Wrapper(parameters(config)?),
        Transport::StartTls => Tls::Required(parameters(config)?),
        Transport::Plain => Tls::None,
    })
}

fn parameters(config: &Mail) -> Result<TlsParameters, SetupError> {
    let failed = |cause: String| SetupError::Client { what: "TLS for mail", cause };
    let mut builder = TlsParameters::builder(config.server.host.clone());
    if let Some(path) = &config.ca_file {
        let unfit = |cause: String| failed(format!("{}: {cause}", path.display()));
        let pem = std::fs::read(path).map_err(|error| unfit(error.to_string()))?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            return Err(unfit("it should hold certificates in PEM".to_owned()));
        }
        let certificates = Certificate::from_pem(&pem).map_err(|error| unfit(root(&error)))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    builder.build().map_err(|error| failed(root(&error)))
}

fn credentials(login: &Login) -> Result<Credentials, SetupError> {
    let password = secret_file::read_text(&login.password_file)?;
    if password.is_empty() {
        return Err(secret_file::content(&login.password_file, "it should hold the password").into());
    }
    Ok(Credentials::new(login.username.clone(), password.as_str().to_owned()))
}

/// Uses the status alone: what servers write behind it quotes the address.
fn judge(error: &Error) -> MailError {
    let Some(code) = error.status().map(u16::from) else {
        let cause = if error.is_response() { "an answer that is not SMTP".to_owned() } else { root(error) };
        tracing::warn!(cause, "the mail server cannot be used");
        return MailError::Unavailable { cause };
    };
    let cause = format!("status {code}");
    // RFC 4954 §6: what is wrong is the login, whoever the mail is for.
    if matches!(code, 530 | 534 | 535 | 538) {
        tracing::error!(
            code,
            "the mail server does not take the login: check mail.username and mail.password_file"
        );
        MailError::Unavailable { cause }
    } else if error.is_permanent() {
        tracing::warn!(code, "the mail server refuses a mail");
        MailError::Refused { cause }
    } else {
        tracing::warn!(code, "the mail server cannot take a mail at the moment");
        MailError::Unavailable { cause }
    }
}
