//! The calls, right and wrong.

use anyhow::{Context as _, Result};
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::ORIGIN;
use countersign_tests::smtp::Smtp;
use countersign_tests::totp::Phone;
use countersign_tests::twilio::{Mood, Twilio};
use countersign_tests::yubico::{Misbehaviour, SoftYubikey, YubicoServer};
use serde_json::{Value, json};

use super::canary;
use super::seen::Seen;
use crate::warnings::{link, mail};

const NUMBER: &str = "+4915198273645";

/// Plants a canary as a wrong secret.
fn wrong(seen: &mut Seen) -> Result<String> {
    let canary = canary()?;
    seen.plant("something wrong", &canary);
    Ok(canary)
}

/// Makes a token of a kind as only a server does, 43 characters long.
fn invent(prefix: &str) -> Result<String> {
    Ok(format!("{prefix}{:A<43}", canary()?.replace('-', "")))
}

/// Shows a password that is wrong and one that is right; gives the challenge.
async fn begin(seen: &mut Seen, user: &str, password: &str, purpose: &str) -> Result<String> {
    let login = |password: &str| json!({ "user": user, "password": password, "purpose": purpose });
    let bad = login(&wrong(seen)?);
    seen.post("/v1/login", &bad, 401).await?;
    let challenge = seen.post("/v1/login", &login(password), 200).await?;
    seen.shown("challenge", &challenge["challenge"])
}

/// Shows a factor that is wrong and one that is right, and the right one again; gives the token.
async fn finish(seen: &mut Seen, challenge: &str, kind: &'static str, code: &str) -> Result<String> {
    seen.plant(kind, code);
    let factor = |challenge: &str, code: &str| json!({ "challenge": challenge, "kind": kind, "code": code });
    let bad = factor(challenge, &wrong(seen)?);
    seen.post("/v1/login/factor", &bad, 401).await?;
    let bad = factor(&wrong(seen)?, code);
    seen.post("/v1/login/factor", &bad, 401).await?;
    let login = seen.post("/v1/login/factor", &factor(challenge, code), 200).await?;
    let token = seen.shown("session token", &login["token"])?;
    if login["device"].is_string() {
        seen.shown("device token", &login["device"])?;
    }
    seen.post("/v1/login/factor", &factor(challenge, code), 401).await?;
    Ok(token)
}

/// Logs in with the app; gives the token.
pub(super) async fn log_in(seen: &mut Seen, person: &Person, purpose: &str) -> Result<String> {
    seen.plant("password", &person.password);
    seen.plant("TOTP seed", person.phone.secret());
    let secret = totp_rs::Secret::try_from_base32(person.phone.secret())?;
    seen.with_bytes(secret.as_bytes());
    let challenge = begin(seen, &person.name, &person.password, purpose).await?;
    finish(seen, &challenge, "totp", &person.phone.code()).await
}

/// Confirms a factor wrongly, rightly, and again.
async fn confirm(seen: &mut Seen, token: &str, pending: &Value, code: &str) -> Result<()> {
    let path = format!("/v1/account/factors/{}", pending["id"].as_str().context("an id")?);
    seen.plant("code", code);
    let bad = wrong(seen)?;
    for (code, status) in [(bad.as_str(), 400), (code, 200), (code, 404)] {
        seen.call(("POST", &path), token, &json!({ "code": code }), status).await?;
    }
    Ok(())
}

pub(super) async fn add_app(seen: &mut Seen, token: &str) -> Result<()> {
    let body = json!({ "kind": "totp", "label": "other app" });
    let pending = seen.call(("POST", "/v1/account/factors"), token, &body, 200).await?;
    let secret = seen.shown("TOTP seed", &pending["secret"])?;
    seen.with_bytes(totp_rs::Secret::try_from_base32(&secret)?.as_bytes());
    confirm(seen, token, &pending, &Phone::new(&secret)?.code()).await
}

pub(super) async fn add_phone(seen: &mut Seen, token: &str, twilio: &Twilio) -> Result<()> {
    let path = ("POST", "/v1/account/factors/sms");
    let bad = wrong(seen)?;
    for (name, number) in [("no number", bad.as_str()), ("foreign number", "+15550192837465")] {
        seen.plant(name, number.trim_start_matches('+'));
        seen.call(path, token, &json!({ "label": "phone", "number": number }), 400).await?;
    }
    seen.plant("phone number", &NUMBER[3..]);
    let pending = seen.call(path, token, &json!({ "label": "phone", "number": NUMBER }), 200).await?;
    confirm(seen, token, &pending, &sent(twilio)?).await
}

