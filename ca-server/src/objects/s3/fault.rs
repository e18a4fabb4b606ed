//! What an error of the SDK means to the log, in words an operator can act on.
//!
//! Only the status, the code and the message of an answer are used: the SDK's own rendering of an error can hold
//! request headers, and with them signatures and session tokens.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::objects::StoreError;

/// Longer messages are cut: a proxy in between may answer with a web page.
const LONGEST: usize = 300;

/// Gives the HTTP status of an answer, or `None` when there was no answer.
pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Makes the store's error of the SDK's.
pub(super) fn fault<E>(key: &str, error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let key = key.to_owned();
    match (status(error), error.code()) {
        (Some(status), code) if status >= 400 => {
            let code = code.unwrap_or("no code");
            let cause =
                short(&format!("{status} {code}: {}{}", error.message().unwrap_or_default(), advice(code)));
            // What the store may get over by itself; the rest somebody has to change.
            if status >= 500 || matches!(status, 408 | 409 | 425 | 429) || is_busy(code) {
                StoreError::Unavailable { key, cause }
            } else {
                StoreError::Refused { key, cause }
            }
        }
        // No answer, or one that cannot be read.
        _ => StoreError::Unavailable { key, cause: short(&chain(error)) },
    }
}

fn is_busy(code: &str) -> bool {
    matches!(code, "SlowDown" | "RequestTimeout" | "ServiceUnavailable" | "InternalError" | "Throttling")
}

fn advice(code: &str) -> &'static str {
    match code {
        "AccessDenied" => {
            "; the server needs s3:GetObject, s3:PutObject, s3:PutObjectRetention and s3:ListBucket here"
        }
        "NoSuchBucket" => "; create the bucket, with versioning and Object Lock",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => "; is the region right?",
        "RequestTimeTooSkewed" => "; set this machine's clock",
        "ExpiredToken" => "; renew the credentials",
        _ => "",
    }
}

/// Joins an error and its causes: `dispatch failure: … connection refused`.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    let mut lines: Vec<String> = causes.map(ToString::to_string).collect();
    lines.dedup();
    lines.join(": ")
}

fn short(text: &str) -> String {
    // An answer's text goes to a log line; a newline in it would forge another.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
