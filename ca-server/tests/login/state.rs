//! The state's foundations: the database file, seals, key files, and the pool that hashes passwords.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use ca_core::time::UnixMillis;
use ca_server::factors::hash_pool::{HashPool, PoolError};
use ca_server::factors::password::{Password, PasswordHash};
use ca_server::factors::pepper::Pepper;
use ca_server::factors::sealing::{SealError, Sealed, Sealer};
use ca_server::store::{Failures, Store, StoreError, TypedName};
use zeroize::Zeroizing;

use crate::support::{PEPPER_BYTE, World, pepper};

fn sealer(byte: u8) -> Sealer {
    Sealer::new(Zeroizing::new([byte; 32]))
}

#[tokio::test]
async fn the_database_is_its_owners_alone_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path).await.unwrap();
    store.set_meta("log/checkpoint", "one").await.unwrap();
    store.set_meta("log/checkpoint", "two").await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.meta("log/checkpoint").await.unwrap().as_deref(), Some("two"));
    assert_eq!(store.meta("nothing").await.unwrap(), None);
}

#[tokio::test]
async fn a_database_of_a_newer_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    Store::open(&path).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").execute(&pool).await.unwrap();
    pool.close().await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaTooNew { found: 9999, .. }), "{error}");
    assert!(error.to_string().contains("run the newer server"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_counts_are_exact_when_two_processes_count_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let stores = [Store::open(&path).await.unwrap(), Store::open(&path).await.unwrap()];
    let mut charges = tokio::task::JoinSet::new();
    for number in 0..60 {
        let store = stores[number % 2].clone();
        charges.spawn(async move {
            let next = |before: Failures| Some(Failures { count: before.count + 1, last_at: UnixMillis(1) });
            store.charge("totp/x", next).await.unwrap()
        });
    }
    let mut before: Vec<u64> = charges.join_all().await.iter().map(|failures| failures.count).collect();
    before.sort_unstable();
    assert_eq!(before, (0..60).collect::<Vec<u64>>(), "each saw another count");
    assert_eq!(stores[0].failures("totp/x").await.unwrap().count, 60);
}

#[tokio::test]
async fn f9_names_count_each_for_itself_and_take_a_bounded_number_of_places() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state.db")).await.unwrap();
    // The first four bytes tell the place, the next eight the name.
    let name = |place: u8, name: u8| {
        let mut tag = [name; 32];
        tag[..4].copy_from_slice(&[0, 0, 0, place]);
        TypedName::from_tag(&tag)
    };
    let one_more = |before: Failures| Failures { count: before.count + 1, last_at: UnixMillis(1) };
    let next = |named, other| Some((one_more(named), one_more(other)));
    let charge = async |name: &TypedName| store.charge_named(name, "password/x", next).await.unwrap();
    let count = async |name: &TypedName| store.failures(&name.key()).await.unwrap().count;
    let (first, second, elsewhere) = (name(1, 7), name(1, 8), name(16, 7));
    for number in 0..5 {
        let (named, other) = charge(&first).await;
        assert_eq!((named.count, other.count), (number, number));
    }
    charge(&elsewhere).await;
    store.charge_named(&second, "password/x", |_, _| None).await.unwrap();
    assert_eq!((count(&first).await, count(&second).await), (5, 0), "nothing was counted");
    let (named, other) = charge(&second).await;
    assert_eq!((named.count, other.count), (0, 6), "what another name did is not its own");
    assert_eq!((count(&first).await, count(&second).await), (0, 1), "it has the place now");
    assert_eq!(count(&elsewhere).await, 1, "and no other");
}

