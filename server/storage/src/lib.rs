//! Everything Suntank remembers: measurements, events, settings, users, sessions.
//!
//! One trait, [`Storage`], spoken by two databases: SQLite in a file beside the program (the
//! default) and MySQL/MariaDB by URL. [`open`] chooses by the URL's scheme and runs the embedded
//! migrations forward. [`Recorder`] stands between the control thread and the database: it takes
//! measurements and events without ever blocking and writes them in batches.
//!
//! What this crate promises:
//!
//! - An operation happens whole or not at all, and once it has returned `Ok` it survives a power
//!   cut (SQLite commits with `synchronous=FULL`; InnoDB flushes its log at each commit).
//! - Both databases give the same answers; one contract suite holds them to it.
//! - No NaN or infinity gets in; no error message carries a password.
//! - It knows no clock: each time is an argument, UTC milliseconds since 1970.

mod dialect;
mod error;
mod model;
mod mysql;
mod rows;
mod series;
mod sql;
mod sqlite;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;

pub use error::{Result, StorageError};
pub use model::{
    Category, Column, Energy, EventQuery, Level, Measurement, MeasurementQuery, NewEvent, NewSetting, NewUser, RELAYS,
    Role, SENSORS, Series, SeriesColumn, SeriesQuery, Session, Setting, StoredEvent, StoredMeasurement, User,
};
pub use writer::{Health, Recorder, RecorderConfig};

/// Opens the database that `url` names, creates what is missing and migrates it forward.
///
/// - `sqlite:/path/file.db`: the file is created with mode 0600 when absent; its folder must
///   exist.
/// - `mysql://user:password@host:port/database` or `mariadb://…`: the database must exist.
///
/// # Errors
///
/// [`StorageError::Invalid`] for a URL that names neither, [`StorageError::Unavailable`] when the
/// database can't be reached, [`StorageError::Corrupt`] when the file is no database,
/// [`StorageError::Schema`] when it was written by a newer version.
pub async fn open(url: &str) -> Result<Arc<dyn Storage>> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => Ok(Arc::new(sqlite::open(url).await?)),
        Some("mysql" | "mariadb") => Ok(Arc::new(mysql::open(url).await?)),
        _ => Err(StorageError::invalid("the database URL must begin with sqlite:, mysql:// or mariadb://")),
    }
}

/// Where rows are appended: the part of [`Storage`] that [`Recorder`] feeds.
///
/// A failed call has written nothing, with one exception: when the connection to a MySQL server
/// breaks in the very moment of a commit, nobody can know, and appending again may append twice.
#[async_trait]
pub trait Append: Send + Sync {
    /// Appends the rows in order, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] when any row fails [`Measurement::validate`]; nothing is written
    /// then.
    async fn append_measurements(&self, rows: &[Measurement]) -> Result<()>;

    /// Appends the events in order, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] when any event fails [`NewEvent::validate`]; nothing is written
    /// then.
    async fn append_events(&self, events: &[NewEvent]) -> Result<()>;
}

/// The store of one Suntank. All methods may be called concurrently; writes are serialised.
///
/// Every method fails with [`StorageError::Unavailable`] when the database can't be reached or is
/// locked by another process for longer than some seconds, and with [`StorageError::Corrupt`] when
/// it holds what this version can't read.
#[async_trait]
pub trait Storage: Append {
    /// Rows of a time span, oldest first, page by page.
    async fn measurements(&self, query: MeasurementQuery) -> Result<Vec<StoredMeasurement>>;

    /// Buckets of minimum, mean and maximum for plots; see [`Series`].
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] for an empty span or column list, or points outside 1..=5000.
    async fn series(&self, query: SeriesQuery) -> Result<Series>;

    /// Energy and measured time of the rows with `from_ms <= ts_ms < to_ms`.
    async fn energy_wh(&self, from_ms: i64, to_ms: i64) -> Result<Energy>;

    /// Time of the row appended last, if there is any. Not always the latest time: clocks step
    /// back.
    async fn last_measurement_ms(&self) -> Result<Option<i64>>;

    /// Events that match, newest first.
    async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>>;

    /// A section's present value.
    async fn setting(&self, section: &str) -> Result<Option<Setting>>;

    /// All sections' present values, by section.
    async fn settings(&self) -> Result<Vec<Setting>>;

    /// A section's replaced values, newest first, at most `limit`.
    async fn setting_history(&self, section: &str, limit: u32) -> Result<Vec<Setting>>;

    /// Writes all the sections or none; each replaced value moves to the history in the same
    /// transaction. Gives the new revisions, in order (the first revision is 1).
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] when a section's revision is not the expected one,
    /// [`StorageError::Invalid`] when a value is not JSON.
    async fn put_settings(&self, new: &[NewSetting], by: &str, now_ms: i64) -> Result<Vec<i64>>;

    /// Writes one section; see [`Storage::put_settings`].
    async fn put_setting(
        &self,
        section: &str,
        json: &str,
        expected_revision: Option<i64>,
        by: &str,
        now_ms: i64,
    ) -> Result<i64> {
        let new = NewSetting { section: section.to_owned(), json: json.to_owned(), expected_revision };
        let revisions = self.put_settings(&[new], by, now_ms).await?;
        revisions.first().copied().ok_or_else(|| StorageError::corrupt("a written setting has no revision"))
    }

    /// Creates an enabled user and gives its id. Names are unique without regard to case.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] when the name is taken, [`StorageError::Invalid`] when it is
    /// empty, longer than 64 characters, or begins or ends with a space.
    async fn create_user(&self, new: &NewUser, now_ms: i64) -> Result<i64>;

    /// The user of that name, without regard to case.
    async fn user_by_name(&self, name: &str) -> Result<Option<User>>;

    /// The user of that id.
    async fn user_by_id(&self, id: i64) -> Result<Option<User>>;

    /// All users, in order of creation.
    async fn users(&self) -> Result<Vec<User>>;

    /// How many users there are.
    async fn count_users(&self) -> Result<i64>;

    /// Replaces the password hash and bumps the user's generation, which ends all its sessions.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotFound`].
    async fn set_password(&self, id: i64, password_hash: &str, now_ms: i64) -> Result<()>;

    /// Enables or disables a user and bumps its generation.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotFound`].
    async fn set_user_enabled(&self, id: i64, enabled: bool, now_ms: i64) -> Result<()>;

    /// Changes a user's role and bumps its generation.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotFound`].
    async fn set_user_role(&self, id: i64, role: Role, now_ms: i64) -> Result<()>;

    /// Stores a session.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] when the id exists, [`StorageError::NotFound`] when the user
    /// does not.
    async fn create_session(&self, session: &Session) -> Result<()>;

    /// The session of that id, be it revoked, expired or of an older generation: the caller
    /// judges with [`Session::is_valid`].
    async fn session(&self, id: &str) -> Result<Option<Session>>;

    /// Revokes one session.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotFound`].
    async fn revoke_session(&self, id: &str) -> Result<()>;

    /// Revokes all sessions of a user and gives how many were not revoked before.
    async fn revoke_user_sessions(&self, user_id: i64) -> Result<u64>;

    /// Deletes the sessions that expired at or before `now_ms` and gives how many.
    async fn prune_sessions(&self, now_ms: i64) -> Result<u64>;

    /// Waits for what runs, then closes all connections. Later calls give
    /// [`StorageError::Unavailable`].
    async fn close(&self);
}
