//! H3: whatever a server sends in place of a KRL, the one that a host has stays, and the exit code says so.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use ca_core::krl::{self, KrlVersion, MAX_BYTES, Revocations};
use ca_core::log::NoteSigner;
use ca_core::names::Serial;
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;
use ca_core::wire::Writer;
use countersign_tests::process::output;
use countersign_tests::programs::program;

const ORIGIN: &str = "ca.example.com/log";

/// Files that are served over plain HTTP on this machine.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<HashMap<&'static str, Vec<u8>>>>);

impl Files {
    fn set(&self, krl: Vec<u8>, signature: Vec<u8>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert("/v1/krl", krl);
        files.insert("/v1/krl.sig", signature);
    }

    /// Serves them until the test ends; gives the address.
    fn serve(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let files = self.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let _ = files.answer(connection);
            }
        });
        Ok(url)
    }

    fn answer(&self, mut connection: std::net::TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte)? == 1 {
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )?;
        connection.write_all(&body)
    }
}

struct Scene {
    folder: tempfile::TempDir,
    files: Files,
    url: String,
    log: NoteSigner,
    ca: PublicKey,
}

impl Scene {
    fn new() -> Result<Self> {
        let log = NoteSigner::from_seed(ORIGIN, &[7; 32])?;
        let ca = NoteSigner::from_seed("ca", &[8; 32])?.verifier_key().to_ssh()?;
        let files = Files::default();
        Ok(Self { folder: tempfile::tempdir()?, url: files.serve()?, files, log, ca })
    }

    fn krl(&self, version: u64) -> Vec<u8> {
        let mut revocations = Revocations::default();
        for serial in (5..=9).filter_map(Serial::at_index) {
            revocations.revoke_serial(&self.ca, serial, None);
        }
        krl::write(&revocations, KrlVersion(version), UnixSeconds(1_790_000_000), "")
    }

    /// Offers a KRL with a good signature, whatever it is.
    fn offer(&self, krl: Vec<u8>) -> Result<()> {
        let signature = krl::sign(&krl, &self.log)?;
        self.files.set(krl, signature.into_bytes());
        Ok(())
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("installed.krl")
    }

    /// Runs `ca krl fetch`; gives the exit code and what it said.
    fn fetch(&self) -> Result<(Option<i32>, String)> {
        let mut command = Command::new(program("ca")?);
        command.args(["krl", "fetch"]).arg(self.file()).args(["--server", &self.url, "--log-key"]);
        command.arg(self.log.verifier_key().to_string()).env("HOME", self.folder.path());
        command.env_remove("XDG_STATE_HOME");
        let done = output(&mut command)?;
        Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()))
    }
}

/// Puts a serial into the place of another.
fn with_serial(krl: &[u8], from: u64, to: u64) -> Result<Vec<u8>> {
    let at = krl.windows(8).rposition(|window| window == from.to_be_bytes()).context("the serial")?;
    Ok([&krl[..at], &to.to_be_bytes(), &krl[at + 8..]].concat())
}

/// Writes a KRL by hand whose only bitmap has this many bytes.
fn with_bitmap(scene: &Scene, version: u64, bytes: usize) -> Vec<u8> {
    let string = |content: &[u8]| {
        let mut writer = Writer::default();
        writer.string(content);
        writer.finish()
    };
    let empty = krl::write(&Revocations::default(), KrlVersion(version), UnixSeconds(1_790_000_000), "");
    let bitmap = [1_u64.to_be_bytes().to_vec(), string(&vec![0x7f; bytes])].concat();
    let section = [string(scene.ca.blob()), string(b""), vec![0x22], string(&bitmap)].concat();
    [empty, vec![1], string(&section)].concat()
}

