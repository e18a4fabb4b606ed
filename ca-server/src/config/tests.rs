use std::path::Path;

use ca_core::time::Ttl;

use super::{Config, Log, SmsProvider};
use crate::factors::yubikey::protocol::SyncLevel;

const GOOD: &str = r#"
listen = "127.0.0.1:8443"
origin = "ca.example.com/log"
policy = "policies"
database = "state.db"

[keys]
ca = "ca_key"
host_ca = "host_ca_key"
log = "log_key"
sealing = "sealing_key"
pepper = "pepper"

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
    assert_eq!(config.keys.host_ca.as_deref(), Some(Path::new("/etc/countersign/host_ca_key")));
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
    assert!(parse(&format!("{GOOD}\n[limits]\nheads = \"2s\"\n"), &[]).unwrap_err().contains("line 19"));
}

#[test]
fn s1_connections_have_a_default_and_are_never_none() {
    let with = |line: &str| parse(&format!("{GOOD}\n[limits]\n{line}\n"), &[]);
    assert_eq!(with("").unwrap().limits.connections.get(), 4096);
    assert_eq!(with("connections = 10").unwrap().limits.connections.get(), 10);
    assert!(with("connections = 0").unwrap_err().contains("line 19"));
}

#[test]
fn a_recovery_takes_a_day_and_two_people_unless_more_are_asked_for() {
    let recovery = parse(GOOD, &[]).unwrap().recovery;
    assert_eq!((recovery.wait.secs(), recovery.reduced_for.secs(), recovery.officers), (86_400, 604_800, 2));
    for officers in [0, 1, 9] {
        let error = parse(&format!("{GOOD}\n[recovery]\nofficers = {officers}\n"), &[]).unwrap_err();
        assert!(error.contains("recovery.officers"), "{officers}: {error}");
    }
    assert_eq!(parse(GOOD, &[("CA_SERVER_RECOVERY__OFFICERS", "8")]).unwrap().recovery.officers, 8);
}

#[test]
fn plain_http_stays_on_loopback() {
    let open = GOOD.replace("127.0.0.1", "0.0.0.0");
    assert!(parse(&open, &[]).unwrap_err().contains("[tls]"));
    assert!(parse(&format!("allow_plain_http = true\n{open}"), &[]).is_ok());
}

#[test]
fn a_yubikey_table_needs_a_client_and_its_key_alone() {
    assert!(parse(GOOD, &[]).unwrap().yubikey.is_none());
    let text = format!("{GOOD}\n[yubikey]\nclient_id = 87\napi_key_file = \"yubico_key\"\n");
    let yubikey = parse(&text, &[]).unwrap().yubikey.unwrap();
    assert_eq!(yubikey.api_key_file, Path::new("/etc/countersign/yubico_key"));
    assert_eq!((yubikey.client_id, yubikey.timeout.secs(), yubikey.sl), (87, 5, None));
    let urls: Vec<_> = yubikey.urls.iter().map(|url| url.as_url().as_str()).collect();
    assert_eq!(urls, ["https://api.yubico.com/wsapi/2.0/verify"]);
}

#[test]
fn a_yubikey_table_with_a_slip_is_refused() {
    let with = |line: &str| {
        let text = format!("{GOOD}\n[yubikey]\nclient_id = 87\napi_key_file = \"key\"\n{line}\n");
        parse(&text, &[]).map(|config| config.yubikey.unwrap())
    };
    assert_eq!(with("sl = \"secure\"").unwrap().sl, Some(SyncLevel::Secure));
    assert_eq!(with("sl = 50").unwrap().sl, Some(SyncLevel::Percent(50)));
    assert!(with("urls = [\"http://127.0.0.1:8080/v\", \"http://[::1]/v\"]").is_ok());
    for (line, word) in [
        ("api_key = \"c2VjcmV0\"", "api_key"),
        ("sl = 101", "sl"),
        ("sl = \"quick\"", "sl"),
        ("timeout = \"30s\"", "limits.call"),
        ("urls = []", "yubikey.urls"),
        ("urls = [\"http://val.example.com/verify\"]", "https"),
        ("urls = [\"http://localhost/verify\"]", "https"),
        ("urls = [\"ftp://127.0.0.1/verify\"]", "https"),
        ("urls = [\"https://user@val.example.com/verify\"]", "https"),
        ("urls = [\"https://val.example.com/verify?id=1\"]", "https"),
        ("urls = [\"verify\"]", "https"),
    ] {
        let error = with(line).unwrap_err();
        assert!(error.contains(word), "{line}: {error}");
    }
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
