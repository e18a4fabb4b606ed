//! The journey of one certificate, in the order it happens.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::bucket::Bucket;
use countersign_tests::person::{Person, add_command, new_password};
use countersign_tests::process::line_of;
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};
use tempfile::TempDir;

use crate::stage::Stage;
use crate::{keep, show};

/// Plays the whole demo; `keep` is the folder that stays.
pub(crate) fn tell(s3: bool, keep: Option<&Path>) -> Result<()> {
    let temporary = TempDir::new()?;
    let folder = keep.map_or_else(|| temporary.path().join("demo"), Path::to_owned);
    let mut stage = Stage::new();
    let s3 = if s3 { Some(show::s3_server()?) } else { None };
    let bucket = s3.as_ref().map(|s3| s3.new_bucket(false)).transpose()?;
    let mut server = authority(&mut stage, &folder, bucket)?;
    let person = somebody(&mut stage, &server, &folder)?;
    log_in(&mut stage, &person)?;
    let key = certificate(&mut stage, &person)?;
    let serial = host(&mut stage, &server, &person, &key)?;
    show::copy(&mut stage, &server)?;
    show::event(&mut stage, &server, &person, serial)?;
    show::checkpoint(&mut stage, &server)?;
    audit(&mut stage, &server, &person)?;
    if keep.is_some() {
        keep::leave(&server, &person, &folder)?;
    }
    server.stop()?;
    stage.finish();
    println!("\nIt worked: a certificate, recorded before it was signed, has logged in to a real sshd.");
    if keep.is_some() {
        println!("Everything is in {}; its README says how to go on by hand.", folder.display());
    }
    Ok(())
}

fn authority(stage: &mut Stage, folder: &Path, bucket: Option<Bucket>) -> Result<Server> {
    stage.scene(
        "An authority",
        "`init` makes what an authority consists of: a CA key for sshd to trust, a log key for auditors,\n\
         an empty log, a sample policy. Nothing else ever makes keys.",
    );
    let mut server = Server::at(folder, bucket)?;
    Stage::run(&mut server.init_command()?)?;
    stage.scene(
        "The server",
        "It proves that its storage keeps what it promises (create-only, no lost races), then it serves.",
    );
    Stage::prompt(&format!("{} &", line_of(&server.serve_command()?)));
    server.serve()?;
    Stage::say(&format!("{} answers", server.url()));
    Ok(server)
}

fn somebody(stage: &mut Stage, server: &Server, folder: &Path) -> Result<Person> {
    let name = running_user()?;
    stage.scene(
        "A person",
        &format!(
            "An account named like yours here ({name}), because sshd will log in to that. The password comes from\n\
             the environment; the second factor is a TOTP secret, which a phone would scan as a QR code."
        ),
    );
    let password = new_password()?;
    let added = Stage::run(&mut add_command(server, &name, &["engineers"], &password)?)?;
    let home = folder.join("user");
    std::fs::create_dir(&home)?;
    Person::at(server, &name, password, &added, &home)
}

fn log_in(stage: &mut Stage, person: &Person) -> Result<()> {
    stage.scene(
        "Logging in",
        "Password, then the code from the phone; here oathtool is the phone. A code works once.",
    );
    let code = Stage::run(Command::new("oathtool").args(["--totp", "--base32", person.phone.secret()]))?;
    Stage::run(person.login_command()?.env("COUNTERSIGN_CODE", code.trim()))?;
    Ok(())
}

fn certificate(stage: &mut Stage, person: &Person) -> Result<PathBuf> {
    stage.scene(
        "A certificate",
        "The key signs the request, so the server knows who holds it. The policy is asked, the answer is written\n\
         to the log, and only then the CA key signs. `ca` checks all of it before it writes the certificate.",
    );
    let key = person.home("id_ed25519");
    Stage::run(
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f"]).arg(&key),
    )?;
    let request = ["request", "dev", "--ttl", "1h", "--reason", "trying it out", "--key"];
    Stage::run(person.ca(&request)?.arg(&key))?;
    let certificate = person.home("id_ed25519-cert.pub");
    Stage::run(person.ca(&["inspect"])?.arg(&certificate))?;
    Ok(key)
}

/// Logs in to a real sshd and gives the serial that it logged.
fn host(stage: &mut Stage, server: &Server, person: &Person, key: &Path) -> Result<u64> {
    stage.scene(
        "A host",
        "A real sshd, on a port of its own. It trusts the CA by one line and has never heard of the person.",
    );
    let sshd = Sshd::start(&server.ca_key())?;
    let config = sshd.config()?;
    Stage::prompt("/usr/sbin/sshd -D -e -f sshd_config &    # with, among others:");
    for line in config.lines().filter(|l| l.contains("TrustedUserCAKeys") || l.contains("AuthorizedKeys")) {
        Stage::say(line);
    }
    Stage::run(sshd.ssh_with_key(key).args(["127.0.0.1", "echo logged in as $(id -un)"]))?;
    let line = sshd.accepted().pop().context("sshd logged no accepted certificate")?;
    println!(
        "\n   What sshd wrote into its own log, with the key id (who asked, which request) and the serial:"
    );
    Stage::say(&line);
    ensure!(line.contains(&format!("ID {}/", person.email)), "the key id does not open with the address");
    let serial = line.split_once("(serial ").and_then(|(_, rest)| rest.split(')').next());
    Ok(serial.context("no serial in sshd's line")?.parse()?)
}

fn audit(stage: &mut Stage, server: &Server, person: &Person) -> Result<()> {
    stage.scene(
        "An auditor",
        "Needs the log and its public key, and trusts nobody: every entry, every tile, every checkpoint is\n\
         recomputed, and every decision is taken again with the policy of its time.",
    );
    let log = server.log_folder();
    Stage::run(person.ca(&["audit", "verify", &log.to_string_lossy(), "--key"])?.arg(server.log_key()))?;
    Ok(())
}
