//! F5: answers that prove nothing are never taken, and no OTP is in what is said or logged about them (I9).

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use ca_server::factors::yubikey::validator::{Failure, YubikeyError};
use countersign_tests::yubico::Misbehaviour::{self, *};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Outcome, Scene, check, validator};

/// What a server can do wrong, and a word of what is said about it.
const ALL: [(Misbehaviour, &str); 36] = [
    (OtherNonce, "nonce differs"),
    (OtherOtp, "otp differs"),
    (Without("otp"), "no otp"),
    (Without("nonce"), "no nonce"),
    (Without("status"), "no status"),
    (Without("sessioncounter"), "no sessioncounter"),
    (Without("sessionuse"), "no sessionuse"),
    (Status("BACKEND_ERROR"), "BACKEND_ERROR"),
    (Status("NOT_ENOUGH_ANSWERS"), "NOT_ENOUGH_ANSWERS"),
    (Status("BAD_SIGNATURE"), "BAD_SIGNATURE"),
    (Status("MISSING_PARAMETER"), "MISSING_PARAMETER"),
    (Status("NO_SUCH_CLIENT"), "NO_SUCH_CLIENT"),
    (Status("OPERATION_NOT_ALLOWED"), "OPERATION_NOT_ALLOWED"),
    (Status("DELAYED_OTP"), "status of no known form"),
    (Status(""), "status of no known form"),
    (StatusUnsigned("REPLAYED_OTP"), "not signed"),
    (StatusUnsigned("BAD_OTP"), "not signed"),
    (StatusUnsigned("BACKEND_ERROR"), "BACKEND_ERROR"),
    (Signature(""), "not signed"),
    (Signature("AAAA"), "not signed"),
    (Signature("AAECAwQFBgcICQoLDA0ODxAREhM="), "not signed"),
    (Signature("AAECAwQFBgcICQoLDA0ODxAREhM"), "h of no known form"),
    (Signature("not base64!"), "h of no known form"),
    (Signature("%2B="), "h of no known form"),
    (NoSignature, "no h"),
    (Twice, "not of the validation protocol"),
    (LastAnswer, "differs"),
    (Garbage, "not of the validation protocol"),
    (Empty, "no status"),
    (Huge, "longer than 4096 bytes"),
    (HttpStatus(500), "status 500"),
    (HttpStatus(204), "status 204"),
    (HttpStatus(404), "status 404"),
    (HttpStatus(201), "status 201"),
    (Redirect, "status 302"),
    (CutShort, "broke off"),
];

/// Checks that an outcome is an error, which servers did not decide, and that it does not tell the OTP.
fn assert_undecided(outcome: Outcome, otp: &str, how: Misbehaviour) -> Result<Vec<Failure>> {
    let error = outcome.err().with_context(|| format!("{how:?} is accepted"))?;
    assert_untold(&format!("{error} {error:?} {:?}", anyhow::Error::msg(error.to_string())), otp)?;
    match error {
        YubikeyError::Unavailable(failures) => Ok(failures),
        other => anyhow::bail!("{how:?}: {other}"),
    }
}

/// Half of the encrypted part would be too much already.
fn assert_untold(text: &str, otp: &str) -> Result<()> {
    ensure!(!text.contains(&otp[12..28]) && !text.contains(&otp[28..]), "{otp} is in {text}");
    Ok(())
}

#[tokio::test]
async fn f5_no_misbehaviour_is_taken_for_a_verdict() -> Result<()> {
    let scene = Scene::new()?;
    scene.touch().await??;
    for (how, word) in ALL {
        scene.server.misbehave(how);
        let otp = scene.key.press()?;
        let failures = assert_undecided(check(&scene.validator, &otp).await?, &otp, how)?;
        let [failure] = failures.as_slice() else { panic!("{how:?}: {failures:?}") };
        assert!(failure.to_string().starts_with("127.0.0.1: "), "{failure}");
        assert!(failure.to_string().contains(word), "{how:?}: {failure}");
        scene.server.behave();
        let outcome = scene.touch().await?;
        assert!(outcome.is_ok(), "the next question after {how:?}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn f5_a_replay_with_its_status_changed_on_the_way_is_not_accepted() -> Result<()> {
    let scene = Scene::new()?;
    let otp = scene.key.press()?;
    check(&scene.validator, &otp).await??;
    for how in [StatusUnsigned("OK"), LastAnswer, Twice] {
        scene.server.misbehave(how);
        assert_undecided(check(&scene.validator, &otp).await?, &otp, how)?;
    }
    Ok(())
}

#[tokio::test]
async fn f5_silence_ends_with_the_timeout_and_names_every_server() -> Result<()> {
    let scene = Scene::new()?;
    scene.server.misbehave(Silence);
    // A port where nobody listens: taken and given back.
    let nobody = format!("http://127.0.0.1:{}/wsapi/2.0/verify", countersign_tests::ports::free()?);
    let impatient = validator(&[&scene.server.url(), &nobody], 1)?;
    let otp = scene.key.press()?;
    let failures = assert_undecided(check(&impatient, &otp).await?, &otp, Silence)?;
    let said: Vec<String> = failures.iter().map(|failure| failure.cause.to_string()).collect();
    assert_eq!(failures.len(), 2, "{said:?}");
    assert!(said.contains(&"no answer in time".to_owned()), "{said:?}");
    assert!(said.iter().any(|text| text.starts_with("no connection: ")), "{said:?}");
    Ok(())
}

/// Takes what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn f5_i9_no_otp_is_logged_even_when_everything_is() -> Result<()> {
    let log = Log::default();
    let writer = log.clone();
    // For this thread, and so not for the server, which is not ours.
    let _guard = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    let scene = Scene::new()?;
    let mut otps = vec![scene.key.press()?];
    check(&scene.validator, &otps[0]).await??;
    for (how, _) in ALL {
        scene.server.misbehave(how);
        otps.push(scene.key.press()?);
        let _ = check(&scene.validator, otps.last().context("one was pushed")?).await?;
    }
    let nobody = format!("http://127.0.0.1:{}/wsapi/2.0/verify", countersign_tests::ports::free()?);
    otps.push(scene.key.press()?);
    let _ = check(&validator(&[&nobody], 5)?, &otps[otps.len() - 1]).await?;
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("TRACE") && log.contains("127.0.0.1"), "nothing is logged: the test shows nothing");
    otps.iter().try_for_each(|otp| assert_untold(&log, otp))
}
