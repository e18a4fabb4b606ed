//! Yubico's own tools against ours: `ykgenerate` and `ykparse` for OTPs, `ykclient` for the protocol; and, for the
//! protocol as well, the `yubico` crate.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use ca_server::factors::yubikey::protocol::Refusal;
use ca_server::factors::yubikey::validator::YubikeyError;
use countersign_tests::programs::yubico_reference;
use countersign_tests::yubico::{API_KEY, CLIENT_ID, Misbehaviour};

use super::{Outcome, Scene, check};

fn run(program: &str, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    // curl would ask a proxy.
    command.args(args).env("no_proxy", "*");
    command.output().with_context(|| format!("{program} is missing: run `cargo xtask test`, it installs it"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn an_otp_of_ykgenerate_is_accepted_with_the_counter_it_was_given() -> Result<()> {
    let scene = Scene::new()?;
    let (aes_key, private_id) = (hex::encode(scene.key.aes_key()), hex::encode(scene.key.private_id()));
    for (sessions, uses) in [("0001", "02"), ("0013", "10"), ("0014", "00"), ("7fff", "ff")] {
        let output = run("ykgenerate", &[&aes_key, &private_id, sessions, "c0a8", "00", uses])?;
        let otp = format!("{}{}", scene.key.public_id(), text(&output).trim());
        let accepted = check(&scene.validator, &otp).await?.with_context(|| text(&output))?;
        let expected = u32::from_str_radix(&format!("{sessions}{uses}"), 16)?;
        assert_eq!(accepted.counter(), expected);
    }
    Ok(())
}

#[tokio::test]
async fn ykparse_reads_our_otps() -> Result<()> {
    let scene = Scene::new()?;
    let aes_key = hex::encode(scene.key.aes_key());
    let otp = scene.key.otp_at(0x0123, 0x45)?;
    let output = text(&run("ykparse", &[&aes_key, &otp])?);
    let private_id = hex::encode(scene.key.private_id());
    let spaced: Vec<&str> =
        private_id.as_bytes().chunks(2).map(std::str::from_utf8).collect::<Result<_, _>>()?;
    for expected in [
        format!("uid: {}", spaced.join(" ")),
        "counter: 291 (0x0123)".to_owned(),
        "session use: 69 (0x45)".to_owned(),
        "crc check: ok".to_owned(),
    ] {
        assert!(output.contains(&expected), "no {expected} in {output}");
    }
    Ok(())
}

/// Lets `ykclient` ask; gives its exit status: 0 accepted, 2 replayed, 1 and 3 anything else.
fn ykclient(scene: &Scene, otp: &str) -> Result<(i32, String)> {
    let id = CLIENT_ID.to_string();
    let output = run("ykclient", &["--url", &scene.server.url(), "--apikey", API_KEY, "--debug", &id, otp])?;
    Ok((output.status.code().context("an exit status")?, text(&output)))
}

fn status(outcome: &Outcome) -> i32 {
    match outcome {
        Ok(_) => 0,
        Err(YubikeyError::Refused(Refusal::Replayed)) => 2,
        Err(_) => 3,
    }
}

#[tokio::test]
async fn f4_ykclient_and_ours_agree_on_touches_and_replays() -> Result<()> {
    let scene = Scene::new()?;
    let (one, two) = (scene.key.press()?, scene.key.press()?);
    let (code, said) = ykclient(&scene, &one)?;
    assert_eq!(code, 0, "{said}");
    assert_eq!(status(&check(&scene.validator, &one).await?), 2, "what ykclient used up");
    assert_eq!(status(&check(&scene.validator, &two).await?), 0);
    for otp in [&one, &two] {
        let (code, said) = ykclient(&scene, otp)?;
        assert_eq!(code, 2, "{said}");
    }
    Ok(())
}

/// What is asked of all clients: every status there is, and what nobody may take for an answer.
fn answers() -> Vec<Misbehaviour> {
    let statuses = [
        "OK",
        "BAD_OTP",
        "REPLAYED_OTP",
        "REPLAYED_REQUEST",
        "BAD_SIGNATURE",
        "MISSING_PARAMETER",
        "NO_SUCH_CLIENT",
        "OPERATION_NOT_ALLOWED",
        "BACKEND_ERROR",
        "NOT_ENOUGH_ANSWERS",
    ];
    let mut all: Vec<Misbehaviour> = statuses.map(Misbehaviour::Status).into();
    all.extend([
        Misbehaviour::OtherNonce,
        Misbehaviour::OtherOtp,
        Misbehaviour::Without("nonce"),
        Misbehaviour::Without("otp"),
        Misbehaviour::Signature("AAECAwQFBgcICQoLDA0ODxAREhM="),
        Misbehaviour::NoSignature,
    ]);
    all
}

#[tokio::test]
async fn f5_ykclient_and_ours_agree_on_every_answer() -> Result<()> {
    let scene = Scene::new()?;
    for how in answers() {
        scene.server.misbehave(how);
        let ours = check(&scene.validator, &scene.key.press()?).await?;
        let (theirs, said) = ykclient(&scene, &scene.key.press()?)?;
        // 1 and 3 are two ways of saying neither.
        assert_eq!(status(&ours), if theirs == 1 { 3 } else { theirs }, "{how:?}: {ours:?}; {said}");
    }
    Ok(())
}

/// Lets the `yubico` crate ask; gives `OK` or the name of its error.
fn yubico(scene: &Scene, otp: &str) -> Result<String> {
    let program = yubico_reference()?;
    let (url, id) = (scene.server.url(), CLIENT_ID.to_string());
    let output = run(&program.to_string_lossy(), &[&url, &id, API_KEY, otp])?;
    ensure!(output.status.success(), "{}", text(&output));
    Ok(text(&output).trim().to_owned())
}

/// Tells whether the crate's verdict is the one that ours comes to.
fn is_same(ours: &Outcome, theirs: &str) -> bool {
    match ours {
        Ok(_) => theirs == "OK",
        Err(YubikeyError::Refused(Refusal::Replayed)) => theirs == "ReplayedOTP",
        Err(YubikeyError::Refused(Refusal::RequestReplayed)) => theirs == "ReplayedRequest",
        Err(YubikeyError::Refused(Refusal::BadOtp)) => theirs == "BadOTP",
        // A failure to find out is any other error.
        Err(_) => !["OK", "BadOTP", "ReplayedOTP", "ReplayedRequest"].contains(&theirs),
    }
}

#[tokio::test]
async fn f4_the_yubico_crate_and_ours_agree_on_touches_and_replays() -> Result<()> {
    let scene = Scene::new()?;
    let (one, two) = (scene.key.press()?, scene.key.press()?);
    assert_eq!(yubico(&scene, &one)?, "OK");
    let ours = check(&scene.validator, &one).await?;
    assert_eq!(status(&ours), 2, "what the crate used up");
    assert_eq!(status(&check(&scene.validator, &two).await?), 0);
    for otp in [&one, &two] {
        assert_eq!(yubico(&scene, otp)?, "ReplayedOTP");
    }
    Ok(())
}

#[tokio::test]
async fn f5_the_yubico_crate_and_ours_agree_on_every_answer() -> Result<()> {
    let scene = Scene::new()?;
    let mut verdicts = BTreeSet::new();
    for how in answers() {
        scene.server.misbehave(how);
        let ours = check(&scene.validator, &scene.key.press()?).await?;
        let theirs = yubico(&scene, &scene.key.press()?)?;
        assert!(is_same(&ours, &theirs), "{how:?}: ours {ours:?}, the crate {theirs}");
        verdicts.insert(theirs);
    }
    for verdict in ["OK", "BadOTP", "ReplayedOTP", "NonceMismatch", "OTPMismatch", "SignatureMismatch"] {
        assert!(verdicts.contains(verdict), "{verdict} is not among {verdicts:?}");
    }
    Ok(())
}
