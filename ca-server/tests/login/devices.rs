//! Others' guesses: slowed down, while the owner gets in on a device that is known (F7, F9).

use std::collections::BTreeSet;

use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose, Source};
use ca_server::accounts::NewAccount;
use ca_server::accounts::own::Owner;
use ca_server::login::device::{KNOWN_SECS, MAX_DEVICES};
use ca_server::login::source::{BURST, LEAK_SECS};
use ca_server::login::{Challenge, LoginError};
use ca_server::secret::Secret;

use crate::support::{Alice, Node, PASSWORD, World, from, home};

const WRONG: &str = "wrong password";

async fn start_on(
    node: &Node,
    device: &Secret,
    name: &str,
    password: &str,
    source: &Source,
) -> Result<Challenge, LoginError> {
    node.login.start_on(Some(device), name, &password.into(), Purpose::Access, source).await
}

async fn guess(node: &Node, name: &str, source: &Source) -> LoginError {
    node.login.start(name, &WRONG.into(), Purpose::Access, source).await.unwrap_err()
}

/// Logs in on a device that is not known, and gives its token.
async fn new_device(world: &World, alice: &Alice) -> Secret {
    world.pass_secs(30);
    world.log_in(alice).await.unwrap().device.expect("a token")
}

async fn add_bob(world: &World) -> Alice {
    let bob = NewAccount {
        name: "bob".into(),
        email: "bob@example.com".into(),
        groups: vec![],
        person: None,
        password: PASSWORD.into(),
    };
    Alice::new(world.node.accounts.add(&bob, "operator").await.unwrap())
}

async fn number(world: &World, query: &'static str) -> i64 {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", world.database().display())).await.unwrap();
    let number = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    pool.close().await;
    number
}

const DEVICES: &str = "SELECT COUNT(*) FROM devices";
const OF_DEVICES: &str =
    "SELECT COALESCE(SUM(count), 0) FROM failures WHERE authenticator LIKE 'password/%/%'";
const SOURCES: &str = "SELECT COUNT(*) FROM failures WHERE authenticator LIKE 'source/%'";

#[tokio::test]
async fn f7_guesses_of_others_neither_delay_nor_disable_a_known_device() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let device = new_device(&world, &alice).await;
    for number in 1..=100_u64 {
        assert_eq!(guess(&world.node, "alice", &from("198.51.100.1")).await, LoginError::Refused, "{number}");
        if number % 25 == 3 {
            assert!(matches!(world.start().await, Err(LoginError::Delayed { .. })), "who is not known waits");
            let challenge = start_on(&world.node, &device, "Alice ", PASSWORD, &home()).await.unwrap();
            let begun = world.finish(&challenge, &alice.code(world.now())).await.unwrap();
            assert!(begun.device.is_none(), "the token it has is good");
        }
        world.pass_secs(30);
    }
    assert_eq!(world.start().await.unwrap_err(), LoginError::Refused, "disabled");
    world.restart().await;
    world.pass_secs(30);
    let elsewhere = from("203.0.113.9");
    let challenge = start_on(&world.node, &device, "alice", PASSWORD, &elsewhere).await.unwrap();
    let code = alice.code(world.now());
    let finished = world.node.login.finish(&challenge.token, FactorKind::Totp, &code, &elsewhere).await;
    assert!(finished.is_ok(), "from wherever the device is");
    assert_eq!(world.node.failures(&alice.password()).await, 100, "what others did stays counted");
}

