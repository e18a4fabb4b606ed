//! `ca login`: a password, then a second factor; the session is kept for the commands that follow.

use std::io::{BufRead as _, Write as _};

use ca_api::{FactorRequest, LoginChallenge, LoginRequest, LoginSession, Secret};
use serde::Serialize;

use super::contact;
use crate::cli::{Global, Login};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pins::Pins;
use crate::render::time::local;
use crate::secrets;
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

    let user = match &options.user {
        Some(user) => user.clone(),
        None => ask("User: ")?,
    };
    let password = secrets::PASSWORD.read(options.password_fd, "Password")?;
    let first = LoginRequest { user, password: Secret(password.to_string()) };
    let challenge: LoginChallenge = server.post("/v1/login", &first)?;

    let kind = choose_factor(&challenge.factors, options.factor.as_deref())?;
    let code = secrets::CODE.read(options.code_fd, &code_prompt(&kind))?;
    let second = FactorRequest { challenge: challenge.challenge, kind, code: Secret(code.trim().to_owned()) };
    let login: LoginSession = server.post("/v1/login/factor", &second)?;

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

/// Takes the factor asked for, the only one there is, or what the person chooses.
fn choose_factor(has: &[String], asked: Option<&str>) -> Result<String> {
    match (asked, has) {
        (Some(kind), _) if has.iter().any(|h| h == kind) => Ok(kind.to_owned()),
        (Some(kind), _) => {
            let hint = format!("It has: {}", has.join(", "));
            Err(Failure::new("no-such-factor", format!("the account has no factor {kind:?}"))
                .hint(hint)
                .refused())
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Failure::new("no-factor", "the account has no second factor")
            .hint("Ask an officer to add one.")
            .refused()),
        (None, _) => {
            let kind = ask(&format!("Second factor ({}): ", has.join(", ")))?;
            choose_factor(has, Some(&kind))
        }
    }
}

fn code_prompt(kind: &str) -> String {
    match kind {
        "totp" => "Code from the app".to_owned(),
        "sms" => "Code from the message".to_owned(),
        "yubikey" => "Touch the Yubikey".to_owned(),
        "recovery" => "Recovery code".to_owned(),
        other => format!("Code ({other})"),
    }
}

/// Asks at the terminal for something that is no secret.
fn ask(prompt: &str) -> Result<String> {
    let terminal = || std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty");
    let answer = terminal().and_then(|mut tty| {
        tty.write_all(prompt.as_bytes())?;
        let mut line = String::new();
        std::io::BufReader::new(tty).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    });
    let answer = answer.map_err(|_| {
        let what = prompt.trim_end_matches([':', ' ']).to_lowercase();
        Failure::new("no-terminal", format!("there is no terminal to ask for the {what}"))
            .hint("Name it: --user NAME, --factor KIND")
    })?;
    if answer.is_empty() { Err(Failure::new("usage", "nothing was entered")) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_the_one_asked_for_or_the_only_one() {
        let has = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
        assert_eq!(choose_factor(&has(&["totp"]), None).unwrap(), "totp");
        assert_eq!(choose_factor(&has(&["totp", "sms"]), Some("sms")).unwrap(), "sms");
        assert!(choose_factor(&has(&["totp"]), Some("sms")).is_err());
        assert!(choose_factor(&has(&[]), None).is_err());
    }
}
