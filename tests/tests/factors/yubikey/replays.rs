//! F4: an OTP again, an older one, one of another key.

use anyhow::{Result, ensure};
use ca_server::factors::yubikey::protocol::Refusal;
use ca_server::factors::yubikey::validator::YubikeyError;
use countersign_tests::yubico::{API_KEY, CLIENT_ID, SoftYubikey};

use super::{Outcome, PATIENCE_SECS, Scene, check, validator_with};

fn assert_refused(outcome: &Outcome, refusal: Refusal) -> Result<()> {
    ensure!(matches!(outcome, Err(YubikeyError::Refused(r)) if *r == refusal), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_touch_is_accepted_with_its_key_and_a_rising_counter() -> Result<()> {
    let scene = Scene::new()?;
    let mut last = 0;
    for touch in 0..300 {
        if touch % 100 == 99 {
            scene.key.replug();
        }
        let accepted = scene.touch().await??;
        assert_eq!(accepted.public_id().as_str(), scene.key.public_id());
        assert!(accepted.counter() > last, "{} after {last}", accepted.counter());
        last = accepted.counter();
    }
    assert_eq!(last, 4 * 256 + 1, "plugged in four times, touched once since");
    Ok(())
}

#[tokio::test]
async fn f4_an_otp_is_accepted_once() -> Result<()> {
    let scene = Scene::new()?;
    let otp = scene.key.press()?;
    assert!(check(&scene.validator, &otp).await?.is_ok());
    for _ in 0..3 {
        assert_refused(&check(&scene.validator, &otp).await?, Refusal::Replayed)?;
    }
    assert!(scene.touch().await?.is_ok(), "the next is good");
    Ok(())
}

#[tokio::test]
async fn f4_an_older_counter_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let older = [scene.key.press()?, scene.key.press()?];
    scene.key.replug();
    let newer = scene.key.press()?;
    assert!(check(&scene.validator, &older[1]).await?.is_ok());
    assert_refused(&check(&scene.validator, &older[0]).await?, Refusal::Replayed)?;
    assert!(check(&scene.validator, &newer).await?.is_ok());
    // An OTP never seen, from before the key was plugged in again.
    let unseen = scene.key.otp_at(1, 200)?;
    assert_refused(&check(&scene.validator, &unseen).await?, Refusal::Replayed)
}

#[tokio::test]
async fn f4_an_otp_of_an_unknown_key_or_under_another_name_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let stranger = SoftYubikey::new()?;
    let otp = stranger.press()?;
    assert_refused(&check(&scene.validator, &otp).await?, Refusal::BadOtp)?;
    // The stranger's block behind a known key's id, and the other way round.
    let posing = format!("{}{}", scene.key.public_id(), &otp[12..]);
    assert_refused(&check(&scene.validator, &posing).await?, Refusal::BadOtp)?;
    scene.server.admit(&stranger);
    let known = scene.key.press()?;
    let posing = format!("{}{}", stranger.public_id(), &known[12..]);
    assert_refused(&check(&scene.validator, &posing).await?, Refusal::BadOtp)?;
    assert!(check(&scene.validator, &known).await?.is_ok(), "it was not used up");
    Ok(())
}

#[tokio::test]
async fn f4_an_otp_with_a_changed_character_is_refused_and_not_used_up() -> Result<()> {
    let scene = Scene::new()?;
    let otp = scene.key.press()?;
    for at in 12..otp.len() {
        let other = if otp.as_bytes()[at] == b'c' { "b" } else { "c" };
        let changed = format!("{}{other}{}", &otp[..at], &otp[at + 1..]);
        assert_refused(&check(&scene.validator, &changed).await?, Refusal::BadOtp)?;
    }
    assert!(check(&scene.validator, &otp).await?.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_client_unknown_to_the_server_learns_what_to_check_and_that_is_no_refusal() -> Result<()> {
    let scene = Scene::new()?;
    let other_key = "AAECAwQFBgcICQoLDA0ODxAREhM=";
    for (client_id, api_key, hint) in
        [(CLIENT_ID, other_key, "yubikey.api_key_file"), (CLIENT_ID + 1, API_KEY, "yubikey.client_id")]
    {
        let validator = validator_with(&[&scene.server.url()], PATIENCE_SECS, client_id, api_key)?;
        let outcome = check(&validator, &scene.key.press()?).await?;
        let Err(error @ YubikeyError::Unavailable(_)) = outcome else { panic!("{outcome:?}") };
        assert!(error.to_string().contains(hint), "{error}");
    }
    Ok(())
}
