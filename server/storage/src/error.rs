//! What can go wrong, in the few kinds that a caller treats differently.
//!
//! Messages are for people and hold no secrets: never a URL, never a bound value.

use sqlx::error::ErrorKind;
use sqlx::migrate::MigrateError;

/// `Result` with this crate's error.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Why an operation did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The database can't be reached, is locked, or its disk is full: trying again may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The thing exists already, or is not at the expected revision.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The thing to be changed does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The arguments can't be accepted.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The file is damaged, or holds what no version of this program writes.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The database's schema is not one that this version can bring forward.
    #[error("the database's schema does not fit: {0}")]
    Schema(String),
}

impl StorageError {
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(message.into())
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(message.into())
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::Corrupt(message.into())
    }
}

/// SQLite's primary result codes that mean a damaged file (<https://sqlite.org/rescode.html>).
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.kind() {
                // The server's own text would quote the value.
                ErrorKind::UniqueViolation => Self::conflict("it exists already"),
                ErrorKind::ForeignKeyViolation => Self::not_found("what the row refers to does not exist"),
                _ if is_sqlite_damage(&*error) => Self::corrupt(error.message()),
                _ => Self::unavailable(error.message()),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } => {
                Self::corrupt("a value has an unexpected type")
            }
            sqlx::Error::Migrate(error) => (*error).into(),
            sqlx::Error::Configuration(_) => Self::invalid("the database URL can't be read"),
            sqlx::Error::PoolTimedOut => Self::unavailable("no connection became free in time"),
            sqlx::Error::PoolClosed => Self::unavailable("it has been closed"),
            sqlx::Error::Io(error) => Self::unavailable(error.to_string()),
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<MigrateError> for StorageError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            MigrateError::VersionMissing(version) => {
                Self::Schema(format!("it holds migration {version}, so a newer Suntank wrote it; install that version"))
            }
            other => Self::Schema(other.to_string()),
        }
    }
}

/// SQLite's code is the extended one, whose low byte is the primary code. MySQL's codes are
/// SQLSTATEs of five digits and never fit.
fn is_sqlite_damage(error: &dyn sqlx::error::DatabaseError) -> bool {
    error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .and_then(|_| error.code()?.parse::<i32>().ok())
        .is_some_and(|code| matches!(code & 0xff, SQLITE_CORRUPT | SQLITE_NOTADB))
}
