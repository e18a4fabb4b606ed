//! What the errors of each part of the server are as problems: status, kind, hint.

use ca_api::Problem;
use ca_core::approval::ApprovalError;

use super::{ProblemExt as _, problem};
use crate::accounts::AccountError;
use crate::approvals::RequestProblem;
use crate::ceremony::CeremonyError;
use crate::factors::hash_pool::PoolError;
use crate::ledger::LedgerError;
use crate::login::LoginError;
use crate::login::sms::SendError;
use crate::recovery::RecoveryProblem;
use crate::store;
use crate::vouchers::VoucherProblem;

pub(super) fn account_problem(error: &AccountError) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        AccountError::Name(_) | AccountError::Phone(_) | AccountError::Scope(_) => say(400, "malformed"),
        AccountError::Password(_) => say(400, "password-not-acceptable"),
        AccountError::WrongCode => {
            say(400, "wrong-code").hint("The factor was not added: try the next code.")
        }
        AccountError::Unknown { .. }
        | AccountError::NoFactor
        | AccountError::NoKey
        | AccountError::NoSigningKey => say(404, "not-found"),
        AccountError::SigningKey(error) => approval_problem(error),
        AccountError::NotConfigured(_) => say(404, "no-such-factor").hint("Its operator has not set it up."),
        AccountError::Send(SendError::Limit { retry_after_secs }) => {
            say(429, "too-many-messages").retry_after(*retry_after_secs)
        }
        AccountError::Send(SendError::Country(_) | SendError::Refused | SendError::NotConfigured) => {
            say(400, "no-message").hint("Use another number, or another factor.")
        }
        AccountError::FactorDown(_) | AccountError::Send(_) => {
            problem(503, "factor-unavailable", &error.to_string()).retry_after(5)
        }
        AccountError::NoInvitation => say(404, "no-invitation").hint("Ask an officer for another."),
        AccountError::TooSoon { retry_after_secs } => {
            say(429, "too-many-failures").retry_after(*retry_after_secs)
        }
        AccountError::LastFactor => {
            say(409, "last-factor").hint("Add another first; without any nobody could log in.")
        }
        AccountError::Ceremony(error) => ceremony_problem(error),
        AccountError::TooMany => say(409, "too-many").hint("Remove one first."),
        AccountError::Store(
            store::StoreError::Taken
            | store::StoreError::FactorTaken
            | store::StoreError::ApiKeyTaken
            | store::StoreError::SigningKeyTaken,
        ) => say(409, "taken").hint("Choose another name or label."),
        AccountError::Hash(PoolError::Overloaded) => {
            problem(503, "busy", "the server is busy").retry_after(1)
        }
        AccountError::Audit(_) => {
            let hint = "Nothing is changed while the audit trail cannot be written.";
            problem(503, "log-unavailable", "the log cannot be written now").hint(hint).retry_after(5)
        }
        AccountError::Hash(_)
        | AccountError::Totp(_)
        | AccountError::Warn(_)
        | AccountError::Seal(_)
        | AccountError::NoRandomness(_)
        | AccountError::Store(_) => {
            problem(503, "unavailable", "the account cannot be changed at the moment").retry_after(5)
        }
    }
}

/// What somebody is told who asks for, or decides about, what has to be approved.
pub(super) fn request_problem(error: &RequestProblem) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        RequestProblem::Unknown => say(404, "no-request").hint("See what waits: ca requests"),
        RequestProblem::Own => say(403, "own-request").hint("Somebody else has to."),
        RequestProblem::NotYours => say(403, "not-allowed"),
        RequestProblem::Over(_) => say(409, "request-over").hint("It has to be asked again: ca request"),
        RequestProblem::Again => say(409, "approved-already"),
        RequestProblem::Approval(error) => approval_problem(error),
        RequestProblem::TooMany => say(429, "too-many-requests").hint("Cancel one: ca cancel ID"),
    }
}

