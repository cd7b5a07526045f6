//! The latch on the disk: `latch.json`, the authority on which trips are latched and on whether all-off holds. Both
//! survive reboot, crash and power cut; what can't be read counts as tripped.
//!
//! The control loop never waits for the disk: relays open first, then the loop hands the latched trips to this
//! file's own thread. Until that thread is done the guard knows that something is unsaved, and if the process dies
//! before, marks the file as cut off.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use engine::inputs::CircuitId;
use engine::outputs::{Event, TriggerId, Trip};
use engine::units::UtcMs;
use serde::{Deserialize, Serialize};

use crate::faults::{Faults, Place};
use crate::sealed::{self, Unreadable};

/// A disk that refuses is asked again this often.
const RETRY: Duration = Duration::from_secs(1);
/// The thread looks up this often, so that a fault can be injected into it.
const IDLE: Duration = Duration::from_millis(100);

/// What only a person may undo.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latched {
    /// The latched trips, first trip first.
    pub trips: Vec<Trip>,
    /// All-off was pressed, and nobody has resumed.
    pub all_off: bool,
}

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    trips: Vec<Stored>,
    all_off: bool,
}

/// A trip as it stands in the file. Values that no number can tell are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    trigger: String,
    circuit: u8,
    value: Option<f64>,
    limit: Option<f64>,
    at_ms: Option<i64>,
}

/// What an earlier run left latched; a trip of its own kind if that can't be told. What it gives is on the disk then,
/// if the disk lets it.
///
/// On the very first start there is nothing to read, and nothing is tripped.
pub fn restore(state: &Path, first_start: bool) -> Latched {
    let path = path_in(state);
    let latched = match sealed::read::<Content>(&path) {
        Ok(Content { trips, all_off }) => {
            let trips = trips.iter().map(|stored| stored.trip().unwrap_or_else(unreadable)).collect();
            return Latched { trips, all_off };
        }
        Err(Unreadable::Missing(_)) if first_start => Latched::default(),
        Err(error) => {
            tracing::error!(%error, "whether a trip was latched is not known, so both circuits are");
            let Content { trips, all_off } = sealed::read_present::<Content>(&path).unwrap_or_default();
            let mut trips: Vec<Trip> = trips.iter().filter_map(Stored::trip).collect();
            if !trips.iter().any(|trip| trip.trigger == TriggerId::LatchUnreadable) {
                trips.push(unreadable());
            }
            Latched { trips, all_off }
        }
    };
    if let Err(error) = sealed::write(&path, &Content::from(&latched)) {
        tracing::error!(%error, "the latch file can't be written; the next start will not be able to read it either");
    }
    latched
}

/// Marks the file as cut off: whoever restores from it is tripped. For the guard, when the process died with
/// something unsaved.
///
/// # Errors
/// The file system's.
pub fn mark_cut_off(state: &Path) -> std::io::Result<()> {
    sealed::mark_cut_off(&path_in(state))
}

/// The loop's side. Dropping it waits until what was noted is on the disk, or was tried once more.
#[derive(Debug)]
pub struct LatchFile {
    latched: Latched,
    /// Counts the changes noted, handed over, and saved.
    noted: u64,
    handed: u64,
    saved: Arc<AtomicU64>,
    hand_over: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// All that is latched, after so many changes.
#[derive(Debug)]
struct Job {
    latched: Content,
    change: u64,
}

impl LatchFile {
    /// Starts the thread. `restored` is what [`restore`] gave.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(state: &Path, restored: Latched, faults: Faults) -> std::io::Result<Self> {
        let (hand_over, jobs) = sync_channel(1);
        let saved = Arc::new(AtomicU64::new(0));
        let keeper = Keeper { path: path_in(state), jobs, saved: Arc::clone(&saved), faults };
        let thread = thread::Builder::new().name("latch".into()).spawn(move || keeper.run())?;
        let mut file =
            Self { latched: restored, noted: 1, handed: 0, saved, hand_over: Some(hand_over), thread: Some(thread) };
        file.hand_over();
        Ok(file)
    }

