//! A person adds a security key with the real `ca` and a real browser, logs in with it, and gets a certificate.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use countersign_tests::browser::Browser;
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::{ceremonies, journey};

/// A command that waits for a security key.
struct Waiting {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    url: String,
    code: String,
}

impl Waiting {
    /// Starts the command and reads what it asks for.
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut said = BufReader::new(child.stderr.take().context("its words")?);
        let mut text = String::new();
        while !text.contains("Waiting for it") {
            ensure!(said.read_line(&mut text)? > 0, "`ca` ended early: {text}");
        }
        let url = text.lines().find_map(|line| line.trim().strip_prefix("http://"));
        let url = format!("http://{}", url.context("a link")?);
        let code = text.lines().find_map(|line| line.split_once("and type ")).context("a code")?.1.to_owned();
        Ok(Self { child, said, url, code })
    }

    /// Waits until it ends well; gives what else it said.
    fn finish(mut self) -> Result<String> {
        let mut text = String::new();
        self.said.read_to_string(&mut text)?;
        ensure!(self.child.wait()?.success(), "{text}");
        Ok(text)
    }
}

const SHOWN: &str = "return !document.getElementById('ceremony').hidden";
const GO: &str = "document.getElementById('go').click()";
const DONE: &str = "return document.getElementById('said').textContent.startsWith('Done.')";

fn add(ann: &Person, label: &str) -> Result<Waiting> {
    let mut command =
        ann.ca(&["factor", "add", "webauthn", "--label", label, "--user", &ann.name, "--factor", "totp"])?;
    command.env("COUNTERSIGN_PASSWORD", &ann.password).env("COUNTERSIGN_CODE", ann.phone.code());
    Waiting::start(command)
}

/// Finds what `ca` keeps of a login for the next one.
fn device(ann: &Person) -> Result<Option<PathBuf>> {
    let found = run(Command::new("find").arg(ann.home("")).args(["-type", "f", "-name", "*device"]))?;
    Ok(found.lines().next().map(PathBuf::from))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_adds_a_security_key_and_logs_in_with_it() -> Result<()> {
    let server = ceremonies::server()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let browser = Browser::start().await?;

    // S5: a label that is markup is text.
    let label = "<b id=xss onclick=alert(1)>blue</b>";
    let adding = add(&ann, label)?;
    browser.open(&adding.url).await?;
    browser.wait_for("the ceremony", SHOWN).await?;
    let text = browser.run("return document.getElementById('label').textContent").await?;
    ensure!(text == label, "{text}");
    ensure!(browser.run("return document.getElementById('xss') === null").await? == true);
    ensure!(
        browser.run("return location.hash + location.search").await? == "",
        "the secret stays in the address"
    );
    browser.run(GO).await?;
    browser.wait_for("the key to be taken", DONE).await?;
    let said = adding.finish()?;
    ensure!(said.contains("Added webauthn"), "{said}");

    // As on a machine where nobody has logged in before.
    std::fs::remove_file(device(&ann)?.context("a known device")?)?;
    // Another device has no link, and types the code.
    let mut command =
        ann.ca(&["login", "--server", server.url(), "--user", "ann", "--factor", "webauthn"])?;
    command.env("COUNTERSIGN_PASSWORD", &ann.password);
    let logging_in = Waiting::start(command)?;
    browser.open(logging_in.url.split('#').next().unwrap_or_default()).await?;
    browser.wait_for("the question", "return !document.getElementById('ask').hidden").await?;
    let code = logging_in.code.clone();
    browser
        .run(&format!(
            "document.getElementById('code').value = '{code}'; document.getElementById('open').click()"
        ))
        .await?;
    browser.wait_for("the ceremony", SHOWN).await?;
    let text = browser.run("return document.querySelector('dl').innerText").await?;
    ensure!(text.as_str().is_some_and(|text| text.contains("ann") && text.contains("127.0.0.1")), "{text}");
    browser.run(GO).await?;
    browser.wait_for("the key to be taken", DONE).await?;
    let said = logging_in.finish()?;
    ensure!(said.contains("Logged in as ann"), "{said}");
    browser.close().await?;
    ensure!(device(&ann)?.is_some(), "this machine is no known device after the login");

    let key = ann.new_key("id_ed25519", &["ed25519"])?;
    ann.request("dev", &key, &["--ttl", "1h"])?;
    let log = server.log_folder().to_string_lossy().into_owned();
    let events = run(ann.ca(&["audit", "search", &log, "--key"])?.arg(server.log_key()))?;
    ensure!(events.contains("factor-added") && events.contains("webauthn"), "{events}");
    for secret in [code.as_str(), "cs_w_", "cs_p_"] {
        ensure!(!server.output().contains(secret) && !events.contains(secret), "i9: {secret} is logged");
    }
    journey::verify(&server, &ann)
}
