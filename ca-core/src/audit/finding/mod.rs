//! What an audit finds, said so that a person can go and look.

mod recovery;
mod voucher;

use std::fmt;

use crate::krl::KrlVersion;
use crate::log::hash::Hash;
use crate::names::{ProfileName, RequestId, UserName};
use crate::policy::PolicyId;
use crate::ssh::Fingerprint;
use crate::time::{UnixMillis, UnixSeconds};

pub use recovery::RecoveryFlaw;
pub use voucher::VoucherFlaw;

/// Something that is not as it must be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The object it is in, or that should be there.
    pub object: String,
    /// The entry it is about.
    pub entry: Option<u64>,
    /// What it is.
    pub flaw: Flaw,
}

impl Finding {
    /// Makes a finding about a whole object.
    pub fn object(object: impl Into<String>, flaw: Flaw) -> Self {
        Self { object: object.into(), entry: None, flaw }
    }

    /// Makes a finding about an entry.
    pub fn entry(object: impl Into<String>, entry: u64, flaw: Flaw) -> Self {
        Self { object: object.into(), entry: Some(entry), flaw }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "{}: entry {entry}: {}", self.object, self.flaw),
            None => write!(f, "{}: {}", self.object, self.flaw),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// An object that must be there is not.
    #[error("it is missing")]
    Missing,
    /// An object that is no part of a log.
    #[error("it is no part of a log")]
    Foreign,
    /// An object that says something about entries that are not there.
    #[error("it is about entries that the log does not have: there are {size}")]
    BeyondTree {
        /// The number of entries.
        size: u64,
    },
    /// An object's bytes are not what the entries make.
    #[error("it differs from what the entries make, at byte {offset}")]
    Bytes {
        /// The first byte that differs.
        offset: usize,
    },
    /// Two objects say different things, and without the events it cannot be told which is right.
    #[error("it and {with} do not agree")]
    Disagrees {
        /// The other object.
        with: String,
    },
    /// An entry bundle cannot be read.
    #[error("{0}")]
    Bundle(String),
    /// A journal object cannot be read or is not the log's.
    #[error("{0}")]
    Journal(String),
    /// A journal object is under a name that is not its own.
    #[error("it says it starts at entry {found}")]
    JournalName {
        /// The first index in its header.
        found: u64,
    },
    /// Journal objects do not follow each other.
    #[error("it starts at entry {found}, and {expected} come before it")]
    Gap {
        /// Where it had to start.
        expected: u64,
        /// Where it starts.
        found: u64,
    },
    /// The tree that a round says it continues is another one.
    #[error("the tree it continues is not the one that the entries before it make")]
    Frontier,
    /// A checkpoint cannot be read or is not the log's.
    #[error("{0}")]
    Checkpoint(String),
    /// A checkpoint has signatures of others, which nobody here can check.
    #[error("it has {count} signatures by keys that are not known here")]
    UnknownSignatures {
        /// How many.
        count: usize,
    },
    /// A checkpoint is under a name that is not its own.
    #[error("it is the checkpoint of {found} entries")]
    CheckpointName {
        /// The size in it.
        found: u64,
    },
    /// A checkpoint has another root than the entries make.
    #[error("its root {found} is not the root of the first {size} entries, {expected}")]
    Root {
        /// The number of entries it is about.
        size: u64,
        /// What the entries make.
        expected: Hash,
        /// What it says.
        found: Hash,
    },
    /// The log is shorter than it once was.
    #[error("the log has {size} entries, and had {before} before")]
    Shrunk {
        /// The number of entries now.
        size: u64,
        /// The number of entries before.
        before: u64,
    },
    /// An entry's line is not the one way to write it.
    #[error("its line is not in canonical form")]
    NotCanonical,
    /// An entry is dated before the one ahead of it.
    #[error("its time {time} is before that of the entry ahead, {before}", time = .time.0, before = .before.0)]
    TimeWentBack {
        /// The time of the entry ahead.
        before: UnixMillis,
        /// Its time.
        time: UnixMillis,
    },
    /// The first entry is not the creation of this log, or a later one is.
    #[error("the creation of the log must be entry 0, and no other")]
    Creation,
    /// The log was created under another name.
    #[error("the log was created as {found}")]
    OtherOrigin {
        /// The name.
        found: String,
    },
    /// A policy's text does not have its identity, or is no policy.
    #[error("the policy {policy} is not what its text is: {cause}")]
    PolicyText {
        /// The policy it is said to be.
        policy: PolicyId,
        /// What is wrong with it.
        cause: String,
    },
    /// A failure to sign is about an entry that is no earlier certificate.
    #[error("it takes back entry {index}, which is no certificate before it")]
    TakesBackNothing {
        /// The entry it names.
        index: u64,
    },
    /// A decision follows a policy that was never adopted.
    #[error("the policy {policy} was not adopted before")]
    PolicyUnknown {
        /// The policy.
        policy: PolicyId,
    },
    /// A decision follows a policy that had been replaced.
    #[error("the policy {policy} had been replaced by entry {replaced}")]
    PolicyReplaced {
        /// The policy.
        policy: PolicyId,
        /// The entry that adopted the next one.
        replaced: u64,
    },
    /// The decision's time does not fit the entry's.
    #[error("it was decided at {decided}, and entered at {entered}")]
    Lag {
        /// When it says it was decided.
        decided: UnixSeconds,
        /// When it was entered.
        entered: UnixSeconds,
    },
    /// Nobody with this name, address and groups was ever added.
    #[error("no account {user} with this address and these groups was added before")]
    NoAccount {
        /// The account.
        user: UserName,
    },
    /// The account had been switched off.
    #[error("the account {user} had been disabled by entry {by}")]
    AccountDisabled {
        /// The account.
        user: UserName,
        /// The entry that did it.
        by: u64,
    },
    /// The session was never begun by this user with these factors.
    #[error("no login of {user} began the session {session:?} with these factors")]
    NoLogin {
        /// The user.
        user: UserName,
        /// The session.
        session: String,
    },
    /// The request cannot be read, or is for another authority.
    #[error("the request: {0}")]
    Request(String),
    /// The request's proof of possession does not hold.
    #[error("the proof of possession: {0}")]
    Possession(String),
    /// A request id was used before.
    #[error("the request {id} is entry {first} already")]
    RequestIdTwice {
        /// The id.
        id: RequestId,
        /// The entry that has it.
        first: u64,
    },
    /// A request that is said to have waited was not recorded before.
    #[error("no request {id} waits for approval")]
    NotPending {
        /// The id.
        id: RequestId,
    },
    /// A certificate was granted for a request that was over.
    #[error("the request {id} had been closed by entry {closed}")]
    WasClosed {
        /// The id.
        id: RequestId,
        /// The entry that closed it.
        closed: u64,
    },
    /// It was approved or granted after its wait had ended.
    #[error("the request's wait had ended {expired}")]
    TooLate {
        /// When.
        expired: UnixSeconds,
    },
    /// What an officer is said to have signed cannot be read, or is about something else.
    #[error("the approval: {0}")]
    Approval(String),
    /// An approval is by a key that the log has not given to the officer.
    #[error("it is not signed by a key that was registered to {user} before")]
    NoSigningKey {
        /// The officer.
        user: UserName,
    },
    /// Two accounts have one key to approve with.
    #[error("the key is {user}'s already")]
    SigningKeyOfAnother {
        /// Whose it was before.
        user: UserName,
    },
    /// Somebody approved what they asked for themselves.
    #[error("{user} approved their own request")]
    OwnApproval {
        /// Who.
        user: UserName,
    },
    /// A certificate rests on an approval that was not recorded before.
    #[error("the approval by {user} that it rests on was not recorded before")]
    ApprovalUnrecorded {
        /// The officer.
        user: UserName,
    },
    /// The policy asks for approvals that are not there.
    #[error("the policy asks for more: it has {0}")]
    Unapproved(String),
    /// A request waits that the policy does not make wait, or not like this.
    #[error("the policy does not make it wait like this")]
    NoNeedToWait,
    /// The policy denies what was granted.
    #[error("the policy denies it: {reasons}")]
    Denied {
        /// Why.
        reasons: String,
    },
    /// The policy grants what was denied.
    #[error("the policy grants {profile}, and it was denied")]
    Granted {
        /// The profile.
        profile: ProfileName,
    },
    /// The policy denies for other reasons.
    #[error("the policy denies it for other reasons: {reasons}")]
    OtherReasons {
        /// Why.
        reasons: String,
    },
    /// The precert is not one.
    #[error("the precert: {0}")]
    Precert(String),
    /// The precert is not what the policy grants.
    #[error("the precert is not the one that the policy grants")]
    OtherPrecert,
    /// The CA is not one that the log was created for.
    #[error("the CA {ca} is not one this log is for")]
    UnknownCa {
        /// Its fingerprint.
        ca: String,
    },
    /// A revocation was entered for somebody whom the policy does not permit it.
    #[error("the policy does not permit {user} to revoke")]
    RevokedWithoutRight {
        /// Who did it.
        user: UserName,
    },
    /// A certificate is for a key that had been revoked.
    #[error("the key {key} had been revoked by entry {by}")]
    KeyRevoked {
        /// The key.
        key: Fingerprint,
        /// The entry that did it.
        by: u64,
    },
    /// A request was denied because of a revocation that is not in the log.
    #[error("the key {key} was not revoked before")]
    KeyNotRevoked {
        /// The key.
        key: Fingerprint,
    },
    /// A KRL contradicts itself or the one before.
    #[error("the KRL {version} {what}")]
    Krl {
        /// Its version.
        version: KrlVersion,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A KRL revokes something else than the log says.
    #[error("the KRL {version} is not the one that the first {covers} entries make")]
    OtherKrl {
        /// Its version.
        version: KrlVersion,
        /// How many entries it says it takes into account.
        covers: u64,
    },
    /// A revocation got into no KRL.
    #[error("what entry {entry} revokes was in no KRL by then")]
    NotInKrl {
        /// The entry.
        entry: u64,
    },
    /// The CA is one for users where one for hosts has to be, or the other way round.
    #[error("the CA {ca} is not for both users and hosts")]
    OtherRole {
        /// Its fingerprint.
        ca: String,
    },
    /// Something about a voucher.
    #[error(transparent)]
    Voucher(#[from] VoucherFlaw),
    /// Something about the recovery of an account.
    #[error(transparent)]
    Recovery(#[from] RecoveryFlaw),
    /// The policy did not let somebody look after other people's accounts.
    #[error("the policy does not permit {user} to administer")]
    AdministeredWithoutRight {
        /// Who did it.
        user: UserName,
    },
    /// What the entry repeats for people is not what follows from its evidence.
    #[error("its field {0:?} is not what follows from the evidence")]
    Field(&'static str),
}

impl Flaw {
    /// Tells whether it is that something was not said before, which a round that was lost may have said.
    pub(super) fn is_an_absence(&self) -> bool {
        match self {
            Self::Voucher(flaw) => flaw.is_an_absence(),
            Self::Recovery(flaw) => flaw.is_an_absence(),
            _ => matches!(
                self,
                Self::PolicyUnknown { .. }
                    | Self::PolicyReplaced { .. }
                    | Self::NoAccount { .. }
                    | Self::AccountDisabled { .. }
                    | Self::NoLogin { .. }
                    | Self::UnknownCa { .. }
                    | Self::TakesBackNothing { .. }
                    | Self::KeyNotRevoked { .. }
                    | Self::OtherKrl { .. }
                    | Self::NotPending { .. }
                    | Self::NoSigningKey { .. }
                    | Self::ApprovalUnrecorded { .. }
            ),
        }
    }
}
