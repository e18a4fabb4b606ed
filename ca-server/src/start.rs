//! From a configuration to a running server, and to the parts that the operator's commands use.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ca_core::log::SignedCheckpoint;
use ca_core::log::event::What;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::app::{App, SharedApp};
use crate::audit::LogAudit;
use crate::ca_keys::CaKeys;
use crate::ceremony::Ceremonies;
use crate::clock::Clock;
use crate::config::{Config, Log};
use crate::factors::hash_pool::HashPool;
use crate::factors::pepper::Pepper;
use crate::factors::sealing::Sealer;
use crate::factors::webauthn::RelyingParty;
use crate::ledger::{Draft, HighWater, Ledger, LogKeys, Setup, Tasks};
use crate::login::{self, Login, LoginConfig};
use crate::objects::directory::Directory;
use crate::objects::s3::{S3, S3Config};
use crate::objects::{ObjectStore, probe};
use crate::providers::Providers;
use crate::revocation::Keeper;
use crate::signer::CaKey;
use crate::store::Store;
use crate::{approvals, key_files, policy, recovery};

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
    let promises = probe::probe(store.as_ref()).await?;
    for warning in &promises.warnings {
        tracing::warn!(warning, "alarm: the store of the log does less than it should");
    }
    Ok(store)
}

/// The variable with the passphrase of the CA key for users.
pub(crate) const USERS_PASSPHRASE: &str = "CA_SERVER_CA_PASSPHRASE";

/// The variable with the passphrase of the CA key for hosts.
pub(crate) const HOSTS_PASSPHRASE: &str = "CA_SERVER_HOST_CA_PASSPHRASE";

const NO_HOST_CA: &str = "there is no keys.host_ca: hosts have a CA key of their own. \
                          Make it with `ca-server add-host-ca --config FILE`, which says what to put under [keys]";

/// Gives the passphrase of a CA key, if the environment has it.
pub(crate) fn passphrase(variable: &str) -> Option<Zeroizing<String>> {
    std::env::var(variable).ok().map(Zeroizing::new)
}

/// The keys of an authority, loaded from their files.
#[derive(Debug)]
pub struct Keys {
    /// The CA keys.
    pub ca: CaKeys,
    /// The log's name and key.
    pub log: Arc<LogKeys>,
    /// The key of the factors' secrets.
    pub sealer: Arc<Sealer>,
    /// The key of the password hashes.
    pub pepper: Arc<Pepper>,
}

impl Keys {
    /// Loads them; a file that others can read is refused (S3).
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let users =
            CaKey::load(&config.keys.ca, passphrase(USERS_PASSPHRASE).as_ref().map(|text| text.as_str()))?;
        let hosts = config.keys.host_ca.as_ref().context(NO_HOST_CA)?;
        let hosts = CaKey::load(hosts, passphrase(HOSTS_PASSPHRASE).as_ref().map(|text| text.as_str()))?;
        let more =
            config.keys.more_cas.iter().map(|path| {
                CaKey::load(path, passphrase(USERS_PASSPHRASE).as_ref().map(|text| text.as_str()))
            });
        let more = more.collect::<Result<_, _>>()?;
        Ok(Self {
            ca: CaKeys::new(users, more, hosts)?,
            log: Arc::new(key_files::log_keys(&config.keys.log, &config.origin)?),
            sealer: Arc::new(Sealer::load(&config.keys.sealing)?),
            pepper: Arc::new(Pepper::load(&config.keys.pepper)?),
        })
    }
}

