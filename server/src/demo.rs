//! The demo: the whole product on the simulated plant. On its first start the simulator itself fills the
//! history of the last days, so that a newcomer sees plots and not blank paper.

use engine::config::Config;
use engine::units::{Now, UtcMs};
use plant::{Plant, PlantConfig};
use storage::{Append, StorageError};

use crate::convert;
use crate::simulate::{Simulation, SimulationError};

/// Days of history on the first start.
pub const HISTORY_DAYS: i64 = 3;
/// The user of a demo, an administrator.
pub const USER: &str = "owner";
/// The demo user's password. A demo heats nothing but numbers, and says so on every page.
pub const PASSWORD: &str = "sunshine-demo";

const DAY_MS: i64 = 86_400_000;
/// The history runs in whole seconds: enough for the tanks, and done in a moment.
const STEP_MS: u64 = 1_000;
/// A record of history every ten seconds draws as well as one a second.
const POLLING_MS: u64 = 10_000;
/// Rows handed to storage at once.
const BATCH: usize = 5_000;

/// Why a demo's history can't be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The plant or the engine does not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The history can't be stored.
    #[error("the demo's history can't be stored: {0}")]
    Storage(#[from] StorageError),
}

/// Simulates the days before `end`, stores their records and gives the plant as it then stands, with its time.
///
/// # Errors
/// [`DemoError`].
pub async fn fill_history(
    storage: &dyn Append,
    config: &Config,
    plant: &PlantConfig,
    seed: u64,
    end: UtcMs,
) -> Result<(Plant, Now), DemoError> {
    let start = UtcMs(end.0 - HISTORY_DAYS * DAY_MS);
    let config = Config { polling_ms: POLLING_MS, ..config.clone() };
    let mut simulation = Simulation::new(config, plant, seed, start)?;
    let mut batch = Vec::with_capacity(BATCH);
    while simulation.now().wall.is_some_and(|wall| wall < end) {
        let (_, step) = simulation.step(STEP_MS);
        batch.extend(step.record.as_ref().map(convert::measurement));
        if batch.len() == BATCH {
            storage.append_measurements(&batch).await?;
            batch.clear();
        }
    }
    storage.append_measurements(&batch).await?;
    Ok(simulation.into_plant())
}
