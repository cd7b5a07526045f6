//! The supervisor: a thread that watches the control thread's progress and aborts the process when there is none.
//!
//! It never writes relays. Aborting is enough: the guard process sees the end of its line and opens them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::faults::{Faults, Place};
use crate::realtime;

/// The control thread may stand still this long.
pub const STALL: Duration = Duration::from_secs(1);
/// A relay write may stay unacknowledged this long.
pub const UNACKNOWLEDGED: Duration = Duration::from_millis(200);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// What the control thread shows of itself. All of it is atomic: showing never waits.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    steps: AtomicU64,
    /// Milliseconds since `started` when the oldest unacknowledged relay write began, plus 1; 0 when there is none.
    unacknowledged: AtomicU64,
    ended: AtomicBool,
}

impl Progress {
    /// Of a thread that is about to start.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            steps: AtomicU64::new(0),
            unacknowledged: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        })
    }

    /// A step is done.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps are done.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// A relay write begins. If the one before was not acknowledged, its time goes on.
    pub fn write_begins(&self) {
        let now = self.elapsed_ms() + 1;
        // Only this thread sets it, so nothing gets lost between the two.
        let _ = self.unacknowledged.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Every relay took its state.
    pub fn write_acknowledged(&self) {
        self.unacknowledged.store(0, Ordering::Relaxed);
    }

    /// The thread ends as it should; nobody need watch it any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether it ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn unacknowledged_for(&self) -> Duration {
        match self.unacknowledged.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began => Duration::from_millis((self.elapsed_ms() + 1).saturating_sub(began)),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Why the supervisor aborts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    Stalled,
    Unacknowledged,
}

/// Starts watching. The thread ends after [`Progress::end`].
///
/// # Errors
/// When the operating system gives no thread.
pub fn watch(progress: Arc<Progress>, real_time: bool, faults: Faults) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("supervisor".into()).spawn(move || {
        if real_time {
            realtime::raise(realtime::SUPERVISOR);
        }
        let mut view = View::new(Instant::now(), &progress);
        while !progress.has_ended() {
            faults.at(Place::Supervisor);
            match view.judge(Instant::now(), &progress) {
                Verdict::Fine => thread::sleep(LOOK),
                verdict => abort(verdict),
            }
        }
    })
}

/// No unwinding, no destructors, nothing that could hang: the process ends here.
fn abort(verdict: Verdict) {
    // The log may be what hangs, so nobody waits for it.
    let _ = thread::Builder::new().spawn(move || tracing::error!(?verdict, "the control thread fails; aborting"));
    thread::sleep(Duration::from_millis(10));
    std::process::abort();
}

/// What the supervisor saw last.
struct View {
    steps: u64,
    since: Instant,
}

impl View {
    fn new(now: Instant, progress: &Progress) -> Self {
        Self { steps: progress.steps(), since: now }
    }

    fn judge(&mut self, now: Instant, progress: &Progress) -> Verdict {
        let steps = progress.steps();
        if steps != self.steps {
            *self = Self { steps, since: now };
        }
        if now.duration_since(self.since) >= STALL {
            Verdict::Stalled
        } else if progress.unacknowledged_for() >= UNACKNOWLEDGED {
            Verdict::Unacknowledged
        } else {
            Verdict::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s23_a_control_thread_that_stands_still_for_a_second_is_stalled() {
        let progress = Progress::new();
        let start = Instant::now();
        let mut view = View::new(start, &progress);
        assert_eq!(view.judge(start + Duration::from_millis(999), &progress), Verdict::Fine);
        progress.step();
        assert_eq!(view.judge(start + Duration::from_millis(1_500), &progress), Verdict::Fine);
        assert_eq!(view.judge(start + Duration::from_millis(2_499), &progress), Verdict::Fine);
        assert_eq!(view.judge(start + Duration::from_millis(2_500), &progress), Verdict::Stalled);
    }

    #[test]
    fn a_write_counts_from_its_first_attempt_until_it_is_acknowledged() {
        let progress = Progress::new();
        progress.write_begins();
        thread::sleep(Duration::from_millis(120));
        progress.write_begins();
        thread::sleep(Duration::from_millis(120));
        let mut view = View::new(Instant::now(), &progress);
        assert_eq!(view.judge(Instant::now(), &progress), Verdict::Unacknowledged);
        progress.write_acknowledged();
        assert_eq!(view.judge(Instant::now(), &progress), Verdict::Fine);
    }
}
