//! What is kept of a ceremony, sealed: what is shown, what the answer is held against, and what came of it.

use std::net::IpAddr;

use ca_core::names::Label;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{
    AuthenticationResult, CreationChallengeResponse, Passkey, PasskeyAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse,
};

use super::CeremonyError;
use crate::factors::webauthn::{AnswerRefused, RelyingParty};

/// What the page tells the person about whom and what they act for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The account.
    pub user: String,
    /// What the new factor will be called; none at a login.
    pub label: Option<Label>,
    /// Where the ceremony was asked for.
    pub ip: IpAddr,
    /// What the program that asked calls itself.
    pub user_agent: Option<String>,
}

/// The two challenges there are; `Options` go to the browser, the state stays.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Challenge {
    Register { options: CreationChallengeResponse, state: Box<PasskeyRegistration> },
    Login { options: RequestChallengeResponse, state: Box<PasskeyAuthentication> },
}

/// What came of a ceremony.
#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// A credential was made.
    Registered(Box<Passkey>),
    /// A credential was used.
    Asserted(Box<AuthenticationResult>),
    /// The answer was not good; there is no second one.
    Refused,
}

/// All of it, as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) asked: Asked,
    pub(super) stage: Stage,
}

/// How far it has come.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Stage {
    Open(Box<Challenge>),
    Answered(Outcome),
}

impl Challenge {
    /// Gives what `navigator.credentials` takes, as WebAuthn Level 3 §5.1 writes it in JSON.
    pub(super) fn options(&self) -> Result<serde_json::Value, CeremonyError> {
        let written = match self {
            Self::Register { options, .. } => serde_json::to_value(&options.public_key),
            Self::Login { options, .. } => serde_json::to_value(&options.public_key),
        };
        written.map_err(|error| CeremonyError::unavailable(&error))
    }

    /// Holds an answer against the challenge.
    pub(super) fn judge(
        &self,
        party: &RelyingParty,
        answer: serde_json::Value,
    ) -> Result<Outcome, AnswerRefused> {
        match self {
            Self::Register { state, .. } => {
                let answer: RegisterPublicKeyCredential = parse(answer)?;
                Ok(Outcome::Registered(Box::new(party.finish_registration(&answer, state)?)))
            }
            Self::Login { state, .. } => {
                let answer: PublicKeyCredential = parse(answer)?;
                Ok(Outcome::Asserted(Box::new(party.finish_assertion(&answer, state)?)))
            }
        }
    }
}

/// The cause of a failure may quote the answer, so it is left out.
fn parse<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> Result<T, AnswerRefused> {
    serde_json::from_value(answer).map_err(|_| AnswerRefused::malformed())
}
