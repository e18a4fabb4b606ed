//! How soon a started server is of use. Nothing is decided by time here: it is measured and printed.

use std::time::Instant;

use anyhow::Result;
use countersign_tests::server::Server;

use crate::witness::Witness;

#[tokio::test]
async fn the_first_certificate_after_a_restart() -> Result<()> {
    let mut server = Server::start()?;
    let token = Witness::new(&server, "ann").await?.token().to_owned();
    server.stop()?;
    let start = Instant::now();
    server.serve()?;
    let serving = start.elapsed();
    let mut client = countersign_tests::client::Client::connect(&server).await?;
    client.token = Some(token);
    let request =
        countersign_tests::requests::signed_request(countersign_tests::server::ORIGIN, "ann", "dev")?;
    client.certify(&request).await?;
    println!("serving after {serving:?}, the first certificate after {:?}", start.elapsed());
    Ok(())
}
