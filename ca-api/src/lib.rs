//! The JSON bodies that cross the wire between `ca-server` and its clients, and nothing else.
//!
//! Names are checked where they are used, by the types of `ca-core`; here they are text.

use serde::{Deserialize, Serialize};

/// Derives what every body needs, and an `OpenAPI` schema where the server asks for one.
macro_rules! bodies {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

mod account;
mod approvals;
mod explain;
mod hosts;
mod recovery;
mod revocation;
mod vouchers;

pub use account::*;
pub use approvals::*;
pub use explain::*;
pub use hosts::*;
pub use recovery::*;
pub use revocation::*;
pub use vouchers::*;

/// A text that is never printed: passwords, codes and tokens on their way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

bodies! {
    /// `POST /v1/login`: the first step of a login.
    pub struct LoginRequest {
        /// A user name or e-mail address, in any case.
        pub user: String,
        /// The password.
        pub password: Secret,
        /// What the session is to be for: `access` (certificates), which is the default, or `account` (changing the
        /// account's own factors and password).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub purpose: Option<String>,
        /// What the last login on this device left: with it, nobody else's wrong passwords hold this login up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device: Option<Secret>,
    }

    /// The answer to a right password: a factor has to follow.
    pub struct LoginChallenge {
        /// To be sent back with the factor; good once, for a few minutes.
        pub challenge: Secret,
        /// The kinds of factor the account has.
        pub factors: Vec<String>,
        /// How long the challenge is good for, in seconds.
        pub expires_in_secs: u64,
    }

    /// `POST /v1/login/factor`: the second step of a login.
    pub struct FactorRequest {
        /// From the first step.
        pub challenge: Secret,
        /// The kind of factor, such as `totp`.
        pub kind: String,
        /// What the factor shows.
        pub code: Secret,
    }

    /// `POST /v1/login/webauthn`: asks for a ceremony with a security key, in place of a code.
    pub struct CeremonyRequest {
        /// From the first step.
        pub challenge: Secret,
    }

    /// A ceremony, opened: a security key has to be shown to a browser.
    pub struct Ceremony {
        /// A page for a browser on the machine that asked; good for a few minutes.
        pub url: Secret,
        /// The same page without its secret, for a browser on any device.
        pub page: String,
        /// What to type there; none where the server wants the browser at the address that asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub code: Option<Secret>,
        /// What to ask with until the key was shown: the `code` of `POST /v1/login/factor`.
        pub poll: Secret,
        /// How long the ceremony is open, in seconds.
        pub expires_in_secs: u64,
    }

    /// `POST /v1/account/factors/webauthn`: asks for a ceremony that makes a security key a factor.
    pub struct NewSecurityKey {
        /// What its owner calls it.
        pub label: String,
    }

    /// `POST /v1/account/factors/webauthn/confirm`: asks whether the key was shown.
    pub struct CeremonyPoll {
        /// From the ceremony.
        pub poll: Secret,
    }

    /// `POST /webauthn/ceremony`: what a browser opens a ceremony with, one of the two.
    pub struct CeremonyKey {
        /// What stands behind the `#` of the link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub link: Option<Secret>,
        /// The code that was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<Secret>,
    }

    /// A ceremony, as the page shows it.
    pub struct ShownCeremony {
        /// Whose account it is.
        pub user: String,
        /// What the new factor will be called; none at a login.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// The address it was asked from.
        pub address: String,
        /// What the program that asked calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub program: Option<String>,
        /// How long the ceremony is open, in seconds.
        pub expires_in_secs: u64,
        /// What `navigator.credentials` takes, in the JSON form of WebAuthn Level 3 §5.1.
        pub options: serde_json::Value,
    }

    /// `POST /webauthn/answer`: what the authenticator gave.
    pub struct CeremonyAnswer {
        /// What the ceremony was opened with.
        pub key: CeremonyKey,
        /// The credential, as its `toJSON` gives it.
        pub credential: serde_json::Value,
    }

    /// `POST /v1/login/sms`: sends the code of an SMS factor.
    pub struct SmsRequest {
        /// From the first step.
        pub challenge: Secret,
        /// What its owner calls the phone; the one that was added first, when there is no such member.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub phone: Option<String>,
    }

    /// A code is on its way.
    pub struct SmsSent {
        /// The last digits of the number it went to.
        pub number: String,
        /// What their owner calls the other phones of the account.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub others: Vec<String>,
    }

    /// A session, begun.
    pub struct LoginSession {
        /// The bearer token.
        pub token: Secret,
        /// To be kept as secret as the token, and sent with the next login on this device; none when what was sent with
        /// this one is still good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device: Option<Secret>,
        /// Whose session it is.
        pub session: Session,
    }

    /// `GET /v1/session`: who is logged in.
    pub struct Session {
        /// The user's name.
        pub user: String,
        /// The user's address.
        pub email: String,
        /// The user's groups.
        pub groups: Vec<String>,
        /// The factors presented after the password.
        pub factors: Vec<String>,
        /// When the session ends, in seconds since the epoch, if it does not idle before.
        pub expires_at: u64,
        /// How long it may idle, in seconds.
        pub idle_secs: u64,
    }

    /// `POST /v1/certificates`: a request and the proof that its sender holds the key.
    pub struct CertificateRequest {
        /// The canonical text of the request (`docs/log-format.md`).
        pub request: String,
        /// The armoured SSHSIG over that text by the key in it, namespace `request@countersign.v1`.
        pub signature: String,
    }

    /// A certificate, issued.
    pub struct IssuedCertificate {
        /// OpenSSH's one-line form.
        pub certificate: String,
        /// The request it answers.
        pub request_id: String,
        /// The serial, which is the index of its entry in the log.
        pub serial: u64,
        /// The first second after its validity, since the epoch.
        pub valid_before: u64,
    }

    /// `GET /v1/trust`: what hosts and clients pin.
    pub struct Trust {
        /// The origin of the log, which names this authority.
        pub origin: String,
        /// The log's verifier key (C2SP signed-note).
        pub log_key: String,
        /// The CA's public keys for users, one OpenSSH line each.
        pub user_ca_keys: Vec<String>,
        /// The CA's public keys for hosts, one OpenSSH line each.
        #[serde(default)]
        pub host_ca_keys: Vec<String>,
    }

    /// `GET /v1/profiles`: the kinds of access there are.
    pub struct Profiles {
        /// The policy's identity, the SHA-256 of its bytes.
        pub policy: String,
        /// The profiles the user's groups may have.
        pub profiles: Vec<ProfileSummary>,
    }

    /// One kind of access.
    pub struct ProfileSummary {
        /// Its name.
        pub name: String,
        /// What it is for.
        pub description: String,
        /// The accounts it logs in to, for this user.
        pub principals: Vec<String>,
        /// The lifetime when none is asked for.
        pub default_ttl: String,
        /// The longest lifetime.
        pub max_ttl: String,
        /// The factors of which one is needed.
        pub factors: Vec<String>,
        /// Whether a reason must be given.
        pub require_reason: bool,
    }
}

/// A problem, as RFC 9457 describes it, with a hint for the person in front of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A name that does not change: `urn:countersign:problem:` and a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem this is, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long to wait before the next try, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_secs: Option<u64>,
    /// A name for this very failure, to be found in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// What every problem's type starts with.
    pub const PREFIX: &str = "urn:countersign:problem:";
}
