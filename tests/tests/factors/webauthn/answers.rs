//! What a key and a browser answer.

use anyhow::{Result, ensure};
use countersign_tests::ceremonies::{Caller, Said};
use countersign_tests::person::Person;
use countersign_tests::webauthn::{Manner, SecurityKey};
use serde_json::Value;

use super::server;

/// Everything a key or a browser can get wrong, in words.
fn wrong_manners(right: &Manner) -> Vec<(&'static str, Manner)> {
    let right = || right.clone();
    vec![
        ("another origin", Manner { origin: "https://evil.example.com".to_owned(), ..right() }),
        ("another port", Manner { origin: "http://localhost:1".to_owned(), ..right() }),
        ("another RP id", Manner { rp_id: "evil.example.com".to_owned(), ..right() }),
        ("another challenge", Manner { challenge: Some("c".repeat(43)), ..right() }),
        ("another kind of ceremony", Manner { kind: Some("payment.get"), ..right() }),
        ("nobody present", Manner { present: false, verified: false, ..right() }),
        ("nobody present but verified", Manner { present: false, ..right() }),
        ("nobody verified", Manner { verified: false, ..right() }),
    ]
}

fn is_refused(page: &Said, program: &Said) -> bool {
    page.is(401, "webauthn-refused") && program.is(401, "webauthn-refused")
}

#[tokio::test]
async fn f13_an_assertion_that_is_not_right_in_everything_logs_nobody_in() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let mut wrongs = wrong_manners(&right);
    wrongs.push(("a spoilt signature", Manner { spoilt: true, ..right.clone() }));
    let mut ann = Person::new(&server, "f13-assert", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    for (number, (what, manner)) in wrongs.into_iter().enumerate() {
        let (page, program) = caller.log_in(&ann, &mut key, &manner).await?;
        ensure!(is_refused(&page, &program), "{what}: {page:?} {program:?}");
        // A good login in between, so that none of them is refused for the failures before it.
        let (_, program) = caller.log_in(&ann, &mut key, &right).await?;
        let session: Value = program.good()?;
        ensure!(session["session"]["factors"][0] == "webauthn", "{number} {session}");
    }
    ann.password.push('x');
    ensure!(caller.begin_login(&ann).await.is_err(), "a ceremony without the password");
    Ok(())
}

#[tokio::test]
async fn f13_a_registration_that_is_not_right_in_everything_adds_nothing() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "f13-register", &["engineers"])?;
    let token = caller.account_session(&ann).await?;
    for (what, mut manner) in wrong_manners(&Manner::at(&caller.origin)?) {
        manner.kind = manner.kind.map(|_| "webauthn.get");
        let ceremony = caller.begin_registration(&token, "key").await?;
        let shown = caller.show(&ceremony).await?;
        let credential = SecurityKey::new(true)?.create(&shown.options, &manner)?;
        let page = caller.answer(&ceremony, &credential).await?;
        let program = caller.confirm(&token, &ceremony).await?;
        ensure!(is_refused(&page, &program), "{what}: {page:?} {program:?}");
    }
    let challenge = caller.first_step(&ann, "access").await?;
    let none = caller.second_step(&challenge, "webauthn", "cs_p_").await?;
    ensure!(none.is(404, "no-such-factor"), "{none:?}");
    Ok(())
}

#[tokio::test]
async fn f13_somebody_elses_key_logs_nobody_in() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "f13-ann", &["engineers"])?;
    caller.register(&ann, "key", &mut SecurityKey::new(true)?).await?;
    let (page, program) = caller.log_in(&ann, &mut SecurityKey::new(true)?, &right).await?;
    ensure!(is_refused(&page, &program), "{page:?} {program:?}");
    Ok(())
}

#[tokio::test]
async fn f13_a_key_whose_counter_falls_behind_is_refused() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "f13-clone", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    for _ in 0..3 {
        caller.log_in(&ann, &mut key, &right).await?.1.good::<Value>()?;
    }
    // A copy that was made of the key some uses ago.
    key.counter -= 2;
    let (page, program) = caller.log_in(&ann, &mut key, &right).await?;
    ensure!(is_refused(&page, &program), "{page:?} {program:?}");
    Ok(())
}

#[tokio::test]
async fn f13_of_two_copies_of_a_key_at_once_one_logs_in() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "f13-copies", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let mut logins = Vec::new();
    for _ in 0..2 {
        let (challenge, ceremony) = caller.begin_login(&ann).await?;
        let shown = caller.show(&ceremony).await?;
        logins.push((challenge, ceremony, shown));
    }
    let counter = key.counter;
    for (_, ceremony, shown) in &logins {
        // Both sign with the same counter, which is above the one that both ceremonies began with.
        key.counter = counter;
        let page = caller.answer(ceremony, &key.get(&shown.options, &right)?).await?;
        ensure!(page.status == 204, "{page:?}");
    }
    let mut taken = Vec::new();
    for (challenge, ceremony, _) in &logins {
        taken.push(caller.second_step(challenge, "webauthn", &ceremony.poll.0).await?);
    }
    ensure!(taken[0].status == 200 && taken[1].is(401, "code-used"), "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_does_not_count_logs_in_again_and_again() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "passkey", &["engineers"])?;
    let mut key = SecurityKey::new(false)?;
    caller.register(&ann, "key", &mut key).await?;
    for _ in 0..3 {
        caller.log_in(&ann, &mut key, &right).await?.1.good::<Value>()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_a_factor_of_one_account_only() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let (ann, bob) =
        (Person::new(&server, "one-ann", &["engineers"])?, Person::new(&server, "one-bob", &["engineers"])?);
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let token = caller.account_session(&bob).await?;
    let ceremony = caller.begin_registration(&token, "key").await?;
    let shown = caller.show(&ceremony).await?;
    let credential = key.create(&shown.options, &Manner::at(&caller.origin)?)?;
    ensure!(caller.answer(&ceremony, &credential).await?.status == 204);
    let program = caller.confirm(&token, &ceremony).await?;
    ensure!(program.is(409, "taken"), "{program:?}");
    Ok(())
}
