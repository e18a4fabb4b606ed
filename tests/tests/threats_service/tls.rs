//! TLS as the server speaks it: 1.2 and 1.3, HTTP/1.1 and HTTP/2.

use anyhow::{Result, ensure};
use countersign_tests::wire::{Wire, until_closed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::server;
use crate::witness::Witness;

/// Writes the hello of a client that speaks no version above this one (RFC 5246 §7.4.1.2).
fn hello(version: [u8; 2]) -> Vec<u8> {
    let suites: [u8; 6] = [0xc0, 0x2b, 0xc0, 0x09, 0x00, 0x2f];
    let extensions: [u8; 24] = [
        0, 10, 0, 6, 0, 4, 0, 29, 0, 23, // groups: X25519, P-256
        0, 11, 0, 2, 1, 0, // points: uncompressed
        0, 13, 0, 4, 0, 2, 4, 3, // signatures: ECDSA on P-256 with SHA-256
    ];
    let mut body = version.to_vec();
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 6]);
    body.extend_from_slice(&suites);
    body.extend_from_slice(&[1, 0, 0, 24]);
    body.extend_from_slice(&extensions);
    let [high, low] = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let [record_high, record_low] = u16::try_from(body.len() + 4).unwrap_or(u16::MAX).to_be_bytes();
    let mut record = vec![0x16, 3, 1, record_high, record_low, 1, 0, high, low];
    record.extend_from_slice(&body);
    record
}

#[tokio::test]
async fn tls_1_2_is_taken_and_1_1_is_refused() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let mut stream = wire.tcp().await?;
    stream.write_all(&hello([3, 3])).await?;
    let mut record = [0; 6];
    stream.read_exact(&mut record).await?;
    ensure!(record[0] == 0x16 && record[5] == 2, "no hello from the server for TLS 1.2: {record:x?}");
    for old in [[3, 2], [3, 1], [3, 0]] {
        let mut stream = wire.tcp().await?;
        stream.write_all(&hello(old)).await?;
        let said = until_closed(&mut stream).await?;
        ensure!(said.first() != Some(&0x16), "version {old:?} is taken: {said:x?}");
        ensure!(said.is_empty() || said[0] == 0x15, "neither closed nor an alert: {said:x?}");
    }
    Ok(())
}

#[tokio::test]
async fn http_2_serves_many_calls_on_one_connection() -> Result<()> {
    let server = server()?;
    let witness = Witness::new(&server, "http2").await?;
    let root = reqwest::Certificate::from_pem(&std::fs::read(server.tls_certificate())?)?;
    let client = reqwest::Client::builder().tls_certs_only([root]).http2_prior_knowledge().build()?;
    let calls = (0..100)
        .map(|_| client.get(format!("{}/v1/session", server.url())).bearer_auth(witness.token()).send());
    let mut sent = tokio::task::JoinSet::new();
    for call in calls {
        sent.spawn(call);
    }
    while let Some(answer) = sent.join_next().await {
        let answer = answer??;
        ensure!(answer.version() == reqwest::Version::HTTP_2 && answer.status() == 200, "{answer:?}");
    }
    // A head of 100 KiB, which HTTP/2 carries compressed.
    let large =
        client.get(format!("{}/v1/trust", server.url())).header("x", "a".repeat(100 * 1024)).send().await;
    ensure!(large.map_or(true, |answer| answer.status() == 431), "a head of 100 KiB is taken");
    witness.certificate().await.map(drop)
}
