//! From a configuration to a running server, and to the parts that the operator's commands use.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::{Config, Log};
use crate::key_files;
use crate::ledger::{HighWater, Ledger, LogKeys, Setup, Tasks};
use crate::objects::directory::Directory;
use crate::objects::s3::{S3, S3Config};
use crate::objects::{ObjectStore, probe};
use crate::signer::CaKey;
use crate::store::Store;

/// Opens the object store and makes it prove what the log relies on.
pub async fn objects(config: &Config) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let store: Arc<dyn ObjectStore> = match &config.log {
        Log::Directory { path } => Arc::new(Directory::open(path)?),
        Log::S3 { bucket, prefix, region, endpoint, retention_days, deadline_secs } => {
            let config = S3Config {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                region: region.clone(),
                endpoint: endpoint.clone(),
                path_style: endpoint.is_some(),
                retention: retention_days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
                deadline: Duration::from_secs(*deadline_secs),
            };
            Arc::new(S3::connect(config).await)
        }
    };
    probe::probe(store.as_ref())
        .await
        .context("the store of the log does not keep what the log relies on")?;
    Ok(store)
}

/// The keys of an authority, loaded from their files.
#[derive(Debug)]
pub struct Keys {
    /// The CA key.
    pub ca: CaKey,
    /// The log's name and key.
    pub log: Arc<LogKeys>,
}

impl Keys {
    /// Loads them; a file that others can read is refused (S3).
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let passphrase = std::env::var("CA_SERVER_CA_PASSPHRASE").ok();
        Ok(Self {
            ca: CaKey::load(&config.keys.ca, passphrase.as_deref())?,
            log: Arc::new(key_files::log_keys(&config.keys.log, &config.origin)?),
        })
    }
}

/// Gives the name this node writes into its events.
pub fn node_name(config: &Config) -> String {
    config.node.clone().unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// Remembers the largest checkpoint in the database, beside the accounts.
#[derive(Debug)]
struct Seen(Store);

const SEEN: &str = "log/checkpoint";

#[async_trait::async_trait]
impl HighWater for Seen {
    async fn load(&self) -> Result<Option<String>, String> {
        self.0.meta(SEEN).await.map_err(|error| error.to_string())
    }

    async fn store(&self, note: &str) -> Result<(), String> {
        self.0.set_meta(SEEN, note).await.map_err(|error| error.to_string())
    }
}

/// What every command starts from that touches accounts or the log.
#[derive(Debug)]
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The keys.
    pub keys: Keys,
    /// The database.
    pub state: Store,
    /// The log's objects.
    pub objects: Arc<dyn ObjectStore>,
}

impl Parts {
    /// Opens everything; creates nothing but missing tables.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        let keys = Keys::load(&config)?;
        let state = Store::open(&config.database).await?;
        let objects = objects(&config).await?;
        Ok(Self { config, keys, state, objects })
    }

    fn setup(&self) -> Setup {
        Setup {
            store: Arc::clone(&self.objects),
            keys: Arc::clone(&self.keys.log),
            ca: self.keys.ca.public().clone(),
            node: node_name(&self.config),
            clock: Clock::system(),
        }
    }

    /// Takes up the log.
    pub async fn open_log(&self) -> anyhow::Result<(Ledger, Tasks)> {
        Ok(Ledger::open(self.setup(), Arc::new(Seen(self.state.clone()))).await?)
    }

    /// Begins the log.
    pub async fn create_log(&self) -> anyhow::Result<(Ledger, Tasks)> {
        Ok(Ledger::create(self.setup(), Arc::new(Seen(self.state.clone()))).await?)
    }
}