/// Puts a running server together: opens everything, takes up the log, and records the policy it will decide by.
pub async fn app(config: Config) -> anyhow::Result<(SharedApp, Tasks)> {
    let folder = config.policy.clone();
    let policy = policy::load(&folder).map_err(anyhow::Error::msg)?;
    let parts = Parts::open(config).await?;
    policy::check_cas(&policy, parts.keys.ca.public())
        .map_err(|error| anyhow::Error::msg(policy::in_folder(&folder, &error)))?;
    let (ledger, tasks) = parts.open_log().await?;
    // At every start, so that what the log knows of the policy never rests on what a database remembers.
    let adopted = What::PolicyAdopted { policy: policy.id(), text: policy.text().to_owned() };
    ledger.append(Draft::Event(adopted)).await?;
    let (log, cas) = (Arc::clone(&parts.keys.log), parts.keys.ca.public());
    let keeper = Keeper::load(parts.state.clone(), ledger.clone(), log, cas, Clock::system()).await?;
    let revocations = keeper.start().await?;
    let setup = parts.login_setup(&ledger).await?;
    if setup.providers.mail.is_none() {
        tracing::warn!("there is no [mail]: nobody is warned when their account changes");
    }
    if setup.public_url.is_none() {
        tracing::warn!("there is no public_url: warnings have no link that freezes the account");
    }
    let accounts = Accounts::new(setup.clone());
    let times = LoginConfig {
        session_secs: parts.config.session.absolute.secs(),
        idle_secs: parts.config.session.idle.secs(),
        ..LoginConfig::default()
    };
    let app = App {
        clock: Clock::system(),
        in_force: policy::InForce::new(folder, policy),
        ledger,
        keys: parts.keys.log,
        objects: parts.objects,
        ca: parts.keys.ca,
        accounts,
        ceremonies: setup.ceremonies.clone(),
        revocations,
        recovery: parts.config.recovery,
        login: Login::new(setup, times),
    };
    // Before the first call: an account that is being taken from whoever had it decides nothing in between.
    recovery::sweep(&app).await?;
    Ok((Arc::new(app), tasks))
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
            cas: self.keys.ca.public().clone(),
            node: node_name(&self.config),
            clock: Clock::system(),
        }
    }

    /// Puts together what logins and accounts are made of.
    pub async fn login_setup(&self, ledger: &Ledger) -> anyhow::Result<login::Setup> {
        Ok(login::Setup {
            store: self.state.clone(),
            hashes: Arc::new(HashPool::start(&self.keys.pepper)?),
            sealer: Arc::clone(&self.keys.sealer),
            audit: Arc::new(LogAudit(ledger.clone())),
            clock: Clock::system(),
            sessions: Arc::default(),
            providers: Arc::new(Providers::new(&self.config).await?),
            issuer: self.config.origin.to_string(),
            public_url: self.config.public_url.clone(),
            alerts: self.config.alerts.clone(),
            ceremonies: self.ceremonies()?,
        })
    }

    fn ceremonies(&self) -> anyhow::Result<Option<Arc<Ceremonies>>> {
        let Some(webauthn) = &self.config.webauthn else { return Ok(None) };
        let party = RelyingParty::new(webauthn.url.clone())?;
        let sealer = Arc::clone(&self.keys.sealer);
        let (store, clock) = (self.state.clone(), Clock::system());
        Ok(Some(Arc::new(Ceremonies::new(store, sealer, clock, party, webauthn.codes))))
    }

    /// Takes up the log, and brings what waits for approval in line with it.
    pub async fn open_log(&self) -> anyhow::Result<(Ledger, Tasks)> {
        let seen = Seen(self.state.clone());
        let note = seen.load().await.map_err(anyhow::Error::msg)?;
        let known = note.map(|note| SignedCheckpoint::parse(&note, self.keys.log.verifier())).transpose()?;
        let known = known.map_or(0, |checkpoint| checkpoint.size());
        let (ledger, tasks) = Ledger::open(self.setup(), Arc::new(seen)).await?;
        approvals::recover(&self.state, ledger.taken_up(), known, &Clock::system()).await?;
        Ok((ledger, tasks))
    }

    /// Begins the log.
    pub async fn create_log(&self) -> anyhow::Result<(Ledger, Tasks)> {
        Ok(Ledger::create(self.setup(), Arc::new(Seen(self.state.clone()))).await?)
    }
}
