//! Recoveries of accounts, and what officers say to them.

use serde::{Deserialize, Serialize};

use crate::Secret;

bodies! {
    /// `POST /v1/recoveries` and `POST /v1/recoveries/{id}/votes`: what an officer has signed.
    pub struct NewVote {
        /// The canonical text.
        pub text: String,
        /// The armoured SSHSIG over it, by a key that is registered to the officer.
        pub signature: String,
    }

    /// `GET /v1/recoveries`: for an officer the last ones, for anybody else those of their own account.
    pub struct Recoveries {
        /// The newest first.
        pub recoveries: Vec<Recovery>,
    }

    /// A recovery of an account.
    pub struct Recovery {
        /// Its identity.
        pub id: String,
        /// The account.
        pub user: String,
        /// The account's e-mail address.
        pub email: String,
        /// Whether it is the caller's own account.
        pub own: bool,
        /// `open`, `due`, `finishing`, `finished`, `closing` or `closed`.
        pub state: String,
        /// Why it ended, such as `denied` or `vetoed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub outcome: Option<String>,
        /// When it was opened, in seconds since the epoch.
        pub opened_at: u64,
        /// When it is too late for the next step, in seconds since the epoch.
        pub expires_at: u64,
        /// How many people have to sign.
        pub needs: u8,
        /// When the waiting period ends, once it has begun, in seconds since the epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub due_until: Option<u64>,
        /// Until when the account can do less, once it is finished, in seconds since the epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reduced_until: Option<u64>,
        /// Who has signed, in order.
        pub votes: Vec<GivenVote>,
    }

    /// A signature under a recovery.
    pub struct GivenVote {
        /// Whose.
        pub officer: String,
        /// When, in seconds since the epoch.
        pub at: u64,
        /// The canonical text, which says why.
        pub text: String,
        /// The armoured signature.
        pub signature: String,
    }

    /// `POST /v1/recoveries/{id}/finish`: the invitation that the owner takes the account over with.
    pub struct RecoveryInvitation {
        /// The account.
        pub user: String,
        /// For its owner: `ca accept`.
        pub token: Secret,
        /// When it is none any more, in seconds since the epoch.
        pub expires_at: u64,
        /// Until when the account can do less, in seconds since the epoch.
        pub reduced_until: u64,
    }
}
