//! WebAuthn (W3C Level 3): the relying party, which makes challenges and verifies what security keys answer.
//!
//! User verification is required throughout: whoever finds or borrows a key cannot use it without its PIN or fingerprint.
//! What an answer is held against never leaves the server in the clear; whoever opens a challenge keeps it sealed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use webauthn_rs::prelude::{
    AuthenticationResult, CreationChallengeResponse, Passkey, PasskeyAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse, Uuid, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::sealing::Sealer;
use crate::config::PageUrl;
use crate::store::User;

/// The settings, or what is stored of an account, do not suit WebAuthn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("WebAuthn cannot be used: {0}")]
pub struct WebauthnUnusable(String);

/// What was answered does not stand up to the challenge (F13). It names no value of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnswerRefused(String);

impl AnswerRefused {
    /// The answer is not what a browser gives.
    pub(crate) fn malformed() -> Self {
        Self("it is not what a browser answers".to_owned())
    }
}

/// A challenge to make a credential, and what its answer is held against.
pub type Registration = (CreationChallengeResponse, PasskeyRegistration);

/// A challenge to use one, and what its answer is held against.
pub type Assertion = (RequestChallengeResponse, PasskeyAuthentication);

/// This server, as security keys know it.
pub struct RelyingParty {
    webauthn: Webauthn,
    page: PageUrl,
}

impl RelyingParty {
    /// Takes the origin that people's browsers see; its host is the relying party's identity.
    pub fn new(page: PageUrl) -> Result<Self, WebauthnUnusable> {
        let url = page.as_url();
        let host = url.domain().ok_or_else(|| WebauthnUnusable("the address has no host name".to_owned()))?;
        let webauthn = WebauthnBuilder::new(host, url)
            .and_then(|builder| builder.rp_name("Countersign").build())
            .map_err(|error| unusable(&error))?;
        Ok(Self { webauthn, page })
    }

    /// Gives the address of the page.
    pub fn page(&self) -> &PageUrl {
        &self.page
    }

    /// Begins to register a credential; an authenticator that has one of `known` is not taken again.
    pub fn begin_registration(
        &self,
        user: &User,
        known: &[Passkey],
    ) -> Result<Registration, WebauthnUnusable> {
        let id = ulid::Ulid::from_string(&user.id)
            .map_err(|_| WebauthnUnusable("the account's identity is no ULID".to_owned()))?;
        let exclude = known.iter().map(|passkey| passkey.cred_id().clone()).collect();
        let (name, email) = (user.name.as_str(), user.email.as_str());
        self.webauthn
            .start_passkey_registration(Uuid::from_u128(id.0), email, name, Some(exclude))
            .map_err(|error| unusable(&error))
    }

    /// Verifies the answer to a registration: type, challenge, origin, RP id, presence and verification of the user.
    pub fn finish_registration(
        &self,
        answer: &RegisterPublicKeyCredential,
        state: &PasskeyRegistration,
    ) -> Result<Passkey, AnswerRefused> {
        self.webauthn.finish_passkey_registration(answer, state).map_err(|error| refused(&error))
    }

    /// Begins to ask for one of these credentials.
    pub fn begin_assertion(&self, passkeys: &[Passkey]) -> Result<Assertion, WebauthnUnusable> {
        self.webauthn.start_passkey_authentication(passkeys).map_err(|error| unusable(&error))
    }

    /// Verifies an assertion: as a registration, and the signature, and that the counter rises if there is one.
    pub fn finish_assertion(
        &self,
        answer: &PublicKeyCredential,
        state: &PasskeyAuthentication,
    ) -> Result<AuthenticationResult, AnswerRefused> {
        let result = self.webauthn.finish_passkey_authentication(answer, state);
        let result = result.map_err(|error| refused(&error))?;
        if !result.user_verified() {
            return Err(AnswerRefused("the authenticator did not verify its user".to_owned()));
        }
        Ok(result)
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelyingParty({})", self.page.origin())
    }
}

/// Computes what says of a credential that it is one account's, without telling which credential it is.
pub fn tag(sealer: &Sealer, passkey: &Passkey) -> [u8; 32] {
    sealer.tag("webauthn-credential", &URL_SAFE_NO_PAD.encode(passkey.cred_id()))
}

/// Writes a passkey, to be sealed.
pub fn write(passkey: &Passkey) -> Result<Vec<u8>, WebauthnUnusable> {
    serde_json::to_vec(passkey).map_err(|_| WebauthnUnusable("the passkey cannot be written".to_owned()))
}

/// Reads a passkey that [`write()`] wrote.
pub fn read(bytes: &[u8]) -> Result<Passkey, WebauthnUnusable> {
    serde_json::from_slice(bytes).map_err(|_| WebauthnUnusable("a stored passkey cannot be read".to_owned()))
}

/// Gives what the counter of a factor stands at after an assertion: the signature counter and one, since zero is what a
/// factor has that was never confirmed.
pub fn counter(signature_counter: u32) -> u64 {
    u64::from(signature_counter) + 1
}

fn unusable(error: &WebauthnError) -> WebauthnUnusable {
    WebauthnUnusable(error.to_string())
}

fn refused(error: &WebauthnError) -> AnswerRefused {
    AnswerRefused(error.to_string())
}
