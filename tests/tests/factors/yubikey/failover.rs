//! Several validation servers: one that fails delays nobody, and can deny at most.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use anyhow::Result;
use ca_core::time::Ttl;
use ca_server::config::YubikeyConfig;
use ca_server::factors::yubikey::protocol::Refusal;
use ca_server::factors::yubikey::validator::{Validator, YubikeyError};
use countersign_tests::yubico::{API_KEY, Misbehaviour, SoftYubikey, YubicoServer};

use super::{PATIENCE_SECS, asked, begin, check, validator};

/// Two servers that know the same key, and a validator that asks both.
struct Pair {
    first: YubicoServer,
    second: YubicoServer,
    key: SoftYubikey,
    validator: Arc<Validator>,
}

impl Pair {
    fn new() -> Result<Self> {
        let (first, second, key) = (YubicoServer::start()?, YubicoServer::start()?, SoftYubikey::new()?);
        first.admit(&key);
        second.admit(&key);
        let validator = Arc::new(validator(&[&first.url(), &second.url()], PATIENCE_SECS)?);
        Ok(Self { first, second, key, validator })
    }
}

#[tokio::test]
async fn a_silent_or_absent_server_is_not_waited_for() -> Result<()> {
    let pair = Pair::new()?;
    for silent in [&pair.first, &pair.second] {
        silent.misbehave(Misbehaviour::Silence);
        check(&pair.validator, &pair.key.press()?).await??;
        silent.behave();
    }
    let Pair { first, second, key, validator } = pair;
    drop(first);
    check(&validator, &key.press()?).await??;
    // The first answer ends the question to the other, which may not have gone out yet.
    assert!((2..=3).contains(&second.questions()), "{} questions", second.questions());
    Ok(())
}

#[tokio::test]
async fn f5_a_server_that_misbehaves_leaves_the_verdict_to_the_other() -> Result<()> {
    let pair = Pair::new()?;
    check(&pair.validator, &pair.key.press()?).await??;
    pair.second.misbehave(Misbehaviour::Hold);
    for how in [
        Misbehaviour::OtherNonce,
        Misbehaviour::NoSignature,
        Misbehaviour::StatusUnsigned("BAD_OTP"),
        Misbehaviour::Status("BACKEND_ERROR"),
        Misbehaviour::Garbage,
        Misbehaviour::HttpStatus(503),
    ] {
        pair.first.misbehave(how);
        let questions = (pair.first.questions(), pair.second.questions());
        let checking = begin(&pair.validator, &pair.key.press()?)?;
        asked(&pair.first, questions.0 + 1).await;
        asked(&pair.second, questions.1 + 1).await;
        pair.second.behave();
        let outcome = checking.await?;
        assert!(outcome.is_ok(), "{how:?}: {outcome:?}");
        pair.second.misbehave(Misbehaviour::Hold);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_told_by_its_fellow_does_not_refuse_what_that_one_is_about_to_accept() -> Result<()> {
    let pair = Pair::new()?;
    pair.first.misbehave(Misbehaviour::Status("REPLAYED_REQUEST"));
    // Often enough that the first one's answer is the first to arrive.
    for question in 1..=20 {
        pair.second.misbehave(Misbehaviour::Hold);
        let checking = begin(&pair.validator, &pair.key.press()?)?;
        asked(&pair.first, question).await;
        asked(&pair.second, question).await;
        pair.second.behave();
        checking.await??;
    }
    // When nobody accepts, it is a refusal.
    pair.second.misbehave(Misbehaviour::Status("REPLAYED_REQUEST"));
    let outcome = check(&pair.validator, &pair.key.press()?).await?;
    assert!(matches!(outcome, Err(YubikeyError::Refused(Refusal::RequestReplayed))), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn both_names_of_one_server_accept_an_otp_between_them() -> Result<()> {
    let (server, key) = (YubicoServer::start()?, SoftYubikey::new()?);
    server.admit(&key);
    let validator = validator(&[&server.url(), &server.url()], PATIENCE_SECS)?;
    for _ in 0..50 {
        check(&validator, &key.press()?).await??;
    }
    Ok(())
}

#[tokio::test]
async fn f4_a_refusal_that_comes_first_decides() -> Result<()> {
    let pair = Pair::new()?;
    let otp = pair.key.press()?;
    let first_alone = validator(&[&pair.first.url()], PATIENCE_SECS)?;
    check(&first_alone, &otp).await??;
    // The second has not heard of it and would accept, were it asked alone.
    pair.second.misbehave(Misbehaviour::Hold);
    let outcome = check(&pair.validator, &otp).await?;
    assert!(matches!(outcome, Err(YubikeyError::Refused(Refusal::Replayed))), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn s3_an_api_key_that_others_can_read_or_that_is_none_is_not_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("yubico_key");
    let new = |mode: u32, text: &str| -> Result<String> {
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        let (api_key_file, timeout) = (path.clone(), Ttl::from_secs(5).unwrap_or(Ttl::MAX));
        let config = YubikeyConfig { client_id: 1, api_key_file, urls: Vec::new(), sl: None, timeout };
        Ok(Validator::new(&config).err().map_or_else(String::new, |error| error.to_string()))
    };
    assert_eq!(new(0o600, API_KEY)?, "");
    assert!(new(0o644, API_KEY)?.contains("chmod 600"));
    for text in ["", "secret", "c2VjcmV0"] {
        let error = new(0o600, text)?;
        assert!(error.contains("API key in base64") && !error.contains("c2VjcmV0"), "{error}");
    }
    Ok(())
}
