//! F8, F9: the forms of a name are one account, and a refusal does not say why.

use std::process::Command;

use anyhow::{Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::wire::{Reply, Wire};

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
async fn f9_unknown_wrong_and_disabled_are_answered_alike() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, "f9", &["engineers"])?;
    let gone = Person::new(&server, "f9-gone", &["engineers"])?;
    run(&mut disable(&server, &gone)?)?;
    let tries = [("f9-nobody", "whatever it is"), ("f9", "not the password"), ("f9-gone", &gone.password)];
    let mut answers = Vec::new();
    // The second and third time the failures before could tell them apart, the fourth has to wait.
    for status in [401, 401, 401, 429] {
        for (user, password) in tries {
            let reply = first_step(&wire, user, password).await?;
            ensure!(reply.status == status, "{user}: {}", reply.text());
            answers.push((status, without_date(reply)));
        }
    }
    for (status, answer) in &answers {
        let first = answers.iter().find(|(other, _)| other == status).map(|(_, answer)| answer);
        ensure!(*status == 429 || first == Some(answer), "{first:?} and {answer:?} differ");
    }
    drop(bob);
    Ok(())
}

fn disable(server: &countersign_tests::server::Server, person: &Person) -> Result<Command> {
    server.command(&["user", "disable", &person.name])
}

/// The whole answer but the time.
fn without_date(mut reply: Reply) -> Reply {
    reply.headers.retain(|(name, _)| name != "date");
    reply
}
