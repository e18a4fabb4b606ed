//! F17: the sealing key is rotated while the server runs.

use std::fs;

use anyhow::{Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::server::Server;

#[test]
fn f17_the_sealing_key_is_rotated_while_the_server_runs() -> Result<()> {
    let mut server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    server.serve()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let before = keys(&server)?;
    let mut rotate = server.command(&["rotate-sealing-key"])?;
    run(rotate.env("CA_SERVER_LIMITS__CALL", "1s"))?;
    let after = keys(&server)?;
    ensure!(before.len() == 2 && after.len() == 2 && before[0] == after[0] && before[1] != after[1]);

    // The server meets a key it has not read yet, and is not started anew for it.
    ann.login()?;
    let bob = Person::new(&server, "bob", &["engineers"])?;
    bob.login()?;
    server.stop()?;
    let search = server.log_folder().join("journal");
    let mut recorded = 0;
    for round in fs::read_dir(search)? {
        recorded += fs::read_to_string(round?.path())?.matches("\"type\":\"sealing-key-rotated\"").count();
    }
    ensure!(recorded == 2, "the log has {recorded} events of the rotation");
    Ok(())
}

/// Gives the lines of the key file that hold keys: the one for tags, then those that seal.
fn keys(server: &Server) -> Result<Vec<String>> {
    let text = fs::read_to_string(server.folder().join("sealing_key"))?;
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}
