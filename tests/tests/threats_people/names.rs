//! F8, F9: the forms of a name are one account, and a refusal does not say why.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::wire::{Reply, Wire};
use tokio::task::JoinSet;

use crate::{first_step, server};

#[tokio::test]
async fn f8_the_forms_of_a_name_are_one_account_with_one_counter() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, "f8", &["engineers"])?;
    for form in ["f8", "F8", "f8 ", " F8", "f8@example.com", "F8@Example.COM "] {
        let reply = first_step(&wire, form, &bob.password).await?;
        ensure!(reply.status == 200, "{form:?}: {}", reply.text());
    }
    for form in ["F8", "f8 ", "F8@example.com"] {
        first_step(&wire, form, "not the password").await?.expect(401, "wrong-credentials")?;
    }
    first_step(&wire, "f8", &bob.password).await?.expect(429, "too-many-failures").map(drop)
}

#[tokio::test]
async fn f9_unknown_wrong_and_disabled_are_answered_alike_also_while_they_have_to_wait() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let (_known, off) =
        (Person::new(&server, "f9", &["engineers"])?, Person::new(&server, "f9-off", &["engineers"])?);
    let gone = Person::new(&server, "f9-gone", &["engineers"])?;
    for person in [&off, &gone] {
        run(&mut disable(&server, person)?)?;
    }
    let mut tries = JoinSet::new();
    for (user, password) in [
        ("f9", "not the password"),
        ("f9-nobody", "whatever it is"),
        ("no such name!", "whatever it is"),
        ("f9-off", "not the password"),
        ("f9-gone", &gone.password),
    ] {
        let (wire, user, password) = (wire.clone(), user.to_owned(), password.to_owned());
        tries.spawn(async move { until_two_waits(&wire, &user, &password).await });
    }
    let mut all = BTreeSet::new();
    while let Some(answers) = tries.join_next().await {
        all.extend(answers??);
    }
    ensure!(all.len() == 2, "one answer without a wait and one with it: {all:#?}");
    Ok(())
}

/// Fails to log in until two waits were asked for, and waits; gives the different answers.
async fn until_two_waits(wire: &Wire, user: &str, password: &str) -> Result<BTreeSet<String>> {
    let (mut answers, mut refused, mut waits) = (BTreeSet::new(), 0, 0);
    while waits < 2 {
        let reply = first_step(wire, user, password).await?;
        if reply.status == 429 {
            ensure!(refused >= 3, "{user}: after {refused} failures: {}", reply.text());
            waits += 1;
            let secs = reply.expect(429, "too-many-failures")?.retry_after_secs.context("how long")?;
            tokio::time::sleep(Duration::from_secs(secs)).await;
        } else {
            reply.expect(401, "wrong-credentials")?;
            refused += 1;
        }
        answers.insert(without_times(&reply));
    }
    Ok(answers)
}

fn disable(server: &countersign_tests::server::Server, person: &Person) -> Result<Command> {
    server.command(&["user", "disable", &person.name])
}

/// Writes out the whole answer but the date and the numbers of seconds, which make one part longer than another.
fn without_times(reply: &Reply) -> String {
    let mut headers = reply.headers.clone();
    headers.retain(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
    let mut text = format!("{} {headers:?} {}", reply.status, reply.text());
    if let Some(secs) = reply.header("retry-after") {
        for around in [("\"retry-after\", \"", "\""), ("wait ", " s"), ("\"retry_after_secs\":", "}")] {
            text = text.replace(&[around.0, secs, around.1].concat(), &[around.0, "N", around.1].concat());
        }
    }
    text
}