#[tokio::test]
async fn f7_a_device_has_failures_of_its_own_and_is_forgotten_at_the_hundredth() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let device = new_device(&world, &alice).await;
    for number in 1..=100_u64 {
        let error = start_on(&world.node, &device, "alice", WRONG, &home()).await.unwrap_err();
        assert_eq!(error, LoginError::Refused, "{number}");
        if (3..100).contains(&number) {
            let error = start_on(&world.node, &device, "alice", PASSWORD, &home()).await.unwrap_err();
            assert!(matches!(error, LoginError::Delayed { .. }), "{number}: {error}");
        }
        if number == 99 {
            assert_eq!(self::number(&world, OF_DEVICES).await, 99);
        }
        world.pass_secs(30);
    }
    assert_eq!((number(&world, DEVICES).await, number(&world, OF_DEVICES).await), (0, 0));
    let disabled = |event: &What| matches!(event, What::FactorDisabled { factor, failures: 100, .. } if factor.starts_with("password/"));
    assert_eq!(world.audit.count(disabled), 1);
    assert_eq!(world.node.failures(&alice.password()).await, 0, "of the device's alone");

    let error = start_on(&world.node, &device, "alice", WRONG, &home()).await.unwrap_err();
    assert_eq!(error, LoginError::Refused);
    assert_eq!(world.node.failures(&alice.password()).await, 1, "then it is as any other");
    assert!(world.log_in(&alice).await.unwrap().device.is_some());
}

#[tokio::test]
async fn f9_a_device_token_that_is_none_is_answered_and_counted_as_none() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let bob = add_bob(&world).await;
    let challenge = world.node.login.start("bob", &PASSWORD.into(), Purpose::Access, &home()).await.unwrap();
    let bobs = world.finish(&challenge, &bob.code(world.now())).await.unwrap().device.unwrap();
    let alices = new_device(&world, &alice).await;
    let mut flipped = alices.expose().to_owned();
    let last = flipped.pop().unwrap();
    flipped.push(if last == 'A' { 'Q' } else { 'A' });
    let made_up = format!("cs_d_{}", "A".repeat(43));
    let none = ["", "cs_d_", &made_up, &flipped, alices.expose().trim_start_matches("cs_d_"), bobs.expose()];

    for (account, source) in
        [("alice", "192.0.2.1"), ("mallory", "192.0.2.2"), ("no such name!", "192.0.2.3")]
    {
        let mut answers = Vec::new();
        for token in none {
            let before = world.node.setup.hashes.hashes();
            let source = from(source);
            let error = start_on(&world.node, &token.into(), account, WRONG, &source).await.unwrap_err();
            answers.push((error, world.node.setup.hashes.hashes() - before));
        }
        let refused = (LoginError::Refused, 1);
        let delayed = (LoginError::Delayed { retry_after_secs: 1 }, 0);
        let expected = [&refused, &refused, &refused, &delayed, &delayed, &delayed];
        assert!(answers.iter().eq(expected), "{account}: {answers:?}");
    }
    assert_eq!(world.node.failures(&alice.password()).await, 3);
    let error = start_on(&world.node, &alices, "mallory", WRONG, &from("192.0.2.2")).await.unwrap_err();
    assert_eq!(error, LoginError::Delayed { retry_after_secs: 1 }, "a known device knows no other account");
    assert!(start_on(&world.node, &alices, "alice", PASSWORD, &home()).await.is_ok());
}

