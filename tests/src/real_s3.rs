//! S3 servers that others wrote: moto, `LocalStack`, and whichever `COUNTERSIGN_TEST_S3` names.

use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};

use crate::bucket::Bucket;
use crate::process::{run, wait_until};
use crate::{ports, programs};

/// Names another server for the tests: `<endpoint>,<key>,<secret>`.
pub const CONFIGURED: &str = "COUNTERSIGN_TEST_S3";

const REGION: &str = "us-east-1";
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a program's main function and ends with the test, even one that was killed: then its standard input closes.
const UNTIL_STDIN_CLOSES: &str = "import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
";

/// An S3 server; one that was started here ends when the last user drops it.
#[derive(Debug)]
pub struct RealS3 {
    endpoint: String,
    key: String,
    secret: String,
    process: Option<(Child, PathBuf)>,
}

impl RealS3 {
    /// Gives the address, as a URL; moto has all of its services there.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Gives the id and the secret of the access key.
    pub fn access_key(&self) -> (&str, &str) {
        (&self.key, &self.secret)
    }

    /// Makes a bucket of its own, with versioning and Object Lock or with neither.
    ///
    /// Blocks, also within an asynchronous test.
    pub fn new_bucket(&self, lock: bool) -> Result<Bucket> {
        let bucket = Bucket {
            endpoint: self.endpoint.clone(),
            name: format!("countersign-{:016x}", getrandom::u64()?),
            prefix: String::new(),
            region: REGION.to_owned(),
            key: self.key.clone(),
            secret: self.secret.clone(),
        };
        let request = client(&bucket).create_bucket().bucket(&bucket.name);
        let request = if lock { request.object_lock_enabled_for_bucket(true) } else { request };
        // A runtime cannot be blocked on from within another, but a thread can.
        let made = std::thread::scope(|scope| {
            let made = scope.spawn(|| -> Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(request.send())?;
                Ok(())
            });
            made.join().map_err(|_| anyhow!("the thread that makes the bucket failed"))
        });
        made?.with_context(|| format!("no bucket at {}", self.endpoint))?;
        Ok(bucket)
    }
}

impl Drop for RealS3 {
    fn drop(&mut self) {
        if let Some((process, log)) = &mut self.process {
            // It may have ended already; there is nothing to do about a failure here.
            let _ = process.kill();
            let _ = process.wait();
            let _ = std::fs::remove_file(log);
        }
    }
}

/// Makes a plain SDK client for a bucket, for what the server under test never does.
pub fn client(bucket: &Bucket) -> Client {
    let credentials = Credentials::new(&bucket.key, &bucket.secret, None, None, "test");
    let builder =
        Builder::new().behavior_version(BehaviorVersion::latest()).credentials_provider(credentials);
    let builder = builder.region(Region::new(bucket.region.clone()));
    Client::from_conf(builder.endpoint_url(&bucket.endpoint).force_path_style(true).build())
}

/// Gives the server that the environment names, or `None`.
pub fn configured() -> Result<Option<Arc<RealS3>>> {
    let Ok(given) = std::env::var(CONFIGURED) else { return Ok(None) };
    let mut parts = given.split(',').map(|part| part.trim().to_owned());
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (endpoint, key, secret) = (part(), part(), part());
    let given = || format!("{CONFIGURED} must be <endpoint>,<key>,<secret>");
    Ok(Some(Arc::new(RealS3 {
        endpoint: endpoint.with_context(given)?,
        key: key.with_context(given)?,
        secret: secret.with_context(given)?,
        process: None,
    })))
}

/// Gives moto, started if no test of this process uses it now.
pub fn moto() -> Result<Arc<RealS3>> {
    static RUNNING: Mutex<Weak<RealS3>> = Mutex::new(Weak::new());
    shared(&RUNNING, || {
        let python = venv("venv-moto", "python3", &["moto[server,s3,kms,sns]"])?;
        let program = format!("{UNTIL_STDIN_CLOSES}from moto.server import main\nmain(sys.argv[1:])");
        let port = ports::free()?;
        let mut command = Command::new(python);
        command.args(["-c", &program, "-H", "127.0.0.1", "-p", &port.to_string()]);
        start("moto", &mut command, port)
    })
}

