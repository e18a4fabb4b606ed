//! A6, A8, A10, A11, A12: requests that must not be granted, each signed well, over HTTP.

use anyhow::{Context as _, Result, ensure};
use ca_api::CertificateRequest;
use ca_core::request::NAMESPACE;
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::requests::{Key, request};
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::wire::{Reply, Wire};

use crate::{server, session};

/// Somebody who sends requests with a line changed.
struct Forger<'server> {
    server: &'server Server,
    name: &'static str,
    token: String,
    key: Key,
}

impl<'server> Forger<'server> {
    async fn new(server: &'server Server, name: &'static str) -> Result<Self> {
        let person = Person::new(server, name, &["engineers"])?;
        Ok(Self { server, name, token: session(server, &person).await?, key: Key::new()? })
    }

    /// Writes a good request, and then another value on one line.
    fn text(&self, line: &str, value: &str) -> Result<String> {
        let good = request(ORIGIN, self.name, "dev", &self.key)?.to_text();
        let old = good.lines().find(|found| found.split(' ').next() == Some(line)).context("no such line")?;
        Ok(good.replacen(&format!("{old}\n"), &format!("{line} {value}\n"), 1))
    }

    async fn send(&self, request: &CertificateRequest) -> Result<Reply> {
        Wire::to(self.server)?.post("/v1/certificates", Some(&self.token), request).await
    }

    /// Sends a request with one line changed, signed well; gives what is said about it.
    async fn refused(&self, line: &str, value: &str, status: u16, kind: &str) -> Result<String> {
        let reply = self.send(&self.key.sign_text(NAMESPACE, self.text(line, value)?)).await?;
        let problem = reply.expect(status, kind).with_context(|| format!("{line} {value:.60}"))?;
        problem.detail.context("it does not say why")
    }
}

#[tokio::test]
async fn a6_principals_that_are_no_account_names_are_refused_with_the_rule() -> Result<()> {
    let server = server()?;
    let forger = Forger::new(&server, "a6").await?;
    let many = (0..257).map(|number| format!("p{number:03}")).collect::<Vec<_>>().join(",");
    for principals in [
        "",
        ",",
        "a,,b",
        "a#b",
        "*",
        "a*",
        "a\0b",
        "a b",
        "a\"b",
        "a'b",
        "Root",
        "r\u{f6}\u{f6}t",
        "-a",
        ".a",
        "a/b",
        "a\tb",
        "a\rb",
        &"a".repeat(65),
        &many,
    ] {
        let why = forger.refused("principals", principals, 400, "malformed-request").await?;
        ensure!(why.contains("is not allowed: ") || why.contains("256"), "{principals:.20?}: {why}");
    }
    // What could be meant in several ways has one way to be written.
    for principals in ["b,a", "a,a"] {
        forger.refused("principals", principals, 400, "malformed-request").await?;
    }
    forger.refused("principals", "a\nprincipals b", 400, "malformed-request").await?;
    let why = forger.refused("principals", "root", 403, "denied").await?;
    ensure!(why.contains("root"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a8_keys_that_must_not_be_certified_are_refused() -> Result<()> {
    let server = server()?;
    let forger = Forger::new(&server, "a8").await?;
    let folder = tempfile::tempdir()?;
    let made = |kind: &[&str]| -> Result<String> {
        let path = folder.path().join(kind.join("-"));
        let mut keygen = std::process::Command::new("ssh-keygen");
        run(keygen.args(["-q", "-N", "", "-C", "", "-f"]).arg(&path).arg("-t").args(kind))?;
        Ok(std::fs::read_to_string(path.with_extension("pub"))?.trim().to_owned())
    };
    let own = forger.key.public().key().to_string();
    let certificate = forger.send(&forger.key.sign(&request(ORIGIN, "a8", "dev", &forger.key)?)).await?;
    let certificate: ca_api::IssuedCertificate = certificate.json()?;
    for (key, why) in [
        (made(&["rsa", "-b", "1024"])?, "1024 bits"),
        (made(&["rsa", "-b", "2048"])?, "2048 bits"),
        (certificate.certificate.trim().to_owned(), "certificate"),
        ("ssh-dss AAAAB3NzaC1kc3MAAAAA".to_owned(), ""),
        ("ssh-ed448 AAAACXNzaC1lZDQ0OAAAAAA=".to_owned(), ""),
        (own.replacen("ssh-ed25519", "ssh-rsa", 1), ""),
        (own[..own.len() - 8].to_owned(), ""),
        (String::new(), ""),
    ] {
        let said = forger.refused("key", &key, 400, "malformed-request").await?;
        ensure!(said.contains(why), "{why}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a10_lifetimes_beyond_what_is_allowed_are_refused() -> Result<()> {
    let server = server()?;
    let forger = Forger::new(&server, "a10").await?;
    for ttl in ["0s", "0", "-1h", "1", "1.5s", "18446744073709551615s", "99999h", "1h0m", "60m", "P1D", " 1h"]
    {
        forger.refused("ttl", ttl, 400, "malformed-request").await?;
    }
    let why = forger.refused("ttl", "12h1s", 403, "denied").await?;
    ensure!(why.contains("12h"), "it does not say what would do: {why}");
    Ok(())
}

#[tokio::test]
async fn a11_what_a_profile_does_not_grant_is_refused() -> Result<()> {
    let server = server()?;
    let forger = Forger::new(&server, "a11").await?;
    forger.refused("profile", "prod-root", 403, "denied").await?;
    forger.refused("profile", "no-such-profile", 403, "denied").await?;
    forger.refused("user", "somebody-else", 403, "denied").await?;
    forger.refused("authority", "ca.example.org/log", 400, "malformed-request").await?;
    // There is no line by which options could be asked for.
    forger.refused("reason", "x\nextensions permit-X11-forwarding", 400, "malformed-request").await.map(drop)
}

#[tokio::test]
async fn a12_who_does_not_show_that_they_hold_the_key_gets_nothing() -> Result<()> {
    let server = server()?;
    let forger = Forger::new(&server, "a12").await?;
    let good = request(ORIGIN, "a12", "dev", &forger.key)?;
    let signed = forger.key.sign(&good);
    let other = Key::new()?;
    let by_other = other.sign_text(NAMESPACE, signed.request.clone());
    let elsewhere = forger.key.sign_text("file", signed.request.clone());
    let of_before = forger.key.sign(&request(ORIGIN, "a12", "dev", &forger.key)?);
    let of_another_text = CertificateRequest { signature: of_before.signature, ..signed.clone() };
    let none = CertificateRequest { signature: String::new(), ..signed.clone() };
    for forged in [by_other, elsewhere, of_another_text, none] {
        forger.send(&forged).await?.expect(401, "proof-of-possession")?;
    }
    for offset in [-121_000, 121_000, -86_400_000] {
        let mut stale = good.clone();
        let made = stale.id.time().0.checked_add_signed(offset).context("a time")?;
        stale.id = ca_core::names::RequestId::from_parts(ca_core::time::UnixMillis(made), 7);
        forger.send(&forger.key.sign(&stale)).await?.expect(401, "stale")?;
    }
    ensure!(forger.send(&signed).await?.status == 200, "the request itself is good");
    Ok(())
}
