//! Faults on demand, so that tests can see from outside what a panicking or hanging thread leads to.
//!
//! A demo that finds `SUNTANK_FAULT` in its environment, e.g. `panic:control` or `hang:write`, waits for SIGUSR1
//! and then lets that thread do that deed when it next comes by. Everywhere else all of this is inert: there is
//! no fault without the simulated plant.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGUSR1;

const VARIABLE: &str = "SUNTANK_FAULT";
/// A task has no turn of its own, so it looks this often.
const LOOK: Duration = Duration::from_millis(20);

/// Where a fault can be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The control loop, between two steps.
    Control,
    /// A relay write that does not come back.
    Write,
    /// The supervisor.
    Supervisor,
    /// The thread that keeps a guard running.
    Keeper,
    /// The latch file's thread.
    Latch,
    /// The thread that tells the service manager that all is well.
    Notifier,
    /// One of the threads that serve the web and storage.
    Worker,
    /// All of them.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Panic,
    Hang,
}

#[derive(Debug)]
struct Wanted {
    deed: Deed,
    place: Place,
    now: Arc<AtomicBool>,
}

/// What every thread asks at its turn. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Wanted>>);

/// A fault that is not known.
#[derive(Debug, thiserror::Error)]
#[error("there is no fault {0}; try panic:control or hang:write")]
pub struct UnknownFault(String);

impl Faults {
    /// None, ever.
    pub const fn none() -> Self {
        Self(None)
    }

    /// What the environment asks for. Call it in a demo alone.
    ///
    /// # Errors
    /// [`UnknownFault`], or a signal handler that can't be set.
    pub fn from_environment() -> anyhow::Result<Self> {
        let Ok(text) = std::env::var(VARIABLE) else {
            return Ok(Self::none());
        };
        let (deed, place) = parse(&text).ok_or(UnknownFault(text))?;
        let now = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGUSR1, Arc::clone(&now))?;
        Ok(Self(Some(Arc::new(Wanted { deed, place, now }))))
    }

    /// Does the deed if it is wanted here and now.
    pub fn at(&self, place: Place) {
        if let Some(deed) = self.wanted(place) {
            deed.commit();
        }
    }

    /// As [`Faults::at`] in one of the runtime's threads; returns at once when no fault is wanted.
    pub async fn watch_worker(self) {
        while self.0.is_some() {
            self.at(Place::Worker);
            tokio::time::sleep(LOOK).await;
        }
    }

    fn wanted(&self, place: Place) -> Option<Deed> {
        let wanted = self.0.as_ref()?;
        let here = wanted.place == place || wanted.place == Place::All;
        (here && wanted.now.load(Ordering::Relaxed)).then_some(wanted.deed)
    }
}

impl Deed {
    #[allow(clippy::panic)]
    fn commit(self) {
        match self {
            Self::Panic => panic!("a fault was asked for"),
            Self::Hang => loop {
                thread::sleep(Duration::from_secs(60));
            },
        }
    }
}

fn parse(text: &str) -> Option<(Deed, Place)> {
    let (deed, place) = text.split_once(':')?;
    let deed = match deed {
        "panic" => Deed::Panic,
        "hang" => Deed::Hang,
        _ => return None,
    };
    Some((deed, place.parse().ok()?))
}

impl FromStr for Place {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Ok(match name {
            "control" => Self::Control,
            "write" => Self::Write,
            "supervisor" => Self::Supervisor,
            "keeper" => Self::Keeper,
            "latch" => Self::Latch,
            "notifier" => Self::Notifier,
            "worker" => Self::Worker,
            "all" => Self::All,
            _ => return Err(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_signal_and_its_place() {
        let now = Arc::new(AtomicBool::new(false));
        let wanted = Wanted { deed: Deed::Panic, place: Place::Latch, now: Arc::clone(&now) };
        let faults = Faults(Some(Arc::new(wanted)));
        assert_eq!(faults.wanted(Place::Latch), None);
        now.store(true, Ordering::Relaxed);
        assert_eq!(faults.wanted(Place::Latch), Some(Deed::Panic));
        assert_eq!(faults.wanted(Place::Control), None);
        assert_eq!(Faults::none().wanted(Place::Control), None);
    }

    #[test]
    fn only_known_faults_are_taken() {
        assert_eq!(parse("hang:all"), Some((Deed::Hang, Place::All)));
        for text in ["", "panic", "panic:", "melt:control", "panic:roof"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
