//! Somebody who only wants a certificate.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::client::Client;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};

/// An engineer who has logged in.
pub(crate) struct Witness<'server> {
    server: &'server Server,
    person: Person,
    token: String,
}

impl<'server> Witness<'server> {
    /// Makes an account and logs in.
    pub(crate) async fn new(server: &'server Server, name: &str) -> Result<Self> {
        let person = Person::new(server, name, &["engineers"])?;
        let mut client = Client::connect(server).await?;
        client.login(&person).await?;
        let token = client.token.context("a session")?;
        Ok(Self { server, person, token })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Gets a certificate on a connection of its own; gives the serial.
    pub(crate) async fn certificate(&self) -> Result<u64> {
        let mut client = Client::connect(self.server).await?;
        client.token = Some(self.token.clone());
        let request = signed_request(ORIGIN, &self.person.name, "dev")?;
        Ok(client.certify(&request).await.context("a legitimate user gets a certificate")?.serial)
    }

    /// Checks that nothing of the server has died.
    pub(crate) fn assert_unharmed(&self) -> Result<()> {
        let output = self.server.output();
        ensure!(!output.contains("panicked"), "the server panicked:\n{output}");
        Ok(())
    }
}
