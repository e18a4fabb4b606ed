//! Security keys: shown to a browser, here or on another device, while this program waits.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ca_api::{
    Ceremony, CeremonyPoll, CeremonyRequest, Factor, FactorRequest, LoginSession, NewSecurityKey, Secret,
};

use crate::failure::{Failure, Result};
use crate::http::Server;
use crate::output;
use crate::render::text::plain;

/// What this kind of factor is called.
pub(super) const KIND: &str = "webauthn";

/// The shortest and the longest pause between two questions, in seconds, whatever the server asks for.
const PAUSE_SECS: (u64, u64) = (1, 5);

/// Shows a security key as the second factor of a login.
pub(super) fn log_in(server: &Server, challenge: Secret, open: bool) -> Result<LoginSession> {
    let request = CeremonyRequest { challenge: challenge.clone() };
    let ceremony: Ceremony = server.post("/v1/login/webauthn", &request)?;
    show(&ceremony, open);
    let second = FactorRequest { challenge, kind: KIND.to_owned(), code: ceremony.poll.clone() };
    wait(lasts(&ceremony), || server.post("/v1/login/factor", &second), std::thread::sleep)
}

/// Makes a security key a factor of the account.
pub(super) fn register(server: &Server, label: String, open: bool) -> Result<Factor> {
    let ceremony: Ceremony = server.post("/v1/account/factors/webauthn", &NewSecurityKey { label })?;
    show(&ceremony, open);
    let poll = CeremonyPoll { poll: ceremony.poll.clone() };
    let ask = || server.post("/v1/account/factors/webauthn/confirm", &poll);
    wait(lasts(&ceremony), ask, std::thread::sleep)
}

fn lasts(ceremony: &Ceremony) -> Duration {
    Duration::from_secs(ceremony.expires_in_secs)
}

fn show(ceremony: &Ceremony, open: bool) {
    output::note("Show your security key to a browser. On this machine, open");
    output::note(&format!("    {}", plain(&ceremony.url.0)));
    if let Some(code) = &ceremony.code {
        let page = plain(&ceremony.page);
        output::note(&format!("or, on another device, {page} and type {}", plain(&code.0)));
        output::note("Give the code to nobody: whoever began this gets the session.");
    }
    output::note(&format!("Waiting for it, {} minutes at most.", ceremony.expires_in_secs.div_ceil(60)));
    if open && !start_browser(&ceremony.url.0) {
        output::note("No browser could be started: open the page yourself.");
    }
}

/// Starts a browser on an address of the web, and lets it be; nothing else is ever handed to the desktop.
fn start_browser(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://localhost");
    let mut command = Command::new("xdg-open");
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    is_web && command.spawn().is_ok()
}

/// Asks until there is an answer, or it is too late. Nothing is kept meanwhile, so it can be interrupted at any time.
fn wait<T>(
    lasts: Duration,
    mut ask: impl FnMut() -> Result<T>,
    mut pause: impl FnMut(Duration),
) -> Result<T> {
    let begun = Instant::now();
    let mut waited = Duration::ZERO;
    loop {
        let failure = match ask() {
            Err(failure) if is_early(&failure) => failure,
            done => return done,
        };
        if begun.elapsed().max(waited) >= lasts {
            return Err(Failure::new("webauthn-expired", "nobody showed the security key in time").refused());
        }
        let secs = failure.retry_after_secs().unwrap_or_default().clamp(PAUSE_SECS.0, PAUSE_SECS.1);
        waited += Duration::from_secs(secs);
        pause(Duration::from_secs(secs));
    }
}

/// Tells whether it may only be too early: the key was not shown yet, or the server is away or busy for a moment.
fn is_early(failure: &Failure) -> bool {
    failure.is("webauthn-pending") || failure.is("unreachable") || matches!(failure.status(), 502..=504)
}

#[cfg(test)]
mod tests {
    use ca_api::Problem;

    use super::*;

    fn said(word: &str, status: u16) -> Failure {
        let (kind, title) = (format!("{}{word}", Problem::PREFIX), word.to_owned());
        let (detail, hint, instance) = (None, None, None);
        Failure::from(Problem { kind, title, status, detail, hint, retry_after_secs: Some(60), instance })
    }

    #[test]
    fn it_waits_until_the_key_was_shown() {
        let mut answers =
            vec![Ok(7), Err(said("unavailable", 503)), Err(said("webauthn-pending", 409))].into_iter().rev();
        let mut pauses = Vec::new();
        let got = wait(Duration::from_mins(5), || answers.next().unwrap(), |pause| pauses.push(pause));
        assert_eq!((got.unwrap(), pauses), (7, vec![Duration::from_secs(5); 2]));
    }

    #[test]
    fn a_no_ends_the_wait() {
        let got: Result<()> =
            wait(Duration::from_mins(5), || Err(said("webauthn-refused", 401)), |_| panic!("it waits"));
        assert!(got.unwrap_err().is("webauthn-refused"));
    }

    #[test]
    fn it_does_not_wait_for_ever() {
        let mut asked = 0;
        let ask = || -> Result<()> {
            asked += 1;
            Err(said("webauthn-pending", 409))
        };
        assert!(wait(Duration::from_secs(20), ask, |_| ()).unwrap_err().is("webauthn-expired"));
        assert_eq!(asked, 5);
    }
}
