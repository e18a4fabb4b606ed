//! The commands of `ca-server`, one file each.

mod host_ca;
mod init;
mod rotate;
mod serve;
mod user;
mod user_ca;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::start::Keys;

/// Countersign's signing server.
#[derive(Debug, Parser)]
#[command(name = "ca-server", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a new authority: keys, database, policy, log
    Init(Box<init::Init>),
    /// Runs the server
    Serve(serve::Serve),
    /// Adds, disables, enables or resets accounts
    #[command(subcommand)]
    User(user::UserCommand),
    /// Puts another sealing key in place of the one there is; may be interrupted and run again
    RotateSealingKey(rotate::Rotate),
    /// Makes the CA key for hosts, for an authority that has none yet, and puts it into the log
    AddHostCa(host_ca::AddHostCa),
    /// Give an authority one more CA key for users, for profiles to choose
    AddUserCa(user_ca::AddUserCa),
    /// Reads the configuration, keys and policy, and says what is wrong with them
    CheckConfig(ConfigFile),
}

/// Where the configuration is.
#[derive(Args, Clone, Debug)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, default_value = "/etc/countersign/config.toml", env = "COUNTERSIGN_SERVER_CONFIG")]
    config: PathBuf,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config)?)
    }
}

/// Runs a command; errors go to standard error with all their causes, and exit 1.
pub fn run(cli: Cli) -> ExitCode {
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ca-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    crate::listen::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Init(init) => Box::pin(init.run()).await,
            Command::Serve(serve) => Box::pin(serve.run()).await,
            Command::User(user) => Box::pin(user.run()).await,
            Command::RotateSealingKey(rotate) => Box::pin(rotate.run()).await,
            Command::AddHostCa(add) => Box::pin(add.run()).await,
            Command::AddUserCa(add) => Box::pin(add.run()).await,
            Command::CheckConfig(file) => check_config(&file).await,
        }
    })
}

/// Names whoever is at the console, for the event.
fn operator() -> String {
    format!("console, uid {}", rustix::process::getuid().as_raw())
}

async fn check_config(file: &ConfigFile) -> anyhow::Result<()> {
    let config = file.load()?;
    Keys::load(&config)?;
    if let Some(files) = &config.tls {
        crate::listen::tls(files).await?;
    }
    let policy = crate::policy::load(&config.policy).map_err(anyhow::Error::msg)?;
    for warning in policy.warnings() {
        eprintln!("warning: {}/{warning}", config.policy.display());
    }
    println!("{}: good; policy {}", file.config.display(), policy.id());
    Ok(())
}
