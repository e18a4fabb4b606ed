//! Officers who approve by their own keys over the API, and the policy that makes others wait for them.

use anyhow::{Context as _, Result, ensure};
use ca_api::WaitingRequest;
use ca_core::approval::{Approval, KEY_NAMESPACE, NAMESPACE, RequestHash, SigningKey, Verdict};
use ca_core::names::ApprovalId;
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answered, Api};
use crate::person::Person;
use crate::requests::{Key, new_id, request};
use crate::server::{ORIGIN, Server};

/// Two profiles: `vault` takes two approvals, `lab` one, each within the hour; see [`RULES`] for who may what.
pub const POLICY: &str = r#"
[profiles.dev]
description = "Your own account"
principals = ["{user}"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"
extensions = ["permit-pty"]

[profiles.vault]
description = "The vault"
principals = ["{user}", "vault"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "15m"
extensions = ["permit-pty"]
approvals = { count = 2, groups = ["security-officers"], wait = "1h" }

[profiles.lab]
description = "The lab"
principals = ["{user}"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "15m"
approvals = { count = 1, groups = ["security-officers"], wait = "1h" }
"#;

/// Who may: officers ask as well as approve.
pub const RULES: &str = r#"
@id("people") permit (principal, action == Action::"request", resource)
when { principal in Group::"engineers" || principal in Group::"security-officers" };
@id("officers") permit (principal in Group::"security-officers", action, resource);
"#;

/// Starts a server with that policy.
pub fn server() -> Result<Server> {
    let mut server = Server::make_ruled(POLICY, RULES)?;
    server.serve()?;
    Ok(server)
}

/// Somebody who is logged in, with a key that is registered if they are to approve.
pub struct Member {
    /// The name of the account.
    pub name: String,
    /// The account.
    pub person: Person,
    /// The token of a session for certificates.
    pub token: String,
    /// The key they approve with.
    pub key: Key,
}

/// Logs in for certificates, and gives the token.
pub async fn session(api: &Api, person: &Person) -> Result<String> {
    let challenge = api.begin(person, "access").await?;
    let (status, login) = api.show(&challenge, "totp", &person.phone.code()).await?;
    ensure!(status == 200, "{status} {login}");
    Ok(login["token"].as_str().context("a token")?.to_owned())
}

impl Member {
    /// Makes an account that asks.
    pub async fn engineer(server: &Server, api: &Api, name: &str) -> Result<Self> {
        Self::of(Person::new(server, name, &["engineers"])?, api).await
    }

    /// Makes an account that approves, with a key.
    pub async fn officer(server: &Server, api: &Api, name: &str) -> Result<Self> {
        let officer = Self::of(Person::new(server, name, &["security-officers"])?, api).await?;
        let (status, answer) = officer.register(api, &officer.key).await?;
        ensure!(status == 200, "{status} {answer}");
        Ok(officer)
    }

    /// Takes up an account.
    pub async fn of(person: Person, api: &Api) -> Result<Self> {
        let token = session(api, &person).await?;
        Ok(Self { name: person.name.clone(), person, token, key: Key::new()? })
    }

    /// Registers a key to approve with.
    pub async fn register(&self, api: &Api, key: &Key) -> Result<Answered> {
        let text = SigningKey {
            authority: ORIGIN.parse().ok().context("an origin")?,
            id: new_id(ApprovalId::from_parts)?,
            user: self.name.parse()?,
            key: key.public().clone(),
        }
        .to_text();
        let signed = key.sign_text(KEY_NAMESPACE, text);
        let label = key.public().key().fingerprint().to_string().chars().skip(7).take(8).collect::<String>();
        let body = json!({ "label": label, "text": signed.request, "signature": signed.signature });
        let owner = api.own(&self.person).await?;
        api.call(&owner, Method::POST, "/v1/account/signing-keys", &body).await
    }

    /// Asks for a certificate that has to wait; gives the request's id.
    pub async fn ask(&self, api: &Api, profile: &str) -> Result<String> {
        let key = Key::new()?;
        let asked = request(ORIGIN, &self.name, profile, &key)?;
        let (status, answer) = self.send(api, &key, &asked).await?;
        ensure!(status == 202, "{status} {answer}");
        Ok(asked.id.to_string())
    }

    /// Sends a request.
    pub async fn send(&self, api: &Api, key: &Key, asked: &CertRequest) -> Result<Answered> {
        api.call(&self.token, Method::POST, "/v1/certificates", &serde_json::to_value(key.sign(asked))?).await
    }

    /// Looks at a request.
    pub async fn look(&self, api: &Api, id: &str) -> Result<WaitingRequest> {
        let (status, answer) =
            api.call(&self.token, Method::GET, &format!("/v1/requests/{id}"), &Value::Null).await?;
        ensure!(status == 200, "{status} {answer}");
        Ok(serde_json::from_value(answer)?)
    }

    /// Writes what this officer would sign about a request as it waits.
    pub fn approval(&self, waiting: &WaitingRequest, verdict: Verdict) -> Result<Approval> {
        Ok(Approval {
            authority: ORIGIN.parse().ok().context("an origin")?,
            id: new_id(ApprovalId::from_parts)?,
            request_hash: RequestHash::of(&waiting.request),
            request: waiting.id.parse()?,
            policy: waiting.policy.clone().try_into()?,
            approver: self.name.parse()?,
            verdict,
            expires_at: UnixSeconds(waiting.expires_at),
            note: None,
        })
    }

    /// Signs it and sends it, for a request.
    pub async fn say(&self, api: &Api, id: &str, approval: &Approval) -> Result<Answered> {
        let signed = self.key.sign_text(NAMESPACE, approval.to_text());
        let body = json!({ "text": signed.request, "signature": signed.signature });
        api.call(&self.token, Method::POST, &format!("/v1/requests/{id}/approvals"), &body).await
    }

    /// Looks at a request and approves it.
    pub async fn approve(&self, api: &Api, id: &str) -> Result<Answered> {
        let approval = self.approval(&self.look(api, id).await?, Verdict::Approve)?;
        self.say(api, id, &approval).await
    }
}
