//! What a mail server gets.

use std::path::Path;

use anyhow::{Context as _, Result};
use ca_server::messages::mail::{MailError, Mailer};
use countersign_tests::smtp::{Mail, Smtp, Tls};

use super::secret_file;

pub(crate) const TO: &str = "ann@example.com";
pub(crate) const FROM: &str = "ca@example.com";

/// A client of the server at this URL, known there or not.
pub(crate) fn mailer(url: &str, login: Option<(&str, &Path)>) -> Result<Mailer> {
    let login = login.map_or_else(String::new, |(name, file)| {
        format!("username = \"{name}\"\npassword_file = \"{}\"\n", file.display())
    });
    let text = format!("url = \"{url}\"\nfrom = \"Countersign <{FROM}>\"\ntimeout = \"2s\"\n{login}");
    Ok(Mailer::new(&toml::from_str(&text)?)?)
}

/// Sends one mail and gives what arrived.
async fn arrived(subject: &str, text: &str) -> Result<(Smtp, Mail)> {
    let smtp = Smtp::start()?;
    mailer(&format!("smtp://{}", smtp.address()), None)?.send(&TO.parse()?, subject, text).await?;
    let mut mails = smtp.mails();
    assert_eq!(mails.len(), 1);
    Ok((smtp, mails.pop().context("nothing arrived")?))
}

#[tokio::test]
async fn a_mail_arrives_with_all_that_a_mail_has() -> Result<()> {
    let (smtp, mail) = arrived("A factor was removed", "Your Yubikey was removed.\n\nWas it you?\n").await?;
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), (FROM, [TO.to_owned()].as_slice()));
    assert_eq!((mail.header("From"), mail.header("To")), ("Countersign <ca@example.com>", TO));
    assert_eq!(mail.subject, "A factor was removed");
    assert_eq!(mail.body, "Your Yubikey was removed.\n\nWas it you?");
    assert_eq!(mail.header("Content-Type"), "text/plain; charset=utf-8");
    assert!(mail.header("Date").ends_with(" +0000"), "{:?}", mail.headers);
    let id = mail.header("Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@example.com>"), "{id}");
    assert_eq!(smtp.commands()[0], "EHLO example.com");
    Ok(())
}

#[tokio::test]
async fn every_letter_survives() -> Result<()> {
    let subject = "Anmeldung für „Größe“ – 確認 🔑 ".repeat(6);
    let text = format!("Grüße, 確認 🔑\n{}\n=20 =?utf-8?q?no?=\n", "ein langer Absatz ".repeat(100));
    let (_smtp, mail) = arrived(subject.trim(), text.trim_end()).await?;
    assert_eq!((mail.subject.as_str(), mail.body.as_str()), (subject.trim(), text.trim_end()));
    Ok(())
}

#[tokio::test]
async fn a_subject_cannot_begin_another_header() -> Result<()> {
    for subject in [
        "Hello\r\nBcc: eve@example.com\r\n\r\nAnother text",
        "Hello\nBcc: eve@example.com",
        "Hello\rBcc: eve@example.com",
        "Grüße\r\nBcc: eve@example.com",
        "Hello\r\n Bcc: eve@example.com\0\u{b}\u{85}",
    ] {
        let (_smtp, mail) = arrived(subject, "text").await?;
        let plain: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut names: Vec<&str> = mail.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let expected =
            ["Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-ID", "Subject", "To"];
        assert_eq!(names, expected, "{subject:?}");
        assert_eq!(mail.to, [TO], "{subject:?}");
        assert_eq!((mail.subject.trim_end(), mail.body.as_str()), (plain.trim_end(), "text"), "{subject:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_text_cannot_end_the_mail_and_begin_another() -> Result<()> {
    let smuggled = "MAIL FROM:<eve@example.com>";
    for dot in ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n"] {
        let (smtp, mail) = arrived("Hello", &format!("first{dot}{smuggled}")).await?;
        assert!(mail.body.starts_with("first") && mail.body.ends_with(smuggled), "{dot:?}: {}", mail.body);
        assert!(!smtp.commands().iter().any(|command| command == smuggled), "{dot:?}");
    }
    let (_smtp, mail) = arrived("Hello", "..\n.hidden\n...").await?;
    assert_eq!(mail.body, "..\n.hidden\n...");
    Ok(())
}

#[tokio::test]
async fn a_login_comes_first_where_one_is_wanted() -> Result<()> {
    let smtp = Smtp::start_with_login("ca", "pass word")?;
    let url = format!("smtp://{}", smtp.address());
    let (_folder, password) = secret_file("pass word")?;
    let mailer = mailer(&url, Some(("ca", &password)))?;
    assert!(!format!("{mailer:?}").contains("pass word"));
    mailer.send(&TO.parse()?, "Hello", "text").await?;
    assert_eq!(smtp.mails().len(), 1);
    Ok(())
}

#[tokio::test]
async fn mail_goes_through_tls_to_a_server_whose_certificate_is_trusted() -> Result<()> {
    for (tls, scheme) in [(Tls::AtOnce, "smtps"), (Tls::WhenAsked, "smtp+starttls")] {
        let (smtp, certificate) = Smtp::start_with_tls(tls)?;
        let url = format!("url = \"{scheme}://{}\"\nfrom = \"{FROM}\"\ntimeout = \"2s\"\n", smtp.address());
        let untrusting = Mailer::new(&toml::from_str(&url)?)?;
        let error = untrusting.send(&TO.parse()?, "Hello", "text").await;
        assert!(matches!(error, Err(MailError::Unavailable { .. })), "{scheme}: {error:?}");
        assert!(!smtp.commands().iter().any(|command| command.starts_with("MAIL")), "{scheme}");

        let (_folder, file) = secret_file(&certificate)?;
        let trusting = Mailer::new(&toml::from_str(&format!("{url}ca_file = \"{}\"\n", file.display()))?)?;
        trusting.send(&TO.parse()?, "Hello", "text").await.with_context(|| scheme)?;
        assert_eq!(smtp.mails().len(), 1, "{scheme}");
    }
    Ok(())
}

#[test]
fn a_file_without_certificates_is_refused() -> Result<()> {
    let (_folder, file) = secret_file("none")?;
    let text = format!("url = \"smtps://mx\"\nfrom = \"{FROM}\"\nca_file = \"{}\"\n", file.display());
    let error = Mailer::new(&toml::from_str(&text)?).err().context("it was accepted")?.to_string();
    assert!(error.contains("certificates in PEM") && error.contains("secret"), "{error}");
    Ok(())
}
