//! [`Storage`] once, for both databases: the statements are the same, a [`Dialect`] covers the rest.
//!
//! Statements are built from constants alone; what comes from outside is bound.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Pool, SqlSafeStr, Transaction};

use crate::dialect::{Dialect, Done, Value};
use crate::error::{Result, StorageError};
use crate::model::{
    Energy, EventQuery, Level, Measurement, MeasurementQuery, NewEvent, NewSetting, NewUser, Role, Series, SeriesQuery,
    Session, Setting, StoredEvent, StoredMeasurement, User, author, password_hash,
};
use crate::rows::{
    EVENT_COLUMNS, MEASUREMENT_COLUMNS, Reader, SESSION_COLUMNS, SETTING_COLUMNS, USER_COLUMNS, event_values,
    measurement_values, read_event, read_measurement, read_session, read_setting, read_user,
};
use crate::series::Buckets;
use crate::{Append, Storage};

/// A database: one connection writes, so that writes never fight; others read.
pub(crate) struct Sql<DB: Dialect> {
    writer: Pool<DB>,
    reader: Pool<DB>,
}

/// Rows a statement, largest first. A few fixed sizes keep the cache of prepared statements small.
const CHUNKS: [usize; 4] = [256, 32, 4, 1];

#[async_trait]
impl<DB: Dialect> Append for Sql<DB> {
    async fn append_measurements(&self, rows: &[Measurement]) -> Result<()> {
        rows.iter().try_for_each(Measurement::validate)?;
        self.insert("measurements", MEASUREMENT_COLUMNS, rows, measurement_values).await
    }

    async fn append_events(&self, events: &[NewEvent]) -> Result<()> {
        events.iter().try_for_each(NewEvent::validate)?;
        self.insert("events", EVENT_COLUMNS, events, event_values).await
    }
}

#[async_trait]
impl<DB: Dialect> Storage for Sql<DB> {
    async fn measurements(&self, query: MeasurementQuery) -> Result<Vec<StoredMeasurement>> {
        let (after_ms, after_seq) = query.after.unwrap_or((i64::MIN, i64::MIN));
        let sql = format!(
            "SELECT seq, {MEASUREMENT_COLUMNS} FROM measurements \
             WHERE ts_ms >= ? AND ts_ms < ? AND (ts_ms > ? OR seq > ?) \
             ORDER BY ts_ms, seq LIMIT ?"
        );
        let values = vec![
            query.from_ms.max(after_ms).into(),
            query.to_ms.into(),
            after_ms.into(),
            after_seq.into(),
            i64::from(query.limit).into(),
        ];
        let rows = self.read(sql, values).await?;
        rows.iter().map(read_measurement::<DB>).collect()
    }

    async fn series(&self, query: SeriesQuery) -> Result<Series> {
        let buckets = Buckets::new(&query)?;
        let rows = self
            .read(
                buckets.sql(&query.columns, DB::DIVIDE),
                vec![buckets.first_ms.into(), buckets.width_ms.into(), query.from_ms.into(), query.to_ms.into()],
            )
            .await?;
        let mut series = buckets.empty_series(&query.columns);
        for row in &rows {
            let mut reader = Reader::<DB>::new(row);
            let bucket = usize::try_from(reader.int()?)
                .ok()
                .filter(|&bucket| bucket < series.start_ms.len())
                .ok_or_else(|| StorageError::corrupt("a row outside the span asked for"))?;
            for column in &mut series.columns {
                column.min[bucket] = reader.real_or_null()?;
                column.mean[bucket] = reader.real_or_null()?;
                column.max[bucket] = reader.real_or_null()?;
            }
        }
        Ok(series)
    }

