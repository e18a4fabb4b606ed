//! What can be typed.

mod account;
mod approvals;
mod audit;
mod explain;
mod host;
mod policy;
mod recovery;
mod revocation;
mod vouchers;

use std::path::PathBuf;

pub(crate) use account::*;
pub(crate) use approvals::*;
pub(crate) use audit::*;
use clap::{Args, Parser, Subcommand};
pub(crate) use explain::{Explain, Target, Wanted};
pub(crate) use host::*;
pub(crate) use policy::*;
pub(crate) use recovery::*;
pub(crate) use revocation::*;
pub(crate) use vouchers::*;

/// SSH certificates that are in a log before they exist.
#[derive(Debug, Parser)]
#[command(name = "ca", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 it went well; 1 refused, or a check found something; \
2 wrong usage, or it could not be done or checked; 3 it waits for approval.";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The server, such as ca.example.com; the one logged in to last by default
    #[arg(long, global = true, env = "COUNTERSIGN_SERVER", value_name = "URL", hide_env_values = true)]
    pub(crate) server: Option<String>,

    /// Certificates (PEM) to trust for the server's TLS instead of the platform's; kept at first contact
    #[arg(long, global = true, env = "COUNTERSIGN_TLS_CA", value_name = "FILE", hide_env_values = true)]
    pub(crate) ca_file: Option<PathBuf>,

    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in with a password and a second factor
    Login(Login),
    /// End the session
    Logout,
    /// Add, list and remove the factors of your account
    #[command(subcommand)]
    Factor(Factor),
    /// Change your password; asks for the old one and a factor, and ends every other session
    Password(Password),
    /// Codes for the day when every factor is lost, and what officers do when those are lost too
    #[command(subcommand)]
    Recovery(Recovery),
    /// Keys for programs, which ask for certificates without a person
    #[command(subcommand)]
    Apikey(ApiKey),
    /// Take over the account an officer made for you: choose a password and add your first factor
    Accept(Accept),
    /// Look after other people's accounts; for officers
    #[command(subcommand)]
    Admin(Admin),
    /// Ask for a certificate, check it, and put it into ssh-agent or beside a key file
    Request(Request),
    /// Certificates for hosts; for officers, and programs that enrol hosts
    #[command(subcommand)]
    Host(Host),
    /// List the requests that wait: your own, and those you may decide about
    Requests,
    /// Show in words what a request asks for, who has approved it, and what it still needs
    Show(RequestId),
    /// Approve somebody's request, by a signature of your own key
    Approve(Approve),
    /// Deny somebody's request, by a signature of your own key
    Deny(Deny),
    /// Take a request of your own back
    Cancel(RequestId),
    /// Fetch the certificate of a request that was approved meanwhile
    Collect(RequestId),
    /// Vouchers for emergencies, which officers sign in advance
    #[command(subcommand)]
    Voucher(Voucher),
    /// Sign off what was done with a voucher, after looking into it; for officers
    Review(Review),
    /// The keys you approve with
    #[command(subcommand)]
    ApprovalKey(ApprovalKey),
    /// Show what a certificate says, who signed it, whether it is valid and in the log
    Inspect(Inspect),
    /// Say whether you would get a certificate, or whether a host would take one; and if not, why, and what would change that
    Explain(Explain),
    /// Show the session, what is pinned, what waits, and the certificates in the agent
    Status,
    /// Show what to put on a host, and the keys of the authority
    Trust(Trust),
    /// Take certificates and keys away; for officers
    Revoke(Revoke),
    /// The list of what is revoked, as hosts need it
    #[command(subcommand)]
    Krl(Krl),
    /// Search and verify the log
    #[command(subcommand)]
    Audit(Audit),
    /// Check, test and compare policies
    #[command(subcommand)]
    Policy(Policy),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages to a folder, or this one to stdout
    #[command(hide = true)]
    Man {
        /// The folder
        folder: Option<PathBuf>,
    },
}

/// Options of `ca request`.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The kind of access, as the policy names it
    pub(crate) profile: String,

    /// How long it should last, such as 30m or 8h; the profile's default if left out
    #[arg(long)]
    pub(crate) ttl: Option<String>,

    /// Why, in one line
    #[arg(long)]
    pub(crate) reason: Option<String>,

    /// Only this account of those the profile grants; may be given several times
    #[arg(long = "principal", value_name = "ACCOUNT")]
    pub(crate) principals: Vec<String>,

    /// Certify this key (private or .pub) and write FILE-cert.pub, instead of a fresh key in ssh-agent
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Who asks; whoever is logged in by default
    #[arg(long, env = "COUNTERSIGN_USER", hide_env_values = true)]
    pub(crate) user: Option<String>,

    /// The request's id (a ULID), to repeat an earlier one and get the same certificate
    #[arg(long, value_name = "ULID")]
    pub(crate) id: Option<String>,

    /// If it has to be approved, wait for that; Ctrl-C leaves it waiting
    #[arg(long)]
    pub(crate) wait: bool,

    /// An emergency: show a voucher in place of waiting for approval. Every officer is told. Asks for its letters
    #[arg(long, conflicts_with = "wait")]
    pub(crate) voucher: bool,

    /// Read the voucher from this file descriptor (or from `COUNTERSIGN_VOUCHER`)
    #[arg(long, value_name = "N", requires = "voucher")]
    pub(crate) voucher_fd: Option<u32>,

    /// Read the passphrase of the key file from this file descriptor (or from `COUNTERSIGN_PASSPHRASE`)
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
}

/// Options of `ca inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file with certificates, or - for stdin
    #[arg(required_unless_present = "agent")]
    pub(crate) file: Option<PathBuf>,

    /// Look at all certificates in ssh-agent
    #[arg(long, conflicts_with = "file")]
    pub(crate) agent: bool,

    /// Judge as of this time (RFC 3339, or seconds since the epoch) instead of now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,

    /// A CA to trust, instead of those pinned: a public key file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_key: Vec<PathBuf>,

    /// The key of the log, instead of the one pinned: a verifier key, or a file with one
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) log_key: Option<String>,

    /// A KRL to look the certificate up in, such as the one that sshd uses
    #[arg(long, value_name = "FILE")]
    pub(crate) krl: Option<PathBuf>,
}

/// Options of `ca trust`.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Pin what the server says now, in place of what was pinned
    #[arg(long)]
    pub(crate) pin: bool,

    /// Print the line for `known_hosts` by which ssh knows every certified host whose name is like PATTERN; left out, that
    /// is everything in the authority's own domain
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "", conflicts_with = "pin")]
    pub(crate) known_hosts: Option<String>,
}
