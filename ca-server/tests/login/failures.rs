//! Failures: counted exactly, told to nobody, and no flood of events (F7, F8, F9, F16, L12).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;

use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose, Source};
use ca_server::accounts::{AccountError, NewAccount};
use ca_server::factors::password::PasswordError;
use ca_server::login::{EVERYTHING_ELSE, FailureReason, LoginError, MAX_WINDOWS};
use ca_server::secret::Secret;

use crate::support::{PASSWORD, World, from, home};

#[tokio::test]
async fn f7_a_hundred_wrong_codes_disable_the_factor_through_restarts_and_rollbacks() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let authenticator = alice.totp(&world.node).await;
    for number in 1..=100 {
        if number % 20 == 0 {
            world.restart().await;
        }
        if number % 30 == 0 {
            roll_back_a_forgery(&world).await;
        }
        let challenge = world.start().await.unwrap();
        let wrong = alice.wrong_code(world.now());
        assert_eq!(world.finish(&challenge, &wrong).await.unwrap_err(), LoginError::WrongCode, "{number}");
        assert_eq!(world.node.failures(&authenticator).await, number);
        world.pass_secs(31);
    }
    assert_eq!(world.log_in(&alice).await.unwrap_err(), LoginError::FactorDisabled, "the right code too");
    world.pass_secs(31);
    world.restart().await;
    assert_eq!(world.log_in(&alice).await.unwrap_err(), LoginError::FactorDisabled);
    assert_eq!(world.node.failures(&authenticator).await, 100, "exactly");
    let disabled = |event: &What| matches!(event, What::FactorDisabled { failures: 100, .. });
    assert_eq!(world.audit.count(disabled), 1);

    world.node.accounts.unlock("alice", "operator").await.unwrap();
    assert!(world.log_in(&alice).await.is_ok(), "an officer makes it work again");
}

/// Another process begins to clear all failures, and rolls back.
async fn roll_back_a_forgery(world: &World) {
    let url = format!("sqlite://{}", world.database().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("UPDATE failures SET count = 0").execute(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_many_wrong_codes_at_once_get_no_more_tries_than_one_after_the_other() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let challenge = world.start().await.unwrap().token;
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (login, challenge) = (world.node.login.clone(), challenge.clone());
        let code = alice.wrong_code(world.now());
        submissions.spawn(async move {
            login.finish(&challenge, FactorKind::Totp, &code, &home()).await.unwrap_err()
        });
    }
    let errors = submissions.join_all().await;
    assert_eq!(errors.iter().filter(|error| **error == LoginError::WrongCode).count(), 3, "{errors:?}");
    assert_eq!(
        errors.iter().filter(|error| **error == LoginError::Delayed { retry_after_secs: 1 }).count(),
        37
    );
    assert_eq!(world.node.failures(&alice.totp(&world.node).await).await, 3);
}

#[tokio::test]
async fn f7_delays_grow_and_a_hundred_wrong_passwords_disable_the_password() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let wrong = Secret::from("wrong password");
    for number in 1..=100_u64 {
        let error = world.node.login.start("alice", &wrong, Purpose::Access, &home()).await.unwrap_err();
        assert_eq!(error, LoginError::Refused, "{number}");
        if number == 50 {
            world.restart().await;
        }
        if number >= 3 {
            let delay = 2_u64.pow(u32::try_from(number - 3).unwrap().min(10)).min(30);
            let error = world.start().await.unwrap_err();
            assert_eq!(error, LoginError::Delayed { retry_after_secs: delay }, "{number}: the right one too");
            world.pass_secs(delay);
        }
    }
    assert_eq!(world.node.failures(&alice.password()).await, 100);
    assert_eq!(world.start().await.unwrap_err(), LoginError::Refused, "disabled, which nobody is told (F9)");
    world.pass_secs(30);
    assert_eq!(world.start().await.unwrap_err(), LoginError::Refused);
    assert_eq!(world.node.failures(&alice.password()).await, 100);
    let disabled =
        |event: &What| matches!(event, What::FactorDisabled { factor, .. } if factor == "password");
    assert_eq!(world.audit.count(disabled), 1);

    let reset = world.node.accounts.reset("alice", &PASSWORD.into(), "operator").await.unwrap();
    assert!(world.log_in(&crate::support::Alice::new(reset)).await.is_ok(), "a reset makes it work again");
}

