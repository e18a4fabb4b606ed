//! `[sms]`: the provider, the countries, and how much may be sent.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ca_core::time::Ttl;
use serde::Deserialize;

use super::{Endpoint, default_timeout};
use crate::messages::phone::{Phone, Prefix};

const TWILIO: &str = "https://api.twilio.com";

/// How SMS are sent, where to, and how many.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Sms {
    /// Who sends them.
    pub provider: SmsProvider,
    /// What a number must begin with: at least one, and nothing else is sent to (F10).
    pub countries: Vec<Prefix>,
    /// How many are sent.
    pub limits: SmsLimits,
    /// How long the provider may take for one.
    pub timeout: Ttl,
}

/// Who sends SMS.
#[derive(Clone, Debug)]
pub enum SmsProvider {
    /// Twilio's Messages API.
    Twilio(Twilio),
    /// Amazon SNS; credentials come from where the AWS SDK looks for them.
    Sns(Sns),
}

/// An account at Twilio.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// The account: `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The API key whose secret is in `auth_file`; without it, that is the account's auth token.
    pub api_key_sid: Option<String>,
    /// The file with the secret, readable by the server's user alone.
    pub auth_file: PathBuf,
    /// What the SMS come from.
    pub sender: TwilioSender,
    /// Where the API is.
    pub base_url: Endpoint,
}

/// What an SMS comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TwilioSender {
    /// A number, a short code or a name.
    From(String),
    /// A messaging service: `MG` and 32 hexadecimal digits.
    MessagingService(String),
}

/// Amazon SNS.
#[derive(Clone, Debug)]
pub struct Sns {
    /// The region.
    pub region: String,
    /// Another address than the region's own.
    pub endpoint: Option<Endpoint>,
    /// The name that SMS come from, where the country allows one.
    pub sender_id: Option<String>,
}

/// How many SMS are sent at most (F10).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsLimits {
    /// To one user in an hour.
    pub per_user_hour: NonZeroU32,
    /// To one number in an hour, whoever's it is.
    pub per_number_hour: NonZeroU32,
    /// To numbers that differ in their last three digits alone, in an hour.
    pub per_prefix_hour: NonZeroU32,
    /// To one of `countries` in a day.
    pub per_country_day: NonZeroU32,
    /// To all in a day.
    pub per_day: NonZeroU32,
    /// What one SMS is taken to cost, in cents.
    pub price_cents: NonZeroU32,
    /// What a day may cost, in cents.
    pub spend_cap_cents_per_day: NonZeroU32,
}

impl Default for SmsLimits {
    fn default() -> Self {
        let count = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            per_user_hour: count(5),
            per_number_hour: count(5),
            per_prefix_hour: count(50),
            per_country_day: count(1000),
            per_day: count(1000),
            price_cents: count(8),
            spend_cap_cents_per_day: count(5000),
        }
    }
}

/// The table as it is written; what belongs to another provider is refused by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    provider: Name,
    account_sid: Option<String>,
    api_key_sid: Option<String>,
    auth_file: Option<PathBuf>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    base_url: Option<Endpoint>,
    region: Option<String>,
    endpoint: Option<Endpoint>,
    sender_id: Option<String>,
    countries: Vec<Prefix>,
    #[serde(default)]
    limits: SmsLimits,
    #[serde(default = "default_timeout")]
    timeout: Ttl,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Twilio,
    Sns,
}

impl TryFrom<Written> for Sms {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.countries.is_empty() {
            return Err("sms.countries must name at least one calling code, such as [\"+49\"]".to_owned());
        }
        if written.limits.spend_cap_cents_per_day < written.limits.price_cents {
            return Err("sms.limits.spend_cap_cents_per_day is below price_cents: no SMS could ever be sent"
                .to_owned());
        }
        let (limits, timeout, countries) = (written.limits, written.timeout, written.countries.clone());
        let provider = match written.provider {
            Name::Twilio => SmsProvider::Twilio(written.twilio()?),
            Name::Sns => SmsProvider::Sns(written.sns()?),
        };
        Ok(Self { provider, countries, limits, timeout })
    }
}

impl Written {
    fn twilio(self) -> Result<Twilio, String> {
        let foreign = [
            ("region", self.region.is_some()),
            ("endpoint", self.endpoint.is_some()),
            ("sender_id", self.sender_id.is_some()),
        ];
        refuse(&foreign, "provider = \"sns\"")?;
        let sender = match (self.from, self.messaging_service_sid) {
            (Some(from), None) => TwilioSender::From(sender(from)?),
            (None, Some(service)) => {
                TwilioSender::MessagingService(sid("messaging_service_sid", "MG", service)?)
            }
            _ => return Err("write one of sms.from and sms.messaging_service_sid, and not both".to_owned()),
        };
        let account = self.account_sid.ok_or("sms.account_sid is missing: it begins with AC")?;
        let base_url = self.base_url.map_or_else(|| Endpoint::try_from(TWILIO.to_owned()), Ok)?;
        Ok(Twilio {
            account_sid: sid("account_sid", "AC", account)?,
            api_key_sid: self.api_key_sid.map(|key| sid("api_key_sid", "SK", key)).transpose()?,
            auth_file: self.auth_file.ok_or("sms.auth_file is missing: name the file with the secret")?,
            sender,
            base_url,
        })
    }

    fn sns(self) -> Result<Sns, String> {
        let foreign = [
            ("account_sid", self.account_sid.is_some()),
            ("api_key_sid", self.api_key_sid.is_some()),
            ("auth_file", self.auth_file.is_some()),
            ("from", self.from.is_some()),
            ("messaging_service_sid", self.messaging_service_sid.is_some()),
            ("base_url", self.base_url.is_some()),
        ];
        refuse(&foreign, "provider = \"twilio\"")?;
        let region = self.region.ok_or("sms.region is missing, such as \"eu-central-1\"")?;
        if self.sender_id.as_ref().is_some_and(|name| !is_name(name) || name.contains(' ')) {
            return Err(
                "sms.sender_id must be 1 to 11 letters and digits, with at least one letter".to_owned()
            );
        }
        Ok(Sns { region, endpoint: self.endpoint, sender_id: self.sender_id })
    }
}

fn refuse(foreign: &[(&str, bool)], owner: &str) -> Result<(), String> {
    match foreign.iter().find(|(_, given)| *given) {
        Some((key, _)) => Err(format!("sms.{key} goes with {owner}: leave it out")),
        None => Ok(()),
    }
}

/// Checks the form of Twilio's identifiers; one of them becomes a part of a URL.
fn sid(key: &str, kind: &str, text: String) -> Result<String, String> {
    let hex = text.strip_prefix(kind).unwrap_or_default();
    let valid = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid { Ok(text) } else { Err(format!("sms.{key} must be {kind} and 32 hexadecimal digits")) }
}

fn sender(text: String) -> Result<String, String> {
    let short_code = (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Ok(phone) = text.parse::<Phone>() {
        return Ok(phone.expose().to_owned());
    }
    if short_code || is_name(&text) {
        return Ok(text);
    }
    Err("sms.from must be a number such as \"+4915123456789\", a short code, or a name of up to 11 letters and digits"
        .to_owned())
}

/// Tells whether a text is an alphanumeric sender: 1 to 11 characters, one of them a letter.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
    (1..=11).contains(&text.len())
        && text.bytes().all(plain)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
