//! The recorder's promises, on a store that can be made to hang and to fail; time is simulated.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use storage::{Append, Category, Level, Measurement, NewEvent, Recorder, RecorderConfig, Result, StorageError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    Hangs,
    Fails,
    FailsForMeasurements,
}

struct FakeStore {
    mood: watch::Sender<Mood>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    measurements: Vec<i64>,
    events: Vec<i64>,
    attempts: Vec<Instant>,
}

impl FakeStore {
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self { mood: watch::Sender::new(mood), written: Mutex::default() })
    }

    /// Lets through once the store no longer hangs.
    async fn enter(&self, measurements: bool) -> Result<()> {
        let mut mood = self.mood.subscribe();
        let mood = *mood.wait_for(|mood| *mood != Mood::Hangs).await.unwrap();
        match mood {
            Mood::Fails => Err(StorageError::Unavailable("locked".to_owned())),
            Mood::FailsForMeasurements if measurements => Err(StorageError::Unavailable("full".to_owned())),
            _ => Ok(()),
        }
    }

    fn measurements(&self) -> Vec<i64> {
        self.written.lock().unwrap().measurements.clone()
    }

    fn events(&self) -> Vec<i64> {
        self.written.lock().unwrap().events.clone()
    }

    fn attempts(&self) -> Vec<Instant> {
        self.written.lock().unwrap().attempts.clone()
    }
}

#[async_trait]
impl Append for FakeStore {
    async fn append_measurements(&self, rows: &[Measurement]) -> Result<()> {
        self.enter(true).await?;
        let mut written = self.written.lock().unwrap();
        written.measurements.extend(rows.iter().map(|row| row.ts_ms));
        Ok(())
    }

    async fn append_events(&self, events: &[NewEvent]) -> Result<()> {
        // The recorder always begins with the events.
        self.written.lock().unwrap().attempts.push(Instant::now());
        self.enter(false).await?;
        let mut written = self.written.lock().unwrap();
        written.events.extend(events.iter().map(|event| event.ts_ms));
        Ok(())
    }
}

const CONFIG: RecorderConfig = RecorderConfig {
    flush_interval: Duration::from_secs(10),
    flush_rows: 100,
    max_measurements: 200,
    max_events: 20,
    retry: Duration::from_secs(1),
};

fn row(ts_ms: i64) -> Measurement {
    Measurement { ts_ms, ..Measurement::default() }
}

fn event(ts_ms: i64, level: Level, category: Category) -> NewEvent {
    NewEvent { ts_ms, level, category, kind: "test".to_owned(), message: String::new(), data: None }
}

fn calm(ts_ms: i64) -> NewEvent {
    event(ts_ms, Level::Notice, Category::Regulation)
}

