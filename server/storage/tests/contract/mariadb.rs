//! A MariaDB of the tests' own: in a temporary folder, on a socket in it, gone with the test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use storage::StorageError;

/// Runs the server until standard input closes. That happens when the test lets go of its end, and
/// also when the test's process dies in any other way, so that no server is ever left behind.
const WATCH: &str = r#"
    folder=$1; shift
    PATH=$PATH:/usr/sbin # where Debian puts mariadbd, and few users look
    "$@" & server=$!
    read _
    kill -9 $server; wait $server; rm -rf "$folder"
"#;

pub(crate) struct Server {
    watcher: Child,
    socket: PathBuf,
}

impl Server {
    /// Starts a server with an empty data folder and waits until it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("suntank-mariadb-").tempdir().unwrap().keep();
        let data = format!("--datadir={}", folder.join("data").display());
        let socket = folder.join("socket");
        let log = folder.join("log");

        let mut install = Command::new("mariadb-install-db");
        install
            .args(["--no-defaults", "--skip-test-db"])
            .args(["--auth-root-authentication-method=normal", &data])
            .args(as_root());
        let installed = install
            .output()
            .expect("mariadb-install-db must be installed for this test: apt-get install mariadb-server");
        assert!(
            installed.status.success(),
            "mariadb-install-db failed: {}",
            String::from_utf8_lossy(&installed.stderr)
        );

        let watcher = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&folder)
            .args(["mariadbd", "--no-defaults", "--skip-networking", &data])
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--log-error={}", log.display()))
            .arg("--innodb-buffer-pool-size=16M")
            // Tests need no power-cut safety, and are quicker without.
            .arg("--innodb-flush-log-at-trx-commit=0")
            .args(as_root())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { watcher, socket };
        server.wait_until_it_answers(&log).await;
        server
    }

    async fn wait_until_it_answers(&self, log: &std::path::Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = self.options().connect().await {
            assert!(
                Instant::now() < deadline,
                "mariadbd does not answer ({error}); apt-get install mariadb-server. Its log: {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new().username("root").socket(&self.socket)
    }

    /// A superuser's connection to no database.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        self.options().connect().await.unwrap()
    }

    /// Creates an empty database, named by at most 60 of `name`'s characters, and gives its URL.
    pub(crate) async fn create_database(&self, name: &str) -> String {
        let name = &name[..name.len().min(60)];
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        self.connect().await.execute(create).await.unwrap();
        self.url("root", name)
    }

    fn url(&self, user: &str, database: &str) -> String {
        let socket = self.socket.display();
        format!("mariadb://{user}@localhost/{database}?socket={socket}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// Debian's packages refuse to run as root unless told to.
fn as_root() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    (id.stdout.trim_ascii() == b"0").then_some("--user=root")
}

/// The power failed after the first table of the first migration.
pub(crate) async fn interrupted_migration_is_repeated(server: &Server) {
    let url = server.create_database("interrupted").await;
    storage::open(&url).await.unwrap().close().await;
    let mut root = server.connect().await;
    for statement in
        ["USE interrupted", "DROP TABLE sessions, users, settings", "UPDATE _sqlx_migrations SET success = FALSE"]
    {
        root.execute(statement).await.unwrap();
    }
    root.close().await.unwrap();

    let store = storage::open(&url).await.unwrap();
    store.put_setting("a", "1", None, "x", 0).await.unwrap();
    assert_eq!(store.count_users().await.unwrap(), 0);
    store.close().await;
    storage::open(&url).await.unwrap().close().await;
}

pub(crate) async fn secrets_stay_out_of_errors(server: &Server) {
    let wrong = server.url("root:hunter2", "no_such_database");
    let nowhere = "mysql://root:hunter2@127.0.0.1:1/suntank".to_owned();
    let garbled = "mysql://root:hunter2@[::1/suntank".to_owned();
    for url in [wrong, nowhere, garbled] {
        let error = storage::open(&url).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(matches!(error, StorageError::Unavailable(_) | StorageError::Invalid(_)), "{error}");
    }
}
