//! `ca explain --cert` against real sshds: for every certificate in a table both give the same answer, for the same reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::openssh::OpenSsh;
use countersign_tests::process::{output, run};
use countersign_tests::programs::program;
use countersign_tests::sshd::{Sshd, running_user};
use serde_json::Value;
use tempfile::TempDir;

/// A certificate, and what must come of it.
struct Row {
    /// What is special about it.
    name: &'static str,
    /// The CA and the key, by their files.
    ca: &'static str,
    key: &'static str,
    /// The options of `ssh-keygen -s`; `ACCOUNT` stands for the account.
    options: &'static [&'static str],
    /// The check that fails, and what sshd's log says about it if it says anything.
    refused: Option<(&'static str, &'static str)>,
}

const fn taken(name: &'static str, options: &'static [&'static str]) -> Row {
    Row { name, ca: "ca", key: "ann", options, refused: None }
}

const fn refused(
    name: &'static str,
    options: &'static [&'static str],
    check: &'static str,
    log: &'static str,
) -> Row {
    Row { name, ca: "ca", key: "ann", options, refused: Some((check, log)) }
}

const TABLE: &[Row] = &[
    taken("good", &["-n", "ACCOUNT", "-V", "-1m:+1h"]),
    taken("good for ever", &["-n", "somebody,ACCOUNT"]),
    taken("source network", &["-n", "ACCOUNT", "-O", "source-address=127.0.0.0/8"]),
    taken("source list", &["-n", "ACCOUNT", "-O", "source-address=10.0.0.0/8,2001:db8::/32,127.0.0.1"]),
    taken("a command", &["-n", "ACCOUNT", "-O", "force-command=id -un"]),
    taken("PIN of a key without", &["-n", "ACCOUNT", "-O", "verify-required"]),
    taken("unknown extension", &["-n", "ACCOUNT", "-O", "extension:x@example.com=y"]),
    Row { key: "short", ..taken("RSA of 1024 bits", &["-n", "ACCOUNT"]) },
    Row { ca: "rsa_ca", ..taken("RSA CA", &["-n", "ACCOUNT"]) },
    refused("expired", &["-n", "ACCOUNT", "-V", "20200101:20200102"], "time", "Certificate invalid: expired"),
    refused("not yet", &["-n", "ACCOUNT", "-V", "+1d:+2d"], "time", "Certificate invalid: not yet valid"),
    refused("other principal", &["-n", "somebody"], "principal", "name is not a listed principal"),
    refused("no principal", &[], "principal", "Certificate lacks principal list"),
    // ssh offers no such certificate, so sshd says nothing of it.
    refused("host", &["-h", "-n", "ACCOUNT"], "type", ""),
    refused(
        "other source",
        &["-n", "ACCOUNT", "-O", "source-address=10.0.0.0/8"],
        "source",
        "not from a permitted source address",
    ),
    refused(
        "bits beyond the mask",
        &["-n", "ACCOUNT", "-O", "critical:source-address=127.0.0.1/8"],
        "options",
        "source-address contents invalid",
    ),
    refused(
        "unknown option",
        &["-n", "ACCOUNT", "-O", "critical:x@example.com=y"],
        "options",
        "\"x@example.com\" is not supported",
    ),
    refused(
        "option with more",
        &["-n", "ACCOUNT", "-O", "clear", "-O", "extension:permit-pty=y"],
        "options",
        "\"permit-pty\" corrupt",
    ),
    refused("revoked serial", &["-n", "ACCOUNT", "-z", "77"], "KRL", "revoked by file"),
    refused("revoked and expired", &["-z", "77", "-V", "20200101:20200102"], "KRL", "revoked by file"),
    refused("revoked id", &["-n", "ACCOUNT", "-I", "lost-laptop"], "KRL", "revoked by file"),
    Row { key: "lost", ..refused("revoked key", &["-n", "ACCOUNT"], "KRL", "revoked by file") },
    Row { ca: "other_ca", ..refused("other CA", &["-n", "ACCOUNT"], "CA key", "") },
    Row { ca: "old_ca", ..refused("revoked CA", &["-n", "ACCOUNT"], "KRL", "revoked by file") },
    Row {
        ca: "rsa_ca",
        ..refused(
            "SHA-1",
            &["-t", "ssh-rsa", "-n", "ACCOUNT"],
            "algorithm",
            "signature algorithm not supported",
        )
    },
];

/// Keys, CAs, a KRL, and the account that is logged in to.
struct Bench {
    folder: TempDir,
    account: String,
}

