//! The index of live certificates, what is revoked, and the KRL that says so: derived from the log.

use ca_core::names::{RequestId, Serial, UserName};
use ca_core::revocation::{LiveCertificate, Standing, matters_until};
use ca_core::ssh::{Fingerprint, PublicKey};
use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::{Store, StoreError, signed, unsigned};

/// How many rows one statement inserts: each binds 8 values, and `SQLite` takes 32,766.
const ROWS: usize = 1000;

/// Which certificates a revocation takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of a user.
    User(UserName),
    /// Those for a key.
    Key(Fingerprint),
    /// The one with a serial.
    Serial(Serial),
    /// The one that answers a request.
    Certificate(RequestId),
    /// Those by a CA.
    CaKey(Fingerprint),
}

/// A revocation, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRow {
    /// The entry that records it.
    pub entry: u64,
    /// What kind of thing was revoked.
    pub kind: String,
    /// Which.
    pub what: String,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub revoker: String,
    /// When.
    pub at: UnixSeconds,
    /// How many live certificates it took; filled in when it is stored.
    pub certificates: u64,
}

/// One step of the index.
#[derive(Clone, Debug)]
pub enum IndexChange {
    /// Certificates, each with the entry that revokes it if one does.
    Certificates(Vec<(Serial, Box<LiveCertificate>, Option<u64>)>),
    /// A revocation.
    Revoke(Which, RevocationRow),
    /// The standing of an account.
    Standing(UserName, Standing),
    /// A CA's key.
    Authority(PublicKey),
}

/// How far the index has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexPlace {
    /// The first entry that was not read.
    pub next: u64,
    /// The highest KRL version the log knows of.
    pub last_version: u64,
}

/// The KRL as it is stored.
#[derive(Clone, Debug)]
pub struct KrlRow {
    /// Its version.
    pub version: u64,
    /// The time it bears.
    pub generated: UnixSeconds,
    /// The file.
    pub bytes: Vec<u8>,
    /// Its signature.
    pub signature: String,
}

/// What the index starts from.
#[derive(Clone, Debug, Default)]
pub struct IndexState {
    /// How far it has read.
    pub place: IndexPlace,
    /// The accounts with a standing.
    pub standings: Vec<(UserName, Standing)>,
    /// The keys of CAs.
    pub authorities: Vec<PublicKey>,
    /// The keys that are revoked, and whether they are CAs'.
    pub keys: Vec<(Fingerprint, bool)>,
    /// The KRL.
    pub krl: Option<KrlRow>,
}

impl Store {
    /// Loads what the index starts from.
    pub async fn index_state(&self) -> Result<IndexState, StoreError> {
        let place: Option<(i64, i64)> = sqlx::query_as("SELECT next, last_version FROM revocation_place")
            .fetch_optional(&self.readers)
            .await?;
        let place = match place {
            Some((next, version)) => IndexPlace {
                next: unsigned(next, "place in the log")?,
                last_version: unsigned(version, "KRL version")?,
            },
            None => IndexPlace::default(),
        };
        let standings =
            sqlx::query("SELECT user, off, revoked_at FROM standings").fetch_all(&self.readers).await?;
        let authorities = sqlx::query_scalar("SELECT blob FROM authorities").fetch_all(&self.readers).await?;
        let keys = sqlx::query_as("SELECT key, is_ca FROM revoked_keys").fetch_all(&self.readers).await?;
        Ok(IndexState {
            place,
            standings: standings.iter().map(parse_standing).collect::<Result<_, _>>()?,
            authorities: authorities.iter().map(|blob: &Vec<u8>| parse_ca(blob)).collect::<Result<_, _>>()?,
            keys: keys
                .into_iter()
                .map(|(key, is_ca): (Vec<u8>, bool)| Ok((fingerprint(&key)?, is_ca)))
                .collect::<Result<_, StoreError>>()?,
            krl: self.krl().await?,
        })
    }

