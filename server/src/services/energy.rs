//! Energy of the last 24 hours, asked of storage now and then and remembered in between.
//!
//! A slow or dead database never holds up a picture: the figure grows old instead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use app::types::status::Energy;
use engine::units::UtcMs;
use storage::Storage;
use tokio::time::timeout;

/// On the host's clock.
const MAX_AGE: Duration = Duration::from_secs(10);
/// The first figure may be waited for this long.
const FIRST: Duration = Duration::from_secs(1);
const DAY_MS: i64 = 86_400_000;

/// The remembered figure.
pub(super) struct EnergyCache {
    storage: Arc<dyn Storage>,
    state: Mutex<State>,
}

struct State {
    energy: Energy,
    /// When storage was asked last; `None` before the first time.
    asked: Option<Instant>,
    asking: bool,
}

impl EnergyCache {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        let nothing = Energy { total_wh: 0.0, circuits_wh: vec![0.0; 2], coverage: 0.0 };
        Self { storage, state: Mutex::new(State { energy: nothing, asked: None, asking: false }) }
    }

    /// Energy of the 24 hours before `now`, at most about [`MAX_AGE`] old while storage answers.
    pub(super) async fn last_24_h(self: &Arc<Self>, now: UtcMs) -> Energy {
        if let Some(first) = self.begin_asking() {
            let cache = Arc::clone(self);
            let asking = tokio::spawn(async move { cache.ask(now).await });
            if first {
                // Without an answer in time there is the old figure.
                let _ = timeout(FIRST, asking).await;
            }
        }
        self.state().energy.clone()
    }

    /// Whether this caller is to ask storage; inside, whether nobody ever did.
    fn begin_asking(&self) -> Option<bool> {
        let mut state = self.state();
        let fresh = state.asked.is_some_and(|asked| asked.elapsed() < MAX_AGE);
        if fresh || state.asking {
            return None;
        }
        state.asking = true;
        Some(state.asked.is_none())
    }

    async fn ask(&self, now: UtcMs) {
        let answer = self.storage.energy_wh(now.0 - DAY_MS, now.0).await;
        let mut state = self.state();
        state.asking = false;
        state.asked = Some(Instant::now());
        match answer {
            Ok(energy) => state.energy = wire(&energy),
            Err(error) => tracing::warn!(%error, "the energy of the last 24 hours is not known"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wire(energy: &storage::Energy) -> Energy {
    let measured: i64 = energy.measured_ms.iter().sum();
    Energy {
        total_wh: energy.wh.iter().sum(),
        circuits_wh: energy.wh.to_vec(),
        // Overlapping rows, as after a clock's step back, are no more than all of the time.
        coverage: (measured as f64 / (2 * DAY_MS) as f64).min(1.0),
    }
}