impl Bench {
    fn new() -> Result<Self> {
        let bench = Self { folder: tempfile::tempdir()?, account: running_user()? };
        for name in ["ca", "other_ca", "old_ca", "ann", "lost"] {
            bench.keygen(&["-q", "-N", "", "-C", "", "-t", "ed25519", "-f", name])?;
        }
        bench.keygen(&["-q", "-N", "", "-C", "", "-t", "rsa", "-b", "3072", "-f", "rsa_ca"])?;
        bench.keygen(&["-q", "-N", "", "-C", "", "-t", "rsa", "-b", "1024", "-f", "short"])?;
        let read = |name: &str| fs::read_to_string(bench.path(&format!("{name}.pub")));
        let trusted = format!("# our CAs\n{}{}{}", read("ca")?, read("rsa_ca")?, read("old_ca")?);
        fs::write(bench.path("trusted"), trusted)?;
        let revoked = format!("serial: 77\nid: lost-laptop\nkey: {}key: {}", read("lost")?, read("old_ca")?);
        fs::write(bench.path("revoked"), revoked)?;
        bench.keygen(&["-q", "-k", "-f", "krl", "-s", "ca.pub", "revoked"])?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keygen(&self, args: &[&str]) -> Result<String> {
        run(Command::new("ssh-keygen").current_dir(self.folder.path()).args(args))
    }

    /// Makes the certificate of a row, beside a copy of its key; gives the key.
    fn make(&self, row: &Row) -> Result<PathBuf> {
        let key = self.path("row");
        fs::copy(self.path(row.key), &key)?;
        fs::copy(self.path(&format!("{}.pub", row.key)), self.path("row.pub"))?;
        let options: Vec<_> =
            row.options.iter().map(|option| option.replace("ACCOUNT", &self.account)).collect();
        let mut args = vec!["-q", "-s", row.ca];
        if !row.options.contains(&"-I") {
            args.extend(["-I", "an id"]);
        }
        args.extend(options.iter().map(String::as_str));
        args.push("row.pub");
        self.keygen(&args)?;
        Ok(key)
    }

    /// Gives `ca explain`'s exit code and its JSON about the certificate beside a key.
    fn explain(&self, key: &Path, more: &[&str]) -> Result<(Option<i32>, Value)> {
        let certificate = format!("{}-cert.pub", key.display());
        let mut command = Command::new(program("ca")?);
        command.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.path("state"));
        command.current_dir(self.folder.path());
        command.args(["explain", "--json", "--cert", &certificate, "--host", "127.0.0.1"]);
        command.args(["--login", &self.account, "--ca-keys", "trusted"]).args(more);
        let done = output(&mut command)?;
        let said = String::from_utf8(done.stdout)?;
        let json = serde_json::from_str(&said)
            .with_context(|| format!("it said {said:?} and {:?}", String::from_utf8_lossy(&done.stderr)))?;
        Ok((done.status.code(), json))
    }
}

/// Gives the name of the first check that fails.
fn failing(json: &Value) -> Option<&str> {
    let checks = json["checks"].as_array()?;
    checks.iter().find(|check| check["standing"] == "fails")?["check"].as_str()
}

#[test]
fn sshd_and_explain_agree_on_every_certificate() -> Result<()> {
    let bench = Bench::new()?;
    let line = format!("RevokedKeys {}\n", bench.path("krl").display());
    let start = |openssh| Sshd::start_with(openssh, &bench.path("trusted"), &line);
    let sshds = OpenSsh::all().into_iter().map(start).collect::<Result<Vec<_>>>()?;
    for row in TABLE {
        let key = bench.make(row)?;
        let (code, json) = bench.explain(&key, &["--krl", "krl", "--from", "127.0.0.1"])?;
        let expected = row.refused.map(|(check, _)| check);
        ensure!(failing(&json) == expected, "{}: {json:#}", row.name);
        ensure!(code == Some(i32::from(row.refused.is_some())), "{}: exit {code:?}", row.name);
        for sshd in &sshds {
            let before = sshd.log().len();
            let got_in = sshd.try_login(&key, "127.0.0.1")?.status.success();
            let log = sshd.log().split_off(before);
            ensure!(got_in == row.refused.is_none(), "{}: sshd says otherwise:\n{log}", row.name);
            let why = row.refused.map_or("", |(_, why)| why);
            ensure!(log.contains(why), "{}: sshd does not say {why:?}:\n{log}", row.name);
        }
    }
    Ok(())
}

