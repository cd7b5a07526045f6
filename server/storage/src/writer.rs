//! The recorder: takes measurements and events from the control thread and writes them in batches.
//!
//! What it promises:
//!
//! - Handing something over never blocks and never touches the database.
//! - An event that was accepted is written, in order, however long the database is away; when the
//!   queue of events is full, the next one is refused and counted, and the caller told.
//! - Memory is bounded: while the database is away, the oldest telemetry goes first, counted.
//! - Urgent events ([`NewEvent::is_urgent`]) are written at once; all else within
//!   [`RecorderConfig::flush_interval`]. That interval is the most that a power cut can take.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::Append;
use crate::error::{Result, StorageError};
use crate::model::{Measurement, NewEvent};

/// When to write, and how much to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderConfig {
    /// The longest that anything waits before it is written.
    pub flush_interval: Duration,
    /// So many waiting measurements are written at once, whatever the interval.
    pub flush_rows: usize,
    /// At most this many measurements are held while the database is away; at most as many again
    /// can be on their way from the control thread.
    pub max_measurements: usize,
    /// At most this many events are held; at most as many again can be on their way.
    pub max_events: usize,
    /// The pause after a first failure. It doubles with each further one, up to 32 times; new rows
    /// shorten it to `flush_interval`.
    pub retry: Duration,
}

impl Default for RecorderConfig {
    /// Written every 10 s; an hour and a half of seconds is held (about 2 MB).
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_secs(10),
            flush_rows: 1000,
            max_measurements: 5400,
            max_events: 2000,
            retry: Duration::from_secs(1),
        }
    }
}

/// How the recorder fares. All counts since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Measurements and events accepted, not yet written nor dropped.
    pub queued: u64,
    /// Measurements written.
    pub written_measurements: u64,
    /// Events written.
    pub written_events: u64,
    /// Measurements lost: refused since the queue was full, or dropped as the oldest.
    pub dropped_measurements: u64,
    /// Events refused since the queue was full.
    pub refused_events: u64,
    /// Failed attempts since the last one that succeeded.
    pub failures: u64,
    /// Why the last attempt failed; `None` once one has succeeded.
    pub last_error: Option<StorageError>,
}

/// The control thread's end; cheap to clone. When the last clone is dropped, the recorder makes a
/// last attempt to write what it holds and ends.
#[derive(Clone, Debug)]
pub struct Recorder {
    measurements: mpsc::Sender<Measurement>,
    events: mpsc::Sender<NewEvent>,
    flushes: mpsc::UnboundedSender<Waiter>,
    counters: Arc<Counters>,
}

impl Recorder {
    /// Starts the recorder's task on the present tokio runtime.
    #[must_use]
    pub fn start(store: Arc<dyn Append>, config: RecorderConfig) -> Self {
        let (measurements, measurements_rx) = mpsc::channel(config.max_measurements.max(1));
        let (events, events_rx) = mpsc::channel(config.max_events.max(1));
        let (flushes, flushes_rx) = mpsc::unbounded_channel();
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            store,
            config,
            inbox: Inbox { measurements: measurements_rx, events: events_rx, flushes: flushes_rx },
            counters: Arc::clone(&counters),
            held: Batch::default(),
            waiting: Vec::new(),
            attempted_for: Vec::new(),
            due: None,
            failures: 0,
        };
        tokio::spawn(writer.run());
        Self { measurements, events, flushes, counters }
    }

    /// Hands over a measurement without ever blocking.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] for one that [`Measurement::validate`] refuses,
    /// [`StorageError::Unavailable`] when the queue is full (counted as dropped).
    pub fn record(&self, measurement: Measurement) -> Result<()> {
        measurement.validate()?;
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        self.measurements.try_send(measurement).map_err(|_| {
            self.counters.accepted.fetch_sub(1, Ordering::Relaxed);
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            StorageError::unavailable("the queue of measurements is full")
        })
    }

    /// Hands over an event without ever blocking.
    ///
    /// # Errors
    ///
    /// [`StorageError::Invalid`] for one that [`NewEvent::validate`] refuses,
    /// [`StorageError::Unavailable`] when the queue is full (counted as refused).
    pub fn event(&self, event: NewEvent) -> Result<()> {
        event.validate()?;
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        self.events.try_send(event).map_err(|_| {
            self.counters.accepted.fetch_sub(1, Ordering::Relaxed);
            self.counters.refused_events.fetch_add(1, Ordering::Relaxed);
            StorageError::unavailable("the queue of events is full")
        })
    }

    /// Writes everything handed over before, now. For shutdown: put a timeout around it.
    ///
    /// # Errors
    ///
    /// The store's own when the attempt failed; what was held is held still and will be retried.
    pub async fn flush(&self) -> Result<()> {
        let (done, result) = oneshot::channel();
        let stopped = || StorageError::unavailable("the recorder has stopped");
        self.flushes.send(done).map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }

    /// How the recorder fares.
    #[must_use]
    pub fn health(&self) -> Health {
        self.counters.health()
    }
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    written_measurements: AtomicU64,
    written_events: AtomicU64,
    dropped: AtomicU64,
    /// Those of `dropped` that had been accepted before.
    dropped_later: AtomicU64,
    refused_events: AtomicU64,
    trouble: Mutex<(u64, Option<StorageError>)>,
}

