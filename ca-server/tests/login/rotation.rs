//! Rotating the sealing key: while logins go on, stopped at every batch, and after the older key was stolen.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use ca_core::log::event::What;
use ca_server::accounts::{AccountError, NewAccount};
use ca_server::factors::sealing::{SealError, Sealed, Sealer};
use ca_server::rotation::{Rotation, RotationError};
use ca_server::store::SealPlace;
use sqlx::SqlitePool;

use crate::support::{Alice, PASSWORD, World};

const OTHERS: usize = 3;

fn key_file(world: &World) -> PathBuf {
    world.folder.path().join("sealing_key")
}

/// Counts the keys in the file that seal.
fn keys_in_file(world: &World) -> usize {
    let bytes = std::fs::read(key_file(world)).unwrap();
    String::from_utf8_lossy(&bytes).matches("sealing-v1 ").count()
}

async fn add(world: &World, name: &str) -> Result<Alice, AccountError> {
    let new = NewAccount {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        groups: Vec::new(),
        person: None,
        password: PASSWORD.into(),
    };
    Ok(Alice::new(world.node.accounts.add(&new, "operator").await?))
}

/// Makes a world with alice and a few others.
async fn peopled() -> (World, Alice) {
    let world = World::new().await;
    let alice = world.add_alice().await;
    for number in 0..OTHERS {
        add(&world, &format!("other{number}")).await.unwrap();
    }
    (world, alice)
}

async fn begin(world: &World) -> Result<Rotation, RotationError> {
    let store = world.node.setup.store.clone();
    Rotation::begin(&key_file(world), store, world.audit.clone(), "operator").await
}

async fn rotate(world: &World) {
    let rotation = begin(world).await.unwrap();
    rotation.reseal_all(2).await.unwrap();
    rotation.finish().await.unwrap();
}

async fn logs_in(world: &World, alice: &Alice) {
    world.pass_secs(30);
    world.log_in(alice).await.unwrap();
}

async fn pool(world: &World) -> SqlitePool {
    SqlitePool::connect(&format!("sqlite://{}", world.database().display())).await.unwrap()
}

/// Gives every seal with what it is bound to.
async fn seals(pool: &SqlitePool) -> Vec<(String, Sealed)> {
    let query =
        sqlx::query_as::<_, (String, Vec<u8>)>("SELECT kind || '/' || id, sealed FROM factors ORDER BY id");
    let rows = query.fetch_all(pool).await.unwrap();
    rows.into_iter().map(|(purpose, seal)| (purpose, Sealed(seal))).collect()
}

fn rotations(world: &World) -> Vec<usize> {
    let keys = |what| if let What::SealingKeyRotated { keys, .. } = what { Some(keys.len()) } else { None };
    world.audit.all().into_iter().filter_map(keys).collect()
}

