//! Sessions: what begins one, what ends one, and what a thief of the database gets (F17, I9, I10).

use std::sync::atomic::Ordering;

use ca_core::policy::{FactorKind, Purpose};
use ca_server::login::{Login, LoginConfig, LoginError, TokenHash};
use ca_server::secret::Secret;
use ca_server::store::{LoginOutcome, NewSessionRow, PassedFactor, Proof};

use crate::support::{PASSWORD, START_SECS, World, from, home};

#[tokio::test]
async fn a_session_knows_who_how_and_until_when() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = world.log_in(&alice).await.unwrap();
    let session = world.node.login.authenticate(begun.token.expose()).await.unwrap();
    assert_eq!(*session, begun.session);
    assert_eq!(session.user.email.as_str(), "alice@example.com");
    assert_eq!(session.user.groups.iter().map(ToString::to_string).collect::<Vec<_>>(), ["developers"]);
    assert_eq!(session.login.factors.len(), 1);
    assert_eq!(session.login.factors[0].at, world.now());
    assert_eq!(session.expires_at.0, START_SECS + 12 * 3600);
    assert!(begun.token.expose().starts_with("cs_s_"));
    assert!(!begun.token.expose().contains(&session.login.id));
}

#[tokio::test]
async fn nothing_but_the_token_opens_a_session() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = world.log_in(&alice).await.unwrap();
    let token = begun.token.expose();
    let challenge = world.start().await.unwrap();
    for wrong in [
        "",
        "cs_s_",
        &token[..47],
        &format!("{token}A"),
        &format!(" {token}"),
        &token.replace("cs_s_", "cs_l_"),
        &format!("cs_s_{}", "A".repeat(43)),
        &begun.session.login.id,
        challenge.token.expose(),
        &challenge.token.expose().replace("cs_l_", "cs_s_"),
    ] {
        assert_eq!(world.node.login.authenticate(wrong).await.unwrap_err(), LoginError::NoSession, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_ends_after_an_hour_of_idling_and_after_twelve_hours() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let idle = world.log_in(&alice).await.unwrap().token;
    world.pass_secs(3599);
    assert!(world.node.login.authenticate(idle.expose()).await.is_ok());
    world.pass_secs(3600);
    assert_eq!(world.node.login.authenticate(idle.expose()).await.unwrap_err(), LoginError::NoSession);

    let begun = world.log_in(&alice).await.unwrap();
    let expires_at = begun.session.expires_at.0;
    while world.now().0 + 3000 < expires_at {
        world.pass_secs(3000);
        assert!(world.node.login.authenticate(begun.token.expose()).await.is_ok(), "in use");
    }
    world.set_secs(expires_at - 1);
    assert!(world.node.login.authenticate(begun.token.expose()).await.is_ok());
    world.set_secs(expires_at);
    assert_eq!(world.node.login.authenticate(begun.token.expose()).await.unwrap_err(), LoginError::NoSession);
    world.node.login.housekeeping().await.unwrap();
}

#[tokio::test]
async fn a_session_ends_at_once_here_and_within_a_second_elsewhere() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let other = world.second_node().await;
    let begun = world.log_in(&alice).await.unwrap();
    let token = begun.token.expose();
    assert!(world.node.login.authenticate(token).await.is_ok());
    assert!(other.login.authenticate(token).await.is_ok());

    world.node.accounts.set_enabled("alice", false, "officer").await.unwrap();
    assert_eq!(world.node.login.authenticate(token).await.unwrap_err(), LoginError::NoSession);
    world.pass_millis(1000);
    assert_eq!(other.login.authenticate(token).await.unwrap_err(), LoginError::NoSession);

    world.node.accounts.set_enabled("alice", true, "officer").await.unwrap();
    world.pass_millis(1000);
    assert_eq!(
        world.node.login.authenticate(token).await.unwrap_err(),
        LoginError::NoSession,
        "it stays ended"
    );

    world.pass_secs(30);
    let begun = world.log_in(&alice).await.unwrap();
    assert!(world.node.login.authenticate(begun.token.expose()).await.is_ok());
    world.node.login.logout(begun.token.expose()).await.unwrap();
    assert_eq!(world.node.login.authenticate(begun.token.expose()).await.unwrap_err(), LoginError::NoSession);
}

