//! Vouchers: sealed by officers in advance, used once in an emergency, looked into afterwards (I5).

mod journey;
mod loud;
mod refused;
mod reload;
mod used;

use anyhow::{Context as _, Result, ensure};
use ca_api::Vouchers;
use ca_core::names::VoucherId;
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use ca_core::voucher::{NAMESPACE, Voucher, VoucherSecret};
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::approvals::{Member, POLICY, RULES};
use countersign_tests::requests::{Key, new_id};
use countersign_tests::server::{ORIGIN, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// A server of its own, somebody who asks, and two who seal; `vault` takes vouchers by two of them.
struct Scene {
    server: Server,
    api: Api,
    ann: Member,
    bo: Member,
    chen: Member,
}

/// The policy whose profile `vault` takes vouchers.
fn profiles() -> String {
    POLICY.replacen("approvals = { count = 2", "break_glass = true\napprovals = { count = 2", 1)
}

fn server() -> Result<Server> {
    let mut server = Server::make_ruled(&profiles(), RULES)?;
    server.serve()?;
    Ok(server)
}

impl Scene {
    async fn new() -> Result<Self> {
        let server = server()?;
        let api = Api::new(&server)?;
        let ann = Member::engineer(&server, &api, "ann").await?;
        let bo = Member::officer(&server, &api, "bo").await?;
        let chen = Member::officer(&server, &api, "chen").await?;
        Ok(Self { server, api, ann, bo, chen })
    }

    /// Writes a voucher for `vault` as it is now.
    async fn voucher(&self, holder: Option<&str>) -> Result<(Voucher, VoucherSecret)> {
        let (status, all) = self.api.call(&self.bo.token, Method::GET, "/v1/vouchers", &Value::Null).await?;
        ensure!(status == 200, "{status} {all}");
        let all: Vouchers = serde_json::from_value(all)?;
        let profile = all.profiles.iter().find(|profile| profile.name == "vault").context("no vault")?;
        let secret = VoucherSecret::from_bytes(new_id(u128_of)?.to_be_bytes());
        let id = new_id(VoucherId::from_parts)?;
        let voucher = Voucher {
            authority: ORIGIN.parse().ok().context("an origin")?,
            id,
            profile: profile.name.parse()?,
            profile_digest: profile.sha256.parse()?,
            holder: holder.map(str::parse).transpose()?,
            secret: secret.digest(),
            expires_at: UnixSeconds(id.time().seconds().0 + 86_400),
            note: None,
        };
        Ok((voucher, secret))
    }

    /// Has both officers seal one.
    async fn sealed(&self) -> Result<(Voucher, VoucherSecret)> {
        let (voucher, secret) = self.voucher(None).await?;
        for officer in [&self.bo, &self.chen] {
            let (status, answer) = self.seal(officer, &voucher).await?;
            ensure!(status == 200, "{status} {answer}");
        }
        Ok((voucher, secret))
    }

    async fn seal(&self, officer: &Member, voucher: &Voucher) -> Result<Answered> {
        let signed = officer.key.sign_text(NAMESPACE, voucher.to_text());
        let body = json!({ "text": signed.request, "signature": signed.signature });
        self.api.call(&officer.token, Method::POST, "/v1/vouchers", &body).await
    }

    /// Shows a voucher for a request.
    async fn show(&self, who: &Member, key: &Key, asked: &CertRequest, secret: &str) -> Result<Answered> {
        let mut body = serde_json::to_value(key.sign(asked))?;
        body["voucher"] = secret.into();
        self.api.call(&who.token, Method::POST, "/v1/certificates/break-glass", &body).await
    }

    /// Shows a voucher for a new request for a profile.
    async fn use_for(&self, who: &Member, profile: &str, secret: &VoucherSecret) -> Result<Answered> {
        let key = Key::new()?;
        let asked = countersign_tests::requests::request(ORIGIN, &who.name, profile, &key)?;
        self.show(who, &key, &asked, &secret.to_text()).await
    }

    /// Stops the server, and lets the real `ca audit verify` go through the log.
    fn audit(mut self) -> Result<()> {
        self.server.stop()?;
        countersign_tests::journey::verify(&self.server, &self.ann.person)
    }
}

fn u128_of(time: ca_core::time::UnixMillis, random: u128) -> u128 {
    u128::from(time.0) << 64 | random
}

fn refused((status, answer): Answered, expected: u16, kind: &str) -> Result<Value> {
    ensure!(status == expected && problem(&answer) == kind, "{expected} {kind}: {status} {answer}");
    Ok(answer)
}
