//! What can be typed about accounts: one's own, and, for officers, other people's.

use clap::{Args, Subcommand};

/// Options of `ca login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Who logs in, and where the secrets come from.
#[derive(Debug, Args)]
pub(crate) struct Credentials {
    /// The account's name or e-mail address
    #[arg(long, env = "COUNTERSIGN_USER", hide_env_values = true)]
    pub(crate) user: Option<String>,

    /// The second factor, such as totp; needed only if the account has several
    #[arg(long, value_name = "KIND")]
    pub(crate) factor: Option<String>,

    /// Which phone gets the code, for sms; the one that was added first by default
    #[arg(long, value_name = "LABEL")]
    pub(crate) phone: Option<String>,

    /// Read the password from this file descriptor (or from `COUNTERSIGN_PASSWORD`)
    #[arg(long, value_name = "N")]
    pub(crate) password_fd: Option<u32>,

    /// Read the factor's code from this file descriptor (or from `COUNTERSIGN_CODE`)
    #[arg(long, value_name = "N")]
    pub(crate) code_fd: Option<u32>,

    /// Open the page for a security key in this machine's browser (with xdg-open)
    #[arg(long)]
    pub(crate) open: bool,
}

/// The commands of `ca factor`.
#[derive(Debug, Subcommand)]
pub(crate) enum Factor {
    /// Add a factor; asks for the password and one you have, and ends every other session
    Add(AddFactor),
    /// List the factors of your account
    List,
    /// Remove a factor; asks for the password and a factor, and ends every other session
    Remove(RemoveFactor),
}

/// The kinds of factor that can be added.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum FactorKind {
    /// An authenticator app
    Totp,
    /// A phone that gets codes; the weakest
    Sms,
    /// A Yubikey that types one-time passwords
    Yubikey,
    /// A security key or passkey, shown to a browser; the strongest
    Webauthn,
}

impl FactorKind {
    /// Gives what such a factor is called when its owner does not say.
    pub(crate) fn default_label(self) -> &'static str {
        match self {
            // The first one, which comes with the account, is called "authenticator app".
            Self::Totp => "another app",
            Self::Sms => "phone",
            Self::Yubikey => "Yubikey",
            Self::Webauthn => "security key",
        }
    }
}

/// Options of `ca factor add`.
#[derive(Debug, Args)]
pub(crate) struct AddFactor {
    /// The kind
    pub(crate) kind: FactorKind,

    /// What to call it, such as "work phone"
    #[arg(long)]
    pub(crate) label: Option<String>,

    /// The number of the phone with its country, such as +4915123456789; for sms
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: Option<String>,

    /// Read what the new factor shows from this file descriptor, once its secret is printed
    #[arg(long, value_name = "N")]
    pub(crate) new_code_fd: Option<u32>,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Options of `ca factor remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveFactor {
    /// The label or identity of the factor, as `ca factor list` prints them
    pub(crate) which: String,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Options of `ca password`.
#[derive(Debug, Args)]
pub(crate) struct Password {
    /// Read the new password from this file descriptor (or from `COUNTERSIGN_NEW_PASSWORD`)
    #[arg(long, value_name = "N")]
    pub(crate) new_password_fd: Option<u32>,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// The commands of `ca apikey`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKey {
    /// Make an API key and print its token, this once; asks for the password and a factor
    Add(AddApiKey),
    /// List the API keys of your account
    List,
    /// Revoke an API key; asks for the password and a factor
    Revoke(RevokeApiKey),
}

/// Options of `ca apikey add`.
#[derive(Debug, Args)]
pub(crate) struct AddApiKey {
    /// What to call it, such as "nightly backup"
    pub(crate) label: String,

    /// A profile it may ask for; may be given several times
    #[arg(long = "profile", required = true, value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,

    /// A network it may come from, such as 10.0.0.0/8; may be given several times
    #[arg(long = "network", required = true, value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,

    /// How long it lasts, in days
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=366))]
    pub(crate) days: u64,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Options of `ca apikey revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeApiKey {
    /// The label or identity of the key, as `ca apikey list` prints them
    pub(crate) which: String,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Options of `ca accept`.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "each is the name of an option")]
pub(crate) struct Accept {
    /// Read the invitation from this file descriptor (or from `COUNTERSIGN_INVITATION`)
    #[arg(long, value_name = "N")]
    pub(crate) invitation_fd: Option<u32>,

    /// Read the new password from this file descriptor (or from `COUNTERSIGN_NEW_PASSWORD`)
    #[arg(long, value_name = "N")]
    pub(crate) new_password_fd: Option<u32>,

    /// Read what the new factor shows from this file descriptor, once its secret is printed
    #[arg(long, value_name = "N")]
    pub(crate) new_code_fd: Option<u32>,
}

/// The commands of `ca admin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Accounts
    #[command(subcommand)]
    User(AdminUser),
}

/// The commands of `ca admin user`.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminUser {
    /// Make an account and print the invitation for its owner, this once
    Add(Invite),
    /// List the accounts
    List,
    /// Show an account
    Show(AccountName),
    /// Switch an account off: no login, no certificate, and its sessions end
    Disable(AccountName),
    /// Switch an account on again
    Enable(AccountName),
    /// Make factors work again that were disabled by failures; the owner is warned
    Unlock(AccountName),
}

/// Options of `ca admin user add`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Invite {
    /// The name
    pub(crate) name: String,

    /// The e-mail address, which opens the key id of every certificate
    #[arg(long)]
    pub(crate) email: String,

    /// A group; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,

    /// Whose account it is; whoever has the account's name by default. Two accounts of a person approve as one
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
}

/// An account.
#[derive(Debug, Args)]
pub(crate) struct AccountName {
    /// The name or e-mail address
    pub(crate) name: String,
}
