//! `ca revoke`: takes certificates and keys away; for officers.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use ca_api::{NewRevocation, RevocationDone, RevocationList};
use ca_core::cert::UnverifiedCertificate;
use ca_core::ssh::{Fingerprint, PublicKey};
use ca_core::time::UnixSeconds;

use super::contact;
use crate::cli::{Global, RevocationTarget, Revoke};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::render::text::{counted, grouped, plain};
use crate::render::time::local;
use crate::site::Site;
use crate::state::io_failure;

/// `ca revoke …`.
pub(super) fn run(global: &Global, options: &Revoke) -> Result<Exit> {
    let revocation = revocation(options)?;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let Some(revocation) = revocation else { return list(global, &server) };
    if revocation.kind == "ca-key" && !options.yes {
        confirm(&revocation.what)?;
    }
    let done: RevocationDone = server.post("/v1/revocations", &revocation)?;
    if global.json {
        output::json(&done);
    } else {
        output::data(&format!("{}\n", describe(&revocation, &done)));
    }
    if done.krl_version.is_none() {
        return Err(Failure::new(
            "krl-late",
            format!("entry {} revokes it, but no KRL says so yet: hosts still take it", grouped(done.entry)),
        )
        .hint("The server tries again by itself; its log says why. `ca krl fetch` shows when it worked."));
    }
    Ok(Exit::Good)
}

fn describe(revocation: &NewRevocation, done: &RevocationDone) -> String {
    let took = match done.certificates {
        Some(count) => counted(count, "live certificate", "live certificates"),
        None => "certificates not counted yet".to_owned(),
    };
    let krl = done.krl_version.map(|version| format!(", in KRL {version}")).unwrap_or_default();
    plain(&format!(
        "revoked {} {}: {took}, entry {}{krl}",
        revocation.kind,
        revocation.what,
        grouped(done.entry)
    ))
    .into_owned()
}

/// Makes what is sent; `None` when nothing is to be revoked.
fn revocation(options: &Revoke) -> Result<Option<NewRevocation>> {
    let RevocationTarget { user, serial, key, certificate, ca_key, list: _ } = &options.target;
    let (kind, what) = if let Some(user) = user {
        ("user", user.clone())
    } else if let Some(serial) = serial {
        ("serial", serial.to_string())
    } else if let Some(key) = key {
        ("key", fingerprint(key)?.to_string())
    } else if let Some(certificate) = certificate {
        ("certificate", certificate.clone())
    } else if let Some(key) = ca_key {
        ("ca-key", fingerprint(key)?.to_string())
    } else {
        return Ok(None);
    };
    let reason = options.reason.clone().unwrap_or_default();
    Ok(Some(NewRevocation { kind: kind.to_owned(), what, reason }))
}

/// Takes a fingerprint, or that of the key in a file: a public key, or a certificate for it.
fn fingerprint(text: &str) -> Result<Fingerprint> {
    if text.starts_with("SHA256:") {
        return text.parse().map_err(|error| Failure::new("usage", format!("{text:?}: {error}")));
    }
    let path = Path::new(text);
    let line = std::fs::read_to_string(path).map_err(|error| {
        io_failure("read", path, &error).hint("Name a file with a public key, or a fingerprint: SHA256:…")
    })?;
    if let Ok(certificate) = UnverifiedCertificate::from_openssh(line.trim()) {
        return Ok(certificate.unverified_content().key.fingerprint());
    }
    let key: PublicKey = line.trim().parse().map_err(|error| {
        Failure::new("usage", format!("{text}: {error}")).hint("The public half of a key FILE is FILE.pub.")
    })?;
    Ok(key.fingerprint())
}

/// Asks once more: this ends everybody's access and cannot be taken back.
fn confirm(ca_key: &str) -> Result<()> {
    let what = format!("revoking the CA key {ca_key} ends every certificate it signed, for ever");
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        output::note(&format!("{what}. Type yes to go on:"));
        let mut answer = String::new();
        let _ = stdin.lock().read_line(&mut answer);
        if answer.trim() == "yes" {
            return Ok(());
        }
    }
    Err(Failure::new("not-confirmed", what).hint("If that is what you want: --yes").refused())
}

fn list(global: &Global, server: &Server) -> Result<Exit> {
    let found: RevocationList = server.get("/v1/revocations")?;
    if global.json {
        output::json(&found);
        return Ok(Exit::Good);
    }
    for row in &found.revocations {
        let line = format!(
            "{:>8}  {}  {:<11}  {}  ({}) by {}: {}",
            row.entry,
            local(UnixSeconds(row.at)),
            row.kind,
            row.what,
            counted(row.certificates, "certificate", "certificates"),
            row.by,
            row.reason
        );
        output::data(&format!("{}\n", plain(&line)));
    }
    Ok(Exit::Good)
}
