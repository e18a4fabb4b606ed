//! S5: what another site can have a browser send does nothing.

use anyhow::{Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::approvals::session;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::smtp::Smtp;
use countersign_tests::wire::{Reply, Wire};
use reqwest::Method;
use serde_json::{Value, json};

use super::warnings::{URL, link, mail};

/// What a browser says of a form on another site.
const FORMS: [&str; 3] =
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"];

/// A server that sends links to freeze accounts, Ann, and the session she has in another program.
struct Scene {
    smtp: Smtp,
    server: Server,
    wire: Wire,
    api: Api,
    ann: Person,
    token: String,
}

impl Scene {
    async fn new() -> Result<Self> {
        let smtp = Smtp::start()?;
        let mail = format!("[mail]\nurl = \"smtp://{}\"\nfrom = \"ca@example.com\"\n", smtp.address());
        let server = super::server_with(&format!("public_url = \"{URL}\"\n"), &mail, &[])?;
        let ann = Person::new(&server, "ann", &["engineers"])?;
        let (wire, api) = (Wire::to(&server)?, Api::new(&server)?);
        let token = session(&api, &ann).await?;
        Ok(Self { smtp, server, wire, api, ann, token })
    }

    /// Sends what a page of another site can, with Ann's session, which no browser has, on top.
    async fn cross(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Reply> {
        let bearer = format!("Bearer {}", self.token);
        let head = [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("content-type", kind),
            ("authorization", &bearer),
        ];
        let reply = self.wire.call(method, path, &head, body).await?;
        let allowed = reply.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
        ensure!(allowed.is_none(), "{method} {path} opens to other sites: {allowed:?}");
        ensure!(reply.header("set-cookie").is_none(), "{method} {path} sets a cookie");
        Ok(reply)
    }

    async fn ensure_not_frozen(&self, after: &str) -> Result<()> {
        let (status, answer) = self.api.call(&self.token, Method::GET, "/v1/session", &Value::Null).await?;
        ensure!(status == 200, "frozen by {after}: {status} {answer}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_a_cross_site_post_without_the_link_freezes_nobody() -> Result<()> {
    let scene = Scene::new().await?;
    let own = scene.api.own(&scene.ann).await?;
    // A warning with a link goes out.
    let (status, _) = scene.api.call(&own, Method::POST, "/v1/account/recovery-codes", &Value::Null).await?;
    ensure!(status == 200, "{status}");
    let path = link(&mail(&scene.smtp, "ann@example.com", "recovery codes")?)?;
    let scene = Scene { token: own, ..scene };
    let (front, last) = path.split_at(path.len() - 1);
    let almost = format!("{front}{}", if last == "A" { "B" } else { "A" });
    let shouted = path.to_uppercase().replace("/FREEZE/CS_F_", "/freeze/cs_f_");
    for wrong in
        ["/freeze/ann", "/freeze/cs_f_", "/freeze/%3Cscript%3Ealert(1)%3C%2Fscript%3E", &almost, &shouted]
    {
        for kind in FORMS {
            let reply = scene.cross("POST", wrong, kind, b"user=ann&token=ann").await?;
            ensure!(reply.status == 404, "{wrong}: {}", reply.status);
            ensure!(!reply.text().contains("script"), "the address is in the page: {}", reply.text());
        }
        scene.ensure_not_frozen(wrong).await?;
    }
    // What mail programs and scanners do with every link.
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        let reply = scene.cross(method, &path, "text/plain", b"").await?;
        ensure!(reply.status == if ["GET", "HEAD"].contains(&method) { 200 } else { 405 }, "{method}");
        scene.ensure_not_frozen(method).await?;
    }
    let page = scene.wire.get(&path, None).await?;
    ensure!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:?}");
    let csp = page.header("content-security-policy").unwrap_or_default();
    ensure!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"), "{csp}");
    ensure!(page.header("referrer-policy") == Some("no-referrer"), "the link leaks: {:?}", page.headers);
    let text = page.text();
    for secret in ["script", "ann", path.trim_start_matches("/freeze/")] {
        ensure!(!text.contains(secret), "{secret} is in the page: {text}");
    }
    let (status, _) = scene.api.call("", Method::POST, &path, &Value::Null).await?;
    ensure!(status == 200, "the link was good all the while: {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_no_form_of_another_site_is_a_call() -> Result<()> {
    let scene = Scene::new().await?;
    let body = json!({ "user": scene.ann.name, "password": scene.ann.password }).to_string();
    for path in ["/v1/login", "/v1/login/factor", "/v1/login/sms", "/v1/invitation", "/v1/certificates"] {
        for kind in FORMS {
            let reply = scene.cross("POST", path, kind, body.as_bytes()).await?;
            reply.expect(415, "not-json")?;
        }
        // Browsers ask before they send anything else, and get no leave.
        let preflight = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,authorization"),
        ];
        let reply = scene.wire.call("OPTIONS", path, &preflight, b"").await?;
        reply.expect(405, "method-not-allowed")?;
        let allowed = reply.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
        ensure!(allowed.is_none(), "{path} opens to other sites: {allowed:?}");
    }
    drop(scene.server);
    Ok(())
}