/// Reads the code in the last message.
fn sent(twilio: &Twilio) -> Result<String> {
    let codes = twilio.sent().into_iter().rev().filter(|sent| sent.body.contains("is your code"));
    let text = codes.map(|sent| sent.body).next().context("a message")?;
    Ok(text.chars().take(9).filter(char::is_ascii_digit).collect())
}

pub(super) async fn add_yubikey(seen: &mut Seen, token: &str, yubico: &YubicoServer) -> Result<SoftYubikey> {
    let (key, stranger) = (SoftYubikey::new()?, SoftYubikey::new()?);
    yubico.admit(&key);
    let (good, unknown, bad) = (key.press()?, stranger.press()?, wrong(seen)?);
    for (otp, status) in [(&bad, 400), (&unknown, 400), (&good, 200), (&good, 400)] {
        seen.plant("OTP", otp);
        let body = json!({ "label": "key", "otp": otp });
        seen.call(("POST", "/v1/account/factors/yubikey"), token, &body, status).await?;
    }
    Ok(key)
}

pub(super) async fn make_recovery_codes(seen: &mut Seen, token: &str) -> Result<Vec<String>> {
    let made = seen.call(("POST", "/v1/account/recovery-codes"), token, &json!({}), 200).await?;
    let codes = made["codes"].as_array().context("codes")?;
    codes.iter().map(|code| seen.shown("recovery code", code)).collect()
}

pub(super) async fn use_api_key(seen: &mut Seen, token: &str) -> Result<()> {
    let path = "/v1/account/api-keys";
    let networks = json!(["127.0.0.0/8"]);
    let body = json!({ "label": "k", "profiles": ["backup"], "networks": networks, "lasts_secs": 60 });
    let made = seen.call(("POST", path), token, &body, 200).await?;
    let key = seen.shown("API key", &made["token"])?;
    let invented = invent("cs_k_")?;
    seen.plant("invented API key", &invented);
    for (token, profile, status) in [
        (&key, "backup", 200),
        (&key, "other", 403),
        (&invented, "backup", 401),
        (&wrong(seen)?, "backup", 401),
    ] {
        let request = serde_json::to_value(signed_request(ORIGIN, "ann", profile)?)?;
        seen.call(("POST", "/v1/certificates"), token, &request, status).await?;
    }
    seen.call(("GET", path), token, &json!({}), 200).await?;
    let revoke = format!("{path}/{}", made["api_key"]["id"].as_str().context("an id")?);
    seen.call(("DELETE", &revoke), token, &json!({}), 204).await?;
    let request = serde_json::to_value(signed_request(ORIGIN, "ann", "backup")?)?;
    seen.call(("POST", "/v1/certificates"), &key, &request, 401).await.map(drop)
}

pub(super) async fn change_password(seen: &mut Seen, token: &str) -> Result<String> {
    let (long, new) = (canary()?.repeat(30), canary()?);
    for (password, status) in [("k9#-wqz", 400), (&long, 400), (&new, 204)] {
        seen.plant("new password", password);
        let body = json!({ "password": password });
        seen.call(("PUT", "/v1/account/password"), token, &body, status).await?;
    }
    let mistyped = json!({ "password": wrong(seen)?, "pasword": wrong(seen)? });
    seen.call(("PUT", "/v1/account/password"), token, &mistyped, 400).await?;
    Ok(new)
}

pub(super) async fn log_in_by_phone(seen: &mut Seen, password: &str, twilio: &Twilio) -> Result<()> {
    let challenge = begin(seen, "ann", password, "access").await?;
    let bad = json!({ "challenge": wrong(seen)? });
    seen.post("/v1/login/sms", &bad, 401).await?;
    // Its answer repeats the number and the message.
    twilio.set_mood(Mood::Error(500, 20500));
    seen.post("/v1/login/sms", &json!({ "challenge": challenge }), 503).await?;
    twilio.set_mood(Mood::Well);
    seen.post("/v1/login/sms", &json!({ "challenge": challenge }), 200).await?;
    let token = finish(seen, &challenge, "sms", &sent(twilio)?).await?;
    for status in [204, 401] {
        seen.call(("DELETE", "/v1/session"), &token, &json!({}), status).await?;
    }
    Ok(())
}

