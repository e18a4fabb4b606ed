//! Many hostile connections at once, while somebody else works.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_tests::wire::{Reply, Wire};
use tokio::task::JoinSet;

use crate::server;
use crate::witness::Witness;

/// How many connections attack at once.
const CONNECTIONS: usize = 32;

/// Runs an attack on many connections. Each must end, without an answer or with one of these; and a legitimate user gets
/// certificates before, all the while, and after.
pub(crate) async fn assert_harmless<F>(
    name: &str,
    allowed: &[u16],
    attack: impl Fn(Wire) -> F,
) -> Result<Vec<Option<Reply>>>
where
    F: Future<Output = Result<Vec<u8>>> + Send + 'static,
{
    let server = server()?;
    let witness = Witness::new(&server, name).await?;
    witness.certificate().await?;
    let wire = Wire::to(&server)?;
    let mut attacks: JoinSet<Result<Vec<u8>>> = JoinSet::new();
    for _ in 0..CONNECTIONS {
        attacks.spawn(attack(wire.clone()));
    }
    let mut ends = Vec::new();
    while !attacks.is_empty() {
        witness.certificate().await?;
        while let Some(ended) = attacks.try_join_next() {
            ends.push(end(&ended??, allowed)?);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    witness.certificate().await?;
    witness.assert_unharmed()?;
    Ok(ends)
}

/// Judges what came before the end of a connection.
pub(crate) fn end(bytes: &[u8], allowed: &[u16]) -> Result<Option<Reply>> {
    if !bytes.starts_with(b"HTTP/1.1 ") {
        return Ok(None);
    }
    let reply = Reply::parse(bytes)?;
    ensure!(allowed.contains(&reply.status), "answered {}: {}", reply.status, reply.text());
    Ok(Some(reply))
}
