//! `[webhook]`: a program of the operator's that hears what officers hear.

use std::path::PathBuf;

use ca_core::time::Ttl;
use reqwest::Url;
use serde::Deserialize;

use super::{default_timeout, is_loopback};

/// Where notices to officers are posted, too.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Webhook {
    /// Where to.
    pub url: WebhookUrl,
    /// The file with the secret that every call is signed with, readable by the server's user alone.
    pub secret_file: PathBuf,
    /// Whether it may be in a private network or on this machine (S4).
    pub allow_private: bool,
    /// A file with certificates in PEM to trust instead of the platform's.
    pub ca_file: Option<PathBuf>,
    /// How long it may take for one call.
    pub timeout: Ttl,
}

/// The address of a webhook; what is behind the host may be a secret of its own and is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// Gives the address.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Gives the host, which may be shown.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WebhookUrl").field(&self.host()).finish()
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const FORM: &str = "write webhook.url as \"https://host/path\"";
        let url = Url::parse(&text).map_err(|error| format!("{error}: {FORM}"))?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
            return Err(FORM.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(format!("{FORM}, without a user, a password or a fragment"));
        }
        Ok(Self(url))
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: WebhookUrl,
    secret_file: PathBuf,
    #[serde(default)]
    allow_private: bool,
    ca_file: Option<PathBuf>,
    #[serde(default = "default_timeout")]
    timeout: Ttl,
}

impl TryFrom<Written> for Webhook {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { url, secret_file, allow_private, ca_file, timeout } = written;
        let plain = url.as_url().scheme() == "http";
        if plain && !(allow_private && is_loopback(url.host())) {
            return Err(
                "webhook.url must begin with https://; http:// is for this machine alone, and needs \
                        webhook.allow_private = true"
                    .to_owned(),
            );
        }
        if plain && ca_file.is_some() {
            return Err("webhook.ca_file goes with TLS, which http:// does without: leave it out".to_owned());
        }
        // A message that is being sent is left alone for two minutes, and then sent again.
        if timeout.secs() > 60 {
            return Err("webhook.timeout must be at most 60s".to_owned());
        }
        Ok(Self { url, secret_file, allow_private, ca_file, timeout })
    }
}
