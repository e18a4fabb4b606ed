use std::path::Path;

use ca_core::time::Ttl;

use super::{Config, Log, SmsProvider};

const GOOD: &str = r#"
listen = "127.0.0.1:8443"
origin = "ca.example.com/log"
policy = "policies"
database = "state.db"

[keys]
ca = "ca_key"
log = "log_key"
sealing = "sealing_key"

[log]
store = "directory"
path = "log"
"#;

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "config.toml", Path::new("/etc/countersign"), environment).map_err(|e| e.to_string())
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = parse(GOOD, &[]).unwrap();
    assert_eq!(config.keys.ca, Path::new("/etc/countersign/ca_key"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = parse(&GOOD.replace("policy =", "polizy ="), &[]).unwrap_err();
    assert!(error.contains("line 4") && error.contains("polizy"), "{error}");
    let error = parse(&format!("{GOOD}lock = 3\n"), &[]).unwrap_err();
    assert!(error.contains("lock"), "{error}");
}

#[test]
fn l10_without_an_audit_trail_there_is_no_configuration() {
    let error = parse(GOOD.split("[log]").next().unwrap(), &[]).unwrap_err();
    assert!(error.contains("log"), "{error}");
}

#[test]
fn the_environment_overrides() {
    let environment = [
        ("CA_SERVER_LISTEN", "127.0.0.1:1"),
        ("CA_SERVER_LOG", "{ store = 's3', bucket = 'audit' }"),
        ("CA_SERVER_LOG__RETENTION_DAYS", "400"),
        ("CA_SERVER_CA_PASSPHRASE", "not configuration"),
        ("CA_SERVER_LOG_FILTER", "debug"),
    ];
    let config = parse(GOOD, &environment).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert!(matches!(config.log, Log::S3 { retention_days: Some(400), .. }));
    assert!(parse(GOOD, &[("CA_SERVER_LISTN", "127.0.0.1:1")]).unwrap_err().contains("listn"));
}

#[test]
fn s2_limits_have_defaults_and_silence_outlasts_a_call() {
    let limits = parse(GOOD, &[]).unwrap().limits;
    assert_eq!([limits.head, limits.call, limits.silence].map(Ttl::secs), [10, 30, 60]);
    let short = parse(&format!("{GOOD}\n[limits]\nhead = \"2s\"\n"), &[]).unwrap().limits;
    assert_eq!([short.head, short.call, short.silence].map(Ttl::secs), [2, 30, 60]);
    assert!(
        parse(&format!("{GOOD}\n[limits]\ncall = \"60s\"\n"), &[]).unwrap_err().contains("limits.silence")
    );
    assert!(parse(&format!("{GOOD}\n[limits]\nheads = \"2s\"\n"), &[]).unwrap_err().contains("line 17"));
}

#[test]
fn plain_http_stays_on_loopback() {
    let open = GOOD.replace("127.0.0.1", "0.0.0.0");
    assert!(parse(&open, &[]).unwrap_err().contains("[tls]"));
    assert!(parse(&format!("allow_plain_http = true\n{open}"), &[]).is_ok());
}

#[test]
fn secrets_of_messages_are_files_beside_the_configuration() {
    let sms = "[sms]\nprovider = \"twilio\"\naccount_sid = \"AC00000000000000000000000000000001\"\n\
               from = \"Countersign\"\nauth_file = \"twilio\"\ncountries = [\"+49\"]\n";
    let mail = "[mail]\nurl = \"smtps://mx\"\nfrom = \"ca@example.com\"\nusername = \"ca\"\npassword_file = \"mail\"\n";
    let config =
        parse(&format!("{GOOD}\n{sms}\n{mail}"), &[("CA_SERVER_SMS__LIMITS__PER_DAY", "7")]).unwrap();
    let sms = config.sms.unwrap();
    assert_eq!(sms.limits.per_day.get(), 7);
    let SmsProvider::Twilio(twilio) = sms.provider else { panic!("not Twilio") };
    assert_eq!(twilio.auth_file, Path::new("/etc/countersign/twilio"));
    let login = config.mail.unwrap().login.unwrap();
    assert_eq!(login.password_file, Path::new("/etc/countersign/mail"));
}
