//! What every database must do.

use std::time::Duration;

use storage::{
    Category, Column, EventQuery, Level, Measurement, MeasurementQuery, NewEvent, NewSetting, NewUser, Recorder,
    RecorderConfig, Role, SeriesQuery, Session, StorageError, User,
};

use crate::Database;

/// 2026-11-24T00:00:00Z.
const T0: i64 = 1_795_478_400_000;
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// One second, both circuits measured, `t1` given.
fn row(ts_ms: i64, t1: f64) -> Measurement {
    Measurement {
        ts_ms,
        dt_ms: SECOND,
        measured_ms: [SECOND, SECOND],
        raw: [Some(300.0), Some(8.0), Some(t1 - 1.0), None, None, None],
        calibrated: [Some(301.0), Some(8.1), Some(t1), None, None, None],
        power_w: [Some(2438.1), None],
        energy_wh: [0.677_25, 0.0],
        relays: [true, true, false, false],
        on: [true, false],
    }
}

fn event(ts_ms: i64, level: Level, category: Category, message: &str) -> NewEvent {
    NewEvent { ts_ms, level, category, kind: "test".to_owned(), message: message.to_owned(), data: None }
}

fn setting(section: &str, json: &str, expected_revision: Option<i64>) -> NewSetting {
    NewSetting { section: section.to_owned(), json: json.to_owned(), expected_revision }
}

fn user(name: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        password_hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned(),
        role: Role::Administrator,
    }
}

fn session(id: &str, user: &User) -> Session {
    Session {
        id: id.to_owned(),
        user_id: user.id,
        generation: user.generation,
        created_ms: T0,
        expires_ms: T0 + HOUR,
        revoked: false,
    }
}

fn all(limit: u32) -> MeasurementQuery {
    MeasurementQuery { from_ms: i64::MIN, to_ms: i64::MAX, after: None, limit }
}

fn is_invalid<T: std::fmt::Debug>(result: Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::Invalid(_)))
}

fn is_conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::Conflict(_)))
}

fn is_not_found<T: std::fmt::Debug>(result: Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::NotFound(_)))
}

pub(crate) async fn measurements_come_back_as_they_were(db: Database) {
    let full = Measurement {
        ts_ms: T0,
        dt_ms: 1003,
        measured_ms: [1003, 900],
        raw: [Some(0.1), Some(-0.03), Some(212.0), Some(1e-9), Some(f64::MAX), Some(3.0)],
        calibrated: [Some(0.2), Some(0.0), Some(-40.0), Some(1.0 / 3.0), Some(f64::MIN_POSITIVE), None],
        power_w: [Some(2670.5), Some(1030.25)],
        energy_wh: [0.1 + 0.2, 1e-12],
        relays: [true, false, true, false],
        on: [false, true],
    };
    let empty =
        Measurement { ts_ms: T0 + 1, relays: [false, true, false, true], on: [true, false], ..Measurement::default() };
    let rows = [full, empty];
    db.store.append_measurements(&rows).await.unwrap();
    let stored = db.store.measurements(all(10)).await.unwrap();
    assert!(stored[0].seq < stored[1].seq);
    let stored: Vec<_> = stored.into_iter().map(|row| row.measurement).collect();
    assert_eq!(stored, rows);
}

