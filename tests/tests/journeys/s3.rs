//! The whole journey with the log in a bucket: on our own S3 server, on moto, and on whichever the environment names.

use anyhow::Result;
use countersign_tests::bucket::Bucket;
use countersign_tests::journey;
use countersign_tests::real_s3;
use countersign_tests::s3::S3Server;
use countersign_tests::server::Server;

fn journey_on(bucket: Bucket) -> Result<()> {
    let mut server = Server::start_with(Some(bucket), None)?;
    journey::password_to_login(&server)?;
    server.stop()
}

#[test]
fn from_a_password_and_a_code_to_a_login_with_the_log_in_a_bucket_of_ours() -> Result<()> {
    let s3 = S3Server::start()?;
    journey_on(s3.bucket())
}

#[test]
fn from_a_password_and_a_code_to_a_login_with_the_log_on_moto() -> Result<()> {
    journey_on(real_s3::moto()?.new_bucket(false)?)
}

#[test]
fn from_a_password_and_a_code_to_a_login_with_the_log_on_the_configured_s3() -> Result<()> {
    let Some(s3) = real_s3::configured()? else {
        eprintln!("left out: {} names no server", real_s3::CONFIGURED);
        return Ok(());
    };
    journey_on(s3.new_bucket(false)?)
}
