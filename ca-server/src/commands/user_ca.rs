//! `ca-server add-user-ca`: gives an authority one more CA key for users, which profiles choose by its fingerprint.

use std::path::{Path, PathBuf};

use ca_core::log::event::What;
use clap::Args;

use super::{ConfigFile, init, operator};
use crate::ledger::Draft;
use crate::start::Parts;

/// What `add-user-ca` takes.
#[derive(Args, Debug)]
pub(super) struct AddUserCa {
    #[command(flatten)]
    config: ConfigFile,

    /// The key's file; an Ed25519 key is made if it is not there. Beside the configuration unless it says where
    file: PathBuf,
}

impl AddUserCa {
    /// Makes the key, unless its file is there, and says in the log what it is for. Done twice, it says it twice.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut config = self.config.load()?;
        let path = self.config.config.parent().unwrap_or(Path::new(".")).join(&self.file);
        let ca = init::create_ca_key(&path, &init::USER_CA)?;
        let configured = config.keys.more_cas.contains(&path);
        if !configured {
            config.keys.more_cas.push(path.clone());
        }
        let more = toml::Value::from(
            config.keys.more_cas.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        );
        let parts = Parts::open(config).await?;
        let (ledger, tasks) = parts.open_log().await?;
        let event = What::UserCaAdded { ca: ca.fingerprint().to_string(), by: operator() };
        let recorded = ledger.append(Draft::Event(event)).await;
        ledger.close();
        tasks.finished().await;
        parts.state.close().await;
        recorded?;
        println!("  CA key for users   {} {}", ca.kind(), ca.fingerprint());
        println!("\nHosts that are to take what it signs trust it, in their TrustedUserCAKeys:\n\n  {ca}");
        println!("\nA profile that it is to sign for says:\n\n  ca = \"{}\"", ca.fingerprint());
        if !configured {
            println!("\nPut this line under [keys] in {}:\n", self.config.config.display());
            println!("  more_cas = {more}");
        }
        Ok(())
    }
}
