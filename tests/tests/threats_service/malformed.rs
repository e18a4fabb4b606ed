//! S2: bytes that are not HTTP, or not TLS.

use anyhow::{Context as _, Result};
use countersign_tests::wire::{Wire, until_closed};
use tokio::io::AsyncWriteExt as _;

use crate::attack::{assert_harmless, end};
use crate::server;
use crate::witness::Witness;

#[tokio::test]
async fn s2_garbage_instead_of_tls_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| {
        let mut garbage = vec![0; 20_000];
        getrandom::fill(&mut garbage)?;
        let mut stream = wire.tcp().await?;
        let _ = stream.write_all(&garbage).await;
        until_closed(&mut stream).await
    };
    assert_harmless("s2-garbage", &[], attack).await.map(drop)
}

#[tokio::test]
async fn s2_plain_http_on_the_port_of_tls_is_cut_off() -> Result<()> {
    let attack = async |wire: Wire| {
        let mut stream = wire.tcp().await?;
        stream.write_all(b"GET /v1/trust HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        until_closed(&mut stream).await
    };
    assert_harmless("s2-plain", &[], attack).await.map(drop)
}

#[tokio::test]
async fn s2_what_is_not_http_is_refused() -> Result<()> {
    let server = server()?;
    let witness = Witness::new(&server, "s2-http").await?;
    let wire = Wire::to(&server)?;
    let calls: [&[u8]; 10] = [
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET /v1/trust\r\n\r\n",
        b"GET /v1/trust HTTP/9.9\r\n\r\n",
        b"GET /v1/trust HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n",
        b"GET /v1/trust HTTP/1.1\r\nhost : localhost\r\n\r\n",
        b"GET  /v1/trust HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\nab",
        b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
            transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    ];
    for call in calls {
        let shown = String::from_utf8_lossy(call).into_owned();
        let mut stream = wire.tls().await?;
        stream.write_all(call).await?;
        end(&until_closed(&mut stream).await?, &[400, 405, 505]).context(shown)?;
        witness.certificate().await?;
    }
    witness.assert_unharmed()
}
