//! `ca voucher`: approvals in advance, for the day when nobody can be reached.
//!
//! The secret is made here and shown once; the server is told its hash. What an officer signs is read from the text
//! itself.

use ca_api::{NewSeal, Voucher as Stored, Vouchers};
use ca_core::approval::ApprovalError;
use ca_core::names::{NameError, Reason, VoucherId};
use ca_core::time::UnixSeconds;
use ca_core::voucher::{NAMESPACE, Voucher, VoucherSecret};
use serde::Serialize;

use super::requests::{confirm, signer};
use super::{contact, request};
use crate::cli::{self, Global, SealVoucher, SignVoucher, Signing, WhichVoucher};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::pins::Pins;
use crate::render::text::plain;
use crate::render::time::local;
use crate::retry;
use crate::site::Site;

const VOUCHERS: &str = "/v1/vouchers";

/// A voucher that was just made.
#[derive(Serialize)]
struct Made<'a> {
    voucher: &'a Stored,
    secret: &'a str,
}

/// `ca voucher …`.
pub(super) fn run(global: &Global, command: &cli::Voucher) -> Result<Exit> {
    match command {
        cli::Voucher::Seal(options) => seal(global, options),
        cli::Voucher::Sign(options) => sign(global, options),
        cli::Voucher::List => list(global),
        cli::Voucher::Withdraw(options) => withdraw(global, options),
    }
}

fn connect(global: &Global) -> Result<(Server, Pins)> {
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
    Ok((server, pins))
}

fn seal(global: &Global, options: &SealVoucher) -> Result<Exit> {
    let (server, pins) = connect(global)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Failure::new("randomness", "the system gives no randomness"))?;
    let secret = VoucherSecret::from_bytes(random);
    let all: Vouchers = server.get(VOUCHERS)?;
    let profile = all.profiles.iter().find(|profile| profile.name == options.profile).ok_or_else(|| {
        let names: Vec<_> = all.profiles.iter().map(|profile| plain(&profile.name)).collect();
        Failure::new("no-break-glass", format!("you seal no vouchers for {:?}", options.profile))
            .hint(format!("Those you may seal for: {}.", names.join(", ")))
            .refused()
    })?;
    let note: Option<Reason> =
        options.note.as_deref().map(|note| note.trim().parse()).transpose().map_err(|error| usage(&error))?;
    let voucher = Voucher {
        authority: pins.origin.clone(),
        id: request::new_id(VoucherId::from_parts)?,
        profile: profile.name.parse().map_err(|error| usage(&error))?,
        profile_digest: profile.sha256.parse().map_err(|_| malformed())?,
        holder: options.holder.as_deref().map(str::parse).transpose().map_err(|error| usage(&error))?,
        secret: secret.digest(),
        expires_at: clock::now_secs().plus_secs(options.days * 86_400),
        note,
    };
    let sealed = sign_text(&server, &voucher, &options.signing)?;
    let text = secret.to_text();
    if global.json {
        output::json(&Made { voucher: &sealed, secret: &text });
        return Ok(Exit::Good);
    }
    output::note(&format!("{}\nPrint this and lock it away; it is not shown again:", standing(&sealed)));
    output::data(&format!("{}\n", &*text));
    Ok(Exit::Good)
}

fn sign(global: &Global, options: &SignVoucher) -> Result<Exit> {
    let (server, pins) = connect(global)?;
    let stored = find(&server, &options.voucher)?;
    let voucher = read(&stored, &pins)?;
    let sealed = sign_text(&server, &voucher, &options.signing)?;
    if global.json {
        output::json(&sealed);
    } else {
        output::note(&standing(&sealed));
    }
    Ok(Exit::Good)
}

/// Shows what is signed, signs it, and sends it.
fn sign_text(server: &Server, voucher: &Voucher, signing: &Signing) -> Result<Stored> {
    let mut signer = signer(server, signing)?;
    for line in words(voucher) {
        output::note(&line);
    }
    confirm("seal this voucher", signing)?;
    let text = voucher.to_text();
    let signature = signer.sign(NAMESPACE, &text)?;
    server.post(VOUCHERS, &NewSeal { text, signature })
}

