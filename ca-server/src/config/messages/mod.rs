//! How the server reaches people, `[sms]` and `[mail]`, and their programs, `[webhook]`.

mod endpoint;
mod mail;
mod sms;
mod webhook;

pub use endpoint::Endpoint;
pub use mail::{Login, Mail, MailServer, Sender, Transport};
pub use sms::{Sms, SmsLimits, SmsProvider, Sns, Twilio, TwilioSender};
pub use webhook::{Webhook, WebhookUrl};

use std::net::IpAddr;

use ca_core::time::Ttl;

/// How long one message may take on its way to the provider, unless configured otherwise.
fn default_timeout() -> Ttl {
    Ttl::from_secs(10).unwrap_or(Ttl::MAX)
}

/// Tells whether a host of a URL is this machine, which is where messages may go without TLS.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Takes the brackets off an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests;
