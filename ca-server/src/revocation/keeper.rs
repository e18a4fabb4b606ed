//! The keeper: the task that follows the log, keeps the index, and publishes a KRL whenever it would say something else.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ca_core::issuance::Cas;
use ca_core::krl::{self, KrlVersion, MAX_BYTES, SignedKrlError};
use ca_core::log::event::{KrlPublished, RevocationTarget, Revoked, What};
use ca_core::log::hash::sha256;
use ca_core::names::{Serial, UserName};
use ca_core::revocation::{Standing, Trace, matters_until};
use ca_core::ssh::{Fingerprint, PublicKey};
use ca_core::time::UnixSeconds;
use tokio::time::Instant;

use super::{Revocations, ServedKrl};
use crate::clock::Clock;
use crate::ledger::{Draft, Followed, Follower, Ledger, LedgerError, LogKeys, RecoverError};
use crate::store::{IndexChange, IndexPlace, KrlRow, RevocationRow, Store, StoreError, Which};

/// How far apart the index is written, at the least.
const PACE: Duration = Duration::from_millis(100);

/// How often certificates that are over are forgotten.
const PRUNE: Duration = Duration::from_mins(1);

/// How long to wait after something failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the index does not follow, or no KRL is published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] RecoverError),
    /// The KRL cannot be recorded, so it is not served.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The database does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The KRL is larger than hosts take.
    #[error("the KRL would have {bytes} bytes, and hosts take {MAX_BYTES}: revoke keys or the CA instead")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The KRL cannot be signed.
    #[error(transparent)]
    Signature(#[from] SignedKrlError),
}

/// What the keeper works with.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    ledger: Ledger,
    follower: Follower,
    keys: Arc<LogKeys>,
    clock: Clock,
    shared: Arc<Revocations>,
    standings: HashMap<UserName, Standing>,
    cas: HashMap<Fingerprint, PublicKey>,
    revoked: HashMap<Fingerprint, bool>,
    last_version: u64,
    /// The latest time that was worked with: it never goes back, whatever the clock does.
    now: UnixSeconds,
    /// Whether the KRL may have to say something else.
    dirty: bool,
    /// What was read and is not in the index yet.
    unread: Vec<Followed>,
}

impl Keeper {
    /// Takes up the index where it stands.
    pub async fn load(
        store: Store,
        ledger: Ledger,
        keys: Arc<LogKeys>,
        cas: &Cas,
        clock: Clock,
    ) -> Result<Self, KeeperError> {
        let state = store.index_state().await?;
        let shared = Arc::new(Revocations::default());
        let krl = state.krl.map(ServedKrl::from);
        let now = clock.now().seconds().max(krl.as_ref().map_or(UnixSeconds(0), |krl| krl.generated));
        *shared.krl.write().unwrap_or_else(PoisonError::into_inner) = krl.map(Arc::new);
        let cas = cas.all().cloned().chain(state.authorities);
        let keeper = Self {
            follower: ledger.follow(state.place.next),
            store,
            ledger,
            keys,
            clock,
            shared,
            standings: state.standings.into_iter().collect(),
            cas: cas.map(|ca| (ca.fingerprint(), ca)).collect(),
            revoked: state.keys.into_iter().collect(),
            last_version: state.place.last_version,
            now,
            dirty: true,
            unread: Vec::new(),
        };
        keeper.share_keys();
        Ok(keeper)
    }

    /// Reads what the log has, publishes a KRL if there is need, and goes on beside everything else.
    ///
    /// A server that does not know what was revoked would certify revoked keys, and serve a KRL that forgets: until this
    /// returns there must be no call.
    pub async fn start(mut self) -> Result<Arc<Revocations>, KeeperError> {
        while self.follower.is_behind() {
            self.unread = self.follower.from_journal().await?;
            self.take_in().await?;
        }
        self.publish().await?;
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(self.run()).abort_handle();
        *shared.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(shared)
    }

    async fn run(mut self) {
        let mut pruned = Instant::now();
        loop {
            let begun = Instant::now();
            let pause = match self.step(&mut pruned).await {
                Ok(()) => PACE,
                Err(error) => {
                    tracing::error!(%error, "alarm: revocation does not follow the log; it is tried again");
                    PAUSE
                }
            };
            tokio::time::sleep_until(begun + pause).await;
        }
    }

