//! `ca approval-key`: the keys that an officer approves with.

use ca_api::{NewSigningKey, SigningKey, SigningKeys};
use ca_core::approval::{KEY_NAMESPACE, SigningKey as Registration};
use ca_core::names::{ApprovalId, NameError};
use ca_core::ssh::CertifiableKey;
use ca_core::time::UnixSeconds;

use super::account::changing;
use super::contact;
use crate::cli::{self, AddApprovalKey, Global, RemoveApprovalKey};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::keys::{KeyFile, Possession as _};
use crate::output;
use crate::render::text::plain;
use crate::render::time::local;
use crate::site::Site;

const KEYS: &str = "/v1/account/signing-keys";

/// `ca approval-key …`.
pub(super) fn run(global: &Global, command: &cli::ApprovalKey) -> Result<Exit> {
    match command {
        cli::ApprovalKey::Add(options) => add(global, options),
        cli::ApprovalKey::List => list(global),
        cli::ApprovalKey::Remove(options) => remove(global, options),
    }
}

fn add(global: &Global, options: &AddApprovalKey) -> Result<Exit> {
    let mut key = KeyFile::open(&options.file, options.passphrase_fd)?;
    let public = CertifiableKey::try_from(key.public_key().clone())
        .map_err(|error| Failure::new("key", error.to_string()))?;
    let site = Site::choose(global)?;
    changing(global, &options.credentials, |server| {
        let pins = contact::check_pins(global, &site, server)?;
        let session: ca_api::Session = server.get("/v1/session")?;
        let user = session.user.parse();
        let text = Registration {
            authority: pins.origin,
            id: super::request::new_id(ApprovalId::from_parts)?,
            user: user.map_err(|error: NameError| Failure::new("usage", error.to_string()))?,
            key: public,
        }
        .to_text();
        let signature = key.sign(KEY_NAMESPACE, &text)?;
        let new = NewSigningKey { label: label(options), text, signature };
        let added: SigningKey = server.post(KEYS, &new)?;
        if global.json {
            output::json(&added);
        } else {
            output::note(&format!(
                "You approve with \"{}\", {}.",
                plain(&added.label),
                plain(&added.fingerprint)
            ));
        }
        Ok(())
    })
}

/// Takes the label given, or the name of the file.
fn label(options: &AddApprovalKey) -> String {
    let name = || options.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    options.label.clone().unwrap_or_else(name)
}

fn list(global: &Global) -> Result<Exit> {
    let keys: SigningKeys = contact::connect_with_session(global, &Site::choose(global)?)?.get(KEYS)?;
    if global.json {
        output::json(&keys);
        return Ok(Exit::Good);
    }
    if keys.signing_keys.is_empty() {
        output::note("No keys: register one with `ca approval-key add FILE`.");
    }
    for key in &keys.signing_keys {
        let since = local(UnixSeconds(key.created_at));
        output::data(&format!("{:<24} {} since {since}\n", plain(&key.label), plain(&key.fingerprint)));
    }
    Ok(Exit::Good)
}

fn remove(global: &Global, options: &RemoveApprovalKey) -> Result<Exit> {
    changing(global, &options.credentials, |server| {
        let key = find(server, &options.which)?;
        server.delete(&format!("{KEYS}/{}", key.id))?;
        output::note(&format!("Removed \"{}\".", plain(&key.label)));
        Ok(())
    })
}

fn find(server: &Server, which: &str) -> Result<SigningKey> {
    let keys: SigningKeys = server.get(KEYS)?;
    let found = keys.signing_keys.into_iter().find(|key| key.label == which || key.fingerprint == which);
    found.ok_or_else(|| {
        Failure::new("no-such-key", format!("you approve with no key {which:?}"))
            .hint("See what there is: ca approval-key list")
            .refused()
    })
}
