//! The SDK client, set up for short requests that somebody waits for.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};

use super::S3Config;

/// Tries of one request by the SDK, for what it knows to be passing: 500, 503, a lost connection.
const ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

pub(super) async fn from_surroundings(config: &S3Config) -> Client {
    let region = Region::new(config.region.clone());
    let found = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
    Client::from_conf(set_up(Builder::from(&found), config).build())
}

pub(super) fn with_key(config: &S3Config, key_id: &str, secret: &str) -> Client {
    let credentials = Credentials::new(key_id, secret, None, None, "configured");
    let builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(credentials);
    Client::from_conf(set_up(builder, config).build())
}

fn set_up(mut builder: Builder, config: &S3Config) -> Builder {
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    builder
        .force_path_style(config.path_style)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .timeout_config(timeouts(config.deadline))
        // We send SHA-256 ourselves; clones stumble over the trailing checksums the SDK would add.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // Our deadline is stricter, and this would call a slow store broken in words nobody understands.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Leaves room for a second attempt: one connection that a middlebox swallowed must not fail the operation.
fn timeouts(deadline: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(deadline.mul_f32(0.3))
        .operation_attempt_timeout(deadline.mul_f32(0.45))
        .operation_timeout(deadline)
        .build()
}