    async fn energy_wh(&self, from_ms: i64, to_ms: i64) -> Result<Energy> {
        const SUMS: &str = "SELECT COALESCE(SUM(energy1_wh), 0.0e0), COALESCE(SUM(energy2_wh), 0.0e0), \
             CAST(COALESCE(SUM(measured1_ms), 0) AS SIGNED INTEGER), \
             CAST(COALESCE(SUM(measured2_ms), 0) AS SIGNED INTEGER) \
             FROM measurements WHERE ts_ms >= ? AND ts_ms < ?";
        let row = self
            .read_one(SUMS, vec![from_ms.into(), to_ms.into()])
            .await?
            .ok_or_else(|| StorageError::corrupt("a sum without a row"))?;
        let mut reader = Reader::<DB>::new(&row);
        Ok(Energy { wh: [reader.real()?, reader.real()?], measured_ms: [reader.int()?, reader.int()?] })
    }

    async fn last_measurement_ms(&self) -> Result<Option<i64>> {
        let row = self.read_one("SELECT ts_ms FROM measurements ORDER BY seq DESC LIMIT 1", vec![]).await?;
        row.map(|row| Reader::<DB>::new(&row).int()).transpose()
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>> {
        let (condition, mut values) = event_conditions(&query);
        values.push(i64::from(query.limit).into());
        let sql = format!("SELECT seq, {EVENT_COLUMNS} FROM events WHERE {condition} ORDER BY seq DESC LIMIT ?");
        let rows = self.read(sql, values).await?;
        rows.iter().map(read_event::<DB>).collect()
    }

    async fn setting(&self, section: &str) -> Result<Option<Setting>> {
        let sql = format!("SELECT {SETTING_COLUMNS} FROM settings WHERE section = ?");
        let row = self.read_one(sql, vec![section.into()]).await?;
        row.map(|row| read_setting::<DB>(&row)).transpose()
    }

    async fn settings(&self) -> Result<Vec<Setting>> {
        let sql = format!("SELECT {SETTING_COLUMNS} FROM settings ORDER BY section");
        let rows = self.read(sql, vec![]).await?;
        rows.iter().map(read_setting::<DB>).collect()
    }

    async fn setting_history(&self, section: &str, limit: u32) -> Result<Vec<Setting>> {
        let sql = format!(
            "SELECT {SETTING_COLUMNS} FROM settings_history WHERE section = ? \
             ORDER BY revision DESC LIMIT ?"
        );
        let values = vec![section.into(), i64::from(limit).into()];
        let rows = self.read(sql, values).await?;
        rows.iter().map(read_setting::<DB>).collect()
    }

    async fn put_settings(&self, new: &[NewSetting], by: &str, now_ms: i64) -> Result<Vec<i64>> {
        author(by)?;
        new.iter().try_for_each(NewSetting::validate)?;
        let mut transaction = DB::begin(&self.writer).await?;
        let mut revisions = Vec::with_capacity(new.len());
        for setting in new {
            revisions.push(put_setting::<DB>(&mut transaction, setting, by, now_ms).await?);
        }
        transaction.commit().await?;
        Ok(revisions)
    }

    async fn create_user(&self, new: &NewUser, now_ms: i64) -> Result<i64> {
        new.validate()?;
        let done = self
            .write(
                "INSERT INTO users (name, name_key, password_hash, role, enabled, generation, \
                 created_ms, updated_ms) VALUES (?, ?, ?, ?, 1, 1, ?, ?)",
                vec![
                    new.name.as_str().into(),
                    name_key(&new.name).as_str().into(),
                    new.password_hash.as_str().into(),
                    new.role.as_str().into(),
                    now_ms.into(),
                    now_ms.into(),
                ],
            )
            .await?;
        Ok(done.id)
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE name_key = ?");
        let row = self.read_one(sql, vec![name_key(name).as_str().into()]).await?;
        row.map(|row| read_user::<DB>(&row)).transpose()
    }

    async fn user_by_id(&self, id: i64) -> Result<Option<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = ?");
        let row = self.read_one(sql, vec![id.into()]).await?;
        row.map(|row| read_user::<DB>(&row)).transpose()
    }

