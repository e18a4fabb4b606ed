//! S1: more connections than the server wants.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::client::Client;
use countersign_tests::wire::Wire;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::limited;

/// How many connections the server has at once.
const CONNECTIONS: usize = 20;

fn source(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 1, 0, number).into()
}

/// Opens connections that say nothing, and gives those that the server keeps open.
async fn open(wire: &Wire, sources: impl Iterator<Item = IpAddr>) -> Result<Vec<TcpStream>> {
    let mut kept = Vec::new();
    for source in sources {
        let mut stream = wire.tcp_from(source).await?;
        // The limit of silence is far longer than this: what ends now was closed for being too many.
        let end = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0])).await;
        if end.is_err() {
            kept.push(stream);
        }
    }
    Ok(kept)
}

/// Waits until the server has taken note of connections that went.
async fn until_answered(server: &countersign_tests::server::Server) -> Result<()> {
    let retries = async {
        while Client::connect(server).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), retries).await.context("the server answers again")
}

#[tokio::test]
async fn s1_connections_beyond_the_limit_are_closed_and_one_source_gets_half() -> Result<()> {
    let limits =
        format!("connections = {CONNECTIONS}\nhead = \"300s\"\ncall = \"300s\"\nsilence = \"600s\"\n");
    let server = limited(&limits, &mut |_| Ok(()))?;
    let wire = Wire::to(&server)?;
    let flood = open(&wire, std::iter::repeat_n(source(1), 12)).await?;
    ensure!(flood.len() == CONNECTIONS / 2, "one source has {} connections", flood.len());
    until_answered(&server).await.context("others are served")?;
    let others = open(&wire, (2..16).map(source)).await?;
    let all = flood.len() + others.len();
    ensure!(all == CONNECTIONS, "{all} connections are open");
    ensure!(Client::connect(&server).await.is_err(), "one connection too many is served");
    drop(flood);
    until_answered(&server).await
}
