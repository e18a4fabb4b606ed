//! The main journey, the same whatever the log is kept in.

use std::fs;

use anyhow::{Result, ensure};

use crate::person::Person;
use crate::process::run;
use crate::server::Server;
use crate::sshd::{Sshd, running_user};

/// Goes from a password and a code to a login on a real sshd, verifies the log, and gives the certificate.
pub fn password_to_login(server: &Server) -> Result<String> {
    let person = Person::new(server, &running_user()?, &["engineers"])?;
    person.login()?;
    let key = person.new_key("id_ed25519", &["ed25519"])?;
    let certificate = person.request("dev", &key, &["--ttl", "1h", "--reason", "trying it out"])?;
    let serial = person.inspect(&certificate)?["serial"].clone();
    let line = Sshd::start(&server.ca_key())?.login(&key)?;
    ensure!(line.contains(&format!("ID {}/", person.email)), "no address in sshd's line: {line}");
    ensure!(line.contains(&format!("(serial {serial})")), "not serial {serial}: {line}");
    verify(server, &person)?;
    Ok(fs::read_to_string(certificate)?)
}

/// Lets `ca audit verify` go through the whole log: its folder, or over the server and then a copy of its bucket; and
/// `ca audit report` through the folder or the copy, for which one need not be an auditor.
pub fn verify(server: &Server, person: &Person) -> Result<()> {
    let verify =
        |log: &str| run(person.ca(&["audit", "verify", log, "--key"])?.arg(server.log_key())).map(drop);
    let folder = match server.bucket() {
        None => server.log_folder(),
        Some(bucket) => {
            verify(&format!("{}/log", server.url()))?;
            let copy = person.home("copy");
            bucket.copy_to(&copy)?;
            copy
        }
    };
    let folder = folder.to_string_lossy();
    verify(&folder)?;
    run(person.ca(&["audit", "report", &folder, "--key"])?.arg(server.log_key())).map(drop)
}