impl Counters {
    fn health(&self) -> Health {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let written_measurements = read(&self.written_measurements);
        let written_events = read(&self.written_events);
        let done = written_measurements + written_events + read(&self.dropped_later);
        let (failures, last_error) = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Health {
            queued: read(&self.accepted).saturating_sub(done),
            written_measurements,
            written_events,
            dropped_measurements: read(&self.dropped),
            refused_events: read(&self.refused_events),
            failures,
            last_error,
        }
    }

    fn drop_oldest(&self, count: usize) {
        let count = count as u64;
        self.dropped.fetch_add(count, Ordering::Relaxed);
        self.dropped_later.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes an attempt's result and gives how many have failed in a row.
    fn note(&self, error: Option<StorageError>) -> u64 {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.0 = if error.is_some() { trouble.0 + 1 } else { 0 };
        trouble.1 = error;
        trouble.0
    }
}

/// The database's end.
struct Writer {
    store: Arc<dyn Append>,
    config: RecorderConfig,
    counters: Arc<Counters>,
    inbox: Inbox,
    /// Taken from the inbox, to go with the next attempt.
    held: Batch,
    /// Whoever waits for the next attempt.
    waiting: Vec<Waiter>,
    /// Whoever waits for the present attempt.
    attempted_for: Vec<Waiter>,
    /// When the next attempt begins.
    due: Option<Instant>,
    /// Attempts that failed in a row.
    failures: u64,
}

struct Inbox {
    measurements: mpsc::Receiver<Measurement>,
    events: mpsc::Receiver<NewEvent>,
    flushes: mpsc::UnboundedReceiver<Waiter>,
}

type Waiter = oneshot::Sender<Result<()>>;

#[derive(Default)]
struct Batch {
    measurements: VecDeque<Measurement>,
    events: VecDeque<NewEvent>,
}

/// A batch on its way to the store; gives back what was not written, and why.
type Attempt = Pin<Box<dyn Future<Output = (Batch, Result<()>)> + Send>>;

impl Writer {
    /// Runs until every [`Recorder`] is gone. Goes on taking what comes while an attempt runs.
    async fn run(mut self) {
        let mut attempt: Option<Attempt> = None;
        loop {
            let room = self.held.events.len() < self.config.max_events;
            let due = self.due.filter(|_| attempt.is_none());
            tokio::select! {
                (left, result) = present(&mut attempt), if attempt.is_some() => {
                    attempt = None;
                    self.settle(left, result);
                }
                Some(event) = self.inbox.events.recv(), if room => self.hold_event(event),
                Some(row) = self.inbox.measurements.recv() => self.hold_measurement(row),
                waiter = self.inbox.flushes.recv() => match waiter {
                    Some(waiter) => self.hold_all_for(waiter),
                    None => return self.finish(attempt).await,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    attempt = Some(self.begin());
                }
            }
        }
    }

