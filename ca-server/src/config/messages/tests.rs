use super::{Mail, Sms, SmsProvider, Transport, TwilioSender};

const TWILIO: &str = r#"
provider = "twilio"
account_sid = "AC00000000000000000000000000000001"
auth_file = "twilio"
from = "+49 151 23456789"
countries = ["+49", "+1"]
"#;

const SNS: &str = r#"
provider = "sns"
region = "eu-central-1"
countries = ["+49"]
"#;

const MAIL: &str = r#"
url = "smtps://mail.example.com"
from = "Countersign <ca@example.com>"
"#;

fn sms(text: &str) -> Result<Sms, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

fn mail(text: &str) -> Result<Mail, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Asserts that a change to a good table is refused with these words.
fn refused<T: std::fmt::Debug>(parsed: Result<T, String>, words: &str) {
    let error = parsed.unwrap_err();
    assert!(error.contains(words), "{error} does not say {words}");
}

#[test]
fn twilio_needs_an_account_a_secret_and_one_sender() {
    let SmsProvider::Twilio(twilio) = sms(TWILIO).unwrap().provider else { panic!("not Twilio") };
    assert_eq!(twilio.sender, TwilioSender::From("+4915123456789".to_owned()));
    assert_eq!(twilio.base_url.as_str(), "https://api.twilio.com");
    refused(sms(&TWILIO.replace("AC0", "AC/")), "sms.account_sid must be AC");
    refused(sms(&TWILIO.replace("account_sid", "#")), "sms.account_sid is missing");
    refused(sms(&TWILIO.replace("auth_file", "#")), "sms.auth_file is missing");
    refused(sms(&TWILIO.replace("from", "#")), "one of sms.from and sms.messaging_service_sid");
    let service = "messaging_service_sid = \"MG00000000000000000000000000000001\"\n";
    refused(sms(&format!("{TWILIO}{service}")), "and not both");
    assert!(sms(&format!("{}{service}", TWILIO.replace("from", "#"))).is_ok());
    refused(sms(&format!("{TWILIO}api_key_sid = \"SK1\"\n")), "sms.api_key_sid must be SK");
    refused(sms(&TWILIO.replace("+49 151 23456789", "a sender too long")), "sms.from must be a number");
    for sender in ["12345", "Countersign"] {
        assert!(sms(&TWILIO.replace("+49 151 23456789", sender)).is_ok(), "{sender}");
    }
}

#[test]
fn sns_needs_a_region() {
    assert!(matches!(sms(SNS).unwrap().provider, SmsProvider::Sns(_)));
    refused(sms(&SNS.replace("region", "#")), "sms.region is missing");
    refused(sms(&format!("{SNS}sender_id = \"12345\"\n")), "sms.sender_id must be");
    assert!(sms(&format!("{SNS}sender_id = \"Countersign\"\n")).is_ok());
}

#[test]
fn what_belongs_to_another_provider_is_refused() {
    refused(sms(&format!("{TWILIO}region = \"x\"\n")), "sms.region goes with provider = \"sns\"");
    refused(sms(&format!("{SNS}auth_file = \"x\"\n")), "sms.auth_file goes with provider = \"twilio\"");
    refused(sms(&SNS.replace("\"sns\"", "\"carrier\"")), "carrier");
    refused(sms(&format!("{SNS}prize_cents = 1\n")), "prize_cents");
}

#[test]
fn f10_countries_are_named_and_no_limit_is_nothing() {
    refused(sms(&SNS.replace("countries", "#")), "countries");
    refused(sms(&SNS.replace("[\"+49\"]", "[]")), "sms.countries must name at least one");
    refused(sms(&SNS.replace("+49", "49")), "is not a calling code");
    let limits = sms(&format!("{SNS}[limits]\nper_day = 7\n")).unwrap().limits;
    assert_eq!((limits.per_day.get(), limits.per_user_hour.get()), (7, 5));
    assert!(sms(&format!("{SNS}[limits]\nspend_cap_cents_per_day = 0\n")).is_err());
    assert!(sms(&format!("{SNS}[limits]\nper_year = 1\n")).is_err());
    refused(sms(&format!("{SNS}[limits]\nspend_cap_cents_per_day = 7\n")), "below price_cents");
}

#[test]
fn providers_are_reached_by_tls_or_on_this_machine() {
    let at = |url: &str| sms(&format!("{TWILIO}base_url = \"{url}\"\n"));
    for good in
        ["https://twilio.internal:8443/", "http://127.0.0.1:4010", "http://[::1]:4010", "http://localhost"]
    {
        assert!(at(good).is_ok(), "{good}");
    }
    for bad in
        ["http://twilio.internal", "http://10.0.0.1", "http://localhost.example.com", "ftp://127.0.0.1"]
    {
        refused(at(bad), "https://");
    }
    for bad in ["https://u:p@h", "https://h/path", "https://h?q", "https://h#f"] {
        refused(at(bad), "nothing else");
    }
}

#[test]
fn mail_goes_by_tls_or_stays_on_this_machine() {
    let at = |url: &str| mail(&MAIL.replace("smtps://mail.example.com", url)).map(|mail| mail.server);
    let server = |url: &str| at(url).map(|server| (server.host, server.port, server.transport)).unwrap();
    assert_eq!(server("smtps://mx"), ("mx".to_owned(), 465, Transport::Tls));
    assert_eq!(server("smtp+starttls://mx"), ("mx".to_owned(), 587, Transport::StartTls));
    assert_eq!(server("smtp://127.0.0.1:2525"), ("127.0.0.1".to_owned(), 2525, Transport::Plain));
    assert_eq!(server("smtp://[::1]:2525/"), ("::1".to_owned(), 2525, Transport::Plain));
    for bad in
        ["smtp://mx", "smtp://10.0.0.1", "smtp://127.0.0.1.example.com", "smtp://localhost.example.com"]
    {
        refused(at(bad), "stays on this machine");
    }
    for bad in ["https://mx", "mx:25", "smtps://", "smtps://mx/path", "smtps://mx?tls=none", "mx"] {
        refused(at(bad), "write mail.url as");
    }
    refused(at("smtps://user:pass@mx"), "mail.password_file");
}

#[test]
fn mail_has_a_sender_and_a_whole_login() {
    assert_eq!(mail(MAIL).unwrap().from.domain(), "example.com");
    refused(mail(&MAIL.replace("ca@", "")), "mail.from must be an address");
    refused(mail(&MAIL.replace("example.com>", "größe.example>")), "mail.from must be an address");
    refused(mail(&MAIL.replace("Countersign", "A\\r\\nBcc: b@example.com,")), "mail.from must be an address");
    refused(mail(&format!("{MAIL}username = \"ca\"\n")), "needs mail.password_file");
    refused(mail(&format!("{MAIL}password_file = \"p\"\n")), "needs mail.username");
    assert!(mail(&format!("{MAIL}username = \"ca\"\npassword_file = \"p\"\n")).unwrap().login.is_some());
    assert!(mail(&format!("{MAIL}ca_file = \"ca.pem\"\n")).unwrap().ca_file.is_some());
    let plain = MAIL.replace("smtps://mail.example.com", "smtp://127.0.0.1");
    refused(mail(&format!("{plain}ca_file = \"ca.pem\"\n")), "mail.ca_file goes with TLS");
}
