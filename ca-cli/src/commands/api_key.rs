//! `ca apikey`: keys for programs, each for a few profiles from a few networks and for a time.
//!
//! A program gives its key to `ca` in `COUNTERSIGN_TOKEN`.

use ca_api::{ApiKeys, MadeApiKey, NewApiKey};
use ca_core::time::UnixSeconds;

use super::account::changing;
use super::contact;
use crate::cli::{self, AddApiKey, Global, RevokeApiKey};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::time::local;
use crate::site::Site;

const DAY_SECS: u64 = 86_400;

/// `ca apikey …`.
pub(super) fn run(global: &Global, command: &cli::ApiKey) -> Result<Exit> {
    match command {
        cli::ApiKey::Add(options) => add(global, options),
        cli::ApiKey::List => list(global),
        cli::ApiKey::Revoke(options) => revoke(global, options),
    }
}

fn add(global: &Global, options: &AddApiKey) -> Result<Exit> {
    changing(global, &options.credentials, |server| {
        let new = NewApiKey {
            label: options.label.clone(),
            profiles: options.profiles.clone(),
            networks: options.networks.clone(),
            lasts_secs: options.days * DAY_SECS,
        };
        let made: MadeApiKey = server.post("/v1/account/api-keys", &new)?;
        if global.json {
            output::json(&made);
            return Ok(());
        }
        output::data(&format!("{}\n", made.token.0));
        let until = local(UnixSeconds(made.api_key.expires_at));
        output::note(&format!("This token is shown this once, and good until {until}."));
        output::note("A program gives it to `ca` in COUNTERSIGN_TOKEN.");
        Ok(())
    })
}

fn list(global: &Global) -> Result<Exit> {
    let site = Site::choose(global)?;
    let keys: ApiKeys = contact::connect_with_session(global, &site)?.get("/v1/account/api-keys")?;
    if global.json {
        output::json(&keys);
        return Ok(Exit::Good);
    }
    for key in &keys.api_keys {
        let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| local(UnixSeconds(at)));
        let until = local(UnixSeconds(key.expires_at));
        let (profiles, networks) = (key.profiles.join(","), key.networks.join(","));
        output::data(&format!(
            "{:<24} {profiles} from {networks} until {until}, {used}  {}\n",
            key.label, key.id
        ));
    }
    Ok(Exit::Good)
}

fn revoke(global: &Global, options: &RevokeApiKey) -> Result<Exit> {
    changing(global, &options.credentials, |server| {
        let keys: ApiKeys = server.get("/v1/account/api-keys")?;
        let key = keys.api_keys.iter().find(|key| key.id == options.which || key.label == options.which);
        let key = key.ok_or_else(|| {
            Failure::new("no-such-key", format!("the account has no API key {:?}", options.which))
                .hint("See what it has: ca apikey list")
                .refused()
        })?;
        server.delete(&format!("/v1/account/api-keys/{}", key.id))?;
        output::note(&format!("Revoked \"{}\".", key.label));
        Ok(())
    })
}