    /// Writes what is left, trying once.
    async fn finish(mut self, attempt: Option<Attempt>) {
        if let Some(attempt) = attempt {
            let (left, result) = attempt.await;
            self.settle(left, result);
        }
        self.hold_all();
        let (left, result) = self.begin().await;
        let lost = left.measurements.len() + left.events.len();
        if let Err(error) = &result {
            tracing::error!(lost, %error, "the recorder ends without having written everything");
        }
        self.settle(left, result);
    }

    fn hold_event(&mut self, event: NewEvent) {
        let wait = if event.is_urgent() { Duration::ZERO } else { self.config.flush_interval };
        self.held.events.push_back(event);
        self.due_in(wait);
    }

    fn hold_measurement(&mut self, row: Measurement) {
        self.held.measurements.push_back(row);
        self.drop_surplus();
        // While the store fails, only time brings the next attempt, not each further row.
        let full = self.held.measurements.len() >= self.config.flush_rows && self.failures == 0;
        self.due_in(if full { Duration::ZERO } else { self.config.flush_interval });
    }

    fn hold_all(&mut self) {
        while let Ok(event) = self.inbox.events.try_recv() {
            self.hold_event(event);
        }
        while let Ok(row) = self.inbox.measurements.try_recv() {
            self.hold_measurement(row);
        }
    }

    fn hold_all_for(&mut self, waiter: Waiter) {
        self.hold_all();
        self.waiting.push(waiter);
        self.due_in(Duration::ZERO);
    }

    fn drop_surplus(&mut self) {
        let rows = &mut self.held.measurements;
        let surplus = rows.len().saturating_sub(self.config.max_measurements);
        rows.drain(..surplus);
        self.counters.drop_oldest(surplus);
    }

    /// The next attempt begins after `wait`, if none was to begin before.
    fn due_in(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Begins to write all that is held.
    fn begin(&mut self) -> Attempt {
        self.due = None;
        self.attempted_for = std::mem::take(&mut self.waiting);
        let batch = std::mem::take(&mut self.held);
        Box::pin(write(Arc::clone(&self.store), batch, Arc::clone(&self.counters)))
    }

    /// Takes back what an attempt left, in its old order, and tells whoever waited.
    fn settle(&mut self, mut left: Batch, result: Result<()>) {
        left.events.append(&mut self.held.events);
        left.measurements.append(&mut self.held.measurements);
        self.held = left;
        self.drop_surplus();
        self.failures = self.counters.note(result.as_ref().err().cloned());
        if let Err(error) = &result {
            tracing::warn!(%error, failures = self.failures, "a batch could not be written");
            let doublings = u32::try_from(self.failures - 1).unwrap_or(u32::MAX).min(5);
            self.due_in(self.config.retry * 2_u32.pow(doublings));
        }
        for waiter in self.attempted_for.drain(..) {
            // Whoever no longer waits need not know.
            let _ = waiter.send(result.clone());
        }
    }
}

async fn present(attempt: &mut Option<Attempt>) -> (Batch, Result<()>) {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

/// Writes the events, then the measurements, each whole or not at all; gives back the rest.
async fn write(store: Arc<dyn Append>, mut batch: Batch, counters: Arc<Counters>) -> (Batch, Result<()>) {
    let result = store.append_events(batch.events.make_contiguous()).await;
    if result.is_err() {
        return (batch, result);
    }
    let written = std::mem::take(&mut batch.events).len() as u64;
    counters.written_events.fetch_add(written, Ordering::Relaxed);

    let rows = batch.measurements.make_contiguous();
    let result = store.append_measurements(rows).await;
    if result.is_err() {
        return (batch, result);
    }
    let written = std::mem::take(&mut batch.measurements).len() as u64;
    counters.written_measurements.fetch_add(written, Ordering::Relaxed);
    (batch, result)
}
