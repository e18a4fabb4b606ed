//! `ca-server user …`: accounts, on the console, while the server runs or not.

use anyhow::{Context, bail};
use ca_core::names::GroupName;
use clap::{Args, Subcommand};

use super::{ConfigFile, operator};
use crate::accounts::{Accounts, Enrolment, NewAccount};
use crate::secret::Secret;
use crate::start::Parts;
use crate::store::User;

/// What can be done to an account.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds an account with a password and a TOTP factor
    Add(Add),
    /// Switches an account off: no login, no certificate, and its sessions end
    Disable(Name),
    /// Switches an account on again
    Enable(Name),
    /// Makes factors work again that were disabled by failures
    Unlock(Name),
    /// Gives an account a new password and a new TOTP factor in place of all it had
    Reset(Reset),
    /// Lists the accounts
    List(ConfigFile),
}

#[derive(Args, Debug)]
pub(super) struct Name {
    #[command(flatten)]
    config: ConfigFile,
    /// The name or e-mail address
    name: String,
}

#[derive(Args, Debug)]
pub(super) struct Add {
    #[command(flatten)]
    config: ConfigFile,
    /// The name
    name: String,
    /// The e-mail address, which opens the key id of every certificate
    #[arg(long)]
    email: String,
    /// A group; may be given more than once
    #[arg(long = "group")]
    groups: Vec<String>,
    /// Whose account it is; whoever has the account's name by default. Two accounts of a person approve as one
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    #[command(flatten)]
    secret: PasswordSource,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Reset {
    #[command(flatten)]
    config: ConfigFile,
    /// The name or e-mail address
    name: String,
    #[command(flatten)]
    secret: PasswordSource,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Where the password comes from: `COUNTERSIGN_PASSWORD`, a file descriptor, or a prompt.
#[derive(Args, Debug)]
pub(super) struct PasswordSource {
    /// Reads the password from this file descriptor
    #[arg(long)]
    password_fd: Option<u32>,
}

impl PasswordSource {
    pub(super) fn read(&self) -> anyhow::Result<Secret> {
        if let Some(fd) = self.password_fd {
            let text = std::fs::read_to_string(format!("/dev/fd/{fd}"))
                .with_context(|| format!("descriptor {fd}"))?;
            return Ok(Secret::new(text.trim_end_matches('\n').to_owned()));
        }
        if let Ok(text) = std::env::var("COUNTERSIGN_PASSWORD") {
            return Ok(Secret::new(text));
        }
        let first = Secret::new(rpassword::prompt_password("Password: ")?);
        let second = Secret::new(rpassword::prompt_password("Again: ")?);
        if first.expose() != second.expose() {
            bail!("the two passwords differ");
        }
        Ok(first)
    }
}

impl UserCommand {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = match &self {
            Self::Add(add) => &add.config,
            Self::Reset(reset) => &reset.config,
            Self::Disable(name) | Self::Enable(name) | Self::Unlock(name) => &name.config,
            Self::List(config) => config,
        };
        let parts = Parts::open(config.load()?).await?;
        let (ledger, tasks) = parts.open_log().await?;
        let accounts = Accounts::new(parts.login_setup(&ledger).await?);
        let done = self.apply(&accounts).await;
        ledger.close();
        tasks.finished().await;
        done
    }

    async fn apply(self, accounts: &Accounts) -> anyhow::Result<()> {
        let by = operator();
        match self {
            Self::Add(add) => {
                let (json, password) = (add.json, add.secret.read()?);
                let Add { name, email, groups, person, .. } = add;
                let new = NewAccount { name, email, groups, person, password };
                show(&accounts.add(&new, &by).await?, json)
            }
            Self::Reset(reset) => {
                let password = reset.secret.read()?;
                show(&accounts.reset(&reset.name, &password, &by).await?, reset.json)
            }
            Self::Disable(name) => done(&accounts.set_enabled(&name.name, false, &by).await?, "disabled"),
            Self::Enable(name) => done(&accounts.set_enabled(&name.name, true, &by).await?, "enabled"),
            Self::Unlock(name) => done(&accounts.unlock(&name.name, &by).await?, "unlocked"),
            Self::List(_) => list(accounts).await,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "ends every arm of the match alike")]
fn done(user: &User, what: &str) -> anyhow::Result<()> {
    println!("{}: {what}", user.name);
    Ok(())
}

/// Shows the factor's seed, this once.
pub(super) fn show(enrolment: &Enrolment, json: bool) -> anyhow::Result<()> {
    let user = &enrolment.user;
    if json {
        let value = serde_json::json!({
            "user": user.name,
            "email": user.email,
            "totp_secret": enrolment.base32.expose(),
            "otpauth_url": enrolment.otpauth_url.expose(),
        });
        println!("{}", serde_json::to_string(&value)?);
        return Ok(());
    }
    println!("{} <{}>", user.name, user.email);
    println!();
    println!("For the authenticator app, shown this once:");
    println!("  secret   {}", enrolment.base32.expose());
    println!("  link     {}", enrolment.otpauth_url.expose());
    Ok(())
}

async fn list(accounts: &Accounts) -> anyhow::Result<()> {
    for user in accounts.list().await? {
        let groups: Vec<&str> = user.groups.iter().map(GroupName::as_str).collect();
        let state = if user.enabled { "enabled" } else { "disabled" };
        println!("{:<24} {:<32} {:<9} {}", user.name, user.email, state, groups.join(","));
    }
    Ok(())
}
