//! Which server, and where what is known about it is kept.

use ca_api::Secret;
use ca_core::names::RequestId;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::cli::Global;
use crate::failure::{Failure, Result};
use crate::pending::PendingFile;
use crate::pins::Pins;
use crate::session::SavedSession;
use crate::state::StateDir;

/// The file that names the server used last.
const CURRENT: &str = "server";

/// The folder with a folder for each server.
const SERVERS: &str = "servers";

/// A server and the folder of what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    url: String,
    folder: String,
    state: StateDir,
}

impl Site {
    /// Takes the server from `--server`, from the environment, or the one logged in to last.
    pub(crate) fn choose(global: &Global) -> Result<Self> {
        Self::choose_if_any(global)?.ok_or_else(|| {
            Failure::new("no-server", "which server?")
                .hint("Name it once: ca login --server https://ca.example.com")
        })
    }

    /// Takes the server as [`Site::choose`] does; `None` when none was ever named.
    pub(crate) fn choose_if_any(global: &Global) -> Result<Option<Self>> {
        let state = StateDir::find()?;
        let named = match &global.server {
            Some(url) => Some(url.clone()),
            None => state.read(CURRENT)?.map(|url| url.trim().to_owned()),
        };
        named.map(|url| Self::new(&url, state)).transpose()
    }

    /// Takes the server of a URL, and the path at that server, with a slash at its end.
    pub(crate) fn of_url(text: &str) -> Result<(Self, String)> {
        let not_one = |error: &dyn std::fmt::Display| {
            Failure::new("usage", format!("{text:?} is not an address: {error}"))
        };
        let url = Url::parse(text).map_err(|error| not_one(&error))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(not_one(&"it has more than a host and a path"));
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        let mut server = url;
        server.set_path("/");
        Ok((Self::new(server.as_str(), StateDir::find()?)?, path))
    }

    fn new(text: &str, state: StateDir) -> Result<Self> {
        let url = parse_url(text)?;
        Ok(Self {
            folder: format!("{SERVERS}/{}", folder_name(&url)),
            url: url.origin().ascii_serialization(),
            state,
        })
    }

    /// Gives the address, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives what was pinned of this server.
    pub(crate) fn pins(&self) -> Result<Option<Pins>> {
        let pins =
            self.state.read(&self.file("pins.json"))?.map(|text| Pins::from_json(&text)).transpose()?;
        Ok(pins.filter(|pins| pins.server == self.url))
    }

    /// Keeps what is pinned of this server.
    pub(crate) fn save_pins(&self, pins: &Pins) -> Result<()> {
        self.state.write(&self.file("pins.json"), &pins.to_json())
    }

    /// Gives the session at this server.
    pub(crate) fn session(&self) -> Result<Option<SavedSession>> {
        let text = self.state.read(&self.file("session.json"))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps a session, and takes this server as the one to use from now on.
    pub(crate) fn save_session(&self, session: &SavedSession) -> Result<()> {
        let text = serde_json::to_string_pretty(session).unwrap_or_default();
        self.state.write(&self.file("session.json"), &text)?;
        self.state.write(CURRENT, &self.url)
    }

    /// Gives what this machine shows at a login, so that others cannot hold it up.
    pub(crate) fn device(&self) -> Result<Option<Secret>> {
        Ok(self.state.read(&self.file("device"))?.map(Secret))
    }

    /// Keeps what this machine shows at its next login.
    pub(crate) fn save_device(&self, device: &Secret) -> Result<()> {
        self.state.write(&self.file("device"), &device.0)
    }

    /// Forgets the session.
    pub(crate) fn remove_session(&self) -> Result<()> {
        self.state.remove(&self.file("session.json"))
    }

    /// Gives a request of this machine's that waits.
    pub(crate) fn pending(&self, id: RequestId) -> Result<Option<PendingFile>> {
        let text = self.state.read(&self.file(&pending_name(id)))?.map(Zeroizing::new);
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps a request that waits, with the key that was made for it.
    pub(crate) fn save_pending(&self, id: RequestId, pending: &PendingFile) -> Result<()> {
        let text = Zeroizing::new(serde_json::to_string_pretty(pending).unwrap_or_default());
        self.state.write(&self.file(&pending_name(id)), &text)
    }

    /// Forgets a request that is over.
    pub(crate) fn remove_pending(&self, id: RequestId) -> Result<()> {
        self.state.remove(&self.file(&pending_name(id)))
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// Gives the pins of every server, the one used last first.
pub(crate) fn all_pins() -> Vec<Pins> {
    let Ok(state) = StateDir::find() else { return Vec::new() };
    let current = state.read(CURRENT).ok().flatten().unwrap_or_default();
    let files = state.folders(SERVERS).into_iter().map(|folder| format!("{SERVERS}/{folder}/pins.json"));
    let mut pins: Vec<Pins> = files
        .filter_map(|file| state.read(&file).ok().flatten())
        .filter_map(|text| Pins::from_json(&text).ok())
        .collect();
    pins.sort_by_key(|pins| pins.server != current.trim());
    pins
}

fn pending_name(id: RequestId) -> String {
    format!("pending/{id}.json")
}

fn parse_url(text: &str) -> Result<Url> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let usage = |what: &str| {
        Failure::new("usage", format!("{text:?} {what}")).hint("A server looks like https://ca.example.com")
    };
    let url = Url::parse(&with_scheme).map_err(|error| usage(&format!("is not an address: {error}")))?;
    let plain = match url.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err(usage("is neither https nor http")),
    };
    if url.host_str().is_none()
        || !matches!(url.path(), "" | "/")
        || url.query().is_some()
        || !url.username().is_empty()
    {
        return Err(usage("has more than a host and a port"));
    }
    if plain && !is_loopback(&url) {
        return Err(usage("would send your password in the clear")
            .hint("Use https. Plain http is for this machine only."));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes a folder's name of host and port; whose it is stands inside.
fn folder_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!("_{port}")).unwrap_or_default();
    let plain = if url.scheme() == "http" { "http_" } else { "" };
    format!("{plain}{host}{port}").replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, folder) in [
            ("ca.example.com", "ca.example.com"),
            ("https://ca.example.com/", "ca.example.com"),
            ("https://ca.example.com:8443", "ca.example.com_8443"),
            ("http://127.0.0.1:80", "http_127.0.0.1"),
            ("http://[::1]:8080", "http____1__8080"),
            ("http://localhost:1", "http_localhost_1"),
        ] {
            assert_eq!(folder_name(&parse_url(text).unwrap()), folder, "{text}");
        }
        for bad in
            ["", "ftp://x", "https://x/y", "https://u@x", "https://x?y", "http://ca.example.com", "https://"]
        {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