#[tokio::test]
async fn a_reset_ends_sessions_and_voids_the_old_password_and_app() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = world.log_in(&alice).await.unwrap();
    let new_password = Secret::from("a different one");
    let renewed = world.node.accounts.reset("Alice", &new_password, "officer").await.unwrap();
    let renewed = crate::support::Alice::new(renewed);
    assert_eq!(world.node.login.authenticate(begun.token.expose()).await.unwrap_err(), LoginError::NoSession);
    assert_eq!(world.start().await.unwrap_err(), LoginError::Refused);
    world.pass_secs(30);
    let challenge = world.node.login.start("alice", &new_password, Purpose::Access, &home()).await.unwrap();
    assert_eq!(world.finish(&challenge, &alice.code(world.now())).await.unwrap_err(), LoginError::WrongCode);
    assert!(world.finish(&challenge, &renewed.code(world.now())).await.is_ok());
}

#[tokio::test]
async fn a_challenge_is_bound_to_its_address_expires_and_works_once() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let challenge = world.start().await.unwrap();
    let code = alice.code(world.now());
    let elsewhere =
        world.node.login.finish(&challenge.token, FactorKind::Totp, &code, &from("192.0.2.8")).await;
    assert_eq!(elsewhere.unwrap_err(), LoginError::ChallengeInvalid);
    assert!(world.finish(&challenge, &code).await.is_ok());
    world.pass_secs(30);
    let again = world.finish(&challenge, &alice.code(world.now())).await;
    assert_eq!(again.unwrap_err(), LoginError::ChallengeInvalid);

    let challenge = world.start().await.unwrap();
    world.set_secs(challenge.expires_at.0);
    let late = world.finish(&challenge, &alice.code(world.now())).await;
    assert_eq!(late.unwrap_err(), LoginError::ChallengeInvalid);

    let challenge = world.start().await.unwrap();
    world.node.accounts.set_enabled("alice", false, "officer").await.unwrap();
    world.node.accounts.set_enabled("alice", true, "officer").await.unwrap();
    let ended = world.finish(&challenge, &alice.code(world.now())).await;
    assert_eq!(ended.unwrap_err(), LoginError::ChallengeInvalid, "disabling ends logins under way");
}

#[tokio::test]
async fn a_challenge_earns_one_session_after_a_code_and_before_a_reset() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let authenticator = alice.totp(&world.node).await;
    let store = &world.node.setup.store;
    let challenge = TokenHash::of(world.start().await.unwrap().token.expose(), "cs_l_").unwrap();
    let session = NewSessionRow {
        id: "overtaken",
        user_id: &alice.enrolment.user.id,
        purpose: Purpose::Access,
        factors: &[],
        source: &home(),
        created_at: world.now(),
        expires_at: world.now().plus_secs(60),
    };
    assert!(!store.add_session(challenge, challenge, &session).await.unwrap(), "before the code");

    let mut outcomes = Vec::new();
    for step in [START_SECS / 30 - 1, START_SECS / 30] {
        let id = authenticator.strip_prefix("totp/").unwrap();
        let factor = PassedFactor {
            proof: Proof::Counter { factor: id, counter: step },
            authenticator: &authenticator,
            refunds: &[],
        };
        outcomes.push(store.pass_challenge(challenge, &factor, world.now()).await.unwrap());
    }
    assert_eq!(outcomes, [LoginOutcome::Accepted, LoginOutcome::ChallengeUsed], "two good codes at once");

    world.node.accounts.reset("alice", &"a different one".into(), "officer").await.unwrap();
    assert!(!store.add_session(challenge, challenge, &session).await.unwrap(), "after the reset");
    assert_eq!(sessions(&world).await, 0);
}

