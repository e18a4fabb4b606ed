//! F7: the count of failures is exact for every kind of factor, also when the attempt's own transactions are rolled back.

use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose};
use ca_server::accounts::own::Owner;
use ca_server::ids;
use ca_server::login::LoginError;
use ca_server::secret::Secret;
use ca_server::store::{NewFactor, authenticator};
use sqlx::SqlitePool;

use crate::support::{Alice, PASSWORD, World, home};

const LIMIT: u64 = 100;
const PUBLIC_ID: &str = "cccccccccccb";

/// Fails what an attempt does to the failures, at its end: the whole transaction is rolled back.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// The one that counts it, before anything is checked.
    Counting,
    /// The one that uses up the code and the challenge, and forgets the failures.
    Passing,
}

impl Broken {
    async fn on(self, world: &World) -> SqlitePool {
        let pool = SqlitePool::connect(&format!("sqlite://{}", world.database().display())).await.unwrap();
        let what = match self {
            // There were failures before, so the row is there.
            Self::Counting => "UPDATE",
            Self::Passing => "DELETE",
        };
        let trigger = format!(
            "CREATE TRIGGER broken AFTER {what} ON failures BEGIN SELECT RAISE(ABORT, 'on purpose'); END"
        );
        sqlx::query(sqlx::AssertSqlSafe(trigger)).execute(&pool).await.unwrap();
        pool
    }

    async fn mend(pool: SqlitePool) {
        sqlx::query("DROP TRIGGER broken").execute(&pool).await.unwrap();
        pool.close().await;
    }
}

/// Somebody whose account is tried with one kind of factor.
struct Tried {
    world: World,
    alice: Alice,
    kind: FactorKind,
    authenticator: String,
}

impl Tried {
    /// Shows a code in a login of its own, after any wait.
    async fn show(&self, code: &Secret) -> Result<(), LoginError> {
        self.world.pass_secs(31);
        self.show_now(code).await
    }

    async fn show_now(&self, code: &Secret) -> Result<(), LoginError> {
        let challenge = self.world.start().await.unwrap();
        self.world.node.login.finish(&challenge.token, self.kind, code, &home()).await.map(drop)
    }

    /// Shows a code while a transaction of the attempt is rolled back: it must be refused, whatever it is.
    async fn show_broken(&self, broken: Broken, code: &Secret) {
        // The password was shown before, so the trigger is the factor's alone.
        let challenge = self.world.start().await.unwrap();
        let pool = broken.on(&self.world).await;
        let shown = self.world.node.login.finish(&challenge.token, self.kind, code, &home()).await;
        assert!(matches!(shown, Err(LoginError::Unavailable { .. })), "{broken:?}: {shown:?}");
        Broken::mend(pool).await;
    }

    async fn ensure_count(&self, count: u64) {
        assert_eq!(self.world.node.failures(&self.authenticator).await, count);
    }

    /// Shows wrong codes until the limit, with restarts, outages and rollbacks between.
    async fn exhaust(&mut self, wrong: &str, right: impl Fn(&Self) -> Secret, passes: bool) {
        let wrong = Secret::from(wrong);
        let logins = self.world.audit.logins();
        let mut count = 0;
        while count < LIMIT {
            if count % 20 == 19 {
                self.world.restart().await;
            }
            if count % 25 == 10 {
                self.world.pass_secs(31);
                self.show_broken(Broken::Counting, &right(self)).await;
                // It was not checked, so it was none.
                self.ensure_count(count).await;
            }
            if passes && count % 40 == 30 {
                self.world.pass_secs(31);
                let code = right(self);
                self.show_broken(Broken::Passing, &code).await;
                // It was checked, and nobody is let in, so it was one; the failures before it are not forgotten.
                count += 1;
                self.ensure_count(count).await;
            }
            assert_eq!(self.show(&wrong).await.unwrap_err(), LoginError::WrongCode, "{count}");
            count += 1;
            self.ensure_count(count).await;
        }
        assert_eq!(self.world.audit.logins(), logins, "nobody was let in");
        self.world.pass_secs(31);
        let code = right(self);
        assert_eq!(self.show_now(&code).await.unwrap_err(), LoginError::FactorDisabled, "the right one too");
        self.world.restart().await;
        self.world.pass_secs(31);
        let code = right(self);
        assert_eq!(self.show_now(&code).await.unwrap_err(), LoginError::FactorDisabled, "after a restart");
        self.ensure_count(LIMIT).await;
        let disabled = |event: &What| matches!(event, What::FactorDisabled { factor, failures, .. } if *factor == self.authenticator && *failures == LIMIT);
        assert_eq!(self.world.audit.count(disabled), 1, "it is in the log, once");
    }
}

