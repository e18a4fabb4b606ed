//! `ca admin user …`: what officers do with other people's accounts.

use ca_api::{AdminUser, AdminUsers, Invitation, Invitee};
use ca_core::time::UnixSeconds;
use serde::Serialize;

use super::contact;
use crate::cli::{self, Global, Invite};
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::output;
use crate::render::time::local;
use crate::site::Site;

/// `ca admin …`.
pub(super) fn run(global: &Global, command: &cli::Admin) -> Result<Exit> {
    let cli::Admin::User(command) = command;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    match command {
        cli::AdminUser::Add(options) => add(global, &server, options),
        cli::AdminUser::List => {
            let found: AdminUsers = server.get("/v1/admin/users")?;
            print(global, &found, &found.users);
            Ok(Exit::Good)
        }
        cli::AdminUser::Show(account) => Ok(show(global, &server.get(&path(&account.name, "")?)?)),
        cli::AdminUser::Disable(account) => change(global, &server, &account.name, "disable"),
        cli::AdminUser::Enable(account) => change(global, &server, &account.name, "enable"),
        cli::AdminUser::Unlock(account) => change(global, &server, &account.name, "unlock"),
    }
}

fn add(global: &Global, server: &Server, options: &Invite) -> Result<Exit> {
    let Invite { name, email, groups, person } = options.clone();
    let invitee = Invitee { name, email, groups, person };
    let made: Invitation = server.post("/v1/admin/users", &invitee)?;
    if global.json {
        output::json(&made);
        return Ok(Exit::Good);
    }
    output::data(&format!("{}\n", made.token.0));
    let until = local(UnixSeconds(made.expires_at));
    output::note(&format!("An invitation for {}, shown this once and good until {until}.", made.user));
    output::note(&format!("Its owner takes the account over: ca accept --server {}", server.base()));
    Ok(Exit::Good)
}

fn change(global: &Global, server: &Server, name: &str, what: &str) -> Result<Exit> {
    Ok(show(global, &server.post(&path(name, what)?, &serde_json::json!({}))?))
}

fn show(global: &Global, user: &AdminUser) -> Exit {
    print(global, user, std::slice::from_ref(user));
    Exit::Good
}

fn path(name: &str, what: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::new("usage", format!("{name:?} is not the name of an account")));
    }
    let name = name.replace('+', "%2B");
    Ok(if what.is_empty() {
        format!("/v1/admin/users/{name}")
    } else {
        format!("/v1/admin/users/{name}/{what}")
    })
}

fn print(global: &Global, value: &impl Serialize, users: &[AdminUser]) {
    if global.json {
        return output::json(value);
    }
    for user in users {
        let state = match (user.enabled, user.waiting) {
            (false, _) => "off",
            (true, true) => "invited",
            (true, false) => "on",
        };
        let mut factors: Vec<_> = user.factors.iter().map(|factor| factor.kind.as_str()).collect();
        factors.dedup();
        output::data(&format!(
            "{:<20} {:<8} {:<32} {:<24} {}\n",
            user.name,
            state,
            user.email,
            factors.join(","),
            user.groups.join(",")
        ));
    }
}
