//! Every error that leaves the server: one match from cause to RFC 9457 problem.

mod parts;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_api::Problem;
use ca_core::policy::Denials;
use ca_core::request::RequestError;
use ca_core::ssh::SshSigError;

use crate::accounts::AccountError;
use crate::approvals::RequestProblem;
use crate::ceremony::CeremonyError;
use crate::ledger::LedgerError;
use crate::login::LoginError;
use crate::objects::StoreError;
use crate::recovery::RecoveryProblem;
use crate::store;
use crate::vouchers::VoucherProblem;
use parts::{
    account_problem, ceremony_problem, ledger_problem, login_problem, recovery_problem, request_problem,
    voucher_problem,
};

/// The media type of a problem (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a call was not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The body is not what the call takes.
    #[error(transparent)]
    Body(#[from] JsonRejection),
    /// The request's text is not acceptable.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The sender does not show that they hold the key.
    #[error(transparent)]
    Possession(#[from] SshSigError),
    /// The login, or the session, is not good.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// There is no session, and this call needs one.
    #[error("this needs a login")]
    NoSession,
    /// The session is one for certificates, and this call changes the account (F14).
    #[error("this needs the password and a factor, shown now")]
    NeedsCredentials,
    /// The session is one for certificates, but its login is older than an hour.
    #[error("this needs a login of the last hour")]
    LoginTooOld,
    /// The ceremony with a security key does not go on.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The account was not changed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The request does not go on.
    #[error(transparent)]
    Waiting(#[from] RequestProblem),
    /// A voucher is not taken, or not sealed.
    #[error(transparent)]
    Voucher(#[from] VoucherProblem),
    /// The recovery does not go on.
    #[error(transparent)]
    Recovery(#[from] RecoveryProblem),
    /// The policy said no.
    #[error("{0}")]
    Denied(Denials),
    /// The CA key that would sign was revoked.
    #[error("the CA key of this server was revoked")]
    CaRevoked,
    /// The session's user may not do this.
    #[error("the policy does not permit you this")]
    NotAllowed,
    /// An officer's own account is up to another officer.
    #[error("officers do not do this to their own account")]
    OwnAccount,
    /// A member of the body has a value that cannot be.
    #[error("{0}")]
    Unacceptable(String),
    /// Something that comes by itself is not there yet.
    #[error("{0}")]
    Unready(&'static str),
    /// There is nothing of that name.
    #[error("there is no {0}")]
    NotFound(String),
    /// The log did not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that should not happen; the cause goes to the server's own log alone.
    #[error("internal error")]
    Internal(String),
}

impl ApiError {
    /// Hides a cause from the client and keeps it for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Body(rejection) => {
                let (status, kind) = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => (413, "too-large"),
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => (415, "not-json"),
                    _ => (400, "malformed"),
                };
                problem(status, kind, "the body is not what this call takes").detail(flaw(rejection))
            }
            Self::Request(error @ RequestError::Stale { .. }) => {
                let hint = "Check this machine's clock, and ask again with a new request id.";
                problem(401, "stale", "the request is too old or too far ahead").detail(error).hint(hint)
            }
            Self::Request(error) => {
                problem(400, "malformed-request", "the request is not acceptable").detail(error)
            }
            Self::Possession(error) => {
                problem(401, "proof-of-possession", "the request is not signed by its key").detail(error)
            }
            Self::Login(error) => login_problem(error),
            Self::NoSession => problem(401, "no-session", "this needs a login").hint("Run `ca login`."),
            Self::LoginTooOld => problem(401, "login-too-old", &self.to_string()).hint("Run `ca login`."),
            Self::NeedsCredentials => {
                let hint = "A session alone changes nothing: log in for it, with purpose `account`.";
                problem(401, "full-credentials-needed", &self.to_string()).hint(hint)
            }
            Self::Account(error) => account_problem(error),
            Self::Ceremony(error) => ceremony_problem(error),
            Self::Waiting(error) => request_problem(error),
            Self::Voucher(error) => voucher_problem(error),
            Self::Recovery(error) => recovery_problem(error),
            Self::Denied(denials) => {
                let hint =
                    format!("Policy {} said so; `ca status` shows how you are logged in.", denials.policy);
                problem(403, "denied", "the policy does not allow this").detail(denials).hint(hint)
            }
            Self::CaRevoked => {
                let hint = "Hosts take nothing it signs: the operator has to put another key in its place.";
                problem(403, "ca-revoked", "certificates cannot be issued").detail(self).hint(hint)
            }
            Self::NotAllowed => problem(403, "not-allowed", "you may not do this").detail(self),
            Self::OwnAccount => {
                problem(403, "own-account", "you may not do this").detail(self).hint("Ask another officer.")
            }
            Self::Unacceptable(_) => {
                problem(400, "malformed", "the body is not what this call takes").detail(self)
            }
            Self::Unready(_) => {
                problem(503, "not-ready", "this is not ready yet").detail(self).retry_after(1)
            }
            Self::NotFound(_) => problem(404, "not-found", "there is no such thing here").detail(self),
            Self::Ledger(error) => ledger_problem(error),
            Self::Store(_) => problem(503, "log-unavailable", "the log cannot be read now").retry_after(5),
            Self::Internal(_) => problem(500, "internal", "the server failed").hint("Its log says why."),
        }
    }
}

impl From<store::StoreError> for ApiError {
    fn from(error: store::StoreError) -> Self {
        Self::internal(error)
    }
}

/// Starts a problem; `kind` never changes once it is out.
pub fn problem(status: u16, kind: &str, title: &str) -> Problem {
    Problem {
        kind: format!("{}{kind}", Problem::PREFIX),
        title: title.to_owned(),
        status,
        detail: None,
        hint: None,
        retry_after_secs: None,
        instance: None,
    }
}

/// Adds to a problem.
pub trait ProblemExt {
    /// Says what went wrong this time.
    #[must_use]
    fn detail(self, detail: impl ToString) -> Self;
    /// Says what to do about it.
    #[must_use]
    fn hint(self, hint: impl ToString) -> Self;
    /// Says how long to wait, in seconds.
    #[must_use]
    fn retry_after(self, secs: u64) -> Self;
}

impl ProblemExt for Problem {
    fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    fn hint(mut self, hint: impl ToString) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut problem = self.problem();
        if problem.status >= 500 {
            let instance = new_instance();
            tracing::error!(instance, error = %self, cause = ?self, "a call failed");
            problem.instance = Some(instance);
        }
        problem_response(problem)
    }
}

/// Names one failure, to be found in the server's log.
pub fn new_instance() -> String {
    crate::ids::random::<8>().map(hex::encode).unwrap_or_default()
}

/// Tells what is wrong with a body, and never what stands in it: that may be a password (I9).
fn flaw(rejection: &JsonRejection) -> &'static str {
    match rejection {
        JsonRejection::JsonSyntaxError(_) => "it is not JSON",
        JsonRejection::JsonDataError(_) => {
            "a member is missing, unknown or of another type: /openapi.json has them"
        }
        JsonRejection::MissingJsonContentType(_) => "its content-type must be application/json",
        _ => "it could not be read",
    }
}

/// Renders a problem.
pub fn problem_response(problem: Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = problem.retry_after_secs;
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(secs) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}
