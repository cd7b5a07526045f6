//! One contract, two databases: every case runs on SQLite and on MariaDB.
//!
//! SQLite runs each case as a test of its own. MariaDB takes seconds to start, so one test starts
//! a server, runs all cases on it, each in a database of its own, and names those that failed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod mariadb;
mod sqlite;

use std::sync::Arc;

use storage::Storage;

/// An empty database of a case's own.
pub(crate) struct Database {
    url: String,
    pub(crate) store: Arc<dyn Storage>,
}

impl Database {
    async fn open(url: String) -> Self {
        let store = storage::open(&url).await.unwrap();
        Self { url, store }
    }

    /// Closes the database and opens it anew, as a restart does.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = storage::open(&self.url).await.unwrap();
    }
}

macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let url = crate::sqlite::url(folder.path());
                    crate::cases::$case(crate::Database::open(url).await).await;
                }
            )*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn on_mariadb() {
            let server = mariadb::Server::start().await;
            let mut failed = Vec::new();
            $(
                let url = server.create_database(stringify!($case)).await;
                // A task of its own, so that a failed case does not hide the next.
                let case = tokio::spawn(async { cases::$case(Database::open(url).await).await });
                if case.await.is_err() {
                    failed.push(stringify!($case));
                }
            )*
            mariadb::interrupted_migration_is_repeated(&server).await;
            mariadb::secrets_stay_out_of_errors(&server).await;
            assert!(failed.is_empty(), "failed on MariaDB (see above): {failed:?}");
        }
    };
}

contract![
    measurements_come_back_as_they_were,
    ten_thousand_rows_in_one_batch,
    pages_of_measurements_are_complete_though_the_clock_stepped_back,
    numbers_that_are_none_are_refused_with_their_batch,
    empty_batches_are_fine,
    buckets_hold_min_mean_max_and_gaps,
    buckets_stand_still_while_the_window_moves,
    a_series_of_every_column,
    senseless_series_are_refused,
    energy_adds_up_within_the_span,
    the_last_measurement_is_the_one_appended_last,
    events_come_newest_first_in_pages,
    events_are_filtered,
    events_keep_every_character,
    broken_events_are_refused_with_their_batch,
    settings_count_revisions_and_keep_history,
    a_stale_setting_is_a_conflict_and_changes_nothing,
    of_rival_settings_exactly_one_wins,
    user_names_are_unique_without_regard_to_case,
    changing_a_user_bumps_its_generation,
    unusable_users_are_refused,
    sessions_live_and_end,
    sessions_need_a_user,
    everything_survives_a_restart,
    a_closed_store_says_so,
    the_recorder_writes_through,
];
