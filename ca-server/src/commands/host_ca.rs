//! `ca-server add-host-ca`: gives an authority from before there were certificates for hosts the CA key for them.

use std::path::Path;

use ca_core::log::event::What;
use clap::Args;

use super::{ConfigFile, init, operator};
use crate::ledger::Draft;
use crate::start::Parts;

/// What `add-host-ca` takes.
#[derive(Args, Debug)]
pub(super) struct AddHostCa {
    #[command(flatten)]
    config: ConfigFile,
}

impl AddHostCa {
    /// Makes the key, unless its file is there, and says in the log what it is for. Done twice, it says it twice.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut config = self.config.load()?;
        let folder = self.config.config.parent().unwrap_or(Path::new(".")).to_owned();
        let configured = config.keys.host_ca.is_some();
        let path = config.keys.host_ca.get_or_insert_with(|| folder.join(init::HOST_CA.file)).clone();
        init::create_ca_key(&path, &init::HOST_CA)?;
        let parts = Parts::open(config).await?;
        let (ledger, tasks) = parts.open_log().await?;
        let ca = parts.keys.ca.public().hosts().key().clone();
        let event = What::HostCaAdded { ca: ca.fingerprint().to_string(), by: operator() };
        let recorded = ledger.append(Draft::Event(event)).await;
        ledger.close();
        tasks.finished().await;
        parts.state.close().await;
        recorded?;
        println!("  CA key for hosts   {} {}", ca.kind(), ca.fingerprint());
        if !configured {
            println!("\nPut this line under [keys] in {}:\n", self.config.config.display());
            println!("  host_ca = {}", toml::Value::String(path.display().to_string()));
        }
        Ok(())
    }
}
