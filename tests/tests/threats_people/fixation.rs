//! S5: no token that a client brings or has from before a login is the one after it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::wire::{Reply, Wire};
use serde_json::{Value, json};

use crate::{challenge, server};

/// Tokens of the right form that somebody else knows.
const CHOSEN: [&str; 3] = [
    "cs_s_chosenchosenchosenchosenchosenchosenchosenc",
    "cs_l_chosenchosenchosenchosenchosenchosenchosenc",
    "cs_d_chosenchosenchosenchosenchosenchosenchosenc",
];

/// Sends one step of a login with a token wherever a client could put one.
async fn step(wire: &Wire, path: &str, token: &str, body: &Value) -> Result<Reply> {
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}; token={token}"));
    let head = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
        ("cookie", &cookie),
        ("x-session-token", token),
    ];
    let path = format!("{path}?token={token}&challenge={token}");
    wire.call("POST", &path, &head, body.to_string().as_bytes()).await
}

/// Logs in with a token in every place; gives every token that was given out.
async fn log_in(wire: &Wire, person: &Person, token: &str) -> Result<Vec<String>> {
    let first = json!({ "user": person.name, "password": person.password, "device": CHOSEN[2] });
    let reply = step(wire, "/v1/login", token, &first).await?;
    ensure!(reply.header("set-cookie").is_none(), "{:?}", reply.headers);
    let challenge = reply.json::<Value>()?["challenge"].as_str().context("a challenge")?.to_owned();
    wire.get("/v1/session", Some(&challenge)).await?.expect(401, "no-session")?;
    let second = json!({ "challenge": challenge, "kind": "totp", "code": person.phone.code() });
    let reply = step(wire, "/v1/login/factor", token, &second).await?;
    ensure!(reply.header("set-cookie").is_none(), "{:?}", reply.headers);
    let login: Value = reply.json()?;
    let session = login["token"].as_str().context("a token")?.to_owned();
    ensure!(wire.get("/v1/session", Some(&session)).await?.status == 200, "the new session");
    let device = login["device"].as_str().context("a device token")?.to_owned();
    Ok(vec![challenge, session, device])
}

#[tokio::test]
async fn s5_a_token_cannot_be_chosen_and_none_from_before_is_the_one_after_a_login() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let victim = Person::new(&server, "fixated", &["engineers"])?;
    let first = log_in(&wire, &victim, CHOSEN[0]).await?;
    // The second login is made with the session of the first.
    let second = log_in(&wire, &victim, &first[1]).await?;
    let all: BTreeSet<&str> = first.iter().chain(&second).map(String::as_str).chain(CHOSEN).collect();
    ensure!(all.len() == 9, "a token came back: {all:?}");
    for bad in CHOSEN.into_iter().chain([&first[0], &first[2], &second[0], &second[2]].map(String::as_str)) {
        wire.get("/v1/session", Some(bad)).await?.expect(401, "no-session")?;
        let factor = json!({ "challenge": bad, "kind": "totp", "code": "000000" });
        wire.post("/v1/login/factor", None, &factor).await?.expect(401, "login-expired")?;
    }
    Ok(())
}

#[tokio::test]
async fn s5_a_login_takes_no_token_or_challenge_of_the_clients() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let victim = Person::new(&server, "offered", &["engineers"])?;
    for member in ["challenge", "token", "session", "id"] {
        let mut first = json!({ "user": victim.name, "password": victim.password });
        first[member] = CHOSEN[1].into();
        wire.post("/v1/login", None, &first).await?.expect(400, "malformed")?;
        let open = challenge(&wire, &victim).await?;
        let mut second = json!({ "challenge": open, "kind": "totp", "code": victim.phone.code_at(0) });
        if member != "challenge" {
            second[member] = CHOSEN[0].into();
            wire.post("/v1/login/factor", None, &second).await?.expect(400, "malformed")?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn s5_somebodys_challenge_opens_no_session_of_anybody_else() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let (mallory, victim) =
        (Person::new(&server, "planter", &["engineers"])?, Person::new(&server, "planted", &["engineers"])?);
    let planted = challenge(&wire, &mallory).await?;
    let own = challenge(&wire, &victim).await?;
    let factor =
        |challenge: &str, code: &str| json!({ "challenge": challenge, "kind": "totp", "code": code });
    let code = victim.phone.code();
    wire.post("/v1/login/factor", None, &factor(&planted, &code)).await?.expect(401, "wrong-code")?;
    let login: Value = wire.post("/v1/login/factor", None, &factor(&own, &code)).await?.json()?;
    ensure!(login["session"]["user"] == "planted", "{login}");
    let code = mallory.phone.code();
    let login: Value = wire.post("/v1/login/factor", None, &factor(&planted, &code)).await?.json()?;
    ensure!(login["session"]["user"] == "planter", "it is still mallory's: {login}");
    Ok(())
}
