//! `ca explain --cert`: would sshd take it, and if not, which of its checks says no.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use ca_core::cert::UnverifiedCertificate;
use ca_core::cert::acceptance::{Login, RevokedKeys, Verdict, principals_in, trusted_keys};
use ca_core::ssh::PublicKey;

use crate::cli::{Global, Target};
use crate::commands::inspect;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::acceptance;
use crate::site;
use crate::state::io_failure;

/// The port of SSH; nothing is sent there.
const PORT: u16 = 22;

pub(super) fn run(global: &Global, file: &Path, target: &Target) -> Result<Exit> {
    let certificate = the_only_one(file)?;
    let (host, account) =
        (target.host.as_deref().unwrap_or_default(), target.login.as_deref().unwrap_or_default());
    let trusted = trusted(target)?;
    let principals = target.auth_principals.as_deref().map(principals).transpose()?;
    let revoked = target.krl.as_deref().map(read).transpose()?.map(|bytes| RevokedKeys::read(&bytes));
    let needs_source = certificate.unverified_content().critical_options.contains_key("source-address");
    let login = Login {
        account,
        from: target.from.or_else(|| own_address(host).filter(|_| needs_source)),
        now: inspect::time_or_now(target.at.as_deref())?,
        trusted: &trusted,
        principals: principals.as_deref(),
        revoked: revoked.as_ref(),
    };
    let verdict = Verdict::of(&certificate, &login);
    if global.json {
        output::json(&acceptance::Json::new(&verdict, host, account));
    } else {
        output::data(&acceptance::describe(&verdict, host, account));
    }
    Ok(match verdict.is_taken() {
        Some(true) => Exit::Good,
        Some(false) => Exit::Refused,
        None => Exit::Unable,
    })
}

/// Reads a file with one certificate; of several, nobody would know which is meant.
fn the_only_one(file: &Path) -> Result<UnverifiedCertificate> {
    let mut found = inspect::in_file(file)?.into_iter();
    match (found.next(), found.next()) {
        (Some((_, certificate)), None) => certificate.map_err(|error| {
            Failure::new("unreadable", format!("{}: {error}", file.display()))
                .hint("sshd may read what is not read here: DSA keys, and options out of order.")
        }),
        _ => Err(Failure::new("usage", format!("there are several certificates in {}", file.display()))
            .hint("Put the one to explain into a file of its own.")),
    }
}

/// Gives the keys that the host trusts: those in its file, or else all that are pinned.
fn trusted(target: &Target) -> Result<Vec<PublicKey>> {
    let Some(path) = &target.ca_keys else {
        let pinned: Vec<_> = site::all_pins().into_iter().flat_map(|pins| pins.user_ca_keys).collect();
        if pinned.is_empty() {
            return Err(Failure::new("usage", "which CA does the host trust? nothing is pinned")
                .hint("Name a copy of the host's TrustedUserCAKeys: --ca-keys FILE"));
        }
        return Ok(pinned);
    };
    let (keys, bad) = trusted_keys(&text(path)?);
    if let Some(line) = bad {
        let path = path.display();
        output::note(&format!("! {path}:{line} is no key, and sshd reads no further than there"));
    }
    Ok(keys)
}

fn principals(path: &Path) -> Result<Vec<String>> {
    let (principals, has_options) = principals_in(&text(path)?);
    if has_options {
        output::note(&format!("! the options in {} are not looked at", path.display()));
    }
    Ok(principals)
}

/// Finds the address that this machine would send from, by asking the system for a way; nothing is sent.
fn own_address(host: &str) -> Option<IpAddr> {
    let connect = |unspecified: &str| {
        let socket = UdpSocket::bind((unspecified, 0)).ok()?;
        socket.connect((host, PORT)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    connect("0.0.0.0").or_else(|| connect("::"))
}

fn text(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| io_failure("read", path, &error))
}
