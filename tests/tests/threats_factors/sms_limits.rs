//! F10: each limit on SMS ends a flood that all the limits before it let through.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Api, problem};
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::twilio::Twilio;
use reqwest::Method;
use serde_json::json;

/// Each limit is reached before the next.
const LIMITS: &str =
    "per_user_hour = 99\nper_number_hour = 2\nper_prefix_hour = 4\nper_country_day = 6\nper_day = 8";

/// Somebody who floods from several accounts.
struct Flood {
    server: Server,
    twilio: Twilio,
    api: Api,
    owners: Vec<String>,
    tried: usize,
}

impl Flood {
    async fn new(people: &[Person], server: Server, twilio: Twilio) -> Result<Self> {
        let api = Api::new(&server)?;
        let mut owners = Vec::new();
        for person in people {
            owners.push(api.own(person).await?);
        }
        Ok(Self { server, twilio, api, owners, tried: 0 })
    }

    /// Has codes sent to a number, by one account after the other; all are to be sent.
    async fn sent(&mut self, number: &str, times: usize) -> Result<()> {
        for _ in 0..times {
            let before = self.twilio.sent().len();
            let (status, answer) = self.send(number).await?;
            ensure!(status == 200, "{number}: {status} {answer}");
            ensure!(self.twilio.sent().len() == before + 1, "{number}: nothing was sent");
        }
        Ok(())
    }

    /// Has a code sent that must be refused by one limit, whoever asks.
    async fn refused(&mut self, number: &str, limit: &str, longest_secs: u64) -> Result<()> {
        let (sent, said) = (self.twilio.sent().len(), self.server.output().len());
        for _ in 0..self.owners.len() {
            let (status, answer) = self.send(number).await?;
            ensure!(status == 429 && problem(&answer) == "too-many-messages", "{number}: {status} {answer}");
            let wait = answer["retry_after_secs"].as_u64().context("how long")?;
            ensure!((1..=longest_secs).contains(&wait), "{wait} s");
            ensure!(!answer.to_string().contains(&number[3..]), "the number is shown: {answer}");
        }
        ensure!(self.twilio.sent().len() == sent, "{number}: a message was sent");
        let output = self.server.output();
        let lines: Vec<&str> = output[said..].lines().filter(|line| line.contains("limit")).collect();
        ensure!(lines.len() == self.owners.len(), "{lines:?}");
        ensure!(lines.iter().all(|line| line.contains(limit)), "another limit than {limit}: {lines:?}");
        ensure!(!output.contains(&number[3..]), "i9: the number is in the server's output");
        Ok(())
    }

    async fn send(&mut self, number: &str) -> Result<(u16, serde_json::Value)> {
        self.tried += 1;
        let owner = &self.owners[self.tried % self.owners.len()];
        let body = json!({ "label": format!("phone {}", self.tried), "number": number });
        self.api.call(owner, Method::POST, "/v1/account/factors/sms", &body).await
    }
}

/// Waits for the next hour of the clock when this one ends within two minutes: limits count by the hour and the day.
async fn early_in_the_hour() -> Result<()> {
    let left = 3600 - SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() % 3600;
    if left < 120 {
        tokio::time::sleep(Duration::from_secs(left + 1)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_flood_ends_at_the_number_the_prefix_the_country_and_the_day() -> Result<()> {
    const HOUR: u64 = 3600;
    let twilio = Twilio::start()?;
    let server = super::sms::server_for(&twilio, "\"+49\", \"+43\"", LIMITS)?;
    let people = [Person::new(&server, "ann", &["engineers"])?, Person::new(&server, "bob", &["engineers"])?];
    early_in_the_hour().await?;
    let mut flood = Flood::new(&people, server, twilio).await?;

    flood.sent("+4915123456001", 2).await?;
    flood.refused("+4915123456001", "sms/number/", HOUR).await?;
    // The next numbers, as of one who has bought a block of them.
    flood.sent("+4915123456002", 2).await?;
    flood.refused("+4915123456003", "sms/prefix/", HOUR).await?;
    flood.refused("+4915123456999", "sms/prefix/", HOUR).await?;
    flood.sent("+4915123457001", 2).await?;
    flood.refused("+4917099999001", "sms/country/+49", 24 * HOUR).await?;
    flood.sent("+436641234501", 2).await?;
    flood.refused("+436769999901", "sms/all", 24 * HOUR).await?;
    // Also one of a country that nothing is sent to counts for nothing.
    let (status, answer) = flood.send("+15551234567").await?;
    ensure!(status == 400 && problem(&answer) == "no-message", "{status} {answer}");
    ensure!(flood.twilio.sent().len() == 8, "{} were sent", flood.twilio.sent().len());

    for person in &people {
        let challenge = flood.api.begin(person, "access").await?;
        let (status, answer) = flood.api.show(&challenge, "totp", &person.phone.code()).await?;
        ensure!(status == 200, "the other factor: {status} {answer}");
    }
    Ok(())
}