pub(crate) async fn ten_thousand_rows_in_one_batch(db: Database) {
    let rows: Vec<_> = (0..10_000).map(|n| row(T0 + n * SECOND, 100.0 + n as f64 / 1000.0)).collect();
    db.store.append_measurements(&rows).await.unwrap();
    let stored = db.store.measurements(all(20_000)).await.unwrap();
    assert!(stored.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let stored: Vec<_> = stored.into_iter().map(|row| row.measurement).collect();
    assert!(stored == rows, "10,000 rows must come back as they were");
}

pub(crate) async fn pages_of_measurements_are_complete_though_the_clock_stepped_back(db: Database) {
    // The clock steps back by two seconds after the third row: two times occur twice.
    let times = [0, 1, 2, 1, 2, 3].map(|n| T0 + n * SECOND);
    for (n, ts_ms) in times.into_iter().enumerate() {
        let rows = [row(ts_ms, n as f64)];
        db.store.append_measurements(&rows).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    for _ in 0..10 {
        let page = db.store.measurements(MeasurementQuery { after, ..all(2) }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.measurement.ts_ms, last.seq));
        seen.extend(page.iter().map(|row| row.measurement.calibrated[2].unwrap()));
    }
    assert_eq!(seen, [0.0, 1.0, 3.0, 2.0, 4.0, 5.0]);

    let span = MeasurementQuery { from_ms: T0 + SECOND, to_ms: T0 + 2 * SECOND, ..all(10) };
    let span = db.store.measurements(span).await.unwrap();
    assert_eq!(span.len(), 2, "the span's end is exclusive");
}

pub(crate) async fn numbers_that_are_none_are_refused_with_their_batch(db: Database) {
    let break_it: [fn(&mut Measurement); 8] = [
        |row| row.raw[0] = Some(f64::NAN),
        |row| row.calibrated[5] = Some(f64::INFINITY),
        |row| row.power_w[1] = Some(f64::NEG_INFINITY),
        |row| row.energy_wh[0] = f64::NAN,
        |row| row.dt_ms = -1,
        |row| row.measured_ms[0] = -1,
        |row| row.measured_ms[1] = row.dt_ms + 1,
        |row| row.energy_wh[1] = f64::INFINITY,
    ];
    for (n, break_it) in break_it.into_iter().enumerate() {
        let mut rows = [row(T0, 1.0), row(T0 + SECOND, 2.0)];
        break_it(&mut rows[1]);
        let result = db.store.append_measurements(&rows).await;
        assert!(is_invalid(result), "row {n} must be refused");
    }
    let stored = db.store.measurements(all(10)).await.unwrap();
    assert_eq!(stored, [], "not even the good row of a refused batch");
}

pub(crate) async fn empty_batches_are_fine(db: Database) {
    db.store.append_measurements(&[]).await.unwrap();
    db.store.append_events(&[]).await.unwrap();
    let none: Vec<i64> = db.store.put_settings(&[], "test", T0).await.unwrap();
    assert_eq!(none, [] as [i64; 0]);
    assert_eq!(db.store.last_measurement_ms().await.unwrap(), None);
    assert_eq!(db.store.events(EventQuery::default()).await.unwrap(), []);
}

pub(crate) async fn buckets_hold_min_mean_max_and_gaps(db: Database) {
    // Minutes 0 and 3 are measured, 1 and 2 are not; one row lies before, one at the very end.
    let mut rows: Vec<_> = (0..60).map(|n| row(T0 + n * SECOND, 100.0 + n as f64)).collect();
    rows.push(row(T0 + 3 * MINUTE, 50.0));
    rows.push(row(T0 + 3 * MINUTE + SECOND, 60.0));
    // The clock steps back: same time, another value.
    rows.push(row(T0 + 3 * MINUTE + SECOND, 10.0));
    rows.push(row(T0 - 1, 999.0));
    rows.push(row(T0 + 4 * MINUTE, 999.0));
    db.store.append_measurements(&rows).await.unwrap();

    let series = db
        .store
        .series(SeriesQuery { columns: vec![Column::T1, Column::T2], from_ms: T0, to_ms: T0 + 4 * MINUTE, points: 4 })
        .await
        .unwrap();
    assert_eq!(series.bucket_ms, MINUTE);
    assert_eq!(series.start_ms, [0, 1, 2, 3].map(|minute| T0 + minute * MINUTE));
    let t1 = &series.columns[0];
    assert_eq!(t1.column, Column::T1);
    assert_eq!(t1.min, [Some(100.0), None, None, Some(10.0)]);
    assert_eq!(t1.mean, [Some(129.5), None, None, Some(40.0)]);
    assert_eq!(t1.max, [Some(159.0), None, None, Some(60.0)]);
    let t2 = &series.columns[1];
    assert_eq!(t2.column, Column::T2);
    assert_eq!(t2.mean, [None; 4], "rows without a value are a gap too");
}

pub(crate) async fn buckets_stand_still_while_the_window_moves(db: Database) {
    let rows: Vec<_> = (0..600).map(|n| row(T0 + n * SECOND, n as f64)).collect();
    db.store.append_measurements(&rows).await.unwrap();
    let window = |from_ms| SeriesQuery { columns: vec![Column::T1], from_ms, to_ms: from_ms + 5 * MINUTE, points: 20 };
    let before = db.store.series(window(T0 + 7 * SECOND)).await.unwrap();
    let after = db.store.series(window(T0 + 22 * SECOND)).await.unwrap();
    assert_eq!(before.bucket_ms, 15 * SECOND);
    assert_eq!(before.start_ms[0], T0);
    assert_eq!(before.start_ms.len(), 21);
    assert_eq!(after.start_ms[0], T0 + 15 * SECOND);
    assert_eq!(
        before.columns[0].mean[2..20],
        after.columns[0].mean[1..19],
        "whole buckets seen by both windows must agree"
    );
}

pub(crate) async fn a_series_of_every_column(db: Database) {
    db.store.append_measurements(&[row(T0, 120.0)]).await.unwrap();
    let series = db
        .store
        .series(SeriesQuery {
            columns: Column::ALL.to_vec(),
            from_ms: T0,
            to_ms: T0 + SECOND,
            points: SeriesQuery::MAX_POINTS,
        })
        .await
        .unwrap();
    let got: Vec<_> = series
        .columns
        .iter()
        .map(|column| (column.column.name(), column.mean.clone()))
        .filter(|(_, mean)| *mean != [None])
        .collect();
    let expected = [
        ("v1", 301.0),
        ("i1", 8.1),
        ("t1", 120.0),
        ("v1_raw", 300.0),
        ("i1_raw", 8.0),
        ("t1_raw", 119.0),
        ("power1_w", 2438.1),
    ]
    .map(|(name, value)| (name, vec![Some(value)]));
    assert_eq!(got, expected);
}

pub(crate) async fn senseless_series_are_refused(db: Database) {
    let good = SeriesQuery { columns: vec![Column::V1], from_ms: T0, to_ms: T0 + HOUR, points: 100 };
    assert!(db.store.series(good.clone()).await.is_ok());
    let break_it: [fn(&mut SeriesQuery); 6] = [
        |query| query.columns.clear(),
        |query| query.points = 0,
        |query| query.points = SeriesQuery::MAX_POINTS + 1,
        |query| query.to_ms = query.from_ms,
        |query| query.to_ms = query.from_ms - 1,
        |query| (query.from_ms, query.to_ms) = (i64::MIN, i64::MAX),
    ];
    for (n, break_it) in break_it.into_iter().enumerate() {
        let mut query = good.clone();
        break_it(&mut query);
        let result = db.store.series(query).await;
        assert!(is_invalid(result), "query {n} must be refused");
    }
}

pub(crate) async fn energy_adds_up_within_the_span(db: Database) {
    let rows: Vec<_> = (0..10)
        .map(|n| Measurement { measured_ms: [SECOND, 250], energy_wh: [0.5, 0.25], ..row(T0 + n * SECOND, 100.0) })
        .collect();
    db.store.append_measurements(&rows).await.unwrap();
    let energy = db.store.energy_wh(T0 + SECOND, T0 + 5 * SECOND).await.unwrap();
    assert_eq!(energy.wh, [2.0, 1.0]);
    assert_eq!(energy.measured_ms, [4 * SECOND, 1000]);
    let nothing = db.store.energy_wh(T0 + HOUR, T0 + 2 * HOUR).await.unwrap();
    assert_eq!((nothing.wh, nothing.measured_ms), ([0.0; 2], [0; 2]));
}

pub(crate) async fn the_last_measurement_is_the_one_appended_last(db: Database) {
    for ts_ms in [T0, T0 + HOUR, T0 + MINUTE] {
        let rows = [row(ts_ms, 1.0)];
        db.store.append_measurements(&rows).await.unwrap();
        assert_eq!(db.store.last_measurement_ms().await.unwrap(), Some(ts_ms));
    }
}

pub(crate) async fn events_come_newest_first_in_pages(db: Database) {
    let events: Vec<_> = (0..7).map(|n| event(T0 + n, Level::Info, Category::Info, &n.to_string())).collect();
    db.store.append_events(&events).await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    for _ in 0..10 {
        let query = EventQuery { before, limit: 3, ..EventQuery::default() };
        let page = db.store.events(query).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        seen.extend(page.into_iter().map(|stored| stored.event));
    }
    seen.reverse();
    assert_eq!(seen, events);
}

pub(crate) async fn events_are_filtered(db: Database) {
    let events = [
        event(T0, Level::Critical, Category::Watchdog, "trip"),
        event(T0 + 1, Level::Info, Category::OutputChange, "closed"),
        event(T0 + 2, Level::Warning, Category::Watchdog, "near"),
        event(T0 + 3, Level::Error, Category::Driver, "no answer"),
    ];
    db.store.append_events(&events).await.unwrap();
    let check = async |query: EventQuery, expected: &[&str]| {
        let found = db.store.events(query).await.unwrap();
        let found: Vec<_> = found.iter().map(|s| s.event.message.as_str()).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let any = EventQuery::default();
    let min_level = Some(Level::Warning);
    let category = Some(Category::Watchdog);
    check(any, &["no answer", "near", "closed", "trip"]).await;
    check(EventQuery { min_level, ..any }, &["no answer", "near", "trip"]).await;
    check(EventQuery { category, ..any }, &["near", "trip"]).await;
    let critical = EventQuery { min_level: Some(Level::Critical), category, ..any };
    check(critical, &["trip"]).await;
    let span = EventQuery { from_ms: Some(T0 + 1), to_ms: Some(T0 + 3), ..any };
    check(span, &["near", "closed"]).await;
    check(EventQuery { limit: 1, ..any }, &["no answer"]).await;
}

pub(crate) async fn events_keep_every_character(db: Database) {
    let mut kept = Vec::new();
    for level in Level::ALL {
        for category in Category::ALL {
            kept.push(NewEvent {
                data: Some(r#"{"b": 1.50, "a": "☀️ '; DROP TABLE events; --"}"#.to_owned()),
                ..event(T0, level, category, "Ä ☀️ '\"\\ %_ \u{1F6BF}\nline two ")
            });
        }
    }
    kept.push(NewEvent {
        kind: "k".repeat(NewEvent::MAX_KIND),
        data: Some(format!("\"{}\"", "d".repeat(NewEvent::MAX_DATA - 2))),
        ..event(T0, Level::Info, Category::Info, &"m".repeat(NewEvent::MAX_MESSAGE))
    });
    db.store.append_events(&kept).await.unwrap();
    let mut stored = db.store.events(EventQuery::default()).await.unwrap();
    stored.reverse();
    let stored: Vec<_> = stored.into_iter().map(|stored| stored.event).collect();
    assert!(stored == kept, "events must come back as they were");
}

pub(crate) async fn broken_events_are_refused_with_their_batch(db: Database) {
    let good = event(T0, Level::Info, Category::Info, "good");
    let broken = [
        NewEvent { kind: String::new(), ..good.clone() },
        NewEvent { kind: "k".repeat(NewEvent::MAX_KIND + 1), ..good.clone() },
        NewEvent { message: "m".repeat(NewEvent::MAX_MESSAGE + 1), ..good.clone() },
        NewEvent { data: Some("{not json".to_owned()), ..good.clone() },
        NewEvent { data: Some(format!("\"{}\"", "d".repeat(NewEvent::MAX_DATA))), ..good.clone() },
    ];
    for (n, broken) in broken.into_iter().enumerate() {
        let result = db.store.append_events(&[good.clone(), broken]).await;
        assert!(is_invalid(result), "event {n} must be refused");
    }
    assert_eq!(db.store.events(EventQuery::default()).await.unwrap(), []);
}

pub(crate) async fn settings_count_revisions_and_keep_history(db: Database) {
    let store = &db.store;
    assert_eq!(store.setting("targets").await.unwrap(), None);
    for (n, json) in [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#].into_iter().enumerate() {
        let n = n as i64;
        let by = format!("user{n}");
        let put = store.put_setting("targets", json, Some(n), &by, T0 + n);
        assert_eq!(put.await.unwrap(), n + 1);
    }
    let unconditional = store.put_setting("other", "[]", None, "cli", T0).await;
    assert_eq!(unconditional.unwrap(), 1);

    let present = store.setting("targets").await.unwrap().unwrap();
    assert_eq!(
        (present.revision, &*present.json, &*present.updated_by, present.updated_ms),
        (3, r#"{"a":3}"#, "user2", T0 + 2)
    );
    let history = store.setting_history("targets", 10).await.unwrap();
    let history: Vec<_> =
        history.iter().map(|old| (old.revision, &*old.json, &*old.updated_by, old.updated_ms)).collect();
    assert_eq!(history, [(2, r#"{"a":2}"#, "user1", T0 + 1), (1, r#"{"a":1}"#, "user0", T0),]);
    assert_eq!(store.setting_history("targets", 1).await.unwrap().len(), 1);
    assert_eq!(store.setting_history("other", 10).await.unwrap(), []);
    let sections = store.settings().await.unwrap();
    let sections: Vec<_> = sections.iter().map(|s| s.section.as_str()).collect();
    assert_eq!(sections, ["other", "targets"]);
}

pub(crate) async fn a_stale_setting_is_a_conflict_and_changes_nothing(db: Database) {
    let store = &db.store;
    store.put_setting("a", "1", None, "x", T0).await.unwrap();
    store.put_setting("b", "1", None, "x", T0).await.unwrap();
    let before = store.settings().await.unwrap();

    for expected in [0, 2, -1] {
        let put = store.put_setting("a", "9", Some(expected), "x", T0).await;
        assert!(is_conflict(put), "revision {expected} is not the present one");
    }
    let unknown = store.put_setting("c", "9", Some(1), "x", T0).await;
    assert!(is_conflict(unknown));
    // The first would do, the second is stale: neither is written.
    let both = [setting("a", "9", Some(1)), setting("b", "9", Some(7))];
    assert!(is_conflict(store.put_settings(&both, "x", T0).await));
    let not_json = [setting("a", "9", Some(1)), setting("b", "{", Some(1))];
    assert!(is_invalid(store.put_settings(&not_json, "x", T0).await));
    assert!(is_invalid(store.put_setting("", "1", None, "x", T0).await));
    assert!(is_invalid(store.put_setting("a", "1", None, "", T0).await));

    assert_eq!(store.settings().await.unwrap(), before);
    assert_eq!(store.setting_history("a", 10).await.unwrap(), []);
}

pub(crate) async fn of_rival_settings_exactly_one_wins(db: Database) {
    for (round, expected) in [Some(0), Some(1), None].into_iter().enumerate() {
        let rivals = (0..8).map(|n: i64| {
            let store = std::sync::Arc::clone(&db.store);
            tokio::spawn(async move {
                let json = n.to_string();
                store.put_setting("s", &json, expected, "x", T0).await
            })
        });
        let rivals: Vec<_> = rivals.collect();
        let mut won = 0;
        for rival in rivals {
            match rival.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert!(matches!(error, StorageError::Conflict(_)), "{error}"),
            }
        }
        let expected_wins = if expected.is_some() { 1 } else { 8 };
        assert_eq!(won, expected_wins, "round {round}");
    }
    let present = db.store.setting("s").await.unwrap().unwrap();
    assert_eq!(present.revision, 10);
    let history = db.store.setting_history("s", 100).await.unwrap();
    let revisions: Vec<_> = history.iter().map(|old| old.revision).collect();
    assert_eq!(revisions, (1..10).rev().collect::<Vec<_>>());
}

pub(crate) async fn user_names_are_unique_without_regard_to_case(db: Database) {
    let store = &db.store;
    assert_eq!(store.count_users().await.unwrap(), 0);
    let id = store.create_user(&user("Jörg"), T0).await.unwrap();
    for taken in ["Jörg", "jörg", "JÖRG"] {
        let again = store.create_user(&user(taken), T0).await;
        assert!(is_conflict(again), "{taken} is taken");
        let found = store.user_by_name(taken).await.unwrap().unwrap();
        assert_eq!((found.id, &*found.name), (id, "Jörg"));
    }
    // Another name to both databases, whatever their collations think of accents.
    let jorg = store.create_user(&user("jorg"), T0 + 1).await.unwrap();
    assert_ne!(jorg, id);
    assert_eq!(store.user_by_name("nobody").await.unwrap(), None);
    assert_eq!(store.user_by_id(id + 1000).await.unwrap(), None);
    let names: Vec<_> = store.users().await.unwrap();
    let names: Vec<_> = names.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["Jörg", "jorg"]);
    assert_eq!(store.count_users().await.unwrap(), 2);
}

pub(crate) async fn changing_a_user_bumps_its_generation(db: Database) {
    let store = &db.store;
    let id = store.create_user(&user("ann"), T0).await.unwrap();
    let other = store.create_user(&user("bob"), T0).await.unwrap();
    let created = store.user_by_id(id).await.unwrap().unwrap();
    assert!(created.enabled);
    assert_eq!(created.role, Role::Administrator);
    assert_eq!((created.created_ms, created.updated_ms), (T0, T0));

    store.set_password(id, "new hash", T0 + 1).await.unwrap();
    store.set_user_enabled(id, false, T0 + 2).await.unwrap();
    store.set_user_role(id, Role::Operator, T0 + 3).await.unwrap();
    let changed = store.user_by_id(id).await.unwrap().unwrap();
    assert_eq!(
        changed,
        User {
            password_hash: "new hash".to_owned(),
            enabled: false,
            role: Role::Operator,
            generation: created.generation + 3,
            updated_ms: T0 + 3,
            ..created
        }
    );
    // The same value again is a change too: it was meant to end the sessions.
    store.set_user_enabled(id, false, T0 + 3).await.unwrap();
    let again = store.user_by_id(id).await.unwrap().unwrap();
    assert_eq!(again.generation, changed.generation + 1);

    let untouched = store.user_by_id(other).await.unwrap().unwrap();
    assert_eq!(untouched.generation, created.generation);
    assert!(is_not_found(store.set_password(9999, "hash", T0).await));
    assert!(is_not_found(store.set_user_enabled(9999, true, T0).await));
    let role = store.set_user_role(9999, Role::Operator, T0).await;
    assert!(is_not_found(role));
}

pub(crate) async fn unusable_users_are_refused(db: Database) {
    let names = ["", " ann", "ann ", "a\nb", &"n".repeat(65)];
    for name in names {
        let created = db.store.create_user(&user(name), T0).await;
        assert!(is_invalid(created), "{name:?} must be refused");
    }
    let without_hash = NewUser { password_hash: String::new(), ..user("ann") };
    assert!(is_invalid(db.store.create_user(&without_hash, T0).await));
    assert_eq!(db.store.count_users().await.unwrap(), 0);

    let longest = "Ω".repeat(64);
    let id = db.store.create_user(&user(&longest), T0).await.unwrap();
    assert!(is_invalid(db.store.set_password(id, "", T0).await));
    assert!(!format!("{:?}", user("ann")).contains("argon2"));
    let stored = db.store.user_by_id(id).await.unwrap().unwrap();
    assert!(!format!("{stored:?}").contains("argon2"));
}

pub(crate) async fn sessions_live_and_end(db: Database) {
    let store = &db.store;
    let id = store.create_user(&user("ann"), T0).await.unwrap();
    let ann = store.user_by_id(id).await.unwrap().unwrap();
    for name in ["one", "two", "three"] {
        store.create_session(&session(name, &ann)).await.unwrap();
    }
    let again = store.create_session(&session("one", &ann)).await;
    assert!(is_conflict(again));

    let one = store.session("one").await.unwrap().unwrap();
    assert_eq!(one, session("one", &ann));
    assert!(one.is_valid(&ann, T0));
    assert!(one.is_valid(&ann, T0 + HOUR - 1));
    assert!(!one.is_valid(&ann, T0 + HOUR), "expired");
    assert_eq!(store.session("One").await.unwrap(), None, "ids have a case");
    assert_eq!(store.session("none").await.unwrap(), None);

    store.revoke_session("one").await.unwrap();
    store.revoke_session("one").await.unwrap();
    let revoked = store.session("one").await.unwrap().unwrap();
    assert!(!revoked.is_valid(&ann, T0), "revoked");
    assert!(is_not_found(store.revoke_session("none").await));

    let two = store.session("two").await.unwrap().unwrap();
    store.set_password(id, "new hash", T0 + 1).await.unwrap();
    let ann = store.user_by_id(id).await.unwrap().unwrap();
    assert!(!two.is_valid(&ann, T0), "of an older generation");

    assert_eq!(store.revoke_user_sessions(id).await.unwrap(), 2);
    assert_eq!(store.revoke_user_sessions(id).await.unwrap(), 0);
    let long = Session { expires_ms: T0 + 2 * HOUR, ..session("long", &ann) };
    store.create_session(&long).await.unwrap();
    assert_eq!(store.prune_sessions(T0 + HOUR - 1).await.unwrap(), 0);
    assert_eq!(store.prune_sessions(T0 + HOUR).await.unwrap(), 3);
    assert_eq!(store.session("one").await.unwrap(), None);
    assert_eq!(store.session("long").await.unwrap(), Some(long));
}

pub(crate) async fn sessions_need_a_user(db: Database) {
    let orphan = Session {
        id: "orphan".to_owned(),
        user_id: 12345,
        generation: 1,
        created_ms: T0,
        expires_ms: T0 + HOUR,
        revoked: false,
    };
    assert!(is_not_found(db.store.create_session(&orphan).await));
    let nameless = Session { id: String::new(), ..orphan };
    assert!(is_invalid(db.store.create_session(&nameless).await));
}

pub(crate) async fn everything_survives_a_restart(mut db: Database) {
    let id = db.store.create_user(&user("ann"), T0).await.unwrap();
    let ann = db.store.user_by_id(id).await.unwrap().unwrap();
    db.store.create_session(&session("s", &ann)).await.unwrap();
    let trip = event(T0, Level::Critical, Category::Watchdog, "trip");
    db.store.append_events(std::slice::from_ref(&trip)).await.unwrap();
    let rows = [row(T0, 120.0)];
    db.store.append_measurements(&rows).await.unwrap();
    for json in ["1", "2"] {
        let put = db.store.put_setting("s", json, None, "ann", T0).await;
        put.unwrap();
    }

    for _ in 0..2 {
        db.reopen().await;
        let store = &db.store;
        assert_eq!(store.user_by_id(id).await.unwrap(), Some(ann.clone()));
        assert!(store.session("s").await.unwrap().is_some());
        let events = store.events(EventQuery::default()).await.unwrap();
        assert_eq!(events[0].event, trip);
        let stored = store.measurements(all(10)).await.unwrap();
        assert_eq!(stored[0].measurement, rows[0]);
        assert_eq!(store.setting("s").await.unwrap().unwrap().json, "2");
        assert_eq!(store.setting_history("s", 9).await.unwrap().len(), 1);
    }
}

pub(crate) async fn a_closed_store_says_so(db: Database) {
    db.store.close().await;
    let read = db.store.users().await;
    let write = db.store.append_measurements(&[row(T0, 1.0)]).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))));
    assert!(matches!(write, Err(StorageError::Unavailable(_))));
}

pub(crate) async fn the_recorder_writes_through(db: Database) {
    let hour = RecorderConfig { flush_interval: Duration::from_secs(3600), ..RecorderConfig::default() };
    let recorder = Recorder::start(db.store.clone(), hour);
    for n in 0..50 {
        recorder.record(row(T0 + n * SECOND, n as f64)).unwrap();
    }
    let calm = event(T0, Level::Info, Category::OutputChange, "closed");
    recorder.event(calm).unwrap();
    assert_eq!(recorder.health().queued, 51);
    recorder.flush().await.unwrap();
    assert_eq!(db.store.measurements(all(100)).await.unwrap().len(), 50);
    let events = db.store.events(EventQuery::default()).await.unwrap();
    assert_eq!(events.len(), 1);
    let health = recorder.health();
    assert_eq!((health.queued, health.written_measurements, health.written_events), (0, 50, 1));
}