#[tokio::test]
async fn i10_no_session_without_its_event_and_the_code_stays_used() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let challenge = world.start().await.unwrap();
    let code = alice.code(world.now());
    world.audit.broken.store(true, Ordering::SeqCst);
    let error = world.finish(&challenge, &code).await.unwrap_err();
    assert!(matches!(error, LoginError::Unavailable { .. }), "{error}");
    world.audit.broken.store(false, Ordering::SeqCst);
    assert_eq!(sessions(&world).await, 0);

    let challenge = world.start().await.unwrap();
    assert!(matches!(world.finish(&challenge, &code).await, Err(LoginError::CodeUsed { .. })));
    world.pass_secs(30);
    assert!(world.log_in(&alice).await.is_ok());
    assert_eq!((sessions(&world).await, world.audit.logins()), (1, 1));
}

#[tokio::test]
async fn i10_no_account_changes_without_its_event() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    world.audit.broken.store(true, Ordering::SeqCst);
    assert!(world.node.accounts.set_enabled("alice", false, "officer").await.is_err());
    assert!(world.node.accounts.reset("alice", &"a different one".into(), "officer").await.is_err());
    assert!(world.node.accounts.unlock("alice", "officer").await.is_err());
    world.audit.broken.store(false, Ordering::SeqCst);
    assert!(world.log_in(&alice).await.is_ok(), "nothing has changed");
    assert_eq!(world.node.accounts.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn f17_i9_l11_no_secret_is_in_the_database_the_events_or_a_debug_print() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let mistyped = "my password in the name field";
    let code = alice.code(world.now());
    let challenge = world.start().await.unwrap();
    let begun = world.finish(&challenge, &code).await.unwrap();
    let open = world.start().await.unwrap();
    let refused = world
        .node
        .login
        .start(mistyped, &"canary-wrong-password".into(), Purpose::Access, &home())
        .await
        .unwrap_err();
    world.node.login.flush().await;

    let seed = alice.seed.bytes().to_vec();
    let canaries: Vec<Vec<u8>> = [
        PASSWORD,
        "canary-wrong-password",
        mistyped,
        begun.token.expose(),
        challenge.token.expose(),
        open.token.expose(),
        alice.enrolment.base32.expose(),
        code.expose(),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([seed.clone(), hex::encode(&seed).into_bytes(), vec![7; 32]])
    .collect();

    let mut places = vec![(
        "events and prints".to_owned(),
        format!(
            "{:?} {refused:?} {refused} {begun:?} {challenge:?} {:?} {:?} {:?}",
            world.audit.all(),
            alice.enrolment,
            alice.seed,
            world.node.setup,
        )
        .into_bytes(),
    )];
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = file.unwrap().path();
        // The keys are there for the server to read, and not in the database.
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("state.db")) {
            continue;
        }
        places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(places.len() >= 2, "the database and its log are read");
    let users = places.iter().any(|(_, bytes)| contains(bytes, b"alice@example.com"));
    assert!(users, "what is looked for would be found");
    for (place, bytes) in &places {
        for canary in &canaries {
            assert!(!contains(bytes, canary), "{} is in {place}", String::from_utf8_lossy(canary));
        }
    }
}

#[tokio::test]
async fn times_are_configurable() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let config = LoginConfig { session_secs: 60, idle_secs: 10, account_secs: 30, challenge_secs: 5 };
    let login = Login::new(world.node.setup.clone(), config);
    let challenge = login.start("alice", &PASSWORD.into(), Purpose::Access, &home()).await.unwrap();
    assert_eq!(challenge.expires_at.0, START_SECS + 5);
    let begun =
        login.finish(&challenge.token, FactorKind::Totp, &alice.code(world.now()), &home()).await.unwrap();
    assert_eq!(begun.session.expires_at.0, START_SECS + 60);
    world.pass_secs(10);
    assert_eq!(login.authenticate(begun.token.expose()).await.unwrap_err(), LoginError::NoSession);
}

async fn sessions(world: &World) -> i64 {
    let url = format!("sqlite://{}", world.database().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

fn contains(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary)
}