#[test]
fn sshd_and_explain_agree_about_a_principals_file() -> Result<()> {
    let bench = Bench::new()?;
    fs::write(bench.path("principals"), "# who may\nteam-a\nteam-b # since May\n")?;
    // Everybody may write to the folder of temporary files.
    let line = format!("StrictModes no\nAuthorizedPrincipalsFile {}\n", bench.path("principals").display());
    let start = |openssh| Sshd::start_with(openssh, &bench.path("trusted"), &line);
    for sshd in OpenSsh::all().into_iter().map(start) {
        let sshd = sshd?;
        for (options, expected) in [
            (&["-n", "team-a"][..], true),
            (&["-n", "x,team-b"], true),
            (&["-n", "ACCOUNT"], false),
            (&["-n", "since"], false),
            (&[], false),
        ] {
            let key = bench.make(&taken("principals", options))?;
            let (code, json) = bench.explain(&key, &["--auth-principals", "principals"])?;
            ensure!(json["taken"] == expected && code == Some(i32::from(!expected)), "{options:?}: {json:#}");
            let got_in = sshd.try_login(&key, "127.0.0.1")?.status.success();
            ensure!(got_in == expected, "{options:?}: sshd says otherwise:\n{}", sshd.log());
        }
    }
    Ok(())
}

#[test]
fn h3_sshd_and_explain_agree_about_krls_that_are_none() -> Result<()> {
    let bench = Bench::new()?;
    let line = format!("RevokedKeys {}\n", bench.path("revoked_keys").display());
    let krl = fs::read(bench.path("krl"))?;
    let key_list = fs::read(bench.path("ann.pub"))?;
    let contents: [(&[u8], bool); 5] = [
        (b"", true),
        (b"# nobody\n", true),
        (&krl, true),
        (&krl[..krl.len() - 1], false),
        (&key_list, false),
    ];
    let start = |openssh| Sshd::start_with(openssh, &bench.path("trusted"), &line);
    let sshds = OpenSsh::all().into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let key = bench.make(&taken("good", &["-n", "ACCOUNT"]))?;
    for (content, expected) in contents {
        fs::write(bench.path("revoked_keys"), content)?;
        let (_, json) = bench.explain(&key, &["--krl", "revoked_keys"])?;
        ensure!(json["taken"] == expected, "{json:#}");
        for sshd in &sshds {
            let got_in = sshd.try_login(&key, "127.0.0.1")?.status.success();
            ensure!(got_in == expected, "sshd says otherwise:\n{}", sshd.log());
        }
    }
    Ok(())
}

#[test]
fn the_deciding_check_comes_first_in_words() -> Result<()> {
    let bench = Bench::new()?;
    let key = bench.make(&taken("source", &["-n", "root", "-O", "source-address=10.1.2.0/24"]))?;
    let certificate = format!("{}-cert.pub", key.display());
    let explain = |more: &[&str]| -> Result<(Option<i32>, String)> {
        let mut command = Command::new(program("ca")?);
        command.env("HOME", bench.folder.path()).env("XDG_STATE_HOME", bench.path("state"));
        command.current_dir(bench.folder.path()).args(["explain", "--cert", &certificate]).args(more);
        let done = output(&mut command)?;
        Ok((done.status.code(), String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?))
    };
    let host = ["--host", "db3.invalid", "--login", "root", "--ca-keys", "trusted"];
    let (code, said) = explain(&[&host[..], &["--from", "10.9.0.4"]].concat())?;
    let first = "✗ sshd on db3.invalid would refuse it: it is for source 10.1.2.0/24 and you come from 10.9.0.4.\n  \
                 Everything else that was looked at holds.";
    ensure!(code == Some(1) && said.starts_with(first), "{code:?} {said}");
    let (code, said) = explain(&[&host[..], &["--from", "10.1.2.7"]].concat())?;
    ensure!(code == Some(0) && said.starts_with("✓ sshd on db3.invalid would take it for root."), "{said}");
    let (code, said) = explain(&host)?;
    ensure!(code == Some(2) && said.contains("--from ADDRESS"), "nobody knows that host: {said}");
    let (code, said) = explain(&host[..4])?;
    ensure!(code == Some(2) && said.contains("nothing is pinned"), "{said}");
    let (code, said) = explain(&["--host", "db3.invalid"])?;
    ensure!(code == Some(2) && said.contains("--login"), "{said}");
    Ok(())
}
