//! A headless Chromium with a security key plugged in, driven over W3C `WebDriver`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ports;
use crate::process::{Running, wait_until};

/// How long the browser may take to start, and a page to say something.
const PATIENCE: Duration = Duration::from_mins(1);

/// What of Chromium is not wanted: a sandbox that root cannot have, a graphics card, and calls home.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser window; it goes when this is dropped.
pub struct Browser {
    client: Client,
    session: String,
    _driver: Running,
    _profile: TempDir,
}

impl Browser {
    /// Starts a driver and a window, with an authenticator that verifies its user and is touched whenever asked.
    pub async fn start() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let port = ports::free()?;
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).env("HOME", profile.path()).env("TMPDIR", profile.path());
        let mut driver = Running::start("chromedriver", &mut command, &profile.path().join("driver.log"))?;
        driver
            .wait_for("chromedriver", PATIENCE, |said| said.contains("started successfully").then_some(()))?;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let base = format!("http://127.0.0.1:{port}/session");
        let new = call(&client, Method::POST, &base, &capabilities(profile.path())).await?;
        let id = new["sessionId"].as_str().context("no session")?;
        let session = format!("{base}/{id}");
        let browser = Self { client, session, _driver: driver, _profile: profile };
        let key = json!({
            "protocol": "ctap2",
            "transport": "usb",
            "hasUserVerification": true,
            "isUserVerified": true,
            "isUserConsenting": true,
        });
        browser.post("webauthn/authenticator", &key).await?;
        Ok(browser)
    }

    /// Opens an address in a page of its own.
    pub async fn open(&self, url: &str) -> Result<()> {
        // An address that differs behind the # alone would not load anything.
        self.post("url", &json!({ "url": "about:blank" })).await?;
        self.post("url", &json!({ "url": url })).await.map(drop)
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.post("execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until a script gives a true value.
    pub async fn wait_for(&self, what: &str, script: &str) -> Result<()> {
        let handle = tokio::runtime::Handle::current();
        let ask = || handle.block_on(self.run(script)).map(|value| (value == true).then_some(()));
        let waited = tokio::task::block_in_place(|| wait_until(what, PATIENCE, ask));
        match waited {
            Ok(()) => Ok(()),
            Err(error) => {
                let text = self.run("return document.body.innerText").await.unwrap_or_default();
                bail!("{error:#}; the page says: {text}")
            }
        }
    }

    /// Closes the window, so that the driver has nothing left when it ends.
    pub async fn close(self) -> Result<()> {
        call(&self.client, Method::DELETE, &self.session, &json!({})).await.map(drop)
    }

    async fn post(&self, command: &str, body: &Value) -> Result<Value> {
        call(&self.client, Method::POST, &format!("{}/{command}", self.session), body).await
    }
}

fn capabilities(profile: &Path) -> Value {
    let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
    arguments.push(format!("--user-data-dir={}", profile.join("profile").display()));
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "webauthn:virtualAuthenticators": true,
        "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": arguments },
    } } })
}

/// Calls the driver; its answers are in `value`, and so are its complaints.
async fn call(client: &Client, method: Method, url: &str, body: &Value) -> Result<Value> {
    let answer = client.request(method, url).json(body).send().await?;
    let status = answer.status();
    let mut answer: Value = answer.json().await?;
    if !status.is_success() {
        bail!("the browser's driver says {status}: {}", answer["value"]["message"]);
    }
    Ok(answer["value"].take())
}
