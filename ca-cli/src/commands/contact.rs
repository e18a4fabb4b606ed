//! Talking to a server: TLS, the session, and the pins that every contact is held against.

use ca_api::Trust;

use crate::cli::Global;
use crate::clock;
use crate::failure::{Failure, Result};
use crate::http::Server;
use crate::output;
use crate::pins::Pins;
use crate::secrets;
use crate::site::Site;
use crate::state::io_failure;

/// Reads the certificates of `--ca-file`.
fn ca_file(global: &Global) -> Result<Option<String>> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))
    };
    global.ca_file.as_ref().map(read).transpose()
}

/// Prepares to talk to the server, with a session's token if there is one.
pub(crate) fn connect(global: &Global, site: &Site, token: Option<String>) -> Result<Server> {
    let tls_ca = match ca_file(global)? {
        Some(pem) => Some(pem),
        None => site.pins()?.and_then(|pins| pins.tls_ca),
    };
    Server::new(site.url(), tls_ca.as_deref(), token)
}

/// Gives the token of the session at this server, if there is one: the environment's, or the one kept.
pub(crate) fn token(site: &Site) -> Result<Option<String>> {
    if let Some(token) = secrets::token_variable() {
        return Ok(Some(token));
    }
    Ok(site
        .session()?
        .filter(|session| !session.has_ended(clock::now_secs()))
        .map(|session| session.token.clone()))
}

/// Prepares to talk to the server as whoever is logged in.
pub(crate) fn connect_with_session(global: &Global, site: &Site) -> Result<Server> {
    let token = token(site)?.ok_or_else(|| {
        Failure::new("login-needed", format!("you are not logged in to {}", site.url()))
            .hint("Log in: ca login")
            .refused()
    })?;
    connect(global, site, Some(token))
}

/// Asks the server for its keys.
pub(crate) fn ask_keys(global: &Global, site: &Site, server: &Server) -> Result<Pins> {
    let trust: Trust = server.get_anonymously("/v1/trust")?;
    let tls_ca = match ca_file(global)? {
        Some(pem) => Some(pem),
        None => site.pins()?.and_then(|pins| pins.tls_ca),
    };
    Pins::new(site.url(), &trust, clock::now_secs(), tls_ca)
}

/// Holds the server against what was pinned; at first contact pins what it says, in so many words.
pub(crate) fn check_pins(global: &Global, site: &Site, server: &Server) -> Result<Pins> {
    let found = ask_keys(global, site, server)?;
    if let Some(pinned) = site.pins()? {
        let changes = pinned.changes(&found);
        if !changes.is_empty() {
            return Err(pinned.mismatch(&changes));
        }
        // Another certificate for TLS may be named at any time; what is pinned stays.
        let pins = Pins { tls_ca: found.tls_ca, ..pinned.clone() };
        if pins != pinned {
            site.save_pins(&pins)?;
        }
        return Ok(pins);
    }
    site.save_pins(&found)?;
    output::note(&format!("First contact with {}. From now on these are held against it:", site.url()));
    output::note(&found.describe());
    output::note("Compare them with what your security officers publish.");
    Ok(found)
}
