//! What a request would be answered with, and why.

use serde::{Deserialize, Serialize};

bodies! {
    /// `POST /v1/explain`: a request that is not made, but asked about.
    pub struct ExplainRequest {
        /// The canonical text of the request (`docs/log-format.md`).
        pub request: String,
        /// The armoured SSHSIG over that text, as for a real request; it is verified when it is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub signature: Option<String>,
    }

    /// What the policy in force says to a request now. Nothing is issued, waits or is recorded.
    pub struct Explanation {
        /// `granted`, `needs-approval` or `denied`.
        pub verdict: String,
        /// The policy's identity, the SHA-256 of its bytes.
        pub policy: String,
        /// The accounts that the certificate would be for; none when denied.
        pub accounts: Vec<String>,
        /// How long it would last, such as `1h30m`; none when denied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ttl: Option<String>,
        /// Why not; empty unless denied.
        pub denials: Vec<ExplainedDenial>,
        /// What takes all denials away; none when nothing does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub together: Option<ExplainedTogether>,
        /// The approvals that it needs, now or once the denials are gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approvals: Option<ExplainedApprovals>,
    }

    /// One thing that says no.
    pub struct ExplainedDenial {
        /// Its kind, which never changes: `factor-missing`, `ttl-above-cap` …
        pub code: String,
        /// The same for people.
        pub detail: String,
        /// The rules that forbid it, as they are written.
        pub rules: Vec<ExplainedRule>,
        /// Each of these alone would take it away, tried by the same decision.
        pub remedies: Vec<ExplainedRemedy>,
    }

    /// A rule of the policy.
    pub struct ExplainedRule {
        /// Its name.
        pub id: String,
        /// As it is written.
        pub text: String,
    }

    /// Something that can be done.
    pub struct ExplainedRemedy {
        /// Its kind, which never changes: `log-in`, `ttl` …
        pub code: String,
        /// The same for people.
        pub detail: String,
        /// What is typed for it: a command, or an option of `ca request`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
    }

    /// What can be done against all denials.
    pub struct ExplainedTogether {
        /// All of these.
        pub remedies: Vec<ExplainedRemedy>,
        /// What the request is answered with then: `granted` or `needs-approval`.
        pub verdict: String,
    }

    /// The approvals that a request needs.
    pub struct ExplainedApprovals {
        /// How many people have to approve.
        pub needs: u8,
        /// The groups of which each must be in one.
        pub groups: Vec<String>,
        /// How long the request may wait, such as `24h`.
        pub wait: String,
        /// The accounts that are enabled, in one of the groups and another person's; rules may say no to some of them.
        pub approvers: Vec<String>,
    }
}
