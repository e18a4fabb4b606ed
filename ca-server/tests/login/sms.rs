//! Codes by SMS: each for one purpose, for five minutes, once (F11).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose};
use ca_server::accounts::own::Owner;
use ca_server::accounts::{AccountError, Accounts};
use ca_server::config::Sms;
use ca_server::login::{Challenge, FailureReason, Login, LoginConfig, LoginError, NewSession};
use ca_server::messages::phone::Phone;
use ca_server::messages::sms::{SmsError, SmsSender};
use ca_server::providers::{Providers, SmsGateway};
use ca_server::secret::Secret;
use ca_server::store::StoredFactor;

use crate::support::{Alice, PASSWORD, World, home};

const NUMBER: &str = "+4915123456789";

/// How long a code is good for at the most, in seconds; NIST SP 800-63B-4 §3.1.3.2 allows no more than 600.
const LASTS_SECS: u64 = 300;

/// A phone that keeps what was sent to it.
#[derive(Debug, Default)]
struct Inbox(Mutex<Vec<String>>);

#[async_trait]
impl SmsSender for Inbox {
    async fn send(&self, _to: &Phone, text: &str) -> Result<(), SmsError> {
        self.0.lock().unwrap().push(text.to_owned());
        Ok(())
    }
}

impl Inbox {
    /// Reads the code in the last message.
    fn code(&self) -> Secret {
        let text = self.0.lock().unwrap().last().unwrap().clone();
        Secret::new(text.chars().take(9).filter(char::is_ascii_digit).collect())
    }
}

/// A world in which SMS are sent, and a login outlasts its code, so that the code's own end shows.
struct Scene {
    world: World,
    alice: Alice,
    inbox: Arc<Inbox>,
}

impl Scene {
    async fn new() -> Self {
        let mut world = World::new().await;
        let alice = world.add_alice().await;
        let inbox = Arc::new(Inbox::default());
        let config: Sms = toml::from_str(
            "provider = \"sns\"\nregion = \"eu-central-1\"\ncountries = [\"+49\"]\nlimits.per_user_hour = 99\n\
             limits.per_number_hour = 99\n",
        )
        .unwrap();
        let sms = Some(SmsGateway { sender: inbox.clone(), config });
        let mut setup = world.node.setup.clone();
        setup.providers = Arc::new(Providers { sms, ..Providers::default() });
        let patient = LoginConfig { challenge_secs: 3600, account_secs: 3600, ..LoginConfig::default() };
        world.node.login = Arc::new(Login::new(setup.clone(), patient));
        world.node.accounts = Accounts::new(setup);
        Self { world, alice, inbox }
    }

    /// Logs in to change the account; time passes, so that there is a code for it.
    async fn own(&self) -> NewSession {
        self.world.pass_secs(30);
        let login = &self.world.node.login;
        let challenge = login.start("alice", &PASSWORD.into(), Purpose::Account, &home()).await.unwrap();
        let code = self.alice.code(self.world.now());
        login.finish(&challenge.token, FactorKind::Totp, &code, &home()).await.unwrap()
    }

    /// Begins to add the phone; gives its identity.
    async fn begin_phone(&self, begun: &NewSession, label: &str) -> String {
        let owner = Owner { session: &begun.session, source: &home() };
        let label = label.parse().unwrap();
        self.world.node.accounts.begin_sms(owner, label, NUMBER).await.unwrap().0
    }

    async fn confirm(
        &self,
        begun: &NewSession,
        id: &str,
        code: &Secret,
    ) -> Result<StoredFactor, AccountError> {
        let owner = Owner { session: &begun.session, source: &home() };
        self.world.node.accounts.confirm_factor(owner, id, code).await
    }

    async fn add_phone(&self) {
        let begun = self.own().await;
        let id = self.begin_phone(&begun, "phone").await;
        self.confirm(&begun, &id, &self.inbox.code()).await.unwrap();
    }

    /// Has a code sent for a login.
    async fn send(&self, challenge: &Challenge) -> Secret {
        self.world.node.login.send_sms(&challenge.token, None, &home()).await.unwrap();
        self.inbox.code()
    }

    async fn show(&self, challenge: &Challenge, code: &Secret) -> Result<NewSession, LoginError> {
        self.world.node.login.finish(&challenge.token, FactorKind::Sms, code, &home()).await
    }
}

