//! S3: keys that others can read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use countersign_tests::process::run;
use countersign_tests::server::Server;

use crate::ended::ended;

#[test]
fn s3_a_key_that_others_can_read_keeps_the_server_from_starting() -> Result<()> {
    let mut server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    for name in ["ca_key", "host_ca_key", "log_key", "sealing_key", "pepper", "tls.key"] {
        let path = server.folder().join(name);
        ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == 0o600, "init leaves {name} open");
        for mode in [0o640, 0o604, 0o620, 0o601, 0o644, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            for mut command in [server.serve_command()?, server.command(&["check-config"])?] {
                let done = ended(&mut command)?;
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                ensure!(done.status.code() == Some(1), "{name} with mode {mode:o} is taken: {said}");
                ensure!(said.contains(&format!("chmod 600 {}", path.display())), "{mode:o}: {said}");
            }
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    }
    let entries = fs::read_dir(server.log_folder().join("journal"))?.count();
    ensure!(entries == 1, "{entries} rounds in the log of a server that never ran");
    run(&mut server.command(&["check-config"])?)?;
    server.serve()?;
    server.stop()
}
