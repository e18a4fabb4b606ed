//! A13: one request, one certificate, however often it is sent.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use ca_api::IssuedCertificate;
use countersign_tests::http;
use countersign_tests::person::Person;
use countersign_tests::requests::{Key, request, signed_request};
use countersign_tests::server::ORIGIN;
use countersign_tests::wire::Wire;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::{server, session};

#[tokio::test]
async fn a13_after_a_lost_reply_the_same_request_gets_the_same_certificate() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let token = session(&server, &Person::new(&server, "a13-lost", &["engineers"])?).await?;
    let request = signed_request(ORIGIN, "a13-lost", "dev")?;
    // Sent, and the line goes dead before the answer.
    let mut stream = wire.tls().await?;
    stream.write_all(&http::post("/v1/certificates", Some(&token), &request)?).await?;
    stream.flush().await?;
    drop(stream);
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let reply = wire.post("/v1/certificates", Some(&token), &request).await?;
        if reply.status == 503 {
            // The first one is still on its way.
            reply.expect(503, "busy")?;
            continue;
        }
        seen.insert(reply.body.clone());
        reply.json::<IssuedCertificate>()?;
    }
    ensure!(seen.len() == 1, "{} different answers", seen.len());
    Ok(())
}

#[tokio::test]
async fn a13_fifty_at_once_get_one_certificate() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let token = session(&server, &Person::new(&server, "a13-many", &["engineers"])?).await?;
    let request = signed_request(ORIGIN, "a13-many", "dev")?;
    let mut sent = JoinSet::new();
    for _ in 0..50 {
        let (wire, token, request) = (wire.clone(), token.clone(), request.clone());
        sent.spawn(async move { wire.post("/v1/certificates", Some(&token), &request).await });
    }
    let mut certificates = HashSet::new();
    while let Some(reply) = sent.join_next().await {
        let reply = reply??;
        if reply.status == 200 {
            certificates.insert(reply.json::<IssuedCertificate>()?.certificate);
        } else {
            reply.expect(503, "busy")?;
        }
    }
    ensure!(certificates.len() == 1, "{} certificates for one request", certificates.len());
    let later: IssuedCertificate = wire.post("/v1/certificates", Some(&token), &request).await?.json()?;
    ensure!(certificates.contains(&later.certificate), "another certificate later");
    Ok(())
}

#[tokio::test]
async fn a13_the_id_of_another_request_is_a_conflict() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let token = session(&server, &Person::new(&server, "a13-other", &["engineers"])?).await?;
    let key = Key::new()?;
    let first = request(ORIGIN, "a13-other", "dev", &key)?;
    let issued = wire.post("/v1/certificates", Some(&token), &key.sign(&first)).await?;
    issued.json::<IssuedCertificate>().context("the first is granted")?;
    let mut second = first.clone();
    second.ttl = Some("1h".parse()?);
    wire.post("/v1/certificates", Some(&token), &key.sign(&second)).await?.expect(409, "request-id-used")?;
    let other = Key::new()?;
    let mut third = first.clone();
    third.key = other.public().clone();
    wire.post("/v1/certificates", Some(&token), &other.sign(&third)).await?.expect(409, "request-id-used")?;
    // Somebody else who has seen the id learns nothing, and gets nothing of it.
    let eve = session(&server, &Person::new(&server, "a13-eve", &["engineers"])?).await?;
    wire.post("/v1/certificates", Some(&eve), &key.sign(&first)).await?.expect(403, "denied").map(drop)
}