    /// Takes in what happened in a step. Call it after the relays were written.
    pub fn note(&mut self, events: &[Event], all_off: bool) {
        for event in events {
            match event {
                Event::Tripped(trip) => self.latched.trips.push(*trip),
                Event::Cleared(trip) => {
                    self.latched.trips.retain(|held| (held.trigger, held.circuit) != (trip.trigger, trip.circuit));
                }
                _ => continue,
            }
            self.noted += 1;
        }
        if std::mem::replace(&mut self.latched.all_off, all_off) != all_off {
            self.noted += 1;
        }
        self.hand_over();
    }

    /// Everything that was noted is on the disk.
    pub fn is_saved(&self) -> bool {
        self.saved.load(Ordering::Acquire) == self.noted
    }

    /// Gives the thread the newest, or the next step will.
    fn hand_over(&mut self) {
        let Some(hand_over) = self.hand_over.as_ref().filter(|_| self.handed != self.noted) else {
            return;
        };
        let latched = Content::from(&self.latched);
        match hand_over.try_send(Job { latched, change: self.noted }) {
            Ok(()) => self.handed = self.noted,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

impl Drop for LatchFile {
    fn drop(&mut self) {
        if let Some(hand_over) = self.hand_over.take().filter(|_| self.handed != self.noted) {
            let latched = Content::from(&self.latched);
            // The thread ends only after this, so it can't be gone.
            let _ = hand_over.send(Job { latched, change: self.noted });
        }
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the process.
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Keeper {
    path: PathBuf,
    jobs: Receiver<Job>,
    saved: Arc<AtomicU64>,
    faults: Faults,
}

impl Keeper {
    fn run(&self) {
        let mut unsaved: Option<Job> = None;
        loop {
            self.faults.at(Place::Latch);
            let job = self.jobs.recv_timeout(if unsaved.is_some() { RETRY } else { IDLE });
            let ended = matches!(job, Err(RecvTimeoutError::Disconnected));
            unsaved = job.ok().or(unsaved).and_then(|job| self.save(job));
            if ended {
                return;
            }
        }
    }

    /// Gives the job back if the disk did not take it.
    fn save(&self, job: Job) -> Option<Job> {
        match sealed::write(&self.path, &job.latched) {
            Ok(()) => {
                self.saved.store(job.change, Ordering::Release);
                None
            }
            Err(error) => {
                tracing::error!(%error, "the latch file can't be written");
                Some(job)
            }
        }
    }
}

impl From<&Latched> for Content {
    fn from(latched: &Latched) -> Self {
        Self { trips: latched.trips.iter().map(Stored::from).collect(), all_off: latched.all_off }
    }
}

impl From<&Trip> for Stored {
    fn from(trip: &Trip) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            trigger: trip.trigger.name().into(),
            circuit: trip.circuit.number(),
            value: finite(trip.value),
            limit: finite(trip.limit),
            at_ms: trip.at.map(|UtcMs(ms)| ms),
        }
    }
}

impl Stored {
    /// `None` when another version of the program wrote what this one does not know.
    fn trip(&self) -> Option<Trip> {
        Some(Trip {
            trigger: TriggerId::from_name(&self.trigger)?,
            circuit: CircuitId::ALL.into_iter().find(|id| id.number() == self.circuit)?,
            value: self.value.unwrap_or_default(),
            limit: self.limit.unwrap_or_default(),
            at: self.at_ms.map(UtcMs),
            at_mono_ms: 0,
        })
    }
}

fn unreadable() -> Trip {
    Trip {
        trigger: TriggerId::LatchUnreadable,
        circuit: CircuitId::One,
        value: 0.0,
        limit: 0.0,
        at: None,
        at_mono_ms: 0,
    }
}

fn path_in(state: &Path) -> PathBuf {
    state.join("latch.json")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn trip(trigger: TriggerId, circuit: CircuitId) -> Trip {
        Trip { trigger, circuit, value: 171.5, limit: 165.0, at: Some(UtcMs(1_800_000_000_000)), at_mono_ms: 0 }
    }

    fn trips(trips: &[Trip]) -> Latched {
        Latched { trips: trips.to_vec(), all_off: false }
    }

    fn start(folder: &Path) -> LatchFile {
        LatchFile::start(folder, restore(folder, !path_in(folder).exists()), Faults::none()).unwrap()
    }

    #[test]
    fn trips_survive_and_cleared_ones_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let hot = trip(TriggerId::OverTemperature, CircuitId::Two);
        let weld = trip(TriggerId::UnexpectedCurrent, CircuitId::One);
        let mut file = start(folder.path());
        file.note(&[Event::Tripped(hot), Event::Tripped(weld)], false);
        drop(file);
        assert_eq!(restore(folder.path(), false), trips(&[hot, weld]));

        let mut file = start(folder.path());
        file.note(&[Event::Cleared(hot)], false);
        drop(file);
        assert_eq!(restore(folder.path(), false), trips(&[weld]));
    }

    #[test]
    fn all_off_survives_until_someone_resumes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = start(folder.path());
        file.note(&[], true);
        drop(file);
        assert_eq!(restore(folder.path(), false), Latched { trips: vec![], all_off: true });
        let mut file = start(folder.path());
        file.note(&[], false);
        drop(file);
        assert_eq!(restore(folder.path(), false), Latched::default());
    }

    #[test]
    fn cut_at_any_byte_it_is_tripped() {
        let folder = tempfile::tempdir().unwrap();
        for latched in [vec![], vec![trip(TriggerId::Impedance, CircuitId::One)]] {
            sealed::write(&path_in(folder.path()), &Content::from(&trips(&latched))).unwrap();
            let whole = fs::read(path_in(folder.path())).unwrap();
            for length in 0..whole.len() {
                fs::write(path_in(folder.path()), &whole[..length]).unwrap();
                assert_eq!(restore(folder.path(), false), trips(&[unreadable()]), "cut at {length}");
            }
        }
    }

    #[test]
    fn missing_is_nothing_on_the_first_start_and_tripped_later() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(restore(folder.path(), true), trips(&[]));
        assert_eq!(restore(folder.path(), false), trips(&[]));
        fs::remove_file(path_in(folder.path())).unwrap();
        assert_eq!(restore(folder.path(), false), trips(&[unreadable()]));
    }

