//! `ca login`: a password, then a second factor; the session is kept for the commands that follow.

use serde::Serialize;

use super::contact;
use super::credentials::{self, Purpose};
use crate::cli::{Global, Login};
use crate::failure::{Exit, Result};
use crate::output;
use crate::pins::Pins;
use crate::render::time::local;
use crate::session::SavedSession;
use crate::site::Site;

/// What `--json` prints.
#[derive(Serialize)]
struct LoggedIn<'a> {
    server: &'a str,
    session: &'a ca_api::Session,
    log_key: String,
    ca_fingerprints: Vec<String>,
}

pub(super) fn run(global: &Global, options: &Login) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect(global, &site, None)?;
    // Before a secret is typed: is this the server it was?
    let pins = contact::check_pins(global, &site, &server)?;
    let login = credentials::log_in(&site, &server, None, &options.credentials, Purpose::Access)?;
    site.save_session(&SavedSession::new(&login))?;
    report(global, &site, &pins, &login.session);
    Ok(Exit::Good)
}

fn report(global: &Global, site: &Site, pins: &Pins, session: &ca_api::Session) {
    if global.json {
        let ca_fingerprints = pins.user_ca_keys.iter().map(|key| key.fingerprint().to_string()).collect();
        let log_key = pins.log_key.to_string();
        return output::json(&LoggedIn { server: site.url(), session, log_key, ca_fingerprints });
    }
    let until = local(ca_core::time::UnixSeconds(session.expires_at));
    output::note(&format!("Logged in as {} until {until}.", session.user));
}