/// Hashes the password cheaply with a pepper of `byte`.
fn weak_hash(byte: u8) -> String {
    let hash = PasswordHash::of_nobody(&Pepper::new(Zeroizing::new([byte; 32]))).unwrap();
    let read = argon2::password_hash::phc::PasswordHash::new(hash.as_str()).unwrap();
    let keyid = argon2::Params::try_from(&read).unwrap().keyid().to_vec();
    let keyid = argon2::KeyId::new(&keyid).unwrap();
    let weak = argon2::ParamsBuilder::new().m_cost(64).t_cost(1).p_cost(1).keyid(keyid).build().unwrap();
    let secret = [byte; 32];
    let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
    let weak = argon2::Argon2::new_with_secret(&secret, algorithm, version, weak).unwrap();
    let password = crate::support::PASSWORD.as_bytes();
    argon2::PasswordHasher::hash_password(&weak, password).unwrap().to_string()
}

async fn passwords(world: &World) -> sqlx::SqlitePool {
    sqlx::SqlitePool::connect(&format!("sqlite://{}", world.database().display())).await.unwrap()
}

async fn stored_hash(pool: &sqlx::SqlitePool) -> String {
    sqlx::query_scalar("SELECT phc FROM passwords").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_parameters_have_changed() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let pool = passwords(&world).await;
    sqlx::query("UPDATE passwords SET phc = ?").bind(weak_hash(PEPPER_BYTE)).execute(&pool).await.unwrap();

    assert!(world.log_in(&alice).await.is_ok());
    let phc = stored_hash(&pool).await;
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="), "{phc}");
    world.pass_secs(30);
    assert!(world.log_in(&alice).await.is_ok(), "and still is the password");
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_pepper_has_changed() {
    let mut world = World::new().await;
    let alice = world.add_alice().await;
    let pool = passwords(&world).await;
    let before = stored_hash(&pool).await;
    let new = || Pepper::new(Zeroizing::new([6; 32]));
    world.restart_with(new().with_older(pepper())).await;
    assert!(world.log_in(&alice).await.is_ok());
    assert_ne!(stored_hash(&pool).await, before);

    world.pass_secs(30);
    world.restart_with(new()).await;
    assert!(world.log_in(&alice).await.is_ok(), "the older pepper is not needed any more");
}

#[tokio::test]
async fn f17_a_stolen_database_does_not_tell_a_right_guess_from_a_wrong_one() {
    let world = World::new().await;
    world.add_alice().await;
    let phc = stored_hash(&passwords(&world).await).await;
    let hash = argon2::password_hash::phc::PasswordHash::new(&phc).unwrap();
    let params = argon2::Params::try_from(&hash).unwrap();
    let guess = |secret: Option<&[u8]>| {
        let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
        let argon2 = match secret {
            Some(secret) => {
                argon2::Argon2::new_with_secret(secret, algorithm, version, params.clone()).unwrap()
            }
            None => argon2::Argon2::new(algorithm, version, params.clone()),
        };
        let mut out = vec![0; 32];
        let salt = hash.salt.unwrap();
        argon2.hash_password_into(crate::support::PASSWORD.as_bytes(), salt.as_ref(), &mut out).unwrap();
        out == hash.hash.unwrap().as_bytes()
    };
    assert!(guess(Some(&[PEPPER_BYTE; 32])), "with the pepper it is a test of the guess");
    assert!(!guess(None));
    assert!(!guess(Some(b"")));
    assert!(!guess(Some(params.keyid())), "what the hash says of the pepper does not replace it");

    let thief = HashPool::with_threads(1, &Arc::new(Pepper::new(Zeroizing::new([0; 32])))).unwrap();
    let place = thief.admit("192.0.2.1".parse().unwrap()).unwrap();
    let password = Password::typed(&crate::support::PASSWORD.into()).unwrap();
    let stolen = PasswordHash::from_phc(phc.clone()).unwrap();
    assert!(!thief.verify(place, password, Some(stolen)).await.unwrap().matches);
}

#[test]
fn s3_a_pepper_that_others_can_read_or_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pepper");
    Pepper::create(&path).unwrap();
    Pepper::load(&path).unwrap();
    assert!(Pepper::create(&path).is_err(), "one that is there is never overwritten");
    let text = std::fs::read_to_string(&path).unwrap();
    for bad in
        ["", "# none\n", "pepper-v2 00", &text.replace("pepper-v1", "sealing-v1"), &text[..text.len() - 3]]
    {
        std::fs::write(&path, bad).unwrap();
        assert!(Pepper::load(&path).unwrap_err().to_string().contains("pepper-v1"), "{bad}");
    }
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Pepper::load(&path).unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn a_seal_opens_only_whole_in_its_place_and_with_its_key() {
    let sealed = sealer(1).seal(b"seed", "totp/1").unwrap();
    assert_eq!(sealer(1).open(&sealed, "totp/1").unwrap().as_slice(), b"seed");
    assert_ne!(sealed, sealer(1).seal(b"seed", "totp/1").unwrap(), "each has its own nonce");
    assert_eq!(sealer(1).open(&sealed, "totp/2").unwrap_err(), SealError::Damaged);
    assert!(matches!(sealer(2).open(&sealed, "totp/1"), Err(SealError::UnknownKey { .. })));
    for index in 0..sealed.0.len() {
        let mut flipped = sealed.clone();
        flipped.0[index] ^= 1;
        assert!(sealer(1).open(&flipped, "totp/1").is_err(), "byte {index}");
        assert!(sealer(1).open(&Sealed(sealed.0[..index].to_vec()), "totp/1").is_err(), "cut at {index}");
    }
}

#[test]
fn a_rotated_key_opens_what_the_older_one_sealed() {
    let old = sealer(1).seal(b"seed", "totp/1").unwrap();
    let rotated = sealer(2).with_older(&sealer(1));
    assert_eq!(rotated.open(&old, "totp/1").unwrap().as_slice(), b"seed");
    let new = rotated.seal(b"seed", "totp/1").unwrap();
    assert!(sealer(2).open(&new, "totp/1").is_ok());
    assert!(sealer(1).open(&new, "totp/1").is_err());
}

#[test]
fn s3_a_sealing_key_that_others_can_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealing.key");
    std::fs::write(&path, [9; 32]).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Sealer::load(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sealed = sealer(9).seal(b"seed", "x").unwrap();
    assert!(Sealer::load(&path).unwrap().open(&sealed, "x").is_ok());
    for size in [0, 31, 33] {
        std::fs::write(&path, vec![9; size]).unwrap();
        assert!(Sealer::load(&path).unwrap_err().to_string().contains("32"), "{size} bytes");
    }
}

#[tokio::test]
async fn s1_the_pool_refuses_before_it_works_and_one_source_takes_at_most_half() {
    let pool = HashPool::with_threads(1, &Arc::new(pepper())).unwrap();
    let flood = "198.51.100.1".parse().unwrap();
    let places: Vec<_> = std::iter::from_fn(|| pool.admit(flood).ok()).collect();
    assert_eq!(pool.admit(flood).unwrap_err(), PoolError::Overloaded);
    let others: Vec<_> = (0..=255_u8).map_while(|n| pool.admit([203, 0, 113, n].into()).ok()).collect();
    assert!(others.len() >= places.len(), "the other half is for everybody else");
    assert_eq!(pool.admit("192.0.2.1".parse().unwrap()).unwrap_err(), PoolError::Overloaded);
    assert_eq!(pool.hashes(), 0);
    drop((places, others));
    assert_eq!(pool.waiting(), 0);
    assert!(pool.admit(flood).is_ok());
}

#[tokio::test]
async fn the_pool_hashes_and_compares() {
    let pool = HashPool::start(&Arc::new(pepper())).unwrap();
    let source = "192.0.2.1".parse().unwrap();
    let password = Password::typed(&"correct horse battery".into()).unwrap();
    let hash = pool.hash(pool.admit(source).unwrap(), password.clone()).await.unwrap();
    let read = PasswordHash::from_phc(hash.as_str().to_owned()).unwrap();
    assert!(pool.verify(pool.admit(source).unwrap(), password.clone(), Some(read)).await.unwrap().matches);
    assert!(!pool.verify(pool.admit(source).unwrap(), password, None).await.unwrap().matches);
    assert_eq!(pool.hashes(), 3);
}
