//! `ca-server rotate-sealing-key`: another sealing key, while the server runs or not.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{ConfigFile, operator};
use crate::audit::LogAudit;
use crate::rotation::Rotation;
use crate::start::Parts;

/// How many secrets are sealed anew in one transaction.
const BATCH: u32 = 100;

/// What `rotate-sealing-key` takes.
#[derive(Args, Debug)]
pub(super) struct Rotate {
    #[command(flatten)]
    config: ConfigFile,
}

impl Rotate {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let parts = Parts::open(self.config.load()?).await?;
        let (ledger, tasks) = parts.open_log().await?;
        let done = rotate(&parts, LogAudit(ledger.clone())).await;
        ledger.close();
        tasks.finished().await;
        parts.state.close().await;
        done
    }
}

async fn rotate(parts: &Parts, audit: LogAudit) -> anyhow::Result<()> {
    let path = &parts.config.keys.sealing;
    let rotation = Rotation::begin(path, parts.state.clone(), Arc::new(audit), &operator()).await?;
    rotation.reseal_all(BATCH).await?;
    let secs = parts.config.limits.call.secs();
    println!("Sealed everything anew; waiting {secs} s for calls that began with the older key.");
    tokio::time::sleep(Duration::from_secs(secs)).await;
    rotation.reseal_all(BATCH).await?;
    rotation.finish().await?;
    println!(
        "{}: a new key seals, and the older one is gone. Copy the file to where its copies are.",
        path.display()
    );
    Ok(())
}
