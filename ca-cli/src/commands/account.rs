//! `ca factor`, `ca password`, `ca recovery codes`: what people change of their own account.
//!
//! A session alone changes nothing: each change logs in for itself, and most end every other session.

use std::io::IsTerminal as _;

use ca_api::{
    Account, Factor, FactorProof, NewFactor, NewPassword, NewPhone, NewYubikey, PendingFactor, PendingPhone,
    RecoveryCodes, Secret,
};
use ca_core::time::UnixSeconds;

use super::contact;
use super::credentials::{self, Purpose};
use super::webauthn;
use crate::cli::{self, AddFactor, Credentials, Global, RemoveFactor};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::render::time::local;
use crate::secrets;
use crate::site::Site;

/// `ca factor …`.
pub(super) fn factor(global: &Global, command: &cli::Factor) -> Result<Exit> {
    match command {
        cli::Factor::Add(options) => add(global, options),
        cli::Factor::List => list(global),
        cli::Factor::Remove(options) => remove(global, options),
    }
}

fn add(global: &Global, options: &AddFactor) -> Result<Exit> {
    let label = options.label.clone().unwrap_or_else(|| options.kind.default_label().to_owned());
    changing(global, &options.credentials, |server| {
        let factor = match options.kind {
            cli::FactorKind::Totp => add_totp(global, server, options, label),
            cli::FactorKind::Sms => add_phone(global, server, options, label),
            cli::FactorKind::Yubikey => add_yubikey(server, options, label),
            cli::FactorKind::Webauthn => webauthn::register(server, label, options.credentials.open),
        }?;
        output::note(&format!("Added {} \"{}\".", factor.kind, factor.label));
        sessions_ended(global)
    })
}

fn add_totp(global: &Global, server: &Server, options: &AddFactor, label: String) -> Result<Factor> {
    let new = NewFactor { kind: "totp".to_owned(), label };
    let pending: PendingFactor = server.post("/v1/account/factors", &new)?;
    show_pending(global, &pending)?;
    confirm(server, options, &pending.id, "Code from the new app")
}

fn add_phone(global: &Global, server: &Server, options: &AddFactor, label: String) -> Result<Factor> {
    output::note("SMS is the weakest factor: numbers can be taken over. Prefer an app or a security key.");
    let number = options.number.clone().ok_or_else(|| {
        Failure::new("usage", "which number?").hint("Name it: ca factor add sms --number +49…")
    })?;
    let new = NewPhone { label, number: Secret(number) };
    let pending: PendingPhone = server.post("/v1/account/factors/sms", &new)?;
    output::note(&format!("A code is on its way to {}.", pending.number));
    if global.json {
        output::json(&pending);
    }
    confirm(server, options, &pending.id, "Code from the message")
}

fn add_yubikey(server: &Server, options: &AddFactor, label: String) -> Result<Factor> {
    let otp = secrets::NEW_CODE.read(options.new_code_fd, "Touch the new Yubikey")?;
    let new = NewYubikey { label, otp: Secret(otp.trim().to_owned()) };
    server.post("/v1/account/factors/yubikey", &new)
}

/// Shows that the new factor works.
fn confirm(server: &Server, options: &AddFactor, id: &str, prompt: &str) -> Result<Factor> {
    let proof = FactorProof { code: secrets::NEW_CODE.read_code(options.new_code_fd, prompt)? };
    server.post(&format!("/v1/account/factors/{id}"), &proof)
}

/// Shows the secret, this once.
pub(super) fn show_pending(global: &Global, pending: &PendingFactor) -> Result<()> {
    if global.json {
        output::json(pending);
        return Ok(());
    }
    if std::io::stderr().is_terminal() {
        let code = qrcode::QrCode::new(pending.otpauth_url.0.as_bytes())
            .map_err(|error| Failure::new("qr", format!("the QR code cannot be drawn: {error}")))?;
        output::note(&code.render::<qrcode::render::unicode::Dense1x2>().build());
    }
    output::note(&format!("Secret, shown this once: {}", grouped(&pending.secret.0)));
    output::note(&format!("Or as a link: {}", pending.otpauth_url.0));
    Ok(())
}

fn grouped(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn list(global: &Global) -> Result<Exit> {
    let site = Site::choose(global)?;
    let account: Account = contact::connect_with_session(global, &site)?.get("/v1/account")?;
    if global.json {
        output::json(&account);
        return Ok(Exit::Good);
    }
    for factor in &account.factors {
        let used = factor.last_used_at.map_or_else(|| "never used".to_owned(), |at| local(UnixSeconds(at)));
        output::data(&format!("{:<9} {:<24} {:<28} {}\n", factor.kind, factor.label, used, factor.id));
    }
    match account.recovery_codes_left {
        0 => output::note("No recovery codes: print some with `ca recovery codes`."),
        left => output::note(&format!("{left} recovery codes left.")),
    }
    Ok(Exit::Good)
}

fn remove(global: &Global, options: &RemoveFactor) -> Result<Exit> {
    changing(global, &options.credentials, |server| {
        let account: Account = server.get("/v1/account")?;
        let meant = |factor: &&Factor| factor.id == options.which || factor.label == options.which;
        let factor = account.factors.iter().find(meant).ok_or_else(|| {
            Failure::new("no-such-factor", format!("the account has no factor {:?}", options.which))
                .hint("See what it has: ca factor list")
                .refused()
        })?;
        server.delete(&format!("/v1/account/factors/{}", factor.id))?;
        output::note(&format!("Removed {} \"{}\".", factor.kind, factor.label));
        sessions_ended(global)
    })
}

/// `ca password`.
pub(super) fn password(global: &Global, options: &cli::Password) -> Result<Exit> {
    changing(global, &options.credentials, |server| {
        let new = secrets::NEW_PASSWORD.read_new(options.new_password_fd, "New password")?;
        server.put("/v1/account/password", &NewPassword { password: Secret(new.to_string()) })?;
        output::note("The password is changed.");
        sessions_ended(global)
    })
}

/// `ca recovery codes`.
pub(super) fn recovery_codes(global: &Global, credentials: &Credentials) -> Result<Exit> {
    changing(global, credentials, |server| {
        let codes: RecoveryCodes = server.post("/v1/account/recovery-codes", &serde_json::json!({}))?;
        if global.json {
            output::json(&codes);
        } else {
            output::note("Recovery codes, shown this once. Each works once. Print them, keep them offline:");
            codes.codes.iter().for_each(|code| output::data(&format!("{}\n", code.0)));
        }
        sessions_ended(global)
    })
}

/// Logs in for a change, makes it, and ends that session, whatever came of it.
pub(super) fn changing(
    global: &Global,
    credentials: &Credentials,
    change: impl FnOnce(&Server) -> Result<()>,
) -> Result<Exit> {
    let site = Site::choose(global)?;
    let server = contact::connect(global, &site, None)?;
    contact::check_pins(global, &site, &server)?;
    let kept = site.session()?;
    let known = kept.as_ref().map(|session| session.user.as_str());
    let login = credentials::log_in(&site, &server, known, credentials, Purpose::Account)?;
    let server = server.with_token(login.token.0.clone());
    let changed = change(&server);
    // It ends by itself in minutes; that it could not be ended now changes nothing about the change.
    let _ = server.delete("/v1/session");
    changed?;
    Ok(Exit::Good)
}

/// Forgets the session kept here, which has ended with the change.
fn sessions_ended(global: &Global) -> Result<()> {
    Site::choose(global)?.remove_session()?;
    output::note("Every other session has ended: log in again with `ca login`.");
    Ok(())
}
