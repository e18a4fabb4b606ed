//! `ca accept`: the owner takes over an account that an officer made.

use ca_api::{InvitationAccepted, InvitationBegun, PendingFactor, Secret, Welcome};

use super::account::show_pending;
use super::contact;
use crate::cli::{Accept, Global};
use crate::failure::{Exit, Result};
use crate::http::Server;
use crate::output;
use crate::secrets;
use crate::site::Site;

/// How many codes may be typed.
const TRIES: u8 = 3;

pub(super) fn run(global: &Global, options: &Accept) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect(global, &site, None)?;
    contact::check_pins(global, &site, &server)?;
    let token = secrets::INVITATION.read(options.invitation_fd, "Invitation")?;
    let token = Secret(token.trim().to_owned());
    // An invitation that is over is said so before anything is chosen.
    let begin = |password| server.post("/v1/invitation", &InvitationBegun { token: token.clone(), password });
    let _: PendingFactor = begin(None)?;
    output::note("Choose a password of 8 or more characters; anything goes.");
    let password = secrets::NEW_PASSWORD.read_new(options.new_password_fd, "Password")?;
    let password = Secret(password.to_string());
    let pending: PendingFactor = begin(Some(password.clone()))?;
    show_pending(global, &pending)?;
    let welcome = confirm(&server, options, (&token, &password), &pending.id)?;
    if global.json {
        output::json(&welcome);
        return Ok(Exit::Good);
    }
    output::note(&format!("Welcome, {}. Recovery codes, shown this once; keep them offline:", welcome.user));
    welcome.recovery_codes.iter().for_each(|code| output::data(&format!("{}\n", code.0)));
    output::note("Next: `ca login`.");
    Ok(Exit::Good)
}

/// Shows the first factor; whoever types the code has a few tries, since the app has been told its secret already.
fn confirm(
    server: &Server,
    options: &Accept,
    (token, password): (&Secret, &Secret),
    factor: &str,
) -> Result<Welcome> {
    let mut tries = if secrets::NEW_CODE.is_typed(options.new_code_fd) { TRIES } else { 1 };
    loop {
        tries -= 1;
        let code = secrets::NEW_CODE.read_code(options.new_code_fd, "Code from the app")?;
        let accepted = InvitationAccepted {
            token: token.clone(),
            password: password.clone(),
            factor: factor.to_owned(),
            code,
        };
        match server.post("/v1/invitation/accept", &accepted) {
            Err(failure) if tries > 0 && failure.is("wrong-code") => {
                output::note("That is not its code. Try the next one.");
            }
            done => return done,
        }
    }
}