    /// Takes the index forward, all of it or nothing.
    pub async fn advance_index(&self, changes: &[IndexChange], place: IndexPlace) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for change in changes {
            match change {
                IndexChange::Certificates(rows) => {
                    for rows in rows.chunks(ROWS) {
                        insert_certificates(&mut tx, rows).await?;
                    }
                }
                IndexChange::Revoke(which, row) => revoke(&mut tx, which, row).await?,
                IndexChange::Standing(user, standing) => set_standing(&mut tx, user, *standing).await?,
                IndexChange::Authority(ca) => {
                    sqlx::query("INSERT OR IGNORE INTO authorities (fingerprint, blob) VALUES (?, ?)")
                        .bind(ca.fingerprint().0.as_slice())
                        .bind(ca.blob())
                        .execute(&mut *tx)
                        .await?;
                }
            }
        }
        sqlx::query("INSERT OR REPLACE INTO revocation_place (one, next, last_version) VALUES (1, ?, ?)")
            .bind(signed(place.next))
            .bind(signed(place.last_version))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Forgets certificates that no longer matter, some thousands at a time; tells how many, and whether one was revoked.
    pub async fn prune_index(&self, now: UnixSeconds) -> Result<(u64, bool), StoreError> {
        // `matters_until` of what is deleted lies in the past.
        let before = now.minus_secs(matters_until(UnixSeconds(0)).0);
        let pruned: Vec<bool> = sqlx::query_scalar(
            "DELETE FROM certificates WHERE serial IN
             (SELECT serial FROM certificates WHERE valid_before <= ? LIMIT 5000)
             RETURNING revoked_by IS NOT NULL",
        )
        .bind(signed(before.0))
        .fetch_all(&self.writer)
        .await?;
        Ok((pruned.len() as u64, pruned.contains(&true)))
    }

    /// Gives the certificates that are revoked: serial, CA, expiry.
    pub async fn revoked_certificates(&self) -> Result<Vec<(Serial, Fingerprint, UnixSeconds)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT serial, ca, valid_before FROM certificates WHERE revoked_by IS NOT NULL ORDER BY serial",
        )
        .fetch_all(&self.writer)
        .await?;
        let parse = |(serial, ca, valid_before): (i64, Vec<u8>, i64)| {
            let serial = Serial::at_index(unsigned(serial, "serial")?)
                .ok_or(StoreError::Corrupt { what: "serial" })?;
            Ok((serial, fingerprint(&ca)?, UnixSeconds(unsigned(valid_before, "expiry")?)))
        };
        rows.into_iter().map(parse).collect()
    }

    /// Counts the certificates that a revocation would take now.
    pub async fn count_live(&self, which: &Which, now: UnixSeconds) -> Result<u64, StoreError> {
        let mut connection = self.readers.acquire().await?;
        count_live(&mut connection, which, now).await
    }

    /// Lists revocations, the newest first.
    pub async fn revocations(&self, limit: u32) -> Result<Vec<RevocationRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM revocations ORDER BY entry DESC LIMIT ?").bind(limit);
        rows.fetch_all(&self.readers).await?.iter().map(parse_revocation).collect()
    }

    /// Gives one revocation by its entry.
    pub async fn revocation(&self, entry: u64) -> Result<Option<RevocationRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM revocations WHERE entry = ?").bind(signed(entry));
        row.fetch_optional(&self.readers).await?.as_ref().map(parse_revocation).transpose()
    }

    /// Ends the sessions of an account, and its logins under way.
    pub async fn end_sessions(&self, user_id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        super::sessions::end_all(&mut tx, user_id).await?;
        Ok(tx.commit().await?)
    }

    /// Gives the KRL that is served.
    pub async fn krl(&self) -> Result<Option<KrlRow>, StoreError> {
        let row = sqlx::query("SELECT version, generated, bytes, signature FROM krl");
        let Some(row) = row.fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(Some(KrlRow {
            version: unsigned(row.try_get("version")?, "KRL version")?,
            generated: UnixSeconds(unsigned(row.try_get("generated")?, "time of the KRL")?),
            bytes: row.try_get("bytes")?,
            signature: row.try_get("signature")?,
        }))
    }

    /// Puts a KRL in place of the one before.
    pub async fn set_krl(&self, krl: &KrlRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT OR REPLACE INTO krl (one, version, generated, bytes, signature) VALUES (1, ?, ?, ?, ?)",
        )
        .bind(signed(krl.version))
        .bind(signed(krl.generated.0))
        .bind(&krl.bytes)
        .bind(&krl.signature)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

async fn insert_certificates(
    tx: &mut SqliteConnection,
    rows: &[(Serial, Box<LiveCertificate>, Option<u64>)],
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT OR REPLACE INTO certificates
         (serial, request_id, user, key, profile, ca, valid_before, revoked_by) ",
    );
    query.push_values(rows, |mut row, (serial, live, revoked_by)| {
        row.push_bind(signed(serial.get()))
            .push_bind(live.request_id.to_string())
            .push_bind(live.user.as_ref().map_or("", UserName::as_str))
            .push_bind(live.key.0.as_slice())
            .push_bind(live.profile.as_str())
            .push_bind(live.ca.0.as_slice())
            .push_bind(signed(live.valid_before.0))
            .push_bind(revoked_by.map(signed));
    });
    query.build().persistent(rows.len() == ROWS).execute(tx).await?;
    Ok(())
}