#[tokio::test]
async fn f8_every_spelling_is_one_account_with_one_counter() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    for (number, name) in (1..).zip(["Alice", "alice ", "ALICE@example.com"]) {
        let error = world
            .node
            .login
            .start(name, &"wrong password".into(), Purpose::Access, &home())
            .await
            .unwrap_err();
        assert_eq!(error, LoginError::Refused);
        assert_eq!(world.node.failures(&alice.password()).await, number, "{name}");
    }
    let error =
        world.node.login.start("aLiCe", &PASSWORD.into(), Purpose::Access, &home()).await.unwrap_err();
    assert_eq!(error, LoginError::Delayed { retry_after_secs: 1 });
    world.pass_secs(1);
    let challenge = world
        .node
        .login
        .start(" ALICE@EXAMPLE.COM\n", &PASSWORD.into(), Purpose::Access, &home())
        .await
        .unwrap();
    let begun = world.finish(&challenge, &alice.code(world.now())).await.unwrap();
    assert_eq!(begun.session.user.name.as_str(), "alice");

    let twin = NewAccount {
        name: "ALICE ".into(),
        email: "other@example.com".into(),
        groups: vec![],
        person: None,
        password: PASSWORD.into(),
    };
    assert!(matches!(world.node.accounts.add(&twin, "operator").await, Err(AccountError::Store(_))));
}

#[tokio::test]
async fn f9_unknown_name_wrong_password_and_disabled_account_look_the_same() {
    let mut world = World::new().await;
    world.add_alice().await;
    let bob = NewAccount {
        name: "bob".into(),
        email: "bob@example.com".into(),
        groups: vec![],
        person: None,
        password: PASSWORD.into(),
    };
    world.node.accounts.add(&bob, "operator").await.unwrap();
    world.node.accounts.set_enabled("bob", false, "operator").await.unwrap();
    let cases =
        [("alice", "wrong password"), ("bob", PASSWORD), ("mallory", PASSWORD), ("no such name!", PASSWORD)];

    for round in 1..=6_u64 {
        let mut answers = Vec::new();
        for (name, password) in cases {
            let before = world.node.setup.hashes.hashes();
            let error =
                world.node.login.start(name, &password.into(), Purpose::Access, &home()).await.unwrap_err();
            answers.push((error, world.node.setup.hashes.hashes() - before));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "round {round}: {answers:?}");
        let expected = if round <= 3 {
            (LoginError::Refused, 1)
        } else {
            (LoginError::Delayed { retry_after_secs: 1 }, 0)
        };
        assert_eq!(answers[0], expected, "round {round}");
        if round == 4 {
            world.restart().await;
        }
    }
}

#[tokio::test]
async fn f9_name_and_address_of_nobody_wait_as_those_of_somebody_do() {
    let world = World::new().await;
    world.add_alice().await;
    let wrong = Secret::from("wrong password");
    let try_as = async |name: String| {
        world.node.login.start(&name, &wrong, Purpose::Access, &home()).await.unwrap_err()
    };
    for name in ["alice", "mallory"] {
        for _ in 0..3 {
            assert_eq!(try_as(name.to_owned()).await, LoginError::Refused, "{name}");
        }
        for domain in ["example.com", "elsewhere.example"] {
            let error = try_as(format!("{name}@{domain}")).await;
            assert_eq!(error, LoginError::Delayed { retry_after_secs: 1 }, "{name}@{domain}");
        }
    }
    assert_eq!(try_as("oscar".to_owned()).await, LoginError::Refused, "each for itself");
}

#[tokio::test]
async fn f7_nobody_ends_the_waits_of_guesses_at_another_by_an_address_of_their_own() {
    let world = World::new().await;
    world.add_alice().await;
    let near = NewAccount {
        name: "mallory".into(),
        email: "alice@elsewhere.example".into(),
        groups: vec![],
        person: None,
        password: PASSWORD.into(),
    };
    world.node.accounts.add(&near, "operator").await.unwrap();
    let start = async |name, password: &Secret| {
        world.node.login.start(name, password, Purpose::Access, &home()).await
    };
    let (right, wrong) = (Secret::from(PASSWORD), Secret::from("wrong password"));
    for _ in 0..2 {
        start("alice", &wrong).await.unwrap_err();
    }
    for _ in 0..3 {
        assert!(start("alice@elsewhere.example", &right).await.is_ok(), "what goes well does not count");
    }
    assert_eq!(start("alice", &wrong).await.unwrap_err(), LoginError::Refused);
    let third = start("alice", &wrong).await.unwrap_err();
    assert_eq!(third, LoginError::Delayed { retry_after_secs: 1 }, "three failures are three");
    world.pass_secs(1);
    assert!(start("alice", &right).await.is_ok());
    for _ in 0..3 {
        assert_eq!(start("alice", &wrong).await.unwrap_err(), LoginError::Refused, "its owner starts anew");
    }
}

