//! The server's configuration: one TOML file, every key of which an environment variable can override.

mod limits;
mod messages;
mod overrides;
mod recovery;
mod webauthn;
mod yubikey;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ca_core::log::Origin;
use ca_core::names::Email;
use ca_core::time::Ttl;
pub use limits::Limits;
pub use messages::{
    Endpoint, Login, Mail, MailServer, Sender, Sms, SmsLimits, SmsProvider, Sns, Transport, Twilio,
    TwilioSender, Webhook, WebhookUrl,
};
pub use recovery::Recovery;
use serde::Deserialize;
pub use webauthn::{PageUrl, PageUrlError, WebauthnConfig};
pub use yubikey::{ServerUrl, ServerUrlError, YubikeyConfig};

/// Why a configuration is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A key or value is not one there is; the text names the line.
    #[error("{path}: {cause}")]
    Syntax {
        /// The file, or the environment.
        path: String,
        /// What is wrong, and where.
        cause: String,
    },
    /// Two things do not go together.
    #[error("{0}")]
    Rule(String),
}

/// All the server needs to know. Paths are relative to the folder of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are; nowhere when left out.
    pub metrics_listen: Option<SocketAddr>,
    /// This node's name in events; the host's name when left out.
    pub node: Option<String>,
    /// The name of the log (C2SP: its URL without scheme), which also names this authority.
    pub origin: Origin,
    /// The folder of the policy.
    pub policy: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// The key files.
    pub keys: Keys,
    /// TLS; without it the server only listens on loopback.
    pub tls: Option<Tls>,
    /// Listens without TLS beyond loopback, because something in front of the server does TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Where the audit trail goes; there is no running without (L10).
    pub log: Log,
    /// How long sessions last.
    #[serde(default)]
    pub session: Sessions,
    /// How much patience there is with clients.
    #[serde(default)]
    pub limits: Limits,
    /// What the recovery of an account takes.
    #[serde(default)]
    pub recovery: Recovery,
    /// Who validates the OTPs of Yubikeys; without it there is no such factor.
    pub yubikey: Option<YubikeyConfig>,
    /// Where people reach this server, such as `https://ca.example.com`; without it messages have no links.
    pub public_url: Option<String>,
    /// The e-mail addresses that hear of what looks like an attack, such as an account frozen by its owner.
    #[serde(default)]
    pub alerts: Vec<Email>,
    /// The page for security keys; without it there is no factor `webauthn`.
    pub webauthn: Option<WebauthnConfig>,
    /// How SMS are sent; without it there is no factor `sms`.
    pub sms: Option<Sms>,
    /// How e-mail is sent; without it nobody is notified.
    pub mail: Option<Mail>,
    /// What else hears what officers hear; nothing when left out.
    pub webhook: Option<Webhook>,
}

/// The key files, each readable by the server's user alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The CA's private key for users' certificates, in OpenSSH's format.
    pub ca: PathBuf,
    /// More of them, which profiles choose by fingerprint (`ca = "SHA256:..."`).
    #[serde(default)]
    pub more_cas: Vec<PathBuf>,
    /// The CA's private key for hosts' certificates; an authority from before there were any has none until
    /// `ca-server add-host-ca`, and does not start without.
    pub host_ca: Option<PathBuf>,
    /// The log's private key, as `PRIVATE+KEY+…`.
    pub log: PathBuf,
    /// The key that seals factor secrets in the database.
    pub sealing: PathBuf,
    /// The key that password hashes are made with.
    pub pepper: PathBuf,
}

/// The server's certificate and key, in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where the audit trail goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "store", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Log {
    /// A folder.
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// An S3 bucket; credentials come from where the AWS SDK looks for them.
    S3 {
        /// The bucket.
        bucket: String,
        /// What every key starts with.
        #[serde(default)]
        prefix: String,
        /// The region.
        #[serde(default = "default_region")]
        region: String,
        /// Another S3 than Amazon's, by URL.
        endpoint: Option<String>,
        /// Object Lock in compliance mode for this many days; none when left out.
        retention_days: Option<u32>,
        /// How long one operation may take, in seconds.
        #[serde(default = "default_deadline")]
        deadline_secs: u64,
    },
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

fn default_deadline() -> u64 {
    10
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// From the login on.
    pub absolute: Ttl,
    /// From the last use on.
    pub idle: Ttl,
}

impl Default for Sessions {
    /// 12 hours, and 1 hour of idling (OWASP ASVS 7).
    fn default() -> Self {
        let hours = |hours: u64| Ttl::from_secs(hours * 3600);
        Self { absolute: hours(12).unwrap_or(Ttl::MAX), idle: hours(1).unwrap_or(Ttl::MAX) }
    }
}

impl Config {
    /// Reads the file, applies the environment, and checks what the types alone do not.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, &path.display().to_string(), folder, std::env::vars())
    }

    fn parse(
        text: &str,
        name: &str,
        folder: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let syntax = |path: &str, cause: String| ConfigError::Syntax { path: path.to_owned(), cause };
        // Once as written, for errors with a line; once more with the environment over it.
        let _: Self = toml::from_str(text).map_err(|error| syntax(name, error.to_string()))?;
        let table = text.parse::<toml::Table>().map_err(|error| syntax(name, error.to_string()))?;
        let table = overrides::apply(table, environment).map_err(|cause| syntax("environment", cause))?;
        let mut config: Self =
            table.try_into().map_err(|error: toml::de::Error| syntax("environment", error.to_string()))?;
        config.resolve(folder);
        config.check()?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let mut paths = vec![&mut self.policy, &mut self.database];
        paths.extend([&mut self.keys.ca, &mut self.keys.log, &mut self.keys.sealing, &mut self.keys.pepper]);
        paths.extend(self.keys.host_ca.as_mut());
        paths.extend(self.keys.more_cas.iter_mut());
        if let Some(tls) = &mut self.tls {
            paths.extend([&mut tls.certificate, &mut tls.key]);
        }
        if let Log::Directory { path } = &mut self.log {
            paths.push(path);
        }
        paths.extend(self.yubikey.as_mut().map(|yubikey| &mut yubikey.api_key_file));
        if let Some(Sms { provider: SmsProvider::Twilio(twilio), .. }) = &mut self.sms {
            paths.push(&mut twilio.auth_file);
        }
        if let Some(mail) = &mut self.mail {
            paths.extend(mail.ca_file.as_mut());
            paths.extend(mail.login.as_mut().map(|login| &mut login.password_file));
        }
        if let Some(webhook) = &mut self.webhook {
            paths.push(&mut webhook.secret_file);
            paths.extend(webhook.ca_file.as_mut());
        }
        for path in paths {
            *path = folder.join(&*path);
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.tls.is_none() && !self.listen.ip().is_loopback() && !self.allow_plain_http {
            return Err(ConfigError::Rule(format!(
                "listen = \"{}\" is not loopback and there is no [tls]: passwords would cross the network in the clear. \
                 Add [tls], or allow_plain_http = true if a proxy in front does TLS",
                self.listen
            )));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://127.0.0.1:"))
        {
            return Err(ConfigError::Rule("public_url must begin with https://".to_owned()));
        }
        if self.session.idle > self.session.absolute {
            return Err(ConfigError::Rule("session.idle must not be above session.absolute".to_owned()));
        }
        if self.limits.silence <= self.limits.call {
            return Err(ConfigError::Rule("limits.silence must be above limits.call".to_owned()));
        }
        self.recovery.check().map_err(ConfigError::Rule)?;
        self.yubikey.as_ref().map_or(Ok(()), |yubikey| yubikey.check(&self.limits))
    }
}

#[cfg(test)]
mod tests;
