//! F6: mail servers that refuse, fail, say something else, or say nothing.

use std::path::Path;

use anyhow::{Context as _, Result};
use ca_server::messages::mail::{MailError, Mailer};
use countersign_tests::ports;
use countersign_tests::smtp::{At, Smtp, Trouble};

use super::mail::{FROM, TO, mailer};
use super::{CODE, TEXT, says_nothing_of, secret_file};

/// Sends a mail that must fail, and checks that the error tells nobody's business.
async fn failure(mailer: &Mailer) -> Result<MailError> {
    let error = mailer.send(&TO.parse()?, CODE, TEXT).await.err().context("it was sent")?;
    says_nothing_of(&error, &[TO, FROM, "ann", CODE, "pass word"]);
    Ok(error)
}

fn plain(smtp: &Smtp, login: Option<(&str, &Path)>) -> Result<Mailer> {
    mailer(&format!("smtp://{}", smtp.address()), login)
}

fn is_refused(error: &MailError) -> bool {
    matches!(error, MailError::Refused { .. })
}

#[tokio::test]
async fn f6_a_refusal_is_the_mail_s_or_passing() -> Result<()> {
    let smtp = Smtp::start()?;
    let mailer = plain(&smtp, None)?;
    for (at, code, refused) in [
        (At::Recipient, 550, true),
        (At::Recipient, 451, false),
        (At::Sender, 553, true),
        (At::Sender, 421, false),
        (At::End, 554, true),
        (At::End, 452, false),
        (At::Greeting, 421, false),
        (At::Recipient, 530, false),
    ] {
        smtp.fail(at, Trouble::Code(code));
        let error = failure(&mailer).await?;
        assert_eq!(is_refused(&error), refused, "{at:?} {code}: {error}");
        assert!(error.to_string().contains(&code.to_string()), "{error} does not name {code}");
    }
    assert_eq!(smtp.mails().len(), 0);
    Ok(())
}

#[tokio::test]
async fn f6_a_server_that_says_nothing_is_unavailable_wherever_it_stops() -> Result<()> {
    let wait = [At::Greeting, At::Sender, At::Recipient, At::End].map(async |at| {
        let smtp = Smtp::start()?;
        smtp.fail(at, Trouble::Silence);
        anyhow::Ok((at, failure(&plain(&smtp, None)?).await?))
    });
    let [greeting, sender, recipient, end] = wait;
    let all = tokio::try_join!(greeting, sender, recipient, end)?;
    for (at, error) in [all.0, all.1, all.2, all.3] {
        assert_eq!(error, MailError::Unavailable { cause: "no answer in time".to_owned() }, "{at:?}");
    }
    Ok(())
}

#[tokio::test]
async fn f6_a_server_that_is_down_or_no_mail_server_is_unavailable() -> Result<()> {
    let down = mailer(&format!("smtp://127.0.0.1:{}", ports::free()?), None)?;
    assert!(!is_refused(&failure(&down).await?));
    let smtp = Smtp::start()?;
    smtp.fail(At::Greeting, Trouble::Noise);
    assert!(!is_refused(&failure(&plain(&smtp, None)?).await?));
    Ok(())
}

#[tokio::test]
async fn f6_a_wrong_login_is_not_the_mail_s_fault() -> Result<()> {
    let smtp = Smtp::start_with_login("ca", "pass word")?;
    let (_folder, password) = secret_file("wrong word")?;
    let wrong = failure(&plain(&smtp, Some(("ca", &password)))?).await?;
    let none = failure(&plain(&smtp, None)?).await?;
    says_nothing_of(&wrong, &["wrong word"]);
    assert!(!is_refused(&wrong) && wrong.to_string().contains("535"), "{wrong}");
    assert!(!is_refused(&none) && none.to_string().contains("530"), "{none}");
    assert_eq!(smtp.mails().len(), 0);
    Ok(())
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_does_not_offer_tls() -> Result<()> {
    let smtp = Smtp::start_with_login("ca", "pass word")?;
    let (_folder, password) = secret_file("pass word")?;
    for scheme in ["smtp+starttls", "smtps"] {
        let mailer = mailer(&format!("{scheme}://{}", smtp.address()), Some(("ca", &password)))?;
        assert!(!is_refused(&failure(&mailer).await?), "{scheme}");
    }
    let said = smtp.commands();
    assert!(!said.iter().any(|c| c.starts_with("AUTH") || c.starts_with("MAIL")), "{said:?}");
    assert_eq!(smtp.mails().len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_address_that_mail_cannot_go_to_is_refused() -> Result<()> {
    let smtp = Smtp::start()?;
    let error = plain(&smtp, None)?.send(&"a..b@example..com".parse()?, "Hello", TEXT).await;
    assert!(error.is_err_and(|error| is_refused(&error) && !error.to_string().contains("a..b")));
    Ok(())
}
