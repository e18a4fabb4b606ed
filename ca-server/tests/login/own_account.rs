//! What people change of their own account: with password and factor shown for it, recorded first, and never the last factor.

use std::sync::atomic::Ordering;

use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose};
use ca_server::accounts::AccountError;
use ca_server::accounts::own::{MAX_FACTORS, Owner};
use ca_server::factors::totp::Seed;
use ca_server::login::{LoginError, NewSession};
use ca_server::secret::Secret;
use zeroize::Zeroizing;

use crate::support::{Alice, PASSWORD, World, home};

/// Logs in to change the account; time passes, so that there is a code for it.
async fn owner(world: &World, alice: &Alice) -> NewSession {
    world.pass_secs(30);
    let login = &world.node.login;
    let challenge = login.start("alice", &PASSWORD.into(), Purpose::Account, &home()).await.unwrap();
    let code = alice.code(world.now());
    login.finish(&challenge.token, FactorKind::Totp, &code, &home()).await.unwrap()
}

fn seed_of(base32: &Secret) -> Seed {
    let secret = totp_rs::Secret::try_from_base32(base32.expose()).unwrap();
    Seed::from_bytes(Zeroizing::new(secret.as_bytes().to_vec())).unwrap()
}

/// Adds a TOTP factor; gives its seed.
async fn add(world: &World, owner: Owner<'_>, label: &str) -> Result<Seed, AccountError> {
    let accounts = &world.node.accounts;
    let pending = accounts.begin_totp(owner, label.parse().unwrap()).await?;
    let seed = seed_of(&pending.enrolment.base32);
    accounts.confirm_factor(owner, &pending.id, &seed.code(world.now()).unwrap()).await?;
    Ok(seed)
}

#[tokio::test]
async fn a_factor_counts_once_its_owner_has_shown_that_it_works_and_other_sessions_end() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let before = world.log_in(&alice).await.unwrap();
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };

    let accounts = &world.node.accounts;
    let pending = accounts.begin_totp(owner, "second phone".parse().unwrap()).await.unwrap();
    let seed = seed_of(&pending.enrolment.base32);
    let code = seed.code(world.now()).unwrap();
    let challenge = world.start().await.unwrap();
    assert!(matches!(world.finish(&challenge, &code).await, Err(LoginError::WrongCode)), "not confirmed yet");
    let wrong = accounts.confirm_factor(owner, &pending.id, &"000000".into()).await;
    assert!(matches!(wrong, Err(AccountError::WrongCode)));

    accounts.confirm_factor(owner, &pending.id, &code).await.unwrap();
    assert!(world.audit.all().iter().any(
        |event| matches!(event, What::FactorAdded { kind: FactorKind::Totp, label, .. } if label.as_str() == "second phone")
    ));
    let ended = world.node.login.authenticate(before.token.expose()).await;
    assert!(matches!(ended, Err(LoginError::NoSession)), "the session from before");
    assert!(
        world.node.login.authenticate(begun.token.expose()).await.is_ok(),
        "the session it was done with"
    );

    let challenge = world.start().await.unwrap();
    let again = world.finish(&challenge, &code).await;
    assert!(matches!(again, Err(LoginError::CodeUsed { .. })), "f1: the code that confirmed it is used up");
    world.pass_secs(30);
    assert!(world.finish(&challenge, &seed.code(world.now()).unwrap()).await.is_ok());
}

#[tokio::test]
async fn f15_the_last_factor_stays() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    let accounts = &world.node.accounts;
    let (factors, _) = accounts.factors(&begun.session.user_id).await.unwrap();
    let events = world.audit.all().len();
    let last = accounts.remove_factor(owner, &factors[0].id).await;
    assert!(matches!(last, Err(AccountError::LastFactor)));
    assert_eq!(world.audit.all().len(), events, "nothing happened, so nothing is recorded");

    let seed = add(&world, owner, "second phone").await.unwrap();
    let first = accounts.remove_factor(owner, factors[0].label.as_str()).await.unwrap();
    assert_eq!(first.id, factors[0].id);
    assert!(matches!(accounts.remove_factor(owner, &first.id).await, Err(AccountError::NoFactor)));
    assert!(matches!(accounts.remove_factor(owner, "second phone").await, Err(AccountError::LastFactor)));
    world.pass_secs(30);
    assert!(matches!(world.log_in(&alice).await, Err(LoginError::WrongCode)), "the removed factor");
    let challenge = world.start().await.unwrap();
    assert!(world.finish(&challenge, &seed.code(world.now()).unwrap()).await.is_ok());
}