pub(super) async fn log_in_by_yubikey(
    seen: &mut Seen,
    password: &str,
    (key, yubico): (&SoftYubikey, &YubicoServer),
) -> Result<()> {
    let challenge = begin(seen, "ann", password, "access").await?;
    let lost = key.press()?;
    seen.plant("OTP", &lost);
    let unlucky = json!({ "challenge": challenge, "kind": "yubikey", "code": lost });
    for trouble in [Misbehaviour::NoSignature, Misbehaviour::HttpStatus(500)] {
        yubico.misbehave(trouble);
        seen.post("/v1/login/factor", &unlucky, 503).await?;
    }
    yubico.behave();
    let otp = key.press()?;
    finish(seen, &challenge, "yubikey", &otp).await?;
    let challenge = begin(seen, "ann", password, "access").await?;
    let replay = json!({ "challenge": challenge, "kind": "yubikey", "code": otp });
    seen.post("/v1/login/factor", &replay, 401).await.map(drop)
}

pub(super) async fn log_in_by_recovery_code(seen: &mut Seen, password: &str, code: &str) -> Result<()> {
    let challenge = begin(seen, "ann", password, "access").await?;
    // Planted already, as what an answer has shown.
    let body = json!({ "challenge": challenge, "kind": "recovery", "code": code });
    let login = seen.post("/v1/login/factor", &body, 200).await?;
    seen.shown("session token", &login["token"])?;
    let challenge = begin(seen, "ann", password, "access").await?;
    let bad = wrong(seen)?;
    for code in [code, &bad] {
        let body = json!({ "challenge": challenge, "kind": "recovery", "code": code });
        seen.post("/v1/login/factor", &body, 401).await?;
    }
    Ok(())
}

pub(super) async fn invite(seen: &mut Seen, officer: &Person) -> Result<()> {
    let token = log_in(seen, officer, "access").await?;
    let invitee = json!({ "name": "bob", "email": "bob@example.com", "groups": ["engineers"] });
    let made = seen.call(("POST", "/v1/admin/users"), &token, &invitee, 200).await?;
    let invitation = seen.shown("invitation", &made["token"])?;
    let bad = json!({ "token": wrong(seen)? });
    seen.post("/v1/invitation", &bad, 404).await?;
    let pending = seen.post("/v1/invitation", &json!({ "token": invitation }), 200).await?;
    let secret = seen.shown("TOTP seed", &pending["secret"])?;
    let (code, password) = (Phone::new(&secret)?.code(), canary()?);
    seen.plant("code", &code);
    seen.plant("password", &password);
    let accept = |password: &str, code: &str| json!({ "token": invitation, "password": password, "factor": pending["id"], "code": code });
    let bad = accept(&password, &wrong(seen)?);
    seen.post("/v1/invitation/accept", &bad, 400).await?;
    seen.post("/v1/invitation/accept", &accept("bob@example.com", &code), 400).await?;
    let welcome = seen.post("/v1/invitation/accept", &accept(&password, &code), 200).await?;
    for code in welcome["recovery_codes"].as_array().context("codes")? {
        seen.shown("recovery code", code)?;
    }
    seen.post("/v1/invitation/accept", &accept(&password, &code), 404).await.map(drop)
}

pub(super) async fn freeze(seen: &mut Seen, smtp: &Smtp) -> Result<()> {
    let path = link(&mail(smtp, "ann@example.com", "the password was changed")?)?;
    for mail in smtp.mails() {
        if let Ok(path) = link(&mail) {
            seen.plant("freeze token", path.trim_start_matches("/freeze/"));
        }
    }
    let invented = invent("cs_f_")?;
    seen.plant("invented freeze token", &invented);
    let invented = format!("/freeze/{invented}");
    for (method, path, status) in [
        ("GET", &path, 200),
        ("GET", &invented, 404),
        ("POST", &invented, 404),
        ("POST", &path, 200),
        ("POST", &path, 404),
    ] {
        seen.call((method, path), "", &Value::Null, status).await?;
    }
    Ok(())
}