fn words(voucher: &Voucher) -> Vec<String> {
    let holder =
        voucher.holder.as_ref().map_or("whoever may have the profile".to_owned(), ToString::to_string);
    vec![
        format!("A voucher: {} at once, without anybody's approval, once", voucher.profile),
        format!("  holder   {holder}"),
        format!("  until    {}", local(voucher.expires_at)),
        format!("  note     {}", voucher.note.as_ref().map_or("none", Reason::as_str)),
        format!("  profile  sha256 {}; a change of the profile voids it", voucher.profile_digest),
        format!("  id       {}", voucher.id),
    ]
}

fn list(global: &Global) -> Result<Exit> {
    let (server, pins) = connect(global)?;
    let all: Vouchers = server.get(VOUCHERS)?;
    if global.json {
        output::json(&all);
        return Ok(Exit::Good);
    }
    if all.vouchers.is_empty() {
        output::note("No vouchers: make one with `ca voucher seal PROFILE`.");
    }
    for stored in &all.vouchers {
        let voucher = read(stored, &pins)?;
        let holder = voucher.holder.as_ref().map_or("anybody", |holder| holder.as_str());
        output::data(&format!(
            "{}  {:<16} {holder:<14} {}, until {}\n",
            voucher.id,
            voucher.profile,
            state(stored),
            local(UnixSeconds(voucher.expires_at.0))
        ));
    }
    Ok(Exit::Good)
}

fn withdraw(global: &Global, options: &WhichVoucher) -> Result<Exit> {
    let (server, _) = connect(global)?;
    let id = find(&server, options)?.id;
    let after: Stored = server.post(&format!("{VOUCHERS}/{id}/withdraw"), &serde_json::json!({}))?;
    if global.json {
        output::json(&after);
    } else {
        output::note(&format!("Withdrawn: {}.", plain(&after.id)));
    }
    Ok(Exit::Good)
}

fn state(stored: &Stored) -> String {
    let by: Vec<_> = stored.sealed_by.iter().map(|name| plain(name)).collect();
    let state =
        if stored.state == "void" { "void: the profile was changed".into() } else { plain(&stored.state) };
    format!("{state} ({} of {}: {})", stored.sealed_by.len(), stored.needs, by.join(", "))
}

fn standing(sealed: &Stored) -> String {
    match usize::from(sealed.needs).saturating_sub(sealed.sealed_by.len()) {
        0 => format!("✓ sealed. {} of {}: it is ready.", sealed.sealed_by.len(), sealed.needs),
        missing => format!("✓ sealed. {missing} more have to: ca voucher sign {}", plain(&sealed.id)),
    }
}

/// Reads what a voucher says from the text that was signed.
fn read(stored: &Stored, pins: &Pins) -> Result<Voucher> {
    let voucher = Voucher::from_text(&stored.text).map_err(|_: ApprovalError| malformed())?;
    if voucher.authority == pins.origin && voucher.id.to_string() == stored.id {
        Ok(voucher)
    } else {
        Err(malformed())
    }
}

fn find(server: &Server, which: &WhichVoucher) -> Result<Stored> {
    let typed = which.id.to_uppercase();
    let all: Vouchers = retry::patiently(|| server.get(VOUCHERS))?;
    let meant = |stored: &Stored| stored.id.starts_with(&typed) || stored.id.ends_with(&typed);
    let mut found: Vec<_> = all.vouchers.into_iter().filter(meant).collect();
    match (found.len(), found.pop()) {
        (1, Some(one)) if !typed.is_empty() => Ok(one),
        (0, _) => Err(Failure::new("no-voucher", format!("no voucher is called {typed:?}"))
            .hint("See what there is: ca voucher list")
            .refused()),
        (many, _) => {
            Err(Failure::new("usage", format!("{many} vouchers are called {typed:?}"))
                .hint("Type more of it."))
        }
    }
}

fn malformed() -> Failure {
    Failure::new("bad-voucher", "the server shows a voucher that is not right")
        .hint("Do not sign it. Tell your security officers.")
}

fn usage(error: &NameError) -> Failure {
    Failure::new("usage", error.to_string())
}
