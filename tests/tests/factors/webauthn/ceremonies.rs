//! Who can see, answer and take a ceremony, and how often.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::ceremonies::{Caller, Said, link};
use countersign_tests::person::Person;
use countersign_tests::webauthn::{Manner, SecurityKey};
use serde_json::{Value, json};

use super::server;

#[tokio::test]
async fn f13_a_ceremony_is_answered_once_and_taken_once() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "once", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    let shown = caller.show(&ceremony).await?;
    let credential = key.get(&shown.options, &right)?;
    ensure!(caller.answer(&ceremony, &credential).await?.status == 204);
    for credential in [credential.clone(), key.get(&shown.options, &right)?] {
        let again = caller.answer(&ceremony, &credential).await?;
        ensure!(again.is(404, "no-ceremony"), "a second answer: {again:?}");
    }
    caller.second_step(&challenge, "webauthn", &ceremony.poll.0).await?.good::<Value>()?;
    let again = caller.second_step(&challenge, "webauthn", &ceremony.poll.0).await?;
    ensure!(again.is(401, "login-expired"), "a second session: {again:?}");

    // What was answered to one challenge is no answer to another.
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    let page = caller.answer(&ceremony, &credential).await?;
    ensure!(page.is(401, "webauthn-refused"), "a reused challenge: {page:?}");
    let program = caller.second_step(&challenge, "webauthn", &ceremony.poll.0).await?;
    ensure!(program.is(401, "webauthn-refused"), "{program:?}");
    Ok(())
}

#[tokio::test]
async fn f13_of_many_answers_at_once_one_counts() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let right = Manner::at(&caller.origin)?;
    let ann = Person::new(&server, "at-once", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    let shown = caller.show(&ceremony).await?;
    let credential = key.get(&shown.options, &right)?;
    let answers = tokio::join!(
        caller.answer(&ceremony, &credential),
        caller.answer(&ceremony, &credential),
        caller.answer(&ceremony, &credential),
    );
    let taken = [answers.0?, answers.1?, answers.2?].iter().filter(|said| said.status == 204).count();
    ensure!(taken == 1, "{taken} answers were taken");
    let sessions = tokio::join!(
        caller.second_step(&challenge, "webauthn", &ceremony.poll.0),
        caller.second_step(&challenge, "webauthn", &ceremony.poll.0),
    );
    let begun = [sessions.0?, sessions.1?].iter().filter(|said| said.status == 200).count();
    ensure!(begun == 1, "{begun} sessions");
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_key_is_no_attempt_and_a_wrong_poll_secret_is() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "waiting", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    for _ in 0..10 {
        let said = caller.second_step(&challenge, "webauthn", &ceremony.poll.0).await?;
        ensure!(said.is(409, "webauthn-pending") && said.body["retry_after_secs"] == 1, "{said:?}");
    }
    let (other, _) = caller.begin_login(&ann).await?;
    for (challenge, code) in [
        (&challenge, format!("cs_p_{}", "A".repeat(43))),
        (&challenge, link(&ceremony)?["link"].as_str().context("a link")?.to_owned()),
        (&other, ceremony.poll.0.clone()),
    ] {
        let said = caller.second_step(challenge, "webauthn", &code).await?;
        ensure!(said.is(401, "webauthn-refused"), "{code}: {said:?}");
    }
    let said = caller.second_step(&challenge, "webauthn", "nonsense").await?;
    ensure!(said.is(429, "too-many-failures"), "f7: attempts are counted: {said:?}");
    Ok(())
}

/// Opens a ceremony as the page does.
async fn open(caller: &Caller, key: &Value) -> Result<Said> {
    caller.page("/webauthn/ceremony", Some(&caller.origin), key).await
}