    #[test]
    fn a_write_cut_off_keeps_what_was_known_and_stays_tripped_until_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let hot = trip(TriggerId::OverTemperature, CircuitId::Two);
        sealed::write(&path_in(folder.path()), &Content::from(&trips(&[hot]))).unwrap();
        mark_cut_off(folder.path()).unwrap();
        for start_number in 1..3 {
            assert_eq!(restore(folder.path(), false), trips(&[hot, unreadable()]), "start {start_number}");
            drop(start(folder.path()));
        }
    }

    #[test]
    fn a_trigger_that_is_not_known_is_a_trip_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let stored = Stored { trigger: "bad_omen".into(), ..Stored::from(&unreadable()) };
        sealed::write(&path_in(folder.path()), &Content { trips: vec![stored], all_off: false }).unwrap();
        assert_eq!(restore(folder.path(), false), trips(&[unreadable()]));
    }

    #[test]
    fn a_disk_that_refuses_delays_nobody_and_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("gone");
        let mut file = LatchFile::start(&state, Latched::default(), Faults::none()).unwrap();
        let hot = trip(TriggerId::OverTemperature, CircuitId::Two);
        file.note(&[Event::Tripped(hot)], false);
        assert!(!file.is_saved());
        fs::create_dir(&state).unwrap();
        while !file.is_saved() {
            file.note(&[], false);
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(restore(&state, false), trips(&[hot]));
    }
}