    async fn step(&mut self, pruned: &mut Instant) -> Result<(), KeeperError> {
        if self.unread.is_empty() {
            self.unread = self.follower.read().await?;
        }
        self.take_in().await?;
        if pruned.elapsed() >= PRUNE {
            self.prune().await?;
            *pruned = Instant::now();
        }
        self.publish().await
    }

    /// Writes what was read into the index; when that fails, it is kept for the next time.
    async fn take_in(&mut self) -> Result<(), KeeperError> {
        let Some(last) = self.unread.last() else { return Ok(()) };
        let next = last.size;
        let mut batch = Batch { now: self.tick(), last_version: self.last_version, ..Batch::default() };
        for round in &self.unread {
            batch
                .cas
                .extend(round.cas.iter().filter(|ca| !self.cas.contains_key(&ca.fingerprint())).cloned());
            for (index, time, trace) in &round.traces {
                batch.add(*index, time.seconds(), trace, &self.standings);
            }
        }
        let Batch { mut changes, cas, keys, standings, last_version, takes, .. } = batch.finish();
        changes.extend(cas.iter().cloned().map(IndexChange::Authority));
        self.store.advance_index(&changes, IndexPlace { next, last_version }).await?;
        self.unread.clear();
        self.standings.extend(standings);
        self.cas.extend(cas.into_iter().map(|ca| (ca.fingerprint(), ca)));
        self.last_version = last_version;
        self.dirty |= takes;
        if !keys.is_empty() {
            self.revoked.extend(keys);
            self.share_keys();
        }
        self.shared.place.send_modify(|place| place.next = next);
        Ok(())
    }

