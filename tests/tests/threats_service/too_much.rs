//! S2: clients that send far more than any call takes.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::wire::{Wire, request, until_closed};
use tokio::io::AsyncWriteExt as _;

use crate::attack::assert_harmless;
use crate::server;
use crate::witness::Witness;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Sends as much as the server takes.
async fn pour(wire: Wire, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let (mut from, mut to) = tokio::io::split(wire.tls().await?);
    let sending = async {
        // An error is the server's no.
        let _ = to.write_all(&bytes).await;
        let _ = to.flush().await;
    };
    tokio::join!(sending, until_closed(&mut from)).1
}

#[tokio::test]
async fn s2_a_body_of_10_mb_is_not_read() -> Result<()> {
    let server = server()?;
    let large = request("POST", "/v1/login", &JSON, &vec![b' '; 10 << 20]);
    assert_harmless("s2-large", &[413], |wire| pour(wire, large.clone())).await?;
    // When the rest never comes, the answer is there to be read.
    let wire = Wire::to(&server)?;
    wire.send(&large[..100_000]).await?.expect(413, "too-large").map(drop)
}

#[tokio::test]
async fn s2_a_body_in_chunks_without_end_is_not_read() -> Result<()> {
    let server = server()?;
    let mut endless = b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..1000 {
        endless.extend_from_slice(b"2000\r\n");
        endless.extend_from_slice(&[b' '; 0x2000]);
        endless.extend_from_slice(b"\r\n");
    }
    assert_harmless("s2-chunks", &[413], |wire| pour(wire, endless.clone())).await?;
    let wire = Wire::to(&server)?;
    wire.send(&endless[..100_000]).await?.expect(413, "too-large").map(drop)
}

#[tokio::test]
async fn s2_deep_json_is_refused_without_a_crash() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    for (depth, status) in [(30_000, 400), (100_000, 413)] {
        for opening in ["[", "{\"user\":", "{\"a\":["] {
            let body = opening.repeat(depth / opening.len()).into_bytes();
            let deep = request("POST", "/v1/login", &JSON, &body);
            let reply = wire.send(&deep).await?;
            ensure!(reply.status == status, "{opening} {depth}: {}", reply.text());
            reply.problem()?;
        }
    }
    let deep = request("POST", "/v1/login", &JSON, &vec![b'['; 60_000]);
    let ends = assert_harmless("s2-deep", &[400], |wire| pour(wire, deep.clone())).await?;
    ends[0].as_ref().context("an answer")?.expect(400, "malformed").map(drop)
}

#[tokio::test]
async fn s2_too_many_header_fields_are_refused() -> Result<()> {
    let server = server()?;
    let fields: Vec<String> = (0..10_000).map(|number| format!("x-{number}")).collect();
    let head: Vec<_> = fields.iter().map(|name| (name.as_str(), "1")).collect();
    let many = request("GET", "/v1/trust", &head, b"");
    assert_harmless("s2-fields", &[431], |wire| pour(wire, many.clone())).await?;
    let wire = Wire::to(&server)?;
    ensure!(wire.call("GET", "/v1/trust", &head[..65], b"").await?.status == 431, "65 fields are taken");
    ensure!(wire.call("GET", "/v1/trust", &head[..50], b"").await?.status == 200, "50 fields are not taken");
    Ok(())
}

#[tokio::test]
async fn s2_a_header_field_of_1_mb_is_refused() -> Result<()> {
    let long = request("GET", "/v1/trust", &[("x", &"a".repeat(1 << 20))], b"");
    assert_harmless("s2-field", &[431], |wire| pour(wire, long.clone())).await.map(drop)
}

#[tokio::test]
async fn s2_an_address_of_1_mb_is_refused() -> Result<()> {
    let long = request("GET", &format!("/log/{}", "a".repeat(1 << 20)), &[], b"");
    assert_harmless("s2-path", &[414, 431], |wire| pour(wire, long.clone())).await.map(drop)
}

#[tokio::test]
async fn s2_calls_in_a_pipeline_nobody_reads_the_end_of_hold_nothing_up() -> Result<()> {
    let calls = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(4_000);
    // Answers of many megabytes, and nobody takes them off the wire.
    let attack = |wire: Wire| {
        let calls = calls.clone();
        async move {
            let mut stream = wire.tls().await?;
            let writing = tokio::time::timeout(std::time::Duration::from_secs(2), stream.write_all(&calls));
            let _ = writing.await;
            Ok(Vec::new())
        }
    };
    assert_harmless("s2-unread", &[], attack).await.map(drop)
}

#[tokio::test]
async fn s2_calls_in_a_pipeline_are_answered_one_after_the_other() -> Result<()> {
    let server = server()?;
    let witness = Witness::new(&server, "s2-pipeline").await?;
    let mut calls = b"GET /v1/trust HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(500);
    calls.extend_from_slice(&request(
        "GET",
        "/v1/session",
        &[("authorization", &format!("Bearer {}", witness.token()))],
        b"",
    ));
    let answers = pour(Wire::to(&server)?, calls).await?;
    let text = String::from_utf8_lossy(&answers);
    ensure!(text.matches("HTTP/1.1 200 OK").count() == 501, "{} answers", text.matches("HTTP/1.1 ").count());
    // The session of the last call is the last call's alone.
    ensure!(text.matches("s2-pipeline@example.com").count() == 1, "one answer is about the session");
    witness.certificate().await.map(drop)
}