/// What somebody is told whose voucher is not taken: all of it, as whoever holds the secret is in an emergency.
pub(super) fn voucher_problem(error: &VoucherProblem) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        VoucherProblem::Unknown => {
            say(404, "no-voucher").hint("Check every letter; there is no I, L, O or U.")
        }
        VoucherProblem::Secret(_) => say(400, "no-voucher").hint("Check every letter."),
        VoucherProblem::Used => say(409, "voucher-used").hint("Each works once: take another."),
        VoucherProblem::Withdrawn => say(409, "voucher-withdrawn").hint("Take another."),
        VoucherProblem::Unsealed(_) => {
            say(403, "voucher-unsealed").hint("Officers complete it with: ca voucher sign ID")
        }
        VoucherProblem::NotYours(_) => say(403, "not-allowed"),
        VoucherProblem::NotTaken(_) => say(400, "no-break-glass"),
        VoucherProblem::ProfileChanged(_) => {
            say(409, "profile-changed").hint("Look at the profile, and seal a new voucher.")
        }
        VoucherProblem::Own => say(403, "own-voucher").hint("Other officers have to."),
        VoucherProblem::Again => say(409, "sealed-already"),
        VoucherProblem::Conflict => say(409, "voucher-exists"),
        VoucherProblem::NothingToReview => say(409, "nothing-to-review"),
        VoucherProblem::NoteMissing => say(400, "note-missing").hint("Say it with --note."),
    }
}

/// What somebody is told who opens, signs, ends or finishes a recovery.
pub(super) fn recovery_problem(error: &RecoveryProblem) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        RecoveryProblem::Unknown => say(404, "no-recovery").hint("See what there is: ca recovery list"),
        RecoveryProblem::Own => say(403, "own-recovery").hint("Other people have to."),
        RecoveryProblem::NotYours => say(403, "not-allowed"),
        RecoveryProblem::Already => say(409, "recovery-exists").hint("See it: ca recovery list"),
        RecoveryProblem::Disabled => {
            say(409, "account-disabled").hint("Find out why. Then: ca admin user enable NAME")
        }
        RecoveryProblem::Again => say(409, "signed-already"),
        RecoveryProblem::Over(_) => say(409, "recovery-over").hint("Open another: ca recovery open USER"),
        RecoveryProblem::NotSigned { .. } => {
            say(409, "recovery-not-signed").hint("Somebody else has to: ca recovery sign USER")
        }
        RecoveryProblem::TooEarly(_) => say(409, "recovery-waits").hint("Come back then."),
        RecoveryProblem::Vote(ApprovalError::OtherRequest | ApprovalError::OtherRecovery) => {
            say(409, "other-recovery").hint("Look at it again: ca recovery list")
        }
        RecoveryProblem::Vote(error) => approval_problem(error),
    }
}

pub(super) fn approval_problem(error: &ApprovalError) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        ApprovalError::OtherAuthority
        | ApprovalError::OtherRequest
        | ApprovalError::OtherPolicy
        | ApprovalError::OtherExpiry => say(409, "other-request").hint("Look at it again: ca show ID"),
        ApprovalError::OtherApprover => say(403, "other-approver"),
        ApprovalError::NoSuchKey => say(403, "no-such-key").hint("Register it: ca approval-key add FILE"),
        ApprovalError::Stale => say(401, "stale").hint("Check this machine's clock, and sign again."),
        ApprovalError::Signature(_) => say(401, "approval-signature"),
        _ => say(400, "malformed-approval"),
    }
}

/// What the page, and the program that waits, are told.
pub(super) fn ceremony_problem(error: &CeremonyError) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        CeremonyError::NotConfigured => say(404, "no-such-factor"),
        CeremonyError::Unknown => say(404, "no-ceremony").hint("Start again where you asked for it."),
        CeremonyError::Pending => say(409, "webauthn-pending").retry_after(1),
        CeremonyError::Elsewhere => {
            say(403, "elsewhere").hint("If you asked for it yourself, type the code instead.")
        }
        CeremonyError::TooManyGuesses { retry_after_secs } => {
            say(429, "too-many-failures").retry_after(*retry_after_secs)
        }
        CeremonyError::WrongOrigin => say(403, "wrong-origin"),
        CeremonyError::Refused => say(401, "webauthn-refused").hint("Start again where you asked for it."),
        CeremonyError::Unavailable { .. } => {
            problem(503, "unavailable", "security keys cannot be used at the moment").retry_after(5)
        }
    }
}