/// Adds the condition that chooses certificates.
fn push_which(query: &mut QueryBuilder<Sqlite>, which: &Which) {
    match which {
        Which::User(user) => query.push("user = ").push_bind(user.to_string()),
        Which::Key(key) => query.push("key = ").push_bind(key.0.to_vec()),
        Which::Serial(serial) => query.push("serial = ").push_bind(signed(serial.get())),
        Which::Certificate(id) => query.push("request_id = ").push_bind(id.to_string()),
        Which::CaKey(ca) => query.push("ca = ").push_bind(ca.0.to_vec()),
    };
    query.push(" AND revoked_by IS NULL");
}

async fn count_live(
    connection: &mut SqliteConnection,
    which: &Which,
    now: UnixSeconds,
) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM certificates WHERE ");
    push_which(&mut query, which);
    query.push(" AND valid_before > ").push_bind(signed(now.0));
    unsigned(query.build_query_scalar().fetch_one(connection).await?, "count")
}

/// Marks the certificates, or keeps the key; and lists the revocation.
async fn revoke(tx: &mut SqliteConnection, which: &Which, row: &RevocationRow) -> Result<(), StoreError> {
    let certificates = count_live(tx, which, row.at).await?;
    match which {
        Which::Key(key) | Which::CaKey(key) => {
            sqlx::query("INSERT OR IGNORE INTO revoked_keys (key, is_ca) VALUES (?, ?)")
                .bind(key.0.as_slice())
                .bind(matches!(which, Which::CaKey(_)))
                .execute(&mut *tx)
                .await?;
        }
        Which::User(_) | Which::Serial(_) | Which::Certificate(_) => {
            let mut query = QueryBuilder::<Sqlite>::new("UPDATE certificates SET revoked_by = ");
            query.push_bind(signed(row.entry)).push(" WHERE ");
            push_which(&mut query, which);
            query.build().execute(&mut *tx).await?;
        }
    }
    sqlx::query(
        "INSERT OR REPLACE INTO revocations (entry, kind, what, reason, revoker, at, certificates)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed(row.entry))
    .bind(&row.kind)
    .bind(&row.what)
    .bind(&row.reason)
    .bind(&row.revoker)
    .bind(signed(row.at.0))
    .bind(signed(certificates))
    .execute(tx)
    .await?;
    Ok(())
}

async fn set_standing(
    tx: &mut SqliteConnection,
    user: &UserName,
    standing: Standing,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO standings (user, off, revoked_at) VALUES (?, ?, ?)")
        .bind(user.as_str())
        .bind(standing.off)
        .bind(standing.revoked_at.map(|at| signed(at.0)))
        .execute(tx)
        .await?;
    Ok(())
}

fn parse_standing(row: &SqliteRow) -> Result<(UserName, Standing), StoreError> {
    let user = row.try_get::<String, _>("user")?.try_into();
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    let revoked_at =
        revoked_at.map(|at| unsigned(at, "time of a revocation").map(UnixSeconds)).transpose()?;
    let user = user.map_err(|_| StoreError::Corrupt { what: "user name" })?;
    Ok((user, Standing { off: row.try_get("off")?, revoked_at }))
}

fn parse_revocation(row: &SqliteRow) -> Result<RevocationRow, StoreError> {
    Ok(RevocationRow {
        entry: unsigned(row.try_get("entry")?, "entry")?,
        kind: row.try_get("kind")?,
        what: row.try_get("what")?,
        reason: row.try_get("reason")?,
        revoker: row.try_get("revoker")?,
        at: UnixSeconds(unsigned(row.try_get("at")?, "time of a revocation")?),
        certificates: unsigned(row.try_get("certificates")?, "count")?,
    })
}

fn parse_ca(blob: &[u8]) -> Result<PublicKey, StoreError> {
    PublicKey::from_blob(blob).map_err(|_| StoreError::Corrupt { what: "CA key" })
}

fn fingerprint(bytes: &[u8]) -> Result<Fingerprint, StoreError> {
    bytes.try_into().map(Fingerprint).map_err(|_| StoreError::Corrupt { what: "fingerprint" })
}