#[tokio::test]
async fn f7_wrong_totp_codes_are_counted_exactly_through_rollbacks_of_the_attempt_itself() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let authenticator = alice.totp(&world.node).await;
    let mut tried = Tried { world, alice, kind: FactorKind::Totp, authenticator };
    tried.exhaust("no code", |tried| tried.alice.code(tried.world.now()), true).await;
    tried.world.node.accounts.unlock("alice", "operator").await.unwrap();
    tried.world.pass_secs(60);
    tried.show_now(&tried.alice.code(tried.world.now())).await.unwrap();
}

#[tokio::test]
async fn f7_wrong_recovery_codes_are_counted_exactly_and_no_code_is_lost_to_a_rollback() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let code = alice.code(world.now());
    let login = &world.node.login;
    let challenge = login.start("alice", &PASSWORD.into(), Purpose::Account, &home()).await.unwrap();
    let begun = login.finish(&challenge.token, FactorKind::Totp, &code, &home()).await.unwrap();
    let owner = Owner { session: &begun.session, source: &home() };
    let codes = world.node.accounts.make_recovery_codes(owner).await.unwrap();
    let authenticator = authenticator(FactorKind::Recovery, &alice.enrolment.user.id);
    let mut tried = Tried { world, alice, kind: FactorKind::Recovery, authenticator };
    let first = codes[0].clone();
    tried.exhaust("00000-00000-00000-00000-00000-0", |_| first.clone(), true).await;
    tried.world.log_in(&tried.alice).await.expect("the other factor");
    tried.world.node.accounts.unlock("alice", "operator").await.unwrap();
    tried.show(&first).await.expect("it was never used up");
    assert_eq!(tried.show(&first).await.unwrap_err(), LoginError::CodeUsed { next_in_secs: None });
}

#[tokio::test]
async fn f7_wrong_yubikey_otps_are_counted_exactly_and_an_outage_is_no_failure() {
    let world = World::new().await;
    let alice = world.add_alice().await;
    let authenticator = add_yubikey(&world, &alice).await;
    let own = Secret::new(format!("{PUBLIC_ID}{}", "c".repeat(32)));
    let others = format!("cccccccccccd{}", "c".repeat(32));
    let mut tried = Tried { world, alice, kind: FactorKind::Yubikey, authenticator };
    for wrong in [others.as_str(), "no OTP"] {
        assert_eq!(tried.show(&wrong.into()).await.unwrap_err(), LoginError::WrongCode);
    }
    // No validation server is configured: one that is down.
    for _ in 0..3 {
        assert!(matches!(tried.show(&own).await, Err(LoginError::FactorDown { .. })));
        tried.ensure_count(2).await;
    }
    tried.world.node.accounts.unlock("alice", "operator").await.unwrap();
    tried.exhaust(&others, |_| own.clone(), false).await;
    tried.world.log_in(&tried.alice).await.expect("the other factor");
}

/// Gives Alice a Yubikey, as the service does when a validation server has accepted a press of it.
async fn add_yubikey(world: &World, alice: &Alice) -> String {
    let id = ids::new_id(ca_server::clock::Clock::fixed(world.millis.clone()).now()).unwrap();
    let authenticator = authenticator(FactorKind::Yubikey, &id);
    let secret = world.node.setup.sealer.seal(PUBLIC_ID.as_bytes(), &authenticator).unwrap();
    let label = "key".parse().unwrap();
    let factor =
        NewFactor { id: id.clone(), kind: FactorKind::Yubikey, label, secret, tag: None, counter: 0 };
    let (store, user_id) = (&world.node.setup.store, &alice.enrolment.user.id);
    store.begin_factor(user_id, &factor, world.now()).await.unwrap();
    assert!(store.confirm_factor(user_id, &id, 1, "no session", world.now()).await.unwrap());
    authenticator
}