/// Gives `LocalStack`, started if no test of this process uses it now; `None`, and a line that says so, where there is
/// no Python that is new enough for it.
pub fn localstack() -> Result<Option<Arc<RealS3>>> {
    static RUNNING: Mutex<Weak<RealS3>> = Mutex::new(Weak::new());
    let Some(python) = new_python() else {
        eprintln!("LocalStack is left out: it needs Python 3.12 or newer, and there is none");
        return Ok(None);
    };
    let packages = [
        "localstack-core[runtime]==2026.3.0",
        "cbor2<5.9",
        "cryptography<47",
        "pyopenssl<26",
        "service_identity",
    ];
    let server = shared(&RUNNING, || {
        let python = venv("venv-localstack", python, &packages)?;
        let program = format!("{UNTIL_STDIN_CLOSES}from localstack.runtime.main import main\nmain()");
        let port = ports::free()?;
        let home = target().join(format!("localstack-{port}"));
        std::fs::create_dir_all(home.join("tmp"))?;
        let mut command = Command::new(python);
        // Its default server would listen on every interface.
        command.env("GATEWAY_SERVER", "hypercorn").env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"));
        command.env("SERVICES", "s3").env("DISABLE_EVENTS", "1").env("SKIP_SSL_CERT_DOWNLOAD", "1");
        command.env("DNS_ADDRESS", "0").env("HOME", &home).env("TMPDIR", home.join("tmp"));
        command.env("LOCALSTACK_VOLUME_DIR", home.join("var")).args(["-c", &program]);
        start("LocalStack", &mut command, port)
    })?;
    Ok(Some(server))
}

/// Hands out one server to all tests that run at the same time. A plain static would never be dropped, and the
/// server would outlive the tests.
fn shared(running: &Mutex<Weak<RealS3>>, start: impl FnOnce() -> Result<RealS3>) -> Result<Arc<RealS3>> {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(start()?);
    *running = Arc::downgrade(&server);
    Ok(server)
}

fn start(name: &str, command: &mut Command, port: u16) -> Result<RealS3> {
    let path = target().join(format!("{}-{port}.log", name.to_lowercase()));
    let log = File::create(&path)?;
    let process = command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()?;
    let server = RealS3 {
        endpoint: format!("http://127.0.0.1:{port}"),
        key: "test".to_owned(),
        secret: "test".to_owned(),
        process: Some((process, path)),
    };
    wait_until(&format!("{name} on port {port}"), PATIENCE, || {
        Ok(TcpStream::connect(("127.0.0.1", port)).ok())
    })?;
    Ok(server)
}

/// Makes a Python environment once; others wait, in this process and in others.
fn venv(name: &str, python: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = target().join(name);
    std::fs::create_dir_all(target())?;
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    let (found, complete) = (folder.join("bin/python"), folder.join("complete"));
    if !complete.exists() {
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))
            .context("Debian has it in the package python3-venv")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&found).args(pip).args(packages))?;
        // Written last: an environment without it was interrupted and is made anew.
        File::create(complete)?;
    }
    Ok(found)
}

/// Finds a Python that `LocalStack` runs on.
fn new_python() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&str>> = OnceLock::new();
    let question = "import sys; sys.exit(sys.version_info < (3, 12))";
    let is_new = |python: &&str| {
        Command::new(python).args(["-c", question]).output().is_ok_and(|answer| answer.status.success())
    };
    *FOUND.get_or_init(|| ["python3.14", "python3.13", "python3.12", "python3"].into_iter().find(is_new))
}

fn target() -> PathBuf {
    programs::repository().join("target")
}
