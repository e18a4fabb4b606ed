//! The index follows the log: after a power cut, and with a database that is older than the log.

use anyhow::{Result, ensure};
use countersign_tests::journey;

use super::{Authority, served};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_or_an_old_database_forgets_nothing() -> Result<()> {
    let mut authority = Authority::start()?;
    let (ann, key) = authority.engineer("ann")?;
    let (bob, _) = authority.engineer("bob")?;
    authority.server.stop()?;
    let (database, backup) =
        (authority.server.folder().join("state.db"), authority.server.folder().join("backup.db"));
    std::fs::copy(&database, &backup)?;

    authority.server.serve()?;
    ann.request("dev", &key, &[])?;
    authority.server.kill()?;
    authority.server.serve()?;
    let said = authority.revoke(&["--user", "ann"])?;
    ensure!(said.contains("2 live certificates"), "one was issued just before the cut: {said}");
    let before = served(&authority.server).await?;
    authority.server.kill()?;
    authority.server.serve()?;
    ensure!(served(&authority.server).await? == before, "the KRL is the same after a cut");

    authority.server.stop()?;
    std::fs::copy(&backup, &database)?;
    authority.server.serve()?;
    let after = served(&authority.server).await?;
    ensure!(after.version() > before.version(), "hosts take only a higher version");
    ensure!(after.serial_count() == 2, "ann's certificates are revoked still");
    let said = authority.revoke(&["--user", &bob.name])?;
    ensure!(said.contains("1 live certificate"), "bob's certificate is known: {said}");
    journey::verify(&authority.server, &authority.officer)
}
