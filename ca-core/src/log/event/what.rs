//! Every kind of event there is.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    BreakGlassUsed, CertificateIntent, HostCertificateIntent, HostRequestDenied, KrlPublished,
    OfficerVerdict, RecoveryClosed, RecoveryDue, RecoveryFinished, RecoveryOpened, RecoveryVetoed,
    RecoveryVote, RequestClosed, RequestDenied, RequestPending, Revoked, SigningKeyChange, VoucherSealed,
    VoucherWithdrawn,
};
use crate::log::checkpoint::Origin;
use crate::log::leaf::EntryType;
use crate::names::{Email, GroupName, Label, PersonName, UserName};
use crate::policy::{FactorKind, KeyScope, PolicyId, Purpose, Source};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// The log began; always entry 0.
    LogCreated {
        /// The log's name.
        origin: Origin,
        /// The fingerprints of the CA keys whose certificates for users this log records.
        ca: Vec<String>,
        /// The fingerprints of those whose certificates for hosts it records; none of them is one for users.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        host_ca: Vec<String>,
    },
    /// A log from before there were certificates for hosts records those of this CA key from here on.
    HostCaAdded {
        /// Its fingerprint.
        ca: String,
        /// Who did it.
        by: String,
    },
    /// From here on the log records certificates for users by this CA key as well.
    UserCaAdded {
        /// Its fingerprint.
        ca: String,
        /// Who did it.
        by: String,
    },
    /// From here on decisions follow this policy.
    PolicyAdopted {
        /// The SHA-256 of the text.
        policy: PolicyId,
        /// The text, whole.
        text: String,
    },
    /// An account was made.
    UserAdded {
        /// Its name.
        user: UserName,
        /// Its address.
        email: Email,
        /// Its groups.
        groups: Vec<GroupName>,
        /// Whose it is, when that is not somebody of its own name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<PersonName>,
        /// The factors it was given.
        factors: Vec<FactorKind>,
        /// Who did it.
        by: String,
    },
    /// An account was switched off or on again.
    UserEnabled {
        /// Its name.
        user: UserName,
        /// What it is now.
        enabled: bool,
        /// Who did it.
        by: String,
    },
    /// An account was given a new password and new factors in place of all it had.
    UserReset {
        /// Its name.
        user: UserName,
        /// The factors it was given.
        factors: Vec<FactorKind>,
        /// Who did it.
        by: String,
    },
    /// An account's failures were forgotten, so that disabled factors work again.
    UserUnlocked {
        /// Its name.
        user: UserName,
        /// Who did it.
        by: String,
    },
    /// Somebody logged in with a password and a factor.
    LoginSucceeded {
        /// Who.
        user: UserName,
        /// Their address.
        email: Email,
        /// The session's name, which opens nothing.
        session: String,
        /// What the session can do.
        purpose: Purpose,
        /// The factors presented after the password.
        factors: Vec<FactorKind>,
        /// Where from.
        source: Source,
    },
    /// Logins failed; one event stands for all of one account and source within a window.
    LoginFailed {
        /// The account, or what stands for an unknown one.
        account: String,
        /// Where from.
        source: IpAddr,
        /// Why.
        reason: String,
        /// How many there were.
        count: u64,
        /// How long the window was, in seconds; 0 for a first failure.
        window_secs: u64,
    },
    /// Too many failures in a row: a factor does not work any more until an officer resets it.
    FactorDisabled {
        /// Whose.
        user: UserName,
        /// Which.
        factor: String,
        /// How many failures it took.
        failures: u64,
    },
    /// An invitation was accepted: the account has its password and first factor, which its owner chose.
    InvitationAccepted {
        /// Whose.
        user: UserName,
        /// The factor's kind.
        kind: FactorKind,
        /// The factor's identity.
        factor: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account added a factor, after showing that it works.
    FactorAdded {
        /// Whose.
        user: UserName,
        /// Its kind.
        kind: FactorKind,
        /// Its identity.
        factor: String,
        /// What its owner calls it.
        label: Label,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account removed a factor.
    FactorRemoved {
        /// Whose.
        user: UserName,
        /// Its kind.
        kind: FactorKind,
        /// Its identity.
        factor: String,
        /// What its owner called it.
        label: Label,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account changed its password.
    PasswordChanged {
        /// Whose.
        user: UserName,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account was given new recovery codes in place of all before.
    RecoveryCodesMade {
        /// Whose.
        user: UserName,
        /// How many.
        count: u64,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account made an API key.
    ApiKeyMade {
        /// Whose.
        user: UserName,
        /// Its identity, which opens nothing; sessions are named by it.
        key: String,
        /// What its owner calls it.
        label: Label,
        /// What it may be used for.
        scope: KeyScope,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// An API key was revoked.
    ApiKeyRevoked {
        /// Whose.
        user: UserName,
        /// Its identity.
        key: String,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account said that a change was not theirs, and it was switched off.
    AccountFrozen {
        /// Whose.
        user: UserName,
        /// Where from.
        source: Source,
    },
    /// The key that seals secrets in the database was changed; recorded before the key file is.
    SealingKeyRotated {
        /// The ids of the keys in the file from here on, newest first: more than one until all is sealed anew.
        keys: Vec<String>,
        /// Who did it.
        by: String,
    },
    /// The policy said no.
    RequestDenied(Box<RequestDenied>),
    /// The owner of an account registered a key to approve with.
    SigningKeyAdded(Box<SigningKeyChange>),
    /// The owner of an account removed a key to approve with.
    SigningKeyRemoved(Box<SigningKeyChange>),
    /// A request waits for approval.
    RequestPending(Box<RequestPending>),
    /// An officer approved a request.
    RequestApproved(Box<OfficerVerdict>),
    /// An officer denied a request.
    RequestDeniedByOfficer(Box<OfficerVerdict>),
    /// A request that waited gets no certificate any more.
    RequestClosed(Box<RequestClosed>),
    /// An officer sealed a voucher, to be used when nobody can be reached.
    VoucherSealed(Box<VoucherSealed>),
    /// An officer took a voucher back.
    VoucherWithdrawn(Box<VoucherWithdrawn>),
    /// Somebody showed a voucher in place of waiting for approvals.
    BreakGlassUsed(Box<BreakGlassUsed>),
    /// An officer looked into what was done with a voucher, and signed that.
    BreakGlassReviewed(Box<OfficerVerdict>),
    /// The policy said yes: this certificate will be signed, and is taken to exist from here on.
    Certificate(Box<CertificateIntent>),
    /// An officer took certificates or a key away.
    Revoked(Box<Revoked>),
    /// A KRL was made, and will be served.
    KrlPublished(Box<KrlPublished>),
    /// The policy said no to a certificate for a host.
    HostRequestDenied(Box<HostRequestDenied>),
    /// The policy said yes to a host: this certificate will be signed, and is taken to exist from here on.
    HostCertificate(Box<HostCertificateIntent>),
    /// The signer did not give a good signature for an entry: that certificate was not handed out.
    SigningFailed {
        /// The entry.
        index: u64,
        /// What was wrong.
        cause: String,
    },
    /// An officer opened the recovery of an account, and is the first to have signed it.
    RecoveryOpened(Box<RecoveryOpened>),
    /// Another officer signed a recovery.
    RecoverySigned(Box<RecoveryVote>),
    /// An officer ended a recovery.
    RecoveryDenied(Box<RecoveryVote>),
    /// The owner of the account ended a recovery.
    RecoveryVetoed(Box<RecoveryVetoed>),
    /// A recovery ended by itself.
    RecoveryClosed(Box<RecoveryClosed>),
    /// A recovery has the signatures it takes: its waiting period has begun.
    RecoveryDue(Box<RecoveryDue>),
    /// An account was recovered: password, factors, keys and sessions are gone, and its owner is invited anew.
    RecoveryFinished(Box<RecoveryFinished>),
}

impl What {
    /// Gives the kind of entry this is in the log.
    pub fn entry_type(&self) -> EntryType {
        match self {
            Self::Certificate(_) | Self::HostCertificate(_) => EntryType::Certificate,
            _ => EntryType::Event,
        }
    }
}
