//! Every error of every call is a problem (RFC 9457), and says nothing of what was sent.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::wire::{Reply, Wire};
use serde_json::json;

use crate::server;
use crate::witness::Witness;

/// The addresses there are, and some there are not.
const PATHS: [&str; 14] = [
    "/v1/login",
    "/v1/login/factor",
    "/v1/session",
    "/v1/certificates",
    "/v1/trust",
    "/v1/profiles",
    "/openapi.json",
    "/log/checkpoint",
    "/log/journal/",
    "/log/nothing",
    "/log/%ff",
    "/log/checkpoints/?before=1",
    "/",
    "/v1/nothing",
];

/// Stands for what nobody wants to read again in an error.
const TYPED: &str = "hunter2-typed-in-the-wrong-place";

#[tokio::test]
async fn every_error_of_every_address_is_a_problem() -> Result<()> {
    let server = server()?;
    let witness = Witness::new(&server, "problems").await?;
    let wire = Wire::to(&server)?;
    let bearer = format!("Bearer {}", witness.token());
    let json = ("content-type", "application/json");
    let (typed, large) = (format!("{{\"{TYPED}\": \"{TYPED}\"}}"), "x".repeat(65 * 1024));
    let mut errors = 0;
    for path in PATHS {
        // DELETE comes last: it ends the session.
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "MADEUP", "DELETE"] {
            for (head, body) in [
                (vec![], ""),
                (vec![json], ""),
                (vec![json], "{"),
                (vec![json], &typed),
                (vec![json], &large),
                (vec![("content-type", "text/plain")], &typed),
                (vec![json, ("authorization", bearer.as_str())], &typed),
                (vec![json, ("authorization", "Bearer nobodys")], &typed),
                (vec![json, ("authorization", TYPED)], "null"),
            ] {
                let reply = wire.call(method, path, &head, body.as_bytes()).await?;
                let call = format!("{method} {path} {head:?} {body:.40}");
                errors += usize::from(check(&reply, method).with_context(|| call)?);
            }
        }
    }
    ensure!(errors > 500, "only {errors} errors: the test shows nothing");
    witness.assert_unharmed()
}

/// Checks a reply; tells whether it is an error.
fn check(reply: &Reply, method: &str) -> Result<bool> {
    ensure!(reply.status < 500, "{}: {}", reply.status, reply.text());
    ensure!(!reply.text().contains(TYPED), "it says what was sent: {}", reply.text());
    if reply.status < 400 {
        return Ok(false);
    }
    if method == "HEAD" {
        ensure!(reply.header("content-type") == Some("application/problem+json") && reply.body.is_empty());
    } else {
        reply.problem()?;
    }
    ensure!((reply.status == 405) == reply.header("allow").is_some(), "405 names the methods there are");
    Ok(true)
}

#[tokio::test]
async fn each_mistake_has_its_problem() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let json = [("content-type", "application/json")];
    wire.get("/v1/nothing", None).await?.expect(404, "not-found")?;
    let wrong_method = wire.get("/v1/login", None).await?;
    wrong_method.expect(405, "method-not-allowed")?;
    ensure!(wrong_method.header("allow") == Some("POST"), "{wrong_method:?}");
    wire.get("/v1/session", None).await?.expect(401, "no-session")?;
    wire.get("/v1/session", Some("cs_s_unknown")).await?.expect(401, "no-session")?;
    wire.call("POST", "/v1/login", &[], b"{}").await?.expect(415, "not-json")?;
    let flaw = wire.call("POST", "/v1/login", &json, b"{\"user\": 7}").await?.expect(400, "malformed")?;
    ensure!(flaw.detail.is_some_and(|detail| detail.contains("of another type")), "{}", flaw.title);
    wire.call("POST", "/v1/login", &json, b"\xff\xfe").await?.expect(400, "malformed")?;
    wire.post("/v1/login", None, &"x".repeat(64 * 1024)).await?.expect(413, "too-large")?;
    let unknown = json!({ "user": "nobody", "password": "not that one" });
    wire.post("/v1/login", None, &unknown).await?.expect(401, "wrong-credentials")?;
    let long = json!({ "user": "nobody", "password": "x".repeat(60_000) });
    wire.post("/v1/login", None, &long).await?.expect(400, "password-too-long")?;
    let stale = json!({ "challenge": "cs_l_unknown", "kind": "totp", "code": "123456" });
    wire.post("/v1/login/factor", None, &stale).await?.expect(401, "login-expired")?;
    let other = json!({ "challenge": "cs_l_unknown", "kind": "magic", "code": "123456" });
    wire.post("/v1/login/factor", None, &other).await?.expect(400, "malformed")?;
    let request = json!({ "request": "", "signature": "" });
    wire.post("/v1/certificates", None, &request).await?.expect(401, "no-session").map(drop)
}