    async fn prune(&mut self) -> Result<(), KeeperError> {
        let now = self.tick();
        loop {
            let (count, revoked) = self.store.prune_index(now).await?;
            self.dirty |= revoked;
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// Makes, records and serves a KRL, unless the one that is served says just the same.
    async fn publish(&mut self) -> Result<(), KeeperError> {
        let covers = self.follower.next();
        if self.dirty {
            let generated = self.tick();
            let revocations = self.revocations(generated).await?;
            let served = self.shared.krl();
            let is_current =
                |krl: &Arc<ServedKrl>| krl.version.0 == self.last_version && krl.says(&revocations);
            if !served.as_ref().is_some_and(is_current) {
                let before = served.map_or(0, |krl| krl.version.0).max(self.last_version);
                // Seconds, so that a database that was restored cannot give a number that was given before.
                let version = KrlVersion(generated.0.max(before.saturating_add(1)));
                self.publish_as(version, generated, covers, &revocations).await?;
            }
            self.dirty = false;
        }
        self.shared.place.send_if_modified(|place| std::mem::replace(&mut place.covers, covers) != covers);
        Ok(())
    }

    async fn publish_as(
        &mut self,
        version: KrlVersion,
        generated: UnixSeconds,
        covers: u64,
        revocations: &krl::Revocations,
    ) -> Result<(), KeeperError> {
        let bytes = krl::write(revocations, version, generated, "");
        if bytes.len() > MAX_BYTES {
            return Err(KeeperError::TooLarge { bytes: bytes.len() });
        }
        let signature = self.keys.sign_krl(&bytes)?;
        let published = KrlPublished {
            version,
            sha256: hex::encode(sha256(&bytes)),
            covers,
            generated,
            certificates: revocations.serial_count(),
            keys: revocations.fingerprint_count(),
        };
        let (certificates, keys) = (published.certificates, published.keys);
        self.ledger.append(Draft::Event(What::KrlPublished(Box::new(published)))).await?;
        self.last_version = version.0;
        let row = KrlRow { version: version.0, generated, bytes, signature };
        self.store.set_krl(&row).await?;
        *self.shared.krl.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(row.into()));
        tracing::info!(%version, covers, certificates, keys, "a KRL is served");
        Ok(())
    }

    async fn revocations(&self, generated: UnixSeconds) -> Result<krl::Revocations, KeeperError> {
        let mut revocations = krl::Revocations::default();
        for (serial, ca, valid_before) in self.store.revoked_certificates().await? {
            match self.cas.get(&ca) {
                Some(ca) => revocations.revoke_serial(ca, serial, Some(matters_until(valid_before))),
                None => return Err(StoreError::Corrupt { what: "certificate without its CA's key" }.into()),
            }
        }
        for (key, is_ca) in &self.revoked {
            if *is_ca {
                revocations.revoke_ca_key(*key);
            } else {
                revocations.revoke_key(*key, None);
            }
        }
        Ok(revocations.pruned(generated))
    }

    fn share_keys(&self) {
        let keys = self.revoked.keys().copied().collect();
        *self.shared.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn tick(&mut self) -> UnixSeconds {
        self.now = self.now.max(self.clock.now().seconds());
        self.now
    }
}

/// What some rounds change, in order.
#[derive(Debug, Default)]
struct Batch {
    now: UnixSeconds,
    changes: Vec<IndexChange>,
    certificates: Vec<(Serial, Box<ca_core::revocation::LiveCertificate>, Option<u64>)>,
    cas: Vec<PublicKey>,
    keys: Vec<(Fingerprint, bool)>,
    standings: HashMap<UserName, Standing>,
    last_version: u64,
    /// Whether anything is revoked.
    takes: bool,
}

impl Batch {
    fn add(&mut self, index: u64, at: UnixSeconds, trace: &Trace, known: &HashMap<UserName, Standing>) {
        match trace {
            Trace::Certificate(certificate) => {
                // Only a log that is read again from its beginning has those.
                if matters_until(certificate.valid_before) <= self.now {
                    return;
                }
                let Some(serial) = Serial::at_index(index) else { return };
                let standing = |user| self.standings.get(user).or_else(|| known.get(user));
                let standing = certificate.user.as_ref().and_then(standing);
                let revoked_by =
                    standing.is_some_and(|standing| standing.revokes(certificate)).then_some(index);
                self.takes |= revoked_by.is_some();
                self.certificates.push((serial, certificate.clone(), revoked_by));
            }
            Trace::Revoked(revoked) => self.revoked(index, at, revoked, known),
            Trace::Switched { user, enabled, by } => {
                self.standing(user, known, |standing| standing.switch(*enabled, at));
                if !enabled {
                    self.take_all(index, at, (user, by), "the account was switched off");
                }
            }
            Trace::Recovered { user, by } => {
                self.standing(user, known, |standing| standing.revoke(at));
                self.take_all(index, at, (user, by), "the account was recovered");
            }
            Trace::Published(version) => self.last_version = self.last_version.max(version.0),
        }
    }

    /// Takes everything from an account, for what happened to it.
    fn take_all(&mut self, index: u64, at: UnixSeconds, (user, by): (&UserName, &str), why: &str) {
        let row = RevocationRow {
            entry: index,
            kind: "user".to_owned(),
            what: user.to_string(),
            reason: why.to_owned(),
            revoker: by.to_owned(),
            at,
            certificates: 0,
        };
        self.take(Which::User(user.clone()), row);
    }

    fn revoked(
        &mut self,
        index: u64,
        at: UnixSeconds,
        revoked: &Revoked,
        known: &HashMap<UserName, Standing>,
    ) {
        let (kind, what, which) = match &revoked.target {
            RevocationTarget::User(user) => {
                self.standing(user, known, |standing| standing.revoke(at));
                ("user", user.to_string(), Which::User(user.clone()))
            }
            RevocationTarget::Key(key) => {
                self.keys.push((*key, false));
                ("key", key.to_string(), Which::Key(*key))
            }
            RevocationTarget::CaKey(key) => {
                self.keys.push((*key, true));
                ("ca-key", key.to_string(), Which::CaKey(*key))
            }
            RevocationTarget::Serial(serial) => ("serial", serial.to_string(), Which::Serial(*serial)),
            RevocationTarget::Certificate(id) => ("certificate", id.to_string(), Which::Certificate(*id)),
        };
        let row = RevocationRow {
            entry: index,
            kind: kind.to_owned(),
            what,
            reason: revoked.reason.to_string(),
            revoker: format!("officer {}", revoked.facts.user.name),
            at,
            certificates: 0,
        };
        self.take(which, row);
    }

    fn take(&mut self, which: Which, row: RevocationRow) {
        self.flush();
        self.changes.push(IndexChange::Revoke(which, row));
        self.takes = true;
    }

    fn standing(
        &mut self,
        user: &UserName,
        known: &HashMap<UserName, Standing>,
        change: impl FnOnce(&mut Standing),
    ) {
        let known = known.get(user).copied().unwrap_or_default();
        let standing = self.standings.entry(user.clone()).or_insert(known);
        change(standing);
        self.changes.push(IndexChange::Standing(user.clone(), *standing));
    }

    fn flush(&mut self) {
        if !self.certificates.is_empty() {
            self.changes.push(IndexChange::Certificates(std::mem::take(&mut self.certificates)));
        }
    }

    fn finish(mut self) -> Self {
        self.flush();
        self
    }
}
