//! S3: a CA key under a passphrase.

use std::process::Command;

use anyhow::{Result, ensure};
use countersign_tests::process::run;
use countersign_tests::server::Server;

use crate::ended::ended;
use crate::scene::Scene;

const PASSPHRASE: &str = "correct horse battery staple";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_a_ca_key_under_a_passphrase_needs_it_and_signs() -> Result<()> {
    for kind in [["ed25519", "256"], ["ecdsa", "384"]] {
        let mut server = Server::make(None)?;
        std::fs::create_dir_all(server.folder())?;
        let key = server.folder().join("ca_key");
        let mut keygen = Command::new("ssh-keygen");
        run(keygen.args(["-q", "-t", kind[0], "-b", kind[1], "-N", PASSPHRASE, "-f"]).arg(&key))?;
        assert_refused(server.init_command()?, "is missing")?;
        run(server.init_command()?.env("CA_SERVER_CA_PASSPHRASE", PASSPHRASE))?;
        for command in [server.serve_command()?, server.command(&["check-config"])?] {
            assert_refused(command, "is missing")?;
        }
        let mut wrong = server.serve_command()?;
        wrong.env("CA_SERVER_CA_PASSPHRASE", "incorrect");
        assert_refused(wrong, "is wrong")?;
        server.set_env("CA_SERVER_CA_PASSPHRASE", PASSPHRASE);
        server.serve()?;
        // Gets a certificate, which the server itself verifies before it leaves.
        let mut scene = Scene::new(server, 0).await?;
        scene.server.stop()?;
        ensure!(!scene.server.output().contains(PASSPHRASE), "the passphrase is in the server's log");
    }
    Ok(())
}

fn assert_refused(mut command: Command, why: &str) -> Result<()> {
    let done = ended(&mut command)?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.code() == Some(1), "it starts: {said}");
    ensure!(
        said.contains(&format!("passphrase {why}")) && said.contains("CA_SERVER_CA_PASSPHRASE"),
        "{said}"
    );
    ensure!(!said.contains(PASSPHRASE) && !said.contains("incorrect"), "{said}");
    Ok(())
}
