//! `ca accept`: the owner takes over an account that an officer made.

use ca_api::{InvitationAccepted, InvitationBegun, PendingFactor, Secret, Welcome};

use super::account::show_pending;
use super::contact;
use crate::cli::{Accept, Global};
use crate::failure::{Exit, Result};
use crate::output;
use crate::secrets;
use crate::site::Site;

pub(super) fn run(global: &Global, options: &Accept) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect(global, &site, None)?;
    contact::check_pins(global, &site, &server)?;
    let token = secrets::INVITATION.read(options.invitation_fd, "Invitation")?;
    let token = Secret(token.trim().to_owned());
    let pending: PendingFactor = server.post("/v1/invitation", &InvitationBegun { token: token.clone() })?;
    output::note("Choose a password of 8 or more characters; anything goes.");
    let password = secrets::NEW_PASSWORD.read_new(options.new_password_fd, "Password")?;
    show_pending(global, &pending)?;
    let code = secrets::NEW_CODE.read(options.new_code_fd, "Code from the app")?;
    let accepted = InvitationAccepted {
        token,
        password: Secret(password.to_string()),
        factor: pending.id,
        code: Secret(code.trim().to_owned()),
    };
    let welcome: Welcome = server.post("/v1/invitation/accept", &accepted)?;
    if global.json {
        output::json(&welcome);
        return Ok(Exit::Good);
    }
    output::note(&format!("Welcome, {}. Recovery codes, shown this once; keep them offline:", welcome.user));
    welcome.recovery_codes.iter().for_each(|code| output::data(&format!("{}\n", code.0)));
    output::note("Next: `ca login`.");
    Ok(Exit::Good)
}
