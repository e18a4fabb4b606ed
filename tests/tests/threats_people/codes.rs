//! F1, F2, F3: one code, one login; and only six digits are a code.

use anyhow::{Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::wire::Wire;
use tokio::task::JoinSet;

use crate::{challenge, second_step, server};

#[tokio::test]
async fn f1_a_code_works_once() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, "f1", &["engineers"])?;
    let code = bob.phone.code();
    let [first, second] = [challenge(&wire, &bob).await?, challenge(&wire, &bob).await?];
    ensure!(second_step(&wire, &first, &code).await?.status == 200);
    // The challenge is used up as well as the code.
    second_step(&wire, &first, &code).await?.expect(401, "login-expired")?;
    let again = second_step(&wire, &second, &code).await?.expect(401, "code-used")?;
    ensure!(again.retry_after_secs.is_some_and(|secs| (1..=30).contains(&secs)), "{again:?}");
    Ok(())
}

/// Submits one code fifty times at once, on these challenges in turn; exactly one must succeed.
async fn assert_one_wins(name: &str, challenges: usize) -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let bob = Person::new(&server, name, &["engineers"])?;
    let mut open = Vec::new();
    for _ in 0..challenges {
        open.push(challenge(&wire, &bob).await?);
    }
    let code = bob.phone.code();
    let mut submitted = JoinSet::new();
    for number in 0..50 {
        let (wire, challenge, code) = (wire.clone(), open[number % challenges].clone(), code.clone());
        submitted.spawn(async move { second_step(&wire, &challenge, &code).await });
    }
    let mut won = 0;
    while let Some(reply) = submitted.join_next().await {
        let reply = reply??;
        won += usize::from(reply.status == 200);
        let refused = [401, 403, 429].contains(&reply.status) && !reply.text().contains("cs_s_");
        ensure!(reply.status == 200 || refused, "{} {}", reply.status, reply.text());
    }
    ensure!(won == 1, "{won} logins with one code");
    Ok(())
}

#[tokio::test]
async fn f2_one_code_fifty_times_at_once_on_one_challenge_is_one_login() -> Result<()> {
    assert_one_wins("f2-one", 1).await
}

#[tokio::test]
async fn f2_one_code_fifty_times_at_once_on_ten_challenges_is_one_login() -> Result<()> {
    assert_one_wins("f2-ten", 10).await
}

#[tokio::test]
async fn f3_nothing_but_six_digits_is_a_code() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    // A person for every two forms: the third failure in a row would make the next one wait.
    for (number, forms) in [0, 2, 4, 6, 8].into_iter().enumerate() {
        let bob = Person::new(&server, &format!("f3-{number}"), &["engineers"])?;
        let challenge = challenge(&wire, &bob).await?;
        let code = bob.phone.code();
        for form in [forms, forms + 1] {
            let wrong = malformed(&code, form);
            second_step(&wire, &challenge, &wrong).await?.expect(401, "wrong-code")?;
        }
        ensure!(second_step(&wire, &challenge, &code).await?.status == 200, "the code itself is good");
    }
    Ok(())
}

/// Writes a good code in a way that is not one.
fn malformed(code: &str, form: usize) -> String {
    let shifted =
        |zero: u32| code.chars().filter_map(|c| char::from_u32(zero + c.to_digit(10)?)).collect::<String>();
    match form {
        0 => format!(" {code}"),
        1 => format!("{code} "),
        2 => format!("{} {}", &code[..3], &code[3..]),
        3 => shifted(0xff10),
        4 => shifted(0x0660),
        5 => code[..5].to_owned(),
        6 => format!("{code}0"),
        7 => format!("0{code}"),
        8 => format!("{code}\n"),
        _ => format!("+{code}"),
    }
}
