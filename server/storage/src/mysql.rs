//! MySQL and MariaDB: a server elsewhere, one connection that writes and a few that read.
//!
//! Each commit is on the server's disk when it returns, unless its administrator has weakened
//! `innodb_flush_log_at_trx_commit`.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlRow};
use sqlx::pool::PoolOptions;
use sqlx::{Row, SqlStr, Transaction};

use crate::dialect::{Dialect, Done, Value, arguments};
use crate::error::{Result, StorageError};
use crate::sql::Sql;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/mysql");

/// How long an operation waits for a connection, the server's absence included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers: a few pages in the browser at once.
const READERS: u32 = 4;

pub(crate) async fn open(url: &str) -> Result<Sql<MySql>> {
    let options = MySqlConnectOptions::from_str(url)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(StorageError::invalid(
            "the database URL must name a database, as in mysql://user:password@host/suntank",
        ));
    }
    let writer = pool(1, options.clone()).await?;
    migrate(&writer).await?;
    let reader = pool(READERS, options).await?;
    Ok(Sql::new(writer, reader))
}

async fn pool(connections: u32, options: MySqlConnectOptions) -> Result<MySqlPool> {
    let pool =
        PoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options).await?;
    Ok(pool)
}

/// Brings the schema forward. A migration that a power cut left half done is marked as such; its
/// statements are all repeatable, so the mark is taken away and it runs again.
async fn migrate(writer: &MySqlPool) -> Result<()> {
    match MIGRATIONS.run(writer).await {
        Err(MigrateError::Dirty(version)) => {
            tracing::warn!(version, "a migration was interrupted and is repeated");
            sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ? AND success = FALSE")
                .bind(version)
                .execute(writer)
                .await?;
            Ok(MIGRATIONS.run(writer).await?)
        }
        done => Ok(done?),
    }
}

impl Dialect for MySql {
    const DIVIDE: &'static str = "DIV";
    const FOR_UPDATE: &'static str = "FOR UPDATE";

    async fn begin(writer: &MySqlPool) -> sqlx::Result<Transaction<'static, MySql>> {
        writer.begin().await
    }

    async fn execute(connection: &mut MySqlConnection, sql: SqlStr, values: Vec<Value<'_>>) -> sqlx::Result<Done> {
        let result = sqlx::query_with(sql, arguments::<MySql>(values)?).execute(connection).await?;
        Ok(Done { rows: result.rows_affected(), id: i64::try_from(result.last_insert_id()).unwrap_or(i64::MAX) })
    }

    async fn fetch(
        connection: &mut MySqlConnection,
        sql: SqlStr,
        values: Vec<Value<'_>>,
    ) -> sqlx::Result<Vec<MySqlRow>> {
        sqlx::query_with(sql, arguments::<MySql>(values)?).fetch_all(connection).await
    }

    fn int(row: &MySqlRow, index: usize) -> sqlx::Result<Option<i64>> {
        row.try_get(index)
    }

    fn real(row: &MySqlRow, index: usize) -> sqlx::Result<Option<f64>> {
        row.try_get(index)
    }

    fn text(row: &MySqlRow, index: usize) -> sqlx::Result<Option<String>> {
        row.try_get(index)
    }
}