#[tokio::test]
async fn the_code_opens_the_ceremony_too_and_wrong_ones_are_counted() -> Result<()> {
    // A server of its own: wrong codes are counted per address.
    let server = countersign_tests::ceremonies::server()?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    let code = ceremony.code.as_ref().context("a code")?;
    ensure!(ceremony.page == format!("{}/webauthn", caller.origin) && code.0.len() == 9);
    let by_code = json!({ "code": code.0.to_lowercase() });
    let shown: Value = open(&caller, &by_code).await?.good()?;
    ensure!(shown["user"] == "ann" && shown["address"] == "127.0.0.1", "{shown}");
    let credential = key.get(&shown["options"], &Manner::at(&caller.origin)?)?;
    let answer = json!({ "key": by_code, "credential": credential });
    let said = caller.page("/webauthn/answer", Some(&caller.origin), &answer).await?;
    ensure!(said.status == 204, "{said:?}");
    caller.second_step(&challenge, "webauthn", &ceremony.poll.0).await?.good::<Value>()?;

    let mut last = None;
    for number in 0..30 {
        let said = open(&caller, &json!({ "code": format!("0000-00{number:02}") })).await?;
        if said.status != 404 {
            last = Some((number, said));
            break;
        }
    }
    let (number, said) = last.context("thirty wrong codes were looked at")?;
    // Twice ten if the minute ends in between.
    ensure!((10..=20).contains(&number) && said.is(429, "too-many-failures"), "after {number}: {said:?}");
    let (_, ceremony) = caller.begin_login(&ann).await?;
    caller.show(&ceremony).await.context("a link is no guess")?;
    Ok(())
}

#[tokio::test]
async fn a_link_that_is_sent_to_somebody_elsewhere_opens_nothing() -> Result<()> {
    let server = server()?;
    let (caller, elsewhere) = (Caller::new(&server)?, Caller::new(&server)?.from([127, 0, 0, 2])?);
    let ann = Person::new(&server, "phished", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (challenge, ceremony) = caller.begin_login(&ann).await?;
    let shown = caller.show(&ceremony).await?;
    let said = open(&elsewhere, &link(&ceremony)?).await?;
    ensure!(said.is(403, "elsewhere"), "{said:?}");
    let credential = key.get(&shown.options, &Manner::at(&caller.origin)?)?;
    let said = elsewhere.answer(&ceremony, &credential).await?;
    ensure!(said.is(403, "elsewhere"), "{said:?}");
    let code = ceremony.code.as_ref().context("a code")?;
    let said = open(&elsewhere, &json!({ "code": code.0 })).await?;
    ensure!(said.status == 200 && said.body["address"] == "127.0.0.1", "{said:?}");
    // The program is where its password was typed.
    let said = elsewhere.second_step(&challenge, "webauthn", &ceremony.poll.0).await?;
    ensure!(said.is(401, "login-expired"), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn where_codes_are_off_there_is_none_and_none_is_looked_at() -> Result<()> {
    let server = countersign_tests::ceremonies::server_with("codes = false\n")?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut key = SecurityKey::new(true)?;
    caller.register(&ann, "key", &mut key).await?;
    let (_, ceremony) = caller.begin_login(&ann).await?;
    ensure!(ceremony.code.is_none(), "{ceremony:?}");
    for number in 0..30 {
        let said = open(&caller, &json!({ "code": format!("0000-00{number:02}") })).await?;
        ensure!(said.status == 404, "{said:?}");
    }
    caller.show(&ceremony).await.context("the link")?;
    Ok(())
}

#[tokio::test]
async fn a_new_ceremony_ends_the_one_before() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "again", &["engineers"])?;
    let token = caller.account_session(&ann).await?;
    let first = caller.begin_registration(&token, "key").await?;
    let second = caller.begin_registration(&token, "key").await?;
    ensure!(caller.show(&first).await.is_err());
    caller.show(&second).await?;
    let said = caller.confirm(&token, &first).await?;
    ensure!(said.is(404, "no-ceremony"), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn a_registration_is_confirmed_by_the_session_that_began_it() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let (ann, bob) =
        (Person::new(&server, "own-ann", &["engineers"])?, Person::new(&server, "own-bob", &["engineers"])?);
    let (anns, bobs) = (caller.account_session(&ann).await?, caller.account_session(&bob).await?);
    let ceremony = caller.begin_registration(&anns, "key").await?;
    let shown = caller.show(&ceremony).await?;
    let credential = SecurityKey::new(true)?.create(&shown.options, &Manner::at(&caller.origin)?)?;
    ensure!(caller.answer(&ceremony, &credential).await?.status == 204);
    let said = caller.confirm(&bobs, &ceremony).await?;
    ensure!(said.is(404, "no-ceremony"), "{said:?}");
    caller.confirm(&anns, &ceremony).await?.good::<Value>()?;
    let said = caller.confirm(&anns, &ceremony).await?;
    ensure!(said.is(404, "no-ceremony"), "twice: {said:?}");
    Ok(())
}