/// Reads the database's files, as somebody who steals them does.
fn database_files(world: &World) -> Vec<u8> {
    let files = ["state.db", "state.db-wal"].map(|name| std::fs::read(world.folder.path().join(name)));
    files.into_iter().flat_map(Result::unwrap_or_default).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn logins_and_enrolments_go_on_while_the_key_is_rotated() {
    let (mut world, alice) = peopled().await;
    let rotation = begin(&world).await.unwrap();
    let late = add(&world, "late").await.unwrap();
    let mut place = SealPlace::default();
    let mut batches = 0;
    while rotation.reseal(&mut place, 1).await.unwrap() {
        batches += 1;
        logs_in(&world, &alice).await;
    }
    assert_eq!(batches, OTHERS + 1, "who came late was sealed with the new key already");
    rotation.finish().await.unwrap();
    assert_eq!(keys_in_file(&world), 1);
    logs_in(&world, &alice).await;
    world.restart().await;
    logs_in(&world, &alice).await;
    let opened = Sealer::load(&key_file(&world)).unwrap();
    let all = seals(&pool(&world).await).await;
    assert!(all.iter().all(|(purpose, seal)| opened.open(seal, purpose).is_ok()));
    assert_eq!(all.len(), OTHERS + 2);
    assert_eq!(late.enrolment.user.name.as_str(), "late");
    assert_eq!(rotations(&world), [2, 1]);
}

#[tokio::test]
async fn a_rotation_stopped_after_any_batch_is_taken_up_again() {
    let (mut world, alice) = peopled().await;
    for stop in 0..=OTHERS + 2 {
        let before = rotations(&world).len();
        let rotation = begin(&world).await.unwrap();
        let mut place = SealPlace::default();
        for _ in 0..stop {
            rotation.reseal(&mut place, 1).await.unwrap();
        }
        drop(rotation);
        assert_eq!(keys_in_file(&world), 2, "stopped after {stop}");
        logs_in(&world, &alice).await;
        world.restart().await;
        logs_in(&world, &alice).await;

        rotate(&world).await;
        assert_eq!(keys_in_file(&world), 1, "stopped after {stop}");
        assert_eq!(rotations(&world)[before..], [2, 1], "no second new key was made");
        logs_in(&world, &alice).await;
    }
}

#[tokio::test]
async fn f17_an_older_key_opens_nothing_after_the_rotation() {
    let (world, alice) = peopled().await;
    let pool = pool(&world).await;
    let stolen = world.folder.path().join("stolen");
    std::fs::copy(key_file(&world), &stolen).unwrap();
    let stolen = Sealer::load(&stolen).unwrap();
    let before = seals(&pool).await;
    assert!(before.iter().all(|(purpose, seal)| stolen.open(seal, purpose).is_ok()));
    assert!(before.iter().all(|(_, seal)| holds(&database_files(&world), &seal.0)));

    rotate(&world).await;
    for (purpose, seal) in seals(&pool).await {
        assert!(matches!(stolen.open(&seal, &purpose), Err(SealError::UnknownKey { .. })));
    }
    let files = database_files(&world);
    assert!(
        !before.iter().any(|(_, seal)| holds(&files, &seal.0)),
        "an overwritten seal is still in the file"
    );
    assert!(!holds(&files, alice.seed.bytes()));
    assert!(!holds(&files, alice.enrolment.base32.expose().as_bytes()));
}

#[tokio::test]
async fn what_cannot_be_opened_keeps_its_key_in_the_file() {
    let (world, alice) = peopled().await;
    let pool = pool(&world).await;
    let damage = "UPDATE factors SET sealed = CAST(sealed || x'00' AS BLOB) WHERE user_id = (SELECT id FROM users WHERE name = 'other1')";
    sqlx::query(damage).execute(&pool).await.unwrap();
    let rotation = begin(&world).await.unwrap();
    rotation.reseal_all(1).await.unwrap();
    assert!(matches!(rotation.finish().await, Err(RotationError::Left { seals: 1 })));
    assert_eq!(keys_in_file(&world), 2);
    logs_in(&world, &alice).await;

    sqlx::query("DELETE FROM users WHERE name = 'other1'").execute(&pool).await.unwrap();
    rotate(&world).await;
    assert_eq!(keys_in_file(&world), 1);
}

#[tokio::test]
async fn a_row_that_changed_meanwhile_is_left_as_it_is() {
    let (world, _) = peopled().await;
    let pool = pool(&world).await;
    let store = &world.node.setup.store;
    let rows = store.seals_of_other_keys(&mut SealPlace::default(), &[0; 8], 100).await.unwrap();
    assert_eq!(rows.len(), OTHERS + 1);
    sqlx::query("UPDATE factors SET sealed = x'07' WHERE id = ?")
        .bind(&rows[1].key)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("DELETE FROM factors WHERE id = ?").bind(&rows[2].key).execute(&pool).await.unwrap();
    let changed = rows[1].key.clone();
    let replaced: Vec<_> = rows.into_iter().map(|row| (row, Sealed(vec![1, 2, 3]))).collect();
    assert_eq!(store.replace_seals(&replaced).await.unwrap(), 2);
    let query = sqlx::query_scalar::<_, Vec<u8>>("SELECT sealed FROM factors WHERE id = ?");
    assert_eq!(query.bind(changed).fetch_one(&pool).await.unwrap(), [7]);
}

#[tokio::test]
async fn one_rotation_is_at_work_at_a_time() {
    let (world, _) = peopled().await;
    let first = begin(&world).await.unwrap();
    assert!(matches!(begin(&world).await, Err(RotationError::File(_))));
    drop(first);
    assert!(begin(&world).await.is_ok());
}

#[tokio::test]
async fn i10_what_cannot_be_recorded_is_not_done() {
    let (world, _) = peopled().await;
    let before = std::fs::read(key_file(&world)).unwrap();
    world.audit.broken.store(true, Ordering::SeqCst);
    assert!(matches!(begin(&world).await, Err(RotationError::Audit(_))));
    assert_eq!(std::fs::read(key_file(&world)).unwrap(), before);

    world.audit.broken.store(false, Ordering::SeqCst);
    let rotation = begin(&world).await.unwrap();
    rotation.reseal_all(100).await.unwrap();
    world.audit.broken.store(true, Ordering::SeqCst);
    assert!(matches!(rotation.finish().await, Err(RotationError::Audit(_))));
    assert_eq!(keys_in_file(&world), 2, "the older key stays");
}

#[tokio::test]
async fn tags_stay_what_they_are() {
    let (mut world, _) = peopled().await;
    let tag = world.node.setup.sealer.tag("token", "cccccccccccc");
    rotate(&world).await;
    add(&world, "late").await.unwrap();
    assert_eq!(world.node.setup.sealer.tag("token", "cccccccccccc"), tag);
    world.restart().await;
    assert_eq!(world.node.setup.sealer.tag("token", "cccccccccccc"), tag);
    assert_ne!(world.node.setup.sealer.tag("other", "cccccccccccc"), tag);
}

#[tokio::test]
async fn s3_a_key_file_that_others_can_read_meanwhile_seals_nothing_and_is_not_rotated() {
    let (world, _) = peopled().await;
    std::fs::set_permissions(key_file(&world), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = add(&world, "late").await.err().expect("refused");
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
    let refused = begin(&world).await.unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");

    std::fs::set_permissions(key_file(&world), std::fs::Permissions::from_mode(0o600)).unwrap();
    // What a process that died has left is no hindrance, and its mode is not taken over.
    let left = world.folder.path().join("sealing_key.new");
    std::fs::write(&left, "half").unwrap();
    std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o644)).unwrap();
    rotate(&world).await;
    let mode = std::fs::metadata(key_file(&world)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, left.exists()), (0o600, false));
}
