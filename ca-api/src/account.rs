//! Accounts: as their owners see and change them, and as officers do.

use serde::{Deserialize, Serialize};

use crate::Secret;

bodies! {
    /// `GET /v1/account`: the account, as its owner sees it.
    pub struct Account {
        /// The user's name.
        pub user: String,
        /// The user's address.
        pub email: String,
        /// The user's groups.
        pub groups: Vec<String>,
        /// The factors, the oldest first.
        pub factors: Vec<Factor>,
        /// How many recovery codes are left.
        pub recovery_codes_left: u64,
    }

    /// One factor of an account.
    pub struct Factor {
        /// Its identity.
        pub id: String,
        /// Its kind, such as `totp`.
        pub kind: String,
        /// What its owner calls it.
        pub label: String,
        /// When it was accepted last, in seconds since the epoch.
        pub last_used_at: Option<u64>,
    }

    /// `POST /v1/account/factors`: begins to add a factor.
    pub struct NewFactor {
        /// Its kind: `totp`.
        pub kind: String,
        /// What its owner calls it.
        pub label: String,
    }

    /// A factor that is none until its owner shows that it works.
    pub struct PendingFactor {
        /// Its identity.
        pub id: String,
        /// The `otpauth://` link for a QR code.
        pub otpauth_url: Secret,
        /// The seed in base32, for those who type.
        pub secret: Secret,
    }

    /// `POST /v1/account/factors/sms`: begins to add a phone, and sends it a code.
    pub struct NewPhone {
        /// What its owner calls it.
        pub label: String,
        /// The number with its country, such as `+49 151 23456789`.
        pub number: Secret,
    }

    /// A phone that is no factor until its owner shows the code that was sent to it.
    pub struct PendingPhone {
        /// Its identity.
        pub id: String,
        /// The number's last digits.
        pub number: String,
    }

    /// `POST /v1/account/factors/yubikey`: adds a Yubikey.
    pub struct NewYubikey {
        /// What its owner calls it.
        pub label: String,
        /// What it shows when touched.
        pub otp: Secret,
    }

    /// `POST /v1/account/factors/{id}`: what the new factor shows.
    pub struct FactorProof {
        /// The code.
        pub code: Secret,
    }

    /// `PUT /v1/account/password`: a new password.
    pub struct NewPassword {
        /// The password.
        pub password: Secret,
    }

    /// New recovery codes, shown this once.
    pub struct RecoveryCodes {
        /// The codes; each works once.
        pub codes: Vec<Secret>,
    }

    /// `POST /v1/account/api-keys`: an API key to be.
    pub struct NewApiKey {
        /// What its owner calls it.
        pub label: String,
        /// The only profiles it can ask for; at least one.
        pub profiles: Vec<String>,
        /// The only networks it can come from, such as `10.0.0.0/8`; at least one.
        pub networks: Vec<String>,
        /// How long it lasts, in seconds; 366 days at most.
        pub lasts_secs: u64,
    }

    /// An API key.
    pub struct ApiKey {
        /// Its identity, which opens nothing.
        pub id: String,
        /// What its owner calls it.
        pub label: String,
        /// The only profiles it can ask for.
        pub profiles: Vec<String>,
        /// The only networks it can come from.
        pub networks: Vec<String>,
        /// When it ends, in seconds since the epoch.
        pub expires_at: u64,
        /// When it was used last, in seconds since the epoch.
        pub last_used_at: Option<u64>,
    }

    /// The API keys of an account.
    pub struct ApiKeys {
        /// The keys, the oldest first.
        pub api_keys: Vec<ApiKey>,
    }

    /// An API key, made.
    pub struct MadeApiKey {
        /// The key.
        pub api_key: ApiKey,
        /// The bearer token, shown this once.
        pub token: Secret,
    }

    /// `POST /v1/admin/users`: an account to be.
    pub struct Invitee {
        /// The name.
        pub name: String,
        /// The e-mail address.
        pub email: String,
        /// The groups.
        pub groups: Vec<String>,
        /// Whose account it is, when that is not somebody of its own name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub person: Option<String>,
    }

    /// An invitation, shown this once.
    pub struct Invitation {
        /// The account's name.
        pub user: String,
        /// For its owner: `ca accept`.
        pub token: Secret,
        /// When it is none any more, in seconds since the epoch.
        pub expires_at: u64,
    }

    /// An account, as officers see it.
    pub struct AdminUser {
        /// The name.
        pub name: String,
        /// The e-mail address.
        pub email: String,
        /// The groups.
        pub groups: Vec<String>,
        /// Whether anybody can log in to it.
        pub enabled: bool,
        /// Whether it waits for its owner still.
        pub waiting: bool,
        /// The factors.
        pub factors: Vec<Factor>,
        /// How many recovery codes are left.
        pub recovery_codes_left: u64,
    }

    /// The accounts.
    pub struct AdminUsers {
        /// The accounts by name.
        pub users: Vec<AdminUser>,
    }

    /// `POST /v1/invitation`: somebody takes up an invitation, and is shown their first factor.
    pub struct InvitationBegun {
        /// The invitation's token.
        pub token: Secret,
        /// The password they want, to hear now if it is none to have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password: Option<Secret>,
    }

    /// `POST /v1/invitation/accept`: the password and what the first factor shows.
    pub struct InvitationAccepted {
        /// The invitation's token.
        pub token: Secret,
        /// The password.
        pub password: Secret,
        /// The factor's identity.
        pub factor: String,
        /// What it shows.
        pub code: Secret,
    }

    /// An account, taken over.
    pub struct Welcome {
        /// The account's name.
        pub user: String,
        /// The recovery codes, shown this once.
        pub recovery_codes: Vec<Secret>,
    }
}