#[test]
fn h3_what_is_no_good_krl_is_never_installed() -> Result<()> {
    let scene = Scene::new()?;
    let (good, next) = (scene.krl(10), scene.krl(11));
    let other = NoteSigner::from_seed(ORIGIN, &[9; 32])?;
    let signed = |krl: &[u8], by: &NoteSigner| krl::sign(krl, by).map(String::into_bytes);
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("empty", vec![], signed(b"", &scene.log)?),
        ("comments", b"# nothing\n\n".to_vec(), signed(b"# nothing\n\n", &scene.log)?),
        ("NUL", vec![0; 4096], signed(&[0; 4096], &scene.log)?),
        ("truncated", next[..next.len() - 1].to_vec(), signed(&next[..next.len() - 1], &scene.log)?),
        ("cut after signing", next[..44].to_vec(), signed(&next, &scene.log)?),
        ("older", scene.krl(9), signed(&scene.krl(9), &scene.log)?),
        (
            "same version, other content",
            with_bitmap(&scene, 10, 8),
            signed(&with_bitmap(&scene, 10, 8), &scene.log)?,
        ),
        ("unsigned", next.clone(), vec![]),
        ("other signer", next.clone(), signed(&next, &other)?),
        ("huge", vec![b'x'; MAX_BYTES + 1], signed(b"x", &scene.log)?),
        ("huge signature", next.clone(), vec![b'-'; 1024 * 1024]),
        ("bitmap", with_bitmap(&scene, 12, 2049), signed(&with_bitmap(&scene, 12, 2049), &scene.log)?),
        ("serial 0", with_serial(&next, 5, 0)?, signed(&with_serial(&next, 5, 0)?, &scene.log)?),
    ];
    for installed in [false, true] {
        if installed {
            scene.offer(good.clone())?;
            let (code, said) = scene.fetch()?;
            ensure!(code == Some(0), "the good one: {said}");
        }
        for (what, krl, signature) in &cases {
            let is_older = what.starts_with("older") || what.starts_with("same");
            if is_older && !installed {
                continue;
            }
            scene.files.set(krl.clone(), signature.clone());
            let (code, said) = scene.fetch()?;
            ensure!(code == Some(2) && said.starts_with("ca: "), "{what}: {code:?} {said}");
            let found = fs::read(scene.file()).ok();
            ensure!(found == installed.then(|| good.clone()), "{what}: the file changed");
            let stays = if installed { "stays" } else { "still none" };
            ensure!(said.contains(stays) && said.lines().count() <= 2, "{what}: {said}");
        }
    }
    // Nothing was left beside it, and a good one is taken still; twice is once.
    ensure!(fs::read_dir(scene.folder.path())?.count() == 1, "files were left");
    for _ in 0..2 {
        scene.offer(next.clone())?;
        ensure!(scene.fetch()?.0 == Some(0) && fs::read(scene.file())? == next, "a good one");
    }
    Ok(())
}

#[test]
fn h3_a_host_with_a_dangerous_file_gets_the_good_one() -> Result<()> {
    let scene = Scene::new()?;
    for bad in [&b""[..], b"# nobody\n", b"SSHKRL\n\0 broken"] {
        fs::write(scene.file(), bad)?;
        scene.offer(scene.krl(10))?;
        let (code, said) = scene.fetch()?;
        ensure!(code == Some(0) && said.contains("replaced"), "{said}");
        ensure!(fs::read(scene.file())? == scene.krl(10), "it was not replaced");
    }
    Ok(())
}

#[test]
fn h3_without_a_server_or_a_pinned_key_the_file_stays() -> Result<()> {
    let scene = Scene::new()?;
    scene.offer(scene.krl(10))?;
    ensure!(scene.fetch()?.0 == Some(0), "the good one");
    let mut unpinned = Command::new(program("ca")?);
    unpinned.args(["krl", "fetch"]).arg(scene.file()).args(["--server", &scene.url]);
    let done = output(unpinned.env("HOME", scene.folder.path()).env_remove("XDG_STATE_HOME"))?;
    ensure!(done.status.code() == Some(2), "a key from the server itself is none");
    let gone = Scene { url: "http://127.0.0.1:1".to_owned(), ..scene };
    ensure!(gone.fetch()?.0 == Some(2), "nobody answers");
    ensure!(fs::read(gone.file())? == gone.krl(10), "the file changed");
    Ok(())
}
