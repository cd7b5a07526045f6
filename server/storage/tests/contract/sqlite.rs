//! What only a file can do: modes, locks, damage, age.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use storage::{
    Category, EventQuery, Level, Measurement, MeasurementQuery, NewEvent, Recorder, RecorderConfig, StorageError,
};

pub(crate) fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("suntank.db").display())
}

/// A stranger's connection to the same file.
async fn stranger(folder: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(folder.join("suntank.db")).connect().await.unwrap()
}

async fn pragma(connection: &mut SqliteConnection, pragma: &'static str) -> String {
    sqlx::query_scalar::<_, String>(pragma).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn the_file_is_its_owners_alone_and_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let store = storage::open(&url(folder.path())).await.unwrap();
    store.put_setting("a", "1", None, "x", 0).await.unwrap();
    for file in ["suntank.db", "suntank.db-wal"] {
        let metadata = std::fs::metadata(folder.path().join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{file}");
    }
    let mut stranger = stranger(folder.path()).await;
    let mode = pragma(&mut stranger, "PRAGMA journal_mode").await;
    assert_eq!(mode, "wal");
    let vacuum = "SELECT CAST(auto_vacuum AS TEXT) FROM pragma_auto_vacuum";
    assert_eq!(pragma(&mut stranger, vacuum).await, "2", "incremental");
}

#[tokio::test]
async fn urls_that_lead_nowhere_are_refused() {
    let check = async |url: &str, expected: fn(&StorageError) -> bool| {
        let error = storage::open(url).await.err().unwrap();
        assert!(expected(&error), "{url}: {error}");
    };
    let invalid: fn(&StorageError) -> bool = |error| matches!(error, StorageError::Invalid(_));
    let unavailable: fn(&StorageError) -> bool = |error| matches!(error, StorageError::Unavailable(_));
    check("", invalid).await;
    check("suntank.db", invalid).await;
    check("postgres://localhost/suntank", invalid).await;
    check("sqlite::memory:", invalid).await;
    check("sqlite:x?mode=memory", invalid).await;
    check("mysql://localhost", invalid).await;
    check("sqlite:/no/such/folder/suntank.db", unavailable).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("suntank.db");
    std::fs::write(&file, "random bytes, no database at all. ".repeat(1000)).unwrap();
    let error = storage::open(&url(folder.path())).await.err().unwrap();
    assert!(matches!(error, StorageError::Corrupt(_)), "{error}");
}

#[tokio::test]
async fn a_newer_versions_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    storage::open(&url).await.unwrap().close().await;
    let mut stranger = stranger(folder.path()).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (999999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut stranger)
    .await
    .unwrap();
    let error = storage::open(&url).await.err().unwrap();
    assert!(matches!(error, StorageError::Schema(_)), "{error}");
}

/// The command line changes a setting while the server does: both wait for each other and succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let programs = [storage::open(&url).await.unwrap(), storage::open(&url).await.unwrap()];
    let changes = programs.clone().map(|store| {
        tokio::spawn(async move {
            for _ in 0..50 {
                store.put_setting("s", "1", None, "x", 0).await.unwrap();
            }
        })
    });
    for change in changes {
        change.await.unwrap();
    }
    let present = programs[0].setting("s").await.unwrap().unwrap();
    assert_eq!(present.revision, 100);
}

/// Another process holds the file: nothing is lost, nobody waits, and all arrives afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorder_outlasts_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let store = storage::open(&url(folder.path())).await.unwrap();
    let config = RecorderConfig { flush_interval: Duration::from_millis(1), ..RecorderConfig::default() };
    let recorder = Recorder::start(store.clone(), config);

    let mut stranger = stranger(folder.path()).await;
    let lock = stranger.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for n in 0..500 {
        let row = Measurement { ts_ms: n, ..Measurement::default() };
        recorder.record(row).unwrap();
    }
    let trip = NewEvent {
        ts_ms: 500,
        level: Level::Critical,
        category: Category::Watchdog,
        kind: "over_temperature".to_owned(),
        message: "Tank 1 is too hot.".to_owned(),
        data: None,
    };
    recorder.event(trip.clone()).unwrap();
    let held = tokio::time::timeout(Duration::from_millis(300), recorder.flush()).await;
    assert!(held.is_err(), "nothing can be written while the lock is held");
    assert_eq!(recorder.health().queued, 501);
    // Reading goes on meanwhile.
    assert_eq!(store.events(EventQuery::default()).await.unwrap(), []);

    lock.rollback().await.unwrap();
    recorder.flush().await.unwrap();
    let everything = MeasurementQuery { from_ms: 0, to_ms: 1000, after: None, limit: 1000 };
    let rows = store.measurements(everything).await.unwrap();
    let times: Vec<_> = rows.iter().map(|row| row.measurement.ts_ms).collect();
    assert_eq!(times, (0..500).collect::<Vec<_>>());
    let events = store.events(EventQuery::default()).await.unwrap();
    assert_eq!(events[0].event, trip);
    assert_eq!(recorder.health().queued, 0);
}
