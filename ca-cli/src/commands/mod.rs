//! One file for each command.

mod accept;
mod account;
mod admin;
mod api_key;
mod approval_key;
mod audit;
mod completions;
pub(crate) mod contact;
mod credentials;
mod delivery;
mod explain;
mod host;
mod inspect;
mod krl;
mod login;
mod logout;
mod man;
mod policy;
mod recovery;
mod request;
mod requests;
mod revoke;
mod status;
mod trust;
mod voucher;
mod waiting;
mod webauthn;

pub(crate) use inspect::log_key as read_log_key;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Result};

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let global = &cli.global;
    match cli.command {
        Command::Login(options) => login::run(global, &options),
        Command::Logout => logout::run(global),
        Command::Factor(command) => account::factor(global, &command),
        Command::Password(options) => account::password(global, &options),
        Command::Recovery(command) => recovery::run(global, &command),
        Command::Apikey(command) => api_key::run(global, &command),
        Command::Accept(options) => accept::run(global, &options),
        Command::Admin(command) => admin::run(global, &command),
        Command::Request(options) => request::run(global, &options),
        Command::Host(command) => host::run(global, &command),
        Command::Requests => requests::list(global),
        Command::Show(options) => requests::show(global, &options),
        Command::Approve(options) => requests::approve(global, &options),
        Command::Deny(options) => requests::deny(global, &options),
        Command::Cancel(options) => requests::cancel(global, &options),
        Command::Collect(options) => waiting::collect(global, &options),
        Command::Voucher(command) => voucher::run(global, &command),
        Command::Review(options) => requests::review(global, &options),
        Command::ApprovalKey(command) => approval_key::run(global, &command),
        Command::Inspect(options) => inspect::run(global, &options),
        Command::Explain(options) => explain::run(global, &options),
        Command::Status => status::run(global),
        Command::Trust(options) => trust::run(global, &options),
        Command::Revoke(options) => revoke::run(global, &options),
        Command::Krl(command) => krl::run(global, &command),
        Command::Audit(options) => audit::run(global, &options),
        Command::Policy(command) => policy::run(global, &command),
        Command::Completions { shell } => {
            completions::run(shell);
            Ok(Exit::Good)
        }
        Command::Man { folder } => man::run(folder.as_deref()),
    }
}
