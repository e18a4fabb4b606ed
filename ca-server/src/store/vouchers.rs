//! Vouchers, their seals, and the requests that were made with one.

use ca_core::names::{RequestId, VoucherId};
use ca_core::policy::{Session, Source};
use ca_core::time::UnixSeconds;
use ca_core::voucher::{Digest, Voucher};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::requests::{insert_request, to_json};
use super::{NewNotice, RequestRow, SignedRow, Store, StoreError, WaitLimits, notices, signed};

/// A seal to be kept.
#[derive(Clone, Debug)]
pub struct NewSeal<'a> {
    /// The voucher.
    pub voucher: &'a Voucher,
    /// The account that seals it.
    pub user_id: &'a str,
    /// The armoured signature.
    pub signature: &'a str,
    /// How the officer had logged in.
    pub session: &'a Session,
    /// From where.
    pub source: &'a Source,
    /// When.
    pub at: UnixSeconds,
}

/// A voucher as it is stored.
#[derive(Clone, Debug)]
pub struct VoucherRow {
    /// What was sealed.
    pub voucher: Voucher,
    /// Who sealed it, in order, with the officers as they are now (A4).
    pub seals: Vec<SignedRow>,
    /// Whether an officer took it back.
    pub withdrawn: bool,
    /// The request that has it, if that is not closed.
    pub used_by: Option<RequestId>,
}

/// What became of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKept {
    /// It is kept.
    Kept,
    /// The officer has sealed it already.
    Again,
    /// There is another voucher of that id or secret.
    Conflict,
}

const SELECT: &str = "SELECT v.id, v.text, v.withdrawn, r.id AS used_by
    FROM vouchers v LEFT JOIN requests r ON r.id = v.used_by AND r.state <> 'closed'";

impl Store {
    /// Keeps a seal, and the voucher if it is the first.
    pub async fn add_seal(&self, new: &NewSeal<'_>) -> Result<SealKept, StoreError> {
        let (id, text) = (new.voucher.id.to_string(), new.voucher.to_text());
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO vouchers (id, text, secret, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&id)
        .bind(&text)
        .bind(new.voucher.secret.to_string())
        .bind(signed(new.voucher.expires_at.0))
        .execute(&mut *tx)
        .await?;
        let same = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM vouchers WHERE id = ? AND text = ?)");
        if !same.bind(&id).bind(&text).fetch_one(&mut *tx).await? {
            return Ok(SealKept::Conflict);
        }
        let sealed = sqlx::query(
            "INSERT INTO voucher_seals (voucher_id, user_id, signature, session, source, at)
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&id)
        .bind(new.user_id)
        .bind(new.signature)
        .bind(to_json(new.session)?)
        .bind(to_json(new.source)?)
        .bind(signed(new.at.0))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(if sealed.rows_affected() == 1 { SealKept::Kept } else { SealKept::Again })
    }

    /// Finds a voucher.
    pub async fn voucher(&self, id: VoucherId) -> Result<Option<VoucherRow>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE v.id = ?"))).bind(id.to_string());
        self.read_voucher(query.fetch_optional(&self.writer).await?).await
    }

    /// Finds the voucher that a secret is of.
    pub async fn voucher_by_secret(&self, secret: Digest) -> Result<Option<VoucherRow>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE v.secret = ?")));
        self.read_voucher(query.bind(secret.to_string()).fetch_optional(&self.writer).await?).await
    }

    /// Gives all vouchers that are kept, the oldest first.
    pub async fn vouchers(&self) -> Result<Vec<VoucherRow>, StoreError> {
        let query = format!("{SELECT} ORDER BY v.id");
        let mut vouchers = Vec::new();
        for row in sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await? {
            vouchers.extend(self.read_voucher(Some(row)).await?);
        }
        Ok(vouchers)
    }

    async fn read_voucher(&self, row: Option<SqliteRow>) -> Result<Option<VoucherRow>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let corrupt = |what| StoreError::Corrupt { what };
        let text: String = row.try_get("text")?;
        let used_by: Option<String> = row.try_get("used_by")?;
        let seals = sqlx::query(
            "SELECT v.text, s.signature, s.session, s.source, s.at,
                    u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
             FROM voucher_seals s JOIN vouchers v ON v.id = s.voucher_id JOIN users u ON u.id = s.user_id
             WHERE v.id = ? ORDER BY s.rowid",
        )
        .bind(row.try_get::<String, _>("id")?)
        .fetch_all(&self.writer)
        .await?;
        Ok(Some(VoucherRow {
            voucher: Voucher::from_text(&text).map_err(|_| corrupt("voucher"))?,
            seals: seals.iter().map(super::approvals::parse).collect::<Result<_, _>>()?,
            withdrawn: row.try_get("withdrawn")?,
            used_by: used_by.map(|id| id.parse().map_err(|_| corrupt("request id"))).transpose()?,
        }))
    }

    /// Takes a voucher back; false when it is taken back already, or in use.
    pub async fn withdraw_voucher(&self, id: VoucherId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let free = is_free(&mut tx, id).await?;
        if free {
            let query = sqlx::query("UPDATE vouchers SET withdrawn = 1 WHERE id = ?");
            query.bind(id.to_string()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(free)
    }

    /// Keeps a request that a voucher is shown for, and the messages that say so, if nobody else has the voucher: of all who
    /// show it, one gets it.
    pub async fn add_emergency(
        &self,
        new: &RequestRow,
        id: VoucherId,
        notices: &[NewNotice],
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if !is_free(&mut tx, id).await? {
            return Ok(false);
        }
        let query = sqlx::query("UPDATE vouchers SET used_by = ? WHERE id = ?");
        query.bind(new.id.to_string()).bind(id.to_string()).execute(&mut *tx).await?;
        let added = insert_request(&mut tx, new, WaitLimits::NONE).await?;
        notices::commit_once(tx, added, notices, new.asked_at).await
    }

    /// Notes that somebody looked into what was done with a voucher; one of all who do so at once.
    pub async fn set_reviewed(&self, id: RequestId, now: UnixSeconds) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE requests SET reviewed_at = ?
             WHERE id = ? AND state = 'issued' AND voucher IS NOT NULL AND reviewed_at IS NULL",
        );
        let set = query.bind(signed(now.0)).bind(id.to_string()).execute(&self.writer).await?;
        Ok(set.rows_affected() == 1)
    }

    /// Deletes vouchers that ended before a time.
    pub async fn sweep_vouchers(&self, before: UnixSeconds) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM vouchers WHERE expires_at < ?");
        query.bind(signed(before.0)).execute(&self.writer).await?;
        Ok(())
    }
}

/// Tells whether a voucher can be used or taken back, inside of the transaction that does so.
async fn is_free(tx: &mut SqliteConnection, id: VoucherId) -> Result<bool, StoreError> {
    let free = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM vouchers v WHERE v.id = ? AND NOT v.withdrawn
            AND (v.used_by IS NULL
                 OR EXISTS (SELECT 1 FROM requests r WHERE r.id = v.used_by AND r.state = 'closed')))",
    );
    Ok(free.bind(id.to_string()).fetch_one(tx).await?)
}
