//! Who calls, and from where.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use ca_core::names::ProfileName;
use ca_core::policy::{Action, Factor, FactorKind, Purpose, Source};

use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::login::{API_KEY, Session};
use crate::secret::Secret;

/// The user behind a valid session token.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) session: Arc<Session>,
    pub(super) token: Secret,
}

impl FromRequestParts<SharedApp> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let token = bearer(parts).ok_or(ApiError::NoSession)?;
        let session = app.login.authenticate(token).await?;
        Ok(Self { session, token: Secret::from(token) })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(|value| value.strip_prefix("Bearer "))
}

/// A caller with a session for certificates; no API key is one.
#[derive(Clone, Debug)]
pub(super) struct PersonCaller(pub(super) Arc<Session>);

impl FromRequestParts<SharedApp> for PersonCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.session.purpose {
            Purpose::Access => Ok(Self(caller.session)),
            Purpose::Account => Err(ApiError::NoSession),
        }
    }
}

/// A caller with a session for certificates, or with an API key that is good from here and now.
#[derive(Clone, Debug)]
pub(super) struct AccessCaller(pub(super) Arc<Session>);

impl FromRequestParts<SharedApp> for AccessCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        match api_key(parts) {
            Some(key) => {
                let Peer(source) = Peer::from_request_parts(parts, app).await?;
                Ok(Self(app.login.authenticate_key(key.expose(), &source).await?))
            }
            None => Ok(Self(PersonCaller::from_request_parts(parts, app).await?.0)),
        }
    }
}

/// A caller whose request the policy decides, and with it whether their API key is good for that: so the refusal is
/// recorded as one of the request.
#[derive(Clone, Debug)]
pub(super) struct RequestingCaller(pub(super) Arc<Session>);

impl FromRequestParts<SharedApp> for RequestingCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        match api_key(parts) {
            Some(key) => {
                let Peer(source) = Peer::from_request_parts(parts, app).await?;
                Ok(Self(app.login.identify_key(key.expose(), &source).await?))
            }
            None => Ok(Self(PersonCaller::from_request_parts(parts, app).await?.0)),
        }
    }
}

fn api_key(parts: &Parts) -> Option<Secret> {
    bearer(parts).filter(|token| token.starts_with(API_KEY)).map(Secret::from)
}

/// A caller who has shown password and factor in the last minutes in order to change their account (F14).
#[derive(Clone, Debug)]
pub(super) struct OwnerCaller(pub(super) Arc<Session>);

impl FromRequestParts<SharedApp> for OwnerCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.session.purpose {
            Purpose::Account => Ok(Self(caller.session)),
            Purpose::Access => Err(ApiError::NeedsCredentials),
        }
    }
}

/// Where a call comes from: the address of the connection, and what the client calls itself.
#[derive(Clone, Debug)]
pub(super) struct Peer(pub(super) Source);

impl FromRequestParts<SharedApp> for Peer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let connection = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
        let ip = connection.map_err(ApiError::internal)?.0.ip().to_canonical();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let user_agent = agent.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect());
        Ok(Self(Source { ip, user_agent }))
    }
}

/// How old the login of an officer may be, in seconds.
const OFFICER_SECS: u64 = 3600;

/// A caller who looks after other people's accounts: by the policy, and by a login of the last hour. No API key is one.
#[derive(Clone, Debug)]
pub(super) struct OfficerCaller(pub(super) Arc<Session>);

impl OfficerCaller {
    /// Names the officer in events.
    pub(super) fn by(&self) -> String {
        format!("officer {}", self.0.user.name)
    }
}

impl FromRequestParts<SharedApp> for OfficerCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let officer = Officer::from_request_parts(parts, app).await?;
        officer.may(app, Action::Administer, None)?;
        Ok(Self(officer.session))
    }
}

/// A caller whose login is of the last hour, before it is known what they want to do. No API key is one.
#[derive(Clone, Debug)]
pub(super) struct Officer {
    pub(super) session: Arc<Session>,
    pub(super) source: Source,
}

impl Officer {
    /// Refuses what the policy does not permit this officer.
    pub(super) fn may(&self, app: &App, action: Action, on: Option<&ProfileName>) -> Result<(), ApiError> {
        if app.permits(action, on, &self.session, self.source.clone()) {
            Ok(())
        } else {
            Err(ApiError::NotAllowed)
        }
    }
}

impl FromRequestParts<SharedApp> for Officer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let session = Caller::from_request_parts(parts, app).await?.session;
        let Peer(source) = Peer::from_request_parts(parts, app).await?;
        if is_of_the_last_hour(app, &session) {
            Ok(Self { session, source })
        } else {
            Err(ApiError::NeedsCredentials)
        }
    }
}

fn is_of_the_last_hour(app: &App, session: &Session) -> bool {
    let now = app.clock.now().seconds();
    let strong =
        |factor: &Factor| factor.kind != FactorKind::Recovery && factor.at.plus_secs(OFFICER_SECS) >= now;
    session.login.factors.iter().any(strong)
}

/// A caller who asks for what lasts long, as [`RequestingCaller`]: by an API key, or by a session for certificates whose
/// login is of the last hour.
#[derive(Clone, Debug)]
pub(super) struct FreshCaller(pub(super) Arc<Session>);

impl FromRequestParts<SharedApp> for FreshCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let RequestingCaller(session) = RequestingCaller::from_request_parts(parts, app).await?;
        if session.login.key.is_some() || is_of_the_last_hour(app, &session) {
            Ok(Self(session))
        } else {
            Err(ApiError::LoginTooOld)
        }
    }
}
