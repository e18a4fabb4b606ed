//! One-time codes: each accepted once, whatever happens (F1, F2, F3, L8).

use std::process::Command;

use ca_core::log::event::What;
use ca_core::policy::FactorKind;
use ca_core::time::UnixSeconds;
use ca_server::login::{FailureReason, LoginError};
use ca_server::secret::Secret;

use crate::support::{Alice, START_SECS, World, home};

#[tokio::test]
async fn f1_a_code_works_once_also_in_the_next_step_and_after_a_restart() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let code = alice.code(world.now());
    assert!(world.log_in(&alice).await.is_ok());

    let challenge = world.start().await.unwrap();
    assert_eq!(
        world.finish(&challenge, &code).await.unwrap_err(),
        LoginError::CodeUsed { next_in_secs: Some(30) },
        "the same step"
    );
    world.pass_secs(31);
    assert_eq!(
        world.finish(&challenge, &code).await.unwrap_err(),
        LoginError::CodeUsed { next_in_secs: Some(29) },
        "the step after"
    );
    world.restart().await;
    assert!(
        matches!(world.finish(&challenge, &code).await, Err(LoginError::CodeUsed { .. })),
        "after a restart"
    );
    assert_eq!(world.audit.logins(), 1);
    let used = |event: &What| matches!(event, What::LoginFailed { reason, count: 1, .. } if *reason == FailureReason::CodeUsed.to_string());
    assert!(world.audit.count(used) >= 1, "the replay is in the log");

    world.pass_secs(30);
    assert!(world.log_in(&alice).await.is_ok(), "the next code works");
}

#[tokio::test]
async fn f1_an_earlier_code_is_void_once_a_later_one_was_used() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let earlier = alice.code(world.now());
    world.pass_secs(30);
    assert!(world.log_in(&alice).await.is_ok());
    let challenge = world.start().await.unwrap();
    assert!(matches!(world.finish(&challenge, &earlier).await, Err(LoginError::CodeUsed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f2_fifty_concurrent_submissions_on_two_nodes_have_one_winner() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let other = world.second_node().await;
    let mut challenges = Vec::new();
    for _ in 0..50 {
        challenges.push(world.start().await.unwrap().token);
    }
    let mut submissions = tokio::task::JoinSet::new();
    for (number, challenge) in challenges.into_iter().enumerate() {
        let node = if number % 2 == 0 { &world.node } else { &other };
        let (login, code) = (node.login.clone(), alice.code(world.now()));
        submissions.spawn(async move { login.finish(&challenge, FactorKind::Totp, &code, &home()).await });
    }
    let results = submissions.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for error in results.into_iter().filter_map(Result::err) {
        assert!(matches!(error, LoginError::CodeUsed { .. } | LoginError::Delayed { .. }), "{error}");
    }
    assert_eq!(world.audit.logins(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f2_one_challenge_submitted_fifty_times_has_one_winner() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let challenge = world.start().await.unwrap().token;
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (login, code, challenge) = (world.node.login.clone(), alice.code(world.now()), challenge.clone());
        submissions.spawn(async move { login.finish(&challenge, FactorKind::Totp, &code, &home()).await });
    }
    let results = submissions.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(world.audit.logins(), 1);
}

#[tokio::test]
async fn f3_anything_but_six_ascii_digits_is_a_wrong_code_and_counted() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let authenticator = alice.totp(&world.node).await;
    let right = alice.code(world.now()).expose().to_owned();
    let (first, last) = right.split_at(3);
    let wide: String = right.chars().filter_map(|c| char::from_u32(c as u32 - 0x30 + 0xFF10)).collect();
    let arabic: String = right.chars().filter_map(|c| char::from_u32(c as u32 - 0x30 + 0x0660)).collect();
    let forms = [
        format!(" {right}"),
        format!("{right} "),
        format!("{right}\n"),
        format!("{first} {last}"),
        format!("{right}0"),
        right[1..].to_owned(),
        format!("+{}", &right[1..]),
        wide,
        arabic,
        String::new(),
    ];
    let mut challenge = world.start().await.unwrap();
    for (number, form) in (1..).zip(&forms) {
        let error = world.finish(&challenge, &Secret::new(form.clone())).await.unwrap_err();
        assert_eq!(error, LoginError::WrongCode, "{form:?}");
        assert_eq!(world.node.failures(&authenticator).await, number, "{form:?} is counted");
        world.pass_secs(31);
        challenge = world.start().await.unwrap();
    }
    assert!(world.finish(&challenge, &alice.code(world.now())).await.is_ok());
    assert_eq!(world.node.failures(&authenticator).await, 0, "a success ends the failures");
}

#[tokio::test]
async fn l8_steps_never_go_back_when_the_clock_does() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    assert!(world.log_in(&alice).await.is_ok());
    world.set_secs(START_SECS - 3600);
    assert!(matches!(world.log_in(&alice).await, Err(LoginError::CodeUsed { .. })));
    world.set_secs(START_SECS + 30);
    assert!(world.log_in(&alice).await.is_ok());
}

#[tokio::test]
async fn a_code_from_the_future_or_two_steps_back_is_wrong() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let challenge = world.start().await.unwrap();
    for then in [START_SECS + 30, START_SECS - 60] {
        let code = alice.code(UnixSeconds(then));
        assert_eq!(world.finish(&challenge, &code).await.unwrap_err(), LoginError::WrongCode);
    }
    let code = alice.code(UnixSeconds(START_SECS - 30));
    assert!(world.finish(&challenge, &code).await.is_ok(), "the step before is good");
}

#[tokio::test]
async fn the_otpauth_link_and_the_base32_seed_agree_with_oathtool() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let url = alice.enrolment.otpauth_url.expose();
    let base32 = alice.enrolment.base32.expose();
    assert!(url.starts_with("otpauth://totp/ca.example.com%2Flog:alice%40example.com?"), "{url}");
    assert!(url.contains(&format!("secret={base32}")), "{url}");
    assert_eq!(base32.len(), 32, "160 bits");
    for now in [59, 1_111_111_109, START_SECS, START_SECS + 29, 20_000_000_000] {
        assert_eq!(alice.code(UnixSeconds(now)).expose(), oathtool(&alice, now), "at {now}");
    }
}

/// Asks the reference implementation for a code.
fn oathtool(alice: &Alice, now: u64) -> String {
    let output = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &format!("@{now}"), alice.enrolment.base32.expose()])
        .output()
        .expect("oathtool is missing: run `cargo xtask test`, it installs oathtool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
