//! S2: clients that take their time. The limits are 1 s for a head, 2 s for a call, 3 s of silence.

use std::time::Duration;

use anyhow::Result;
use countersign_tests::wire::{Wire, until_closed};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::attack::assert_harmless;

const HALF_A_CALL: &[u8] =
    b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
    content-length: 1000\r\n\r\n{\"user\": \"ann\", ";

/// What an HTTP/2 client opens with: the preface and empty settings.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// How a TLS client opens: a record of 512 bytes with a hello in it.
const HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/// Sends one byte after the other until the server has had enough.
async fn trickle(
    stream: impl AsyncRead + AsyncWrite,
    start: &[u8],
    bytes: impl Iterator<Item = u8>,
) -> Result<Vec<u8>> {
    let (mut from, mut to) = tokio::io::split(stream);
    let sending = async {
        to.write_all(start).await?;
        for byte in bytes {
            tokio::time::sleep(Duration::from_millis(50)).await;
            to.write_all(&[byte]).await?;
            to.flush().await?;
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    tokio::select! {
        read = until_closed(&mut from) => read,
        // The server has closed while we were sending: what it said before is still there.
        _ = sending => until_closed(&mut from).await,
    }
}

#[tokio::test]
async fn s2_a_connection_that_says_nothing_is_cut_off() -> Result<()> {
    let ends = assert_harmless("s2-tcp", &[], async |wire: Wire| until_closed(&mut wire.tcp().await?).await);
    ends.await.map(drop)
}

#[tokio::test]
async fn s2_a_handshake_that_trickles_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| trickle(wire.tcp().await?, &HELLO, std::iter::repeat_n(7, 400)).await;
    assert_harmless("s2-hello", &[], attack).await.map(drop)
}

#[tokio::test]
async fn s2_silence_after_the_handshake_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| until_closed(&mut wire.tls().await?).await;
    assert_harmless("s2-tls", &[408], attack).await.map(drop)
}

#[tokio::test]
async fn s2_silence_between_two_calls_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| {
        let mut stream = wire.tls().await?;
        stream.write_all(b"GET /v1/trust HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        until_closed(&mut stream).await
    };
    assert_harmless("s2-idle", &[200], attack).await.map(drop)
}

#[tokio::test]
async fn s2_a_head_that_trickles_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| {
        trickle(wire.tls().await?, b"GET /v1/trust HTTP/1.1\r\nhost: ", std::iter::repeat(b'a')).await
    };
    assert_harmless("s2-head", &[408], attack).await.map(drop)
}

#[tokio::test]
async fn s2_half_a_body_and_then_silence_is_answered_with_408() -> Result<()> {
    let attack = async |wire: Wire| {
        let mut stream = wire.tls().await?;
        stream.write_all(HALF_A_CALL).await?;
        until_closed(&mut stream).await
    };
    for reply in assert_harmless("s2-half", &[408], attack).await?.into_iter().flatten() {
        reply.expect(408, "too-slow")?;
    }
    Ok(())
}

#[tokio::test]
async fn s2_a_body_that_trickles_is_answered_with_408() -> Result<()> {
    let attack =
        async |wire: Wire| trickle(wire.tls().await?, HALF_A_CALL, std::iter::repeat_n(b' ', 900)).await;
    let ends = assert_harmless("s2-body", &[408], attack).await?;
    assert!(ends.iter().any(Option::is_some), "nobody was answered");
    for reply in ends.into_iter().flatten() {
        reply.expect(408, "too-slow")?;
    }
    Ok(())
}

#[tokio::test]
async fn s2_an_http_2_connection_that_does_not_answer_pings_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| {
        let mut stream = wire.tls().await?;
        stream.write_all(HTTP2).await?;
        until_closed(&mut stream).await
    };
    assert_harmless("s2-http2", &[], attack).await.map(drop)
}

#[tokio::test]
async fn s2_an_http_2_preface_that_trickles_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| trickle(wire.tls().await?, b"", HTTP2.iter().copied().take(20)).await;
    assert_harmless("s2-preface", &[], attack).await.map(drop)
}
