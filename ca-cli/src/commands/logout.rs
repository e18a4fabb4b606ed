//! `ca logout`: ends the session here and on the server.

use super::contact;
use crate::cli::Global;
use crate::failure::{Exit, Result};
use crate::output;
use crate::site::Site;

pub(super) fn run(global: &Global) -> Result<Exit> {
    let site = Site::choose(global)?;
    let Some(token) = contact::token(&site)? else {
        site.remove_session()?;
        output::note(&format!("There was no session at {}.", site.url()));
        return Ok(Exit::Good);
    };
    let ended = contact::connect(global, &site, Some(token)).and_then(|server| server.delete("/v1/session"));
    // Whatever the server says, this machine forgets.
    site.remove_session()?;
    match ended {
        // It had ended already.
        Err(failure) if failure.status() != 401 => {
            Err(failure.hint("This machine has forgotten the session; at the server it ends by itself."))
        }
        _ => {
            output::note(&format!("Logged out of {}.", site.url()));
            Ok(Exit::Good)
        }
    }
}