    async fn users(&self) -> Result<Vec<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users ORDER BY id");
        let rows = self.read(sql, vec![]).await?;
        rows.iter().map(read_user::<DB>).collect()
    }

    async fn count_users(&self) -> Result<i64> {
        let row = self.read_one("SELECT COUNT(*) FROM users", vec![]).await?;
        row.map_or(Ok(0), |row| Reader::<DB>::new(&row).int())
    }

    async fn set_password(&self, id: i64, hash: &str, now_ms: i64) -> Result<()> {
        password_hash(hash)?;
        self.write_existing(
            "user",
            "UPDATE users SET password_hash = ?, generation = generation + 1, updated_ms = ? \
             WHERE id = ?",
            vec![hash.into(), now_ms.into(), id.into()],
        )
        .await
    }

    async fn set_user_enabled(&self, id: i64, enabled: bool, now_ms: i64) -> Result<()> {
        self.write_existing(
            "user",
            "UPDATE users SET enabled = ?, generation = generation + 1, updated_ms = ? \
             WHERE id = ?",
            vec![enabled.into(), now_ms.into(), id.into()],
        )
        .await
    }

    async fn set_user_role(&self, id: i64, role: Role, now_ms: i64) -> Result<()> {
        self.write_existing(
            "user",
            "UPDATE users SET role = ?, generation = generation + 1, updated_ms = ? WHERE id = ?",
            vec![role.as_str().into(), now_ms.into(), id.into()],
        )
        .await
    }

    async fn create_session(&self, session: &Session) -> Result<()> {
        session.validate()?;
        self.write(
            "INSERT INTO sessions (id, user_id, generation, created_ms, expires_ms, revoked) \
             VALUES (?, ?, ?, ?, ?, ?)",
            vec![
                session.id.as_str().into(),
                session.user_id.into(),
                session.generation.into(),
                session.created_ms.into(),
                session.expires_ms.into(),
                session.revoked.into(),
            ],
        )
        .await?;
        Ok(())
    }

    async fn session(&self, id: &str) -> Result<Option<Session>> {
        let sql = format!("SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?");
        let row = self.read_one(sql, vec![id.into()]).await?;
        row.map(|row| read_session::<DB>(&row)).transpose()
    }

    async fn revoke_session(&self, id: &str) -> Result<()> {
        self.write_existing("session", "UPDATE sessions SET revoked = 1 WHERE id = ?", vec![id.into()]).await
    }

    async fn revoke_user_sessions(&self, user_id: i64) -> Result<u64> {
        let sql = "UPDATE sessions SET revoked = 1 WHERE user_id = ? AND revoked = 0";
        Ok(self.write(sql, vec![user_id.into()]).await?.rows)
    }

    async fn prune_sessions(&self, now_ms: i64) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE expires_ms <= ?";
        Ok(self.write(sql, vec![now_ms.into()]).await?.rows)
    }

    async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

impl<DB: Dialect> Sql<DB> {
    pub(crate) fn new(writer: Pool<DB>, reader: Pool<DB>) -> Self {
        Self { writer, reader }
    }

    /// Reads outside of any transaction. `sql` is built from constants; see the file's first lines.
    async fn read(&self, sql: impl Into<String>, values: Vec<Value<'_>>) -> Result<Vec<DB::Row>> {
        let sql = AssertSqlSafe(sql.into()).into_sql_str();
        let mut connection = self.reader.acquire().await?;
        Ok(DB::fetch(&mut connection, sql, values).await?)
    }

    /// Reads the first row.
    async fn read_one(&self, sql: impl Into<String>, values: Vec<Value<'_>>) -> Result<Option<DB::Row>> {
        Ok(self.read(sql, values).await?.into_iter().next())
    }

