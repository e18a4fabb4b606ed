//! Showing who one is: the password, then a second factor.

use std::io::{BufRead as _, Write as _};

use ca_api::{FactorRequest, LoginChallenge, LoginRequest, LoginSession, Secret, SmsRequest, SmsSent};

use super::webauthn;
use crate::cli::Credentials;
use crate::failure::{Failure, Result};
use crate::http::Server;
use crate::output;
use crate::render::text::plain;
use crate::secrets;
use crate::site::Site;

/// What the session is to be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Certificates.
    Access,
    /// Changing the account, for a few minutes.
    Account,
}

/// Logs in, and keeps what this machine shows next time; `known` is whose session is kept here, for who does not name themselves.
pub(super) fn log_in(
    site: &Site,
    server: &Server,
    known: Option<&str>,
    options: &Credentials,
    purpose: Purpose,
) -> Result<LoginSession> {
    if options.phone.is_some() && options.factor.as_ref().is_some_and(|factor| factor != "sms") {
        return Err(Failure::new("usage", "--phone is for the factor sms"));
    }
    let user = match options.user.as_deref().or(known) {
        Some(user) => user.to_owned(),
        None => ask("User: ")?,
    };
    let password = secrets::PASSWORD.read(options.password_fd, "Password")?;
    let purpose = (purpose == Purpose::Account).then(|| "account".to_owned());
    let first =
        LoginRequest { user, password: Secret(password.to_string()), purpose, device: site.device()? };
    let challenge: LoginChallenge = server.post("/v1/login", &first)?;

    let asked = options.factor.as_deref().or(options.phone.as_ref().map(|_| "sms"));
    let kind = choose_factor(&challenge.factors, asked)?;
    if kind == "sms" {
        let request = SmsRequest { challenge: challenge.challenge.clone(), phone: options.phone.clone() };
        let sent: SmsSent = server.post("/v1/login/sms", &request)?;
        output::note(&format!("A code is on its way to {}.", sent.number));
        if !sent.others.is_empty() {
            output::note(&format!("To another phone: --phone LABEL, of {}.", plain(&sent.others.join(", "))));
        }
    }
    let login = if kind == webauthn::KIND {
        webauthn::log_in(server, challenge.challenge, options.open)?
    } else {
        let code = secrets::CODE.read_code(options.code_fd, &code_prompt(&kind))?;
        server.post("/v1/login/factor", &FactorRequest { challenge: challenge.challenge, kind, code })?
    };
    if let Some(device) = &login.device {
        site.save_device(device)?;
    }
    Ok(login)
}

/// Takes the factor asked for, the only one there is besides recovery codes, or what the person chooses.
fn choose_factor(has: &[String], asked: Option<&str>) -> Result<String> {
    let mut usual = has.iter().filter(|kind| *kind != "recovery");
    if let (None, Some(only), None) = (asked, usual.next(), usual.next()) {
        return Ok(only.clone());
    }
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
        assert_eq!(choose_factor(&has(&["totp", "recovery"]), None).unwrap(), "totp");
        assert_eq!(choose_factor(&has(&["totp", "recovery"]), Some("recovery")).unwrap(), "recovery");
        assert_eq!(choose_factor(&has(&["recovery"]), None).unwrap(), "recovery");
        assert_eq!(choose_factor(&has(&["totp", "sms"]), Some("sms")).unwrap(), "sms");
        assert!(choose_factor(&has(&["totp"]), Some("sms")).is_err());
        assert!(choose_factor(&has(&[]), None).is_err());
    }
}