#[tokio::test(start_paused = true)]
async fn rows_wait_for_the_interval() {
    let store = FakeStore::new(Mood::Works);
    let recorder = Recorder::start(store.clone(), CONFIG);
    recorder.record(row(1)).unwrap();
    recorder.event(calm(2)).unwrap();
    sleep(Duration::from_secs(9)).await;
    recorder.record(row(3)).unwrap();
    assert!(store.attempts().is_empty());
    sleep(Duration::from_millis(1001)).await;
    assert_eq!(store.measurements(), [1, 3]);
    assert_eq!(store.events(), [2]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(store.attempts().len(), 1, "no attempt without anything new");
}

#[tokio::test(start_paused = true)]
async fn many_rows_do_not_wait() {
    let store = FakeStore::new(Mood::Works);
    let recorder = Recorder::start(store.clone(), CONFIG);
    for n in 0..100 {
        recorder.record(row(n)).unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(store.measurements().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn urgent_events_do_not_wait() {
    for urgent in [
        event(1, Level::Critical, Category::Gfci),
        event(1, Level::Error, Category::Driver),
        event(1, Level::Info, Category::Watchdog),
    ] {
        let store = FakeStore::new(Mood::Works);
        let recorder = Recorder::start(store.clone(), CONFIG);
        recorder.event(urgent).unwrap();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(store.events(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_batches_are_retried_ever_more_slowly_and_in_order() {
    let store = FakeStore::new(Mood::Fails);
    let recorder = Recorder::start(store.clone(), CONFIG);
    recorder.record(row(1)).unwrap();
    recorder.event(calm(1)).unwrap();
    sleep(Duration::from_secs(110)).await;
    recorder.record(row(2)).unwrap();
    recorder.event(calm(2)).unwrap();

    let pauses: Vec<_> = store.attempts().windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32]);
    let health = recorder.health();
    assert_eq!((health.failures, health.queued), (8, 4));
    assert_eq!(health.last_error, Some(StorageError::Unavailable("locked".to_owned())));

    store.mood.send_replace(Mood::Works);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(store.measurements(), [1, 2]);
    assert_eq!(store.events(), [1, 2]);
    let health = recorder.health();
    assert_eq!((health.failures, health.queued), (0, 0));
    assert_eq!(health.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_a_further_row_is_no_further_attempt() {
    let store = FakeStore::new(Mood::Fails);
    let recorder = Recorder::start(store.clone(), CONFIG);
    for n in 0..150 {
        recorder.record(row(n)).unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    // At the hundredth row, and again one second after.
    assert_eq!(store.attempts().len(), 1);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.attempts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_telemetry_goes_first_and_never_an_accepted_event() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let store = FakeStore::new(mood);
        let recorder = Recorder::start(store.clone(), CONFIG);
        let mut accepted = Vec::new();
        for n in 0..1000 {
            recorder.record(row(n)).unwrap();
            if recorder.event(calm(n)).is_ok() {
                accepted.push(n);
            }
            // Long enough for the recorder to take it, far too short for an attempt a row.
            sleep(Duration::from_millis(100)).await;
        }
        let health = recorder.health();
        assert!(health.dropped_measurements >= 600, "{health:?}");
        assert_eq!(health.refused_events, 1000 - accepted.len() as u64);
        assert!(accepted.len() >= 40, "held and on their way");
        assert!(health.queued <= 400 + 60, "{health:?}");

        store.mood.send_replace(Mood::Works);
        recorder.flush().await.unwrap();
        assert_eq!(store.events(), accepted);
        let written = store.measurements();
        assert!(written.is_sorted(), "in order");
        assert_eq!(written[written.len() - 200..], (800..1000).collect::<Vec<_>>());
        let health = recorder.health();
        assert_eq!(
            health.written_measurements + health.dropped_measurements,
            1000,
            "each row is written or counted as dropped"
        );
        assert_eq!(health.queued, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_not_written_twice_when_only_measurements_fail() {
    let store = FakeStore::new(Mood::FailsForMeasurements);
    let recorder = Recorder::start(store.clone(), CONFIG);
    recorder.record(row(1)).unwrap();
    recorder.event(calm(1)).unwrap();
    assert!(recorder.flush().await.is_err());
    assert_eq!(store.events(), [1]);
    store.mood.send_replace(Mood::Works);
    recorder.flush().await.unwrap();
    assert_eq!(store.events(), [1]);
    assert_eq!(store.measurements(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_never_blocks() {
    let store = FakeStore::new(Mood::Works);
    let recorder = Recorder::start(store.clone(), CONFIG);
    // The recorder's task can't run between these: this test's thread is the only one.
    let refused = (0..300).filter(|&n| recorder.record(row(n)).is_err());
    assert_eq!(refused.count(), 100);
    let refused = (0..30).filter(|&n| recorder.event(calm(n)).is_err());
    assert_eq!(refused.count(), 10);
    let health = recorder.health();
    assert_eq!((health.dropped_measurements, health.refused_events), (100, 10));
    assert_eq!(health.queued, 220);
    recorder.flush().await.unwrap();
    assert_eq!(store.measurements(), (0..200).collect::<Vec<_>>());
    assert_eq!(store.events(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_refused_at_the_door() {
    let recorder = Recorder::start(FakeStore::new(Mood::Works), CONFIG);
    let nan = Measurement { energy_wh: [f64::NAN, 0.0], ..row(1) };
    let not_json = NewEvent { data: Some("{".to_owned()), ..calm(1) };
    assert!(matches!(recorder.record(nan), Err(StorageError::Invalid(_))));
    assert!(matches!(recorder.event(not_json), Err(StorageError::Invalid(_))));
    assert_eq!(recorder.health(), storage::Health::default());
}

#[tokio::test(start_paused = true)]
async fn a_flush_covers_what_came_while_another_attempt_ran() {
    let store = FakeStore::new(Mood::Hangs);
    let recorder = Recorder::start(store.clone(), CONFIG);
    recorder.event(event(1, Level::Critical, Category::Watchdog)).unwrap();
    sleep(Duration::from_secs(1)).await;
    recorder.record(row(2)).unwrap();
    let early = timeout(Duration::from_secs(5), recorder.flush()).await;
    assert!(early.is_err(), "the store hangs");
    let flush = tokio::spawn({
        let recorder = recorder.clone();
        async move { recorder.flush().await }
    });
    store.mood.send_replace(Mood::Works);
    flush.await.unwrap().unwrap();
    assert_eq!((store.events(), store.measurements()), (vec![1], vec![2]));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_writes_what_was_handed_over() {
    // The recorder polls its inlets in random order: often enough, it sees the end first.
    for _ in 0..50 {
        let store = FakeStore::new(Mood::Works);
        let recorder = Recorder::start(store.clone(), CONFIG);
        let clone = recorder.clone();
        clone.record(row(1)).unwrap();
        clone.event(calm(2)).unwrap();
        drop(recorder);
        drop(clone);
        sleep(Duration::from_millis(1)).await;
        assert_eq!((store.measurements(), store.events()), (vec![1], vec![2]));
    }
}