#[tokio::test]
async fn f11_a_code_ends_after_five_minutes_though_its_login_goes_on() {
    let scene = Scene::new().await;
    scene.add_phone().await;
    let challenge = scene.world.start().await.unwrap();
    let code = scene.send(&challenge).await;
    scene.world.pass_secs(LASTS_SECS);
    assert_eq!(scene.show(&challenge, &code).await.unwrap_err(), LoginError::WrongCode);
    let wrong = |event: &What| matches!(event, What::LoginFailed { reason, .. } if *reason == FailureReason::WrongCode.to_string());
    assert_eq!(scene.world.audit.count(wrong), 1, "it is in the log");

    let code = scene.send(&challenge).await;
    scene.world.pass_secs(LASTS_SECS - 1);
    assert!(scene.show(&challenge, &code).await.is_ok(), "until its last second, in the same login");
}

#[tokio::test]
async fn f11_a_code_that_adds_a_phone_ends_as_well() {
    let scene = Scene::new().await;
    let begun = scene.own().await;
    let id = scene.begin_phone(&begun, "phone").await;
    let code = scene.inbox.code();
    scene.world.pass_secs(LASTS_SECS);
    assert!(matches!(scene.confirm(&begun, &id, &code).await, Err(AccountError::WrongCode)));

    let id = scene.begin_phone(&begun, "phone again").await;
    let code = scene.inbox.code();
    scene.world.pass_secs(LASTS_SECS - 1);
    assert!(scene.confirm(&begun, &id, &code).await.is_ok(), "until its last second");
    assert!(matches!(scene.confirm(&begun, &id, &code).await, Err(AccountError::NoFactor)), "once");
}

#[tokio::test]
async fn f7_codes_to_add_a_phone_cannot_be_guessed() {
    let scene = Scene::new().await;
    let begun = scene.own().await;
    let id = scene.begin_phone(&begun, "phone").await;
    let code = scene.inbox.code();
    let wrong: Secret = if code.expose() == "123456" { "654321".into() } else { "123456".into() };
    for _ in 0..3 {
        assert!(matches!(scene.confirm(&begun, &id, &wrong).await, Err(AccountError::WrongCode)));
    }
    let early = scene.confirm(&begun, &id, &code).await;
    assert!(matches!(early, Err(AccountError::TooSoon { retry_after_secs: 1 })), "{early:?}");
    scene.world.pass_secs(1);
    scene.confirm(&begun, &id, &code).await.unwrap();
    assert_eq!(scene.world.node.failures(&format!("sms/{id}")).await, 0, "its owner starts anew");
}

#[tokio::test]
async fn f11_a_code_is_for_what_it_was_sent_for() {
    let scene = Scene::new().await;
    scene.add_phone().await;
    let adding = scene.inbox.code();
    let begun = scene.own().await;
    let (one, other) = (scene.world.start().await.unwrap(), scene.world.start().await.unwrap());
    let for_one = scene.send(&one).await;
    let id = scene.begin_phone(&begun, "second phone").await;
    let for_phone = scene.inbox.code();
    assert!(matches!(scene.confirm(&begun, &id, &for_one).await, Err(AccountError::WrongCode)));
    // Nothing was sent for the other login, and something else for the first.
    for (challenge, code) in [(&other, &for_one), (&other, &for_phone), (&one, &for_phone), (&one, &adding)] {
        assert_eq!(scene.show(challenge, code).await.unwrap_err(), LoginError::WrongCode);
        scene.world.pass_secs(31);
    }
    let newer = scene.send(&one).await;
    assert_eq!(scene.show(&one, &for_one).await.unwrap_err(), LoginError::WrongCode, "a newer one was sent");
    scene.world.pass_secs(31);
    assert!(scene.show(&one, &newer).await.is_ok());
    assert!(scene.confirm(&begun, &id, &for_phone).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f11_a_code_works_once_also_on_two_nodes_at_once() {
    let mut scene = Scene::new().await;
    scene.add_phone().await;
    let challenge = scene.world.start().await.unwrap();
    let code = scene.send(&challenge).await;
    let other = scene.world.second_node().await;
    let mut submissions = tokio::task::JoinSet::new();
    for number in 0..20 {
        let login = [&scene.world.node.login, &other.login][number % 2].clone();
        let (token, code) = (challenge.token.clone(), code.clone());
        submissions.spawn(async move { login.finish(&token, FactorKind::Sms, &code, &home()).await.is_ok() });
    }
    let in_now = submissions.join_all().await.into_iter().filter(|got_in| *got_in).count();
    assert_eq!(in_now, 1);
    scene.world.restart().await;
    assert!(scene.show(&challenge, &code).await.is_err(), "after a restart");
    scene.world.pass_secs(31);
    let next = scene.world.start().await.unwrap();
    assert_eq!(scene.show(&next, &code).await.unwrap_err(), LoginError::WrongCode, "nor in the next login");
}