    /// Runs one statement as a transaction of its own.
    async fn write(&self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Done> {
        let mut connection = self.writer.acquire().await?;
        Ok(DB::execute(&mut connection, sql.into_sql_str(), values).await?)
    }

    /// Runs one statement that must touch a row.
    async fn write_existing(&self, what: &str, sql: &'static str, values: Vec<Value<'_>>) -> Result<()> {
        match self.write(sql, values).await?.rows {
            0 => Err(StorageError::not_found(format!("there is no such {what}"))),
            _ => Ok(()),
        }
    }

    /// Inserts all rows in one transaction, many a statement.
    async fn insert<'a, T>(
        &self,
        table: &str,
        columns: &str,
        rows: &'a [T],
        values: fn(&'a T, &mut Vec<Value<'a>>),
    ) -> Result<()>
    where
        T: Sync,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let mut transaction = DB::begin(&self.writer).await?;
        let mut rest = rows;
        for size in CHUNKS {
            let sql = AssertSqlSafe(insert_sql(table, columns, size)).into_sql_str();
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                let mut bound = Vec::new();
                chunk.iter().for_each(|row| values(row, &mut bound));
                DB::execute(&mut transaction, sql.clone(), bound).await?;
                rest = after;
            }
        }
        Ok(transaction.commit().await?)
    }
}

/// `INSERT INTO table (columns) VALUES (?, …), …` for so many rows.
fn insert_sql(table: &str, columns: &str, rows: usize) -> String {
    let row = vec!["?"; columns.split(',').count()].join(", ");
    let values = vec![format!("({row})"); rows].join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES {values}")
}

/// The `WHERE` of an event query and its values.
fn event_conditions(query: &EventQuery) -> (String, Vec<Value<'static>>) {
    let mut conditions = vec!["1 = 1".to_owned()];
    let mut values = Vec::new();
    let bounds = [("seq < ?", query.before), ("ts_ms >= ?", query.from_ms), ("ts_ms < ?", query.to_ms)];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            conditions.push(condition.to_owned());
            values.push(bound.into());
        }
    }
    if let Some(category) = query.category {
        conditions.push("category = ?".to_owned());
        values.push(category.as_str().into());
    }
    if let Some(min) = query.min_level {
        let levels = Level::ALL.into_iter().filter(|&level| level >= min);
        let before = values.len();
        values.extend(levels.map(|level| Value::from(level.as_str())));
        let marks = vec!["?"; values.len() - before].join(", ");
        conditions.push(format!("level IN ({marks})"));
    }
    (conditions.join(" AND "), values)
}

/// Writes one section inside a transaction and gives its new revision.
async fn put_setting<DB: Dialect>(
    transaction: &mut Transaction<'static, DB>,
    new: &NewSetting,
    by: &str,
    now_ms: i64,
) -> Result<i64> {
    let section = Value::from(new.section.as_str());
    let select = format!("SELECT revision FROM settings WHERE section = ? {}", DB::FOR_UPDATE);
    let rows = DB::fetch(transaction, AssertSqlSafe(select).into_sql_str(), vec![section]).await?;
    let present = rows.first().map_or(Ok(0), |row| Reader::<DB>::new(row).int())?;
    if new.expected_revision.is_some_and(|expected| expected != present) {
        return Err(StorageError::conflict(format!("section {} is at revision {present}", new.section)));
    }
    if present > 0 {
        keep_and_remove::<DB>(transaction, &new.section).await?;
    }
    let insert = insert_sql("settings", SETTING_COLUMNS, 1);
    let values =
        vec![new.section.as_str().into(), (present + 1).into(), new.json.as_str().into(), now_ms.into(), by.into()];
    DB::execute(transaction, AssertSqlSafe(insert).into_sql_str(), values).await?;
    Ok(present + 1)
}

/// Moves a section's present value to the history.
async fn keep_and_remove<DB: Dialect>(transaction: &mut Transaction<'static, DB>, section: &str) -> Result<()> {
    let keep = format!(
        "INSERT INTO settings_history ({SETTING_COLUMNS}) \
         SELECT {SETTING_COLUMNS} FROM settings WHERE section = ?"
    );
    DB::execute(transaction, AssertSqlSafe(keep).into_sql_str(), vec![section.into()]).await?;
    DB::execute(transaction, "DELETE FROM settings WHERE section = ?".into_sql_str(), vec![section.into()]).await?;
    Ok(())
}

/// What makes two user names the same.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}
