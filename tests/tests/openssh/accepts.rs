//! What a real sshd makes of our certificates: it takes the good ones, whatever the key.

use anyhow::Result;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::sshd::{Sshd, running_user};

#[test]
fn sshd_takes_a_certificate_for_every_kind_of_key() -> Result<()> {
    let server = Server::start()?;
    let start = |openssh| Sshd::start_of(openssh, &server.ca_key());
    let sshds = OpenSsh::all().into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let person = Person::new(&server, &running_user()?, &["engineers"])?;
    person.login()?;
    let kinds: [&[&str]; 6] = [
        &["ed25519"],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["ecdsa", "-b", "521"],
        &["rsa", "-b", "3072"],
        &["rsa", "-b", "4096"],
    ];
    for kind in kinds {
        let key = person.new_key(&kind.join(""), kind)?;
        let certificate = person.request("dev", &key, &[])?;
        let serial = person.inspect(&certificate)?["serial"].clone();
        for sshd in &sshds {
            let line = sshd.login(&key)?;
            assert!(line.contains(&format!("ID {}/", person.email)), "{kind:?}: {line}");
            assert!(line.contains(&format!("(serial {serial})")), "{kind:?}, serial {serial}: {line}");
        }
    }
    Ok(())
}
