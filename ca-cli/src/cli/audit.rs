//! What can be typed after `ca audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// The commands of `ca audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the whole log: the chain, the tree, every object, and every decision again
    Verify(Verify),
    /// Print the events that match
    Search(Box<Search>),
    /// Who had what and why, who is dormant, who is badly protected: for a month or another time
    Report(Report),
}

/// Where a log is and whose it is.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// A folder with a copy of the log, or its https URL; the server's log by default
    pub(crate) location: Option<String>,

    /// The key of the log: a verifier key, or a file with one; the pinned one by default
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) key: Option<String>,
}

/// Options of `ca audit verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The log
    #[command(flatten)]
    pub(crate) log: Log,

    /// An earlier checkpoint that the log must continue; what was verified last by default
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,
}

/// Options of `ca audit search`; an event must match all that are given.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The log
    #[command(flatten)]
    pub(crate) log: Log,

    /// Events about this person or by them (name or e-mail address)
    #[arg(long)]
    pub(crate) person: Option<String>,

    /// Events about this user (name or e-mail address)
    #[arg(long)]
    pub(crate) user: Option<String>,

    /// What this officer did or approved
    #[arg(long, value_name = "OFFICER")]
    pub(crate) by: Option<String>,

    /// Events about this profile
    #[arg(long)]
    pub(crate) profile: Option<String>,

    /// Events about this account on hosts
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) principal: Option<String>,

    /// The certificate with this serial, which is the entry with this index, and what is said of it later
    #[arg(long)]
    pub(crate) serial: Option<u64>,

    /// Events about this request or certificate, by its id or key id
    #[arg(long)]
    pub(crate) id: Option<String>,

    /// Events about the key with this fingerprint (`SHA256:…`)
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) fingerprint: Option<String>,

    /// Events with this text in a reason, in any case
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// Events of this type, such as certificate or request-denied
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,

    /// Events with this text anywhere
    #[arg(long)]
    pub(crate) text: Option<String>,

    /// Not before this time (RFC 3339, a date, seconds since the epoch, or an age such as 24h)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Not after this time (as for --since)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// Options of `ca audit report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The log
    #[command(flatten)]
    pub(crate) log: Log,

    /// The month, such as 2026-11; the running one by default
    #[arg(long, value_name = "YYYY-MM", conflicts_with_all = ["since", "until"])]
    pub(crate) month: Option<String>,

    /// From this time on (RFC 3339, a date, seconds since the epoch, or an age such as 720h)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Up to this time (as for --since); now by default
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// As a table for people or as CSV for spreadsheets; `--json` is for programs
    #[arg(long, value_enum, default_value_t = Format::Table, conflicts_with = "json")]
    pub(crate) format: Format,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people
    Table,
    /// CSV (RFC 4180), all parts in one table
    Csv,
}