#[tokio::test]
async fn f16_every_password_gets_a_clear_answer() {
    let world = World::new().await;
    let add = async |password: String| {
        let new = NewAccount {
            name: "carol".into(),
            email: "carol@example.com".into(),
            groups: vec![],
            person: None,
            password: Secret::new(password),
        };
        world.node.accounts.add(&new, "operator").await
    };
    for (password, expected) in [
        ("seven77".to_owned(), PasswordError::TooShort { chars: 7 }),
        ("x".repeat(100_000), PasswordError::TooLong),
        ("Password1".to_owned(), PasswordError::Common),
        ("carol@example.com".to_owned(), PasswordError::Name),
    ] {
        let error = add(password).await.unwrap_err();
        assert!(matches!(error, AccountError::Password(found) if found == expected), "{error}");
    }
    let decomposed = format!("{}cafe\u{301}", "long ".repeat(12));
    assert_eq!(decomposed.chars().count(), 65);
    add(decomposed.clone()).await.unwrap();
    for typed in [decomposed.replace("e\u{301}", "\u{e9}"), decomposed] {
        assert!(world.node.login.start("carol", &Secret::new(typed), Purpose::Access, &home()).await.is_ok());
    }
    let hashes = world.node.setup.hashes.hashes();
    let endless = Secret::new("x".repeat(100_000));
    let error = world.node.login.start("carol", &endless, Purpose::Access, &home()).await.unwrap_err();
    assert_eq!(error, LoginError::PasswordTooLong);
    assert_eq!(world.node.setup.hashes.hashes(), hashes, "and costs nothing");
}

#[tokio::test]
async fn l12_a_flood_is_a_bounded_number_of_events_and_none_gets_lost() {
    let world = World::new().await;
    let flood = 5_000_u32;
    let wrong = Secret::from("cs_l_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for number in 0..flood {
        let ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number % 2_000));
        let source = Source { ip, user_agent: None };
        let error =
            world.node.login.finish(&wrong, FactorKind::Totp, &"123456".into(), &source).await.unwrap_err();
        assert_eq!(error, LoginError::ChallengeInvalid);
    }
    assert!(world.audit.all().len() <= MAX_WINDOWS + 1, "the first of each is recorded at once");
    world.pass_secs(61);
    world.node.login.housekeeping().await.unwrap();
    let events = world.audit.all();
    assert!(events.len() <= 2 * (MAX_WINDOWS + 1), "{} events", events.len());
    assert_eq!(total(&events), u64::from(flood));
    let others = events.iter().filter(|event| {
        matches!(event, What::LoginFailed { account, window_secs: 60, .. } if account == EVERYTHING_ELSE)
    });
    assert_eq!(others.count(), 1);
    world.node.login.housekeeping().await.unwrap();
    assert_eq!(world.audit.all().len(), events.len(), "each is told once");
}

#[tokio::test]
async fn l12_one_account_and_source_is_two_events_a_minute_and_survives_a_broken_trail() {
    let world = World::new().await;
    world.add_alice().await;
    let before = world.audit.all().len();
    let fail = async || {
        world.node.login.start("alice", &"wrong password".into(), Purpose::Access, &from("192.0.2.9")).await
    };
    world.audit.broken.store(true, Ordering::SeqCst);
    assert_eq!(fail().await.unwrap_err(), LoginError::Refused, "denied all the same");
    world.audit.broken.store(false, Ordering::SeqCst);
    for _ in 0..9 {
        fail().await.unwrap_err();
    }
    world.node.login.housekeeping().await.unwrap();
    assert_eq!(world.audit.all().len(), before, "the minute is not over");
    world.node.login.flush().await;
    let events = world.audit.all()[before..].to_vec();
    assert_eq!(
        events,
        [What::LoginFailed {
            account: "alice".into(),
            source: "192.0.2.9".parse().unwrap(),
            reason: FailureReason::Several.to_string(),
            count: 10,
            window_secs: 60,
        }]
    );
}

fn total(events: &[What]) -> u64 {
    events.iter().map(|event| if let What::LoginFailed { count, .. } = event { *count } else { 0 }).sum()
}