/// I10: whatever keeps an entry out of the log denies.
pub(super) fn ledger_problem(error: &LedgerError) -> Problem {
    match error {
        LedgerError::Conflict => {
            let hint = "Ask again with a new request id.";
            problem(409, "request-id-used", "this request id was used for another request").hint(hint)
        }
        LedgerError::Stale => {
            let hint = "Ask again with a new request id.";
            problem(401, "stale", "the request is too old or too far ahead").hint(hint)
        }
        LedgerError::Busy => problem(503, "busy", "the server is busy").retry_after(1),
        LedgerError::Unavailable(_)
        | LedgerError::Closed
        | LedgerError::ClockBehind { .. }
        | LedgerError::Entry(_) => {
            let hint = "Nothing is granted while the audit trail cannot be written.";
            problem(503, "log-unavailable", "the log cannot be written now").hint(hint).retry_after(5)
        }
    }
}

/// What a person at the prompt is told; nothing here says whether an account exists (F9).
pub(super) fn login_problem(error: &LoginError) -> Problem {
    let say = |status, kind| problem(status, kind, &error.to_string());
    match error {
        LoginError::Refused => {
            say(401, "wrong-credentials").hint("Check the name and the password, and try again.")
        }
        LoginError::PasswordTooLong => say(400, "password-too-long"),
        LoginError::NoFactor => say(403, "no-factor"),
        LoginError::ChallengeInvalid => say(401, "login-expired").hint("Run `ca login` again."),
        LoginError::WrongCode => {
            let hint = "A code of an app is of the current half minute (check the clocks); one that was sent, of this login; a recovery code, unused.";
            say(401, "wrong-code").hint(hint)
        }
        LoginError::CodeUsed { next_in_secs: Some(secs) } => {
            let hint = format!("A TOTP code works once. Wait for the next one (in {secs} s).");
            say(401, "code-used").hint(hint).retry_after(*secs)
        }
        LoginError::CodeUsed { next_in_secs: None } => say(401, "code-used").hint("Each works once."),
        LoginError::NoSuchFactor { has } => {
            let has: Vec<String> = has.iter().map(ToString::to_string).collect();
            say(404, "no-such-factor").hint(format!("It has: {}.", has.join(", ")))
        }
        LoginError::NoSuchPhone { has } => {
            let has: Vec<_> = has.iter().map(|label| format!("{:?}", label.as_str())).collect();
            say(404, "no-such-phone").hint(format!("It has: {}.", has.join(", ")))
        }
        LoginError::FactorDown { others, .. } => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            let hint = match others.as_slice() {
                [] => "Try again in a moment.".to_owned(),
                _ => format!("Use another factor: {}.", others.join(", ")),
            };
            say(503, "factor-unavailable").hint(hint).retry_after(5)
        }
        LoginError::SmsLimit { retry_after_secs } => {
            say(429, "too-many-messages").hint("Use another factor, or wait.").retry_after(*retry_after_secs)
        }
        LoginError::Delayed { retry_after_secs } => {
            say(429, "too-many-failures").retry_after(*retry_after_secs)
        }
        LoginError::FactorDisabled => say(403, "factor-disabled"),
        LoginError::Ceremony(error) => ceremony_problem(error),
        LoginError::NoSession => say(401, "no-session").hint("Run `ca login`."),
        LoginError::Overloaded { retry_after_secs } => say(503, "busy").retry_after(*retry_after_secs),
        LoginError::Unavailable { .. } => {
            problem(503, "unavailable", "logging in does not work at the moment").retry_after(5)
        }
    }
}
