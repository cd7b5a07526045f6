//! The simulated plant: sun, clouds, strings, relays, elements, tanks, people, sensors, and everything that can
//! go wrong with them.
//!
//! Pure: no clock, threads, files or network; time is an argument, chance comes from a seed. Inside, numbers are
//! SI with the unit in the name (`cell_c`, `heat_j`); at the border they are the engine's units.
//!
//! ```
//! use engine::units::UtcMs;
//! use plant::{Moment, Plant, PlantConfig};
//!
//! let mut plant = Plant::new(PlantConfig::default(), 42)?;
//! // Noon of a clear day, all relays closed for a second.
//! plant.step(Moment { mono_ms: 0, utc: UtcMs(1_687_374_000_000) }, [true; 4]);
//! plant.step(Moment { mono_ms: 1000, utc: UtcMs(1_687_374_001_000) }, [true; 4]);
//! assert!(plant.truth().circuits[0].power.get() > 1500.0);
//! # Ok::<(), plant::PlantError>(())
//! ```

mod circuit;
pub mod clouds;
mod config;
pub mod draws;
pub mod element;
mod fault;
mod noise;
mod plant;
pub mod pv;
pub mod relay;
pub mod sensors;
pub mod sky;
pub mod sun;
pub mod tank;
pub mod weather;

pub use config::{CircuitConfig, PlantConfig, PlantError};
pub use element::ElementFault;
pub use fault::{Fault, FaultKind};
pub use plant::{CircuitTruth, Moment, Plant, Truth};
pub use relay::RelayFault;
pub use sensors::SensorDefect;
