//! SQLite: one file, write-ahead log, one connection that writes and a few that read.
//!
//! The writer commits with `synchronous=FULL`: each commit is on the disk when it returns. That is
//! affordable since there are few commits: telemetry comes in batches, and everything else is rare
//! and precious. Readers never wait for the writer, nor it for them.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{
    Sqlite, SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlStr, Transaction};

use crate::dialect::{Dialect, Done, Value, arguments};
use crate::error::{Result, StorageError};
use crate::sql::Sql;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long an operation waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers: a few pages in the browser at once.
const READERS: u32 = 4;

pub(crate) async fn open(url: &str) -> Result<Sql<Sqlite>> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(StorageError::invalid("SQLite needs a file: what is kept in memory would be lost"));
    }
    let options = SqliteConnectOptions::from_str(url)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Old rows can be given back to the disk bit by bit, without rewriting the file.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        // A long transaction must not leave a large log behind for ever.
        .pragma("journal_size_limit", "16777216");
    create_private(options.get_filename())?;

    let writer = pool(1, options.clone()).await?;
    MIGRATIONS.run(&writer).await?;
    let reader = pool(READERS, options.pragma("query_only", "on")).await?;
    Ok(Sql::new(writer, reader))
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let pool = PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(2 * BUSY_TIMEOUT)
        .max_lifetime(None)
        // The connection is a file handle of this process: it can't go stale.
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Creates the file for its owner alone (it holds password hashes); SQLite gives the log beside it
/// the same mode. An existing file is left as it is.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StorageError::unavailable(format!("{} can't be created: {error}", path.display()))),
    }
}

impl Dialect for Sqlite {
    const DIVIDE: &'static str = "/";
    const FOR_UPDATE: &'static str = "";

    /// Takes the write lock at once, so that a transaction which has read can't fail to write.
    async fn begin(writer: &SqlitePool) -> sqlx::Result<Transaction<'static, Sqlite>> {
        writer.begin_with("BEGIN IMMEDIATE").await
    }

    async fn execute(connection: &mut SqliteConnection, sql: SqlStr, values: Vec<Value<'_>>) -> sqlx::Result<Done> {
        let result = sqlx::query_with(sql, arguments::<Sqlite>(values)?).execute(connection).await?;
        Ok(Done { rows: result.rows_affected(), id: result.last_insert_rowid() })
    }

    async fn fetch(
        connection: &mut SqliteConnection,
        sql: SqlStr,
        values: Vec<Value<'_>>,
    ) -> sqlx::Result<Vec<SqliteRow>> {
        sqlx::query_with(sql, arguments::<Sqlite>(values)?).fetch_all(connection).await
    }

    fn int(row: &SqliteRow, index: usize) -> sqlx::Result<Option<i64>> {
        row.try_get(index)
    }

    fn real(row: &SqliteRow, index: usize) -> sqlx::Result<Option<f64>> {
        row.try_get(index)
    }

    fn text(row: &SqliteRow, index: usize) -> sqlx::Result<Option<String>> {
        row.try_get(index)
    }
}
