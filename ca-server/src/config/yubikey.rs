//! Who validates the OTPs of Yubikeys.

use std::path::PathBuf;

use ca_core::time::Ttl;
use reqwest::Url;
use serde::Deserialize;

use super::{ConfigError, Limits};
use crate::factors::yubikey::protocol::SyncLevel;

/// Yubico's own validation servers, behind one name.
const YUBICLOUD: &str = "https://api.yubico.com/wsapi/2.0/verify";

/// How validation servers are asked. Get an id and a key for Yubico's at <https://upgrade.yubico.com/getapikey/>.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YubikeyConfig {
    /// The number under which the servers know the API key.
    pub client_id: u64,
    /// The file of the API key in base64, readable by the server's user alone.
    pub api_key_file: PathBuf,
    /// The servers, all of which know the key; asked side by side. Yubico's when left out.
    #[serde(default = "yubicloud")]
    pub urls: Vec<ServerUrl>,
    /// How many others a server asks before it answers; its choice when left out.
    pub sl: Option<SyncLevel>,
    /// How long the servers may take, all together.
    #[serde(default = "default_timeout")]
    pub timeout: Ttl,
}

impl YubikeyConfig {
    /// Checks what the types alone do not.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), ConfigError> {
        if self.urls.is_empty() {
            return Err(ConfigError::Rule(
                "yubikey.urls names no server: leave it out to ask Yubico's".to_owned(),
            ));
        }
        if self.timeout >= limits.call {
            return Err(ConfigError::Rule("yubikey.timeout must be below limits.call".to_owned()));
        }
        Ok(())
    }
}

fn yubicloud() -> Vec<ServerUrl> {
    ServerUrl::try_from(YUBICLOUD.to_owned()).into_iter().collect()
}

fn default_timeout() -> Ttl {
    Ttl::from_secs(5).unwrap_or(Ttl::MAX)
}

/// A text is not the address of a validation server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the address of a validation server: write https://HOST/wsapi/2.0/verify, without user or query; \
     http only to an address such as 127.0.0.1"
)]
pub struct ServerUrlError(String);

/// The address of a validation server: `https`, or `http` to a loopback address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Gives the address.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        match Url::parse(&text) {
            Ok(url) if is_safe(&url) && is_bare(&url) => Ok(Self(url)),
            _ => Err(ServerUrlError(text)),
        }
    }
}

/// What is sent in the clear stays on this machine; a name such as `localhost` may lead elsewhere.
fn is_safe(url: &Url) -> bool {
    let is_loopback = || {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback())
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}
