//! Sessions end: by logging out, and when somebody else disables the account.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::requests::signed_request;
use countersign_tests::server::ORIGIN;
use countersign_tests::wire::Wire;

use crate::{challenge, second_step, server, session};

#[tokio::test]
async fn a_session_ends_at_once_when_its_owner_logs_out() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, "leaver", &["engineers"])?;
    let tokens = [session(&server, &bob).await?, session(&server, &bob).await?];
    ensure!(wire.get("/v1/session", Some(&tokens[0])).await?.status == 200);
    let bearer = format!("Bearer {}", tokens[0]);
    let out = wire.call("DELETE", "/v1/session", &[("authorization", &bearer)], b"").await?;
    ensure!(out.status == 204 && out.body.is_empty(), "{out:?}");
    wire.get("/v1/session", Some(&tokens[0])).await?.expect(401, "no-session")?;
    let request = signed_request(ORIGIN, "leaver", "dev")?;
    wire.post("/v1/certificates", Some(&tokens[0]), &request).await?.expect(401, "no-session")?;
    ensure!(
        wire.get("/v1/session", Some(&tokens[1])).await?.status == 200,
        "the other session is gone as well"
    );
    Ok(())
}

#[tokio::test]
async fn a16_disabling_an_account_from_another_process_ends_its_sessions_and_logins() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, "disabled", &["engineers"])?;
    let token = session(&server, &bob).await?;
    let open = challenge(&wire, &bob).await?;
    ensure!(wire.get("/v1/session", Some(&token)).await?.status == 200);
    run(&mut server.command(&["user", "disable", "disabled"])?)?;
    // Believed for a second at most; waited for longer, because a busy machine is no fault.
    for _ in 0..300 {
        if wire.get("/v1/session", Some(&token)).await?.status == 401 {
            let request = signed_request(ORIGIN, "disabled", "dev")?;
            wire.post("/v1/certificates", Some(&token), &request).await?.expect(401, "no-session")?;
            let code = bob.phone.code();
            return second_step(&wire, &open, &code).await?.expect(401, "login-expired").map(drop);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the session of a disabled account never ends")
}