#[tokio::test]
async fn devices_are_few_and_forgotten_with_the_password_and_in_time() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let mut tokens = Vec::new();
    for _ in 0..=MAX_DEVICES {
        tokens.push(new_device(&world, &alice).await);
    }
    assert_eq!(number(&world, DEVICES).await, i64::from(MAX_DEVICES), "the oldest has gone");
    for _ in 0..3 {
        guess(&world.node, "alice", &from("198.51.100.1")).await;
    }
    let known = async |token: &Secret| start_on(&world.node, token, "alice", PASSWORD, &home()).await.is_ok();
    let oldest = known(&tokens[0]).await;
    let newest = known(tokens.last().unwrap()).await;
    assert_eq!((oldest, newest), (false, true));

    start_on(&world.node, &tokens[9], "alice", WRONG, &home()).await.unwrap_err();
    assert_eq!(number(&world, OF_DEVICES).await, 1);
    world.node.accounts.unlock("alice", "officer").await.unwrap();
    assert_eq!(number(&world, OF_DEVICES).await, 0);

    world.pass_secs(30);
    let challenge = start_on(&world.node, &tokens[9], "alice", PASSWORD, &home()).await.unwrap();
    world.finish(&challenge, &alice.code(world.now())).await.unwrap();
    world.pass_secs(KNOWN_SECS - 30);
    world.node.login.housekeeping().await.unwrap();
    assert_eq!(number(&world, DEVICES).await, 1, "the one that was used");
    world.pass_secs(30);
    world.node.login.housekeeping().await.unwrap();
    assert_eq!(number(&world, DEVICES).await, 0);

    new_device(&world, &alice).await;
    world.node.accounts.set_enabled("alice", false, "officer").await.unwrap();
    world.node.accounts.set_enabled("alice", true, "officer").await.unwrap();
    assert_eq!(number(&world, DEVICES).await, 0, "forgotten when the account is disabled");

    new_device(&world, &alice).await;
    world.pass_secs(30);
    let challenge =
        world.node.login.start("alice", &PASSWORD.into(), Purpose::Account, &home()).await.unwrap();
    let begun = world.finish(&challenge, &alice.code(world.now())).await.unwrap();
    let owner = Owner { session: &begun.session, source: &home() };
    world.node.accounts.change_password(owner, &"a different one".into()).await.unwrap();
    assert_eq!(number(&world, DEVICES).await, 0, "forgotten with the password");

    let renewed = world.node.accounts.reset("alice", &PASSWORD.into(), "officer").await.unwrap();
    let renewed = Alice::new(renewed);
    new_device(&world, &renewed).await;
    world.node.accounts.reset("alice", &PASSWORD.into(), "officer").await.unwrap();
    assert_eq!(number(&world, DEVICES).await, 0, "and by a reset");
}

#[tokio::test]
async fn f17_a_device_token_is_in_the_database_only_as_a_hash() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let tokens = BTreeSet::from(
        [new_device(&world, &alice).await, new_device(&world, &alice).await]
            .map(|token| token.expose().to_owned()),
    );
    assert_eq!(tokens.len(), 2);
    world.node.setup.store.close().await;
    let file = std::fs::read(world.database()).unwrap();
    for token in &tokens {
        let random = token.strip_prefix("cs_d_").unwrap().as_bytes();
        assert!(!file.windows(random.len()).any(|window| window == random));
    }
}

#[tokio::test]
async fn f7_a_source_that_fails_over_many_accounts_waits_on_every_node_but_known_devices_do_not() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let device = new_device(&world, &alice).await;
    let flood = from("2001:db8:1:2::bad");
    let neighbour = from("2001:db8:1:2::7");
    let second = world.second_node().await;
    for number in 0..BURST {
        let node = if number % 2 == 0 { &world.node } else { &second };
        let error = guess(node, &format!("name-{number}"), &flood).await;
        assert_eq!(error, LoginError::Refused, "{number}");
    }
    let wait = LoginError::Delayed { retry_after_secs: LEAK_SECS };
    let hashes = world.node.setup.hashes.hashes();
    for node in [&world.node, &second] {
        for name in ["one more", "alice"] {
            assert_eq!(guess(node, name, &neighbour).await, wait, "of the same network");
        }
    }
    assert_eq!(world.node.setup.hashes.hashes(), hashes, "and nothing is hashed");
    second.setup.store.close().await;
    world.restart().await;
    assert_eq!(guess(&world.node, "one more", &flood).await, wait);
    assert_eq!(guess(&world.node, "one more", &from("2001:db8:1:3::bad")).await, LoginError::Refused);
    assert!(start_on(&world.node, &device, "alice", PASSWORD, &neighbour).await.is_ok());

    world.pass_secs(LEAK_SECS);
    let right = world.node.login.start("alice", &PASSWORD.into(), Purpose::Access, &neighbour).await;
    assert!(right.is_ok(), "nobody is locked out: {right:?}");
    assert_eq!(guess(&world.node, "one more", &flood).await, LoginError::Refused);
    assert_eq!(guess(&world.node, "one more", &flood).await, wait);

    world.node.login.housekeeping().await.unwrap();
    assert_eq!(number(&world, SOURCES).await, 2);
    world.pass_secs(2 * BURST * LEAK_SECS);
    world.node.login.housekeeping().await.unwrap();
    assert_eq!(number(&world, SOURCES).await, 0, "what is forgotten is deleted");
}