#[tokio::test]
async fn f15_of_two_factors_removed_at_once_one_stays() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    add(&world, owner, "second phone").await.unwrap();
    let accounts = &world.node.accounts;
    let (factors, _) = accounts.factors(&begun.session.user_id).await.unwrap();
    let (one, other) = tokio::join!(
        accounts.remove_factor(owner, &factors[0].id),
        accounts.remove_factor(owner, &factors[1].id)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    assert_eq!(accounts.factors(&begun.session.user_id).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_factors_with_different_labels() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    add(&world, owner, "phone").await.unwrap();
    let twice = add(&world, owner, "phone").await;
    assert!(matches!(twice, Err(AccountError::Store(_))), "the label is taken");
    for n in 2..MAX_FACTORS {
        add(&world, owner, &format!("phone {n}")).await.unwrap();
    }
    assert!(matches!(add(&world, owner, "one more").await, Err(AccountError::TooMany)));
}

#[tokio::test]
async fn a_new_password_is_the_only_one_and_ends_other_sessions() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let before = world.log_in(&alice).await.unwrap();
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    let accounts = &world.node.accounts;
    for bad in ["short", "password", "alice@example.com"] {
        let refused = accounts.change_password(owner, &bad.into()).await;
        assert!(matches!(refused, Err(AccountError::Password(_))), "{bad}");
    }
    accounts.change_password(owner, &"an altogether new one".into()).await.unwrap();
    assert!(matches!(world.node.login.authenticate(before.token.expose()).await, Err(LoginError::NoSession)));
    assert!(matches!(world.start().await, Err(LoginError::Refused)), "the old password");
    let login = &world.node.login;
    let new = login.start("alice", &"an altogether new one".into(), Purpose::Access, &home()).await;
    assert!(new.is_ok());
    assert_eq!(world.audit.count(|event| matches!(event, What::PasswordChanged { .. })), 1);
}

#[tokio::test]
async fn f12_a_recovery_code_works_once() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    let codes = world.node.accounts.make_recovery_codes(owner).await.unwrap();
    assert_eq!(codes.len(), 8);

    let login = &world.node.login;
    let show = async |code: &Secret| {
        let challenge = world.start().await.unwrap();
        assert!(challenge.factors.contains(&FactorKind::Recovery));
        login.finish(&challenge.token, FactorKind::Recovery, code, &home()).await
    };
    let begun = show(&codes[0]).await.unwrap();
    assert_eq!(begun.session.login.factors[0].kind, FactorKind::Recovery);
    assert!(matches!(show(&codes[0]).await, Err(LoginError::CodeUsed { next_in_secs: None })));
    assert!(matches!(show(&"00000-00000-00000-00000-00000-0".into()).await, Err(LoginError::WrongCode)));
    world.pass_secs(60);
    assert!(show(&codes[1]).await.is_ok(), "the others still work");
    assert_eq!(world.node.accounts.factors(&begun.session.user_id).await.unwrap().1, 6);
}

#[tokio::test]
async fn f12_of_many_takers_of_one_recovery_code_one_gets_in() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    let codes = world.node.accounts.make_recovery_codes(owner).await.unwrap();
    let second = world.second_node().await;
    let mut takers = tokio::task::JoinSet::new();
    for n in 0..2 {
        let challenge = world.start().await.unwrap().token;
        let login = [&world.node.login, &second.login][n].clone();
        let code = codes[0].clone();
        takers.spawn(
            async move { login.finish(&challenge, FactorKind::Recovery, &code, &home()).await.is_ok() },
        );
    }
    let in_now = takers.join_all().await.into_iter().filter(|got_in| *got_in).count();
    assert_eq!(in_now, 1);
}

#[tokio::test]
async fn i10_nothing_changes_that_cannot_be_recorded() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let begun = owner(&world, &alice).await;
    let source = home();
    let owner = Owner { session: &begun.session, source: &source };
    add(&world, owner, "second phone").await.unwrap();
    let accounts = &world.node.accounts;
    world.audit.broken.store(true, Ordering::SeqCst);
    assert!(add(&world, owner, "third phone").await.is_err());
    assert!(accounts.remove_factor(owner, "second phone").await.is_err());
    assert!(accounts.change_password(owner, &"an altogether new one".into()).await.is_err());
    assert!(accounts.make_recovery_codes(owner).await.is_err());
    world.audit.broken.store(false, Ordering::SeqCst);
    let (factors, codes) = accounts.factors(&begun.session.user_id).await.unwrap();
    assert_eq!((factors.len(), codes), (2, 0));
    assert!(world.start().await.is_ok(), "the old password");
}
