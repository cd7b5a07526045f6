//! Drivers that are wired to the simulated plant instead of a Pi's pins.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::inputs::{Channel, RelayId, SensorId};
use engine::units::Now;
use plant::{Moment, Plant};

use crate::hal::{OutputFault, Relay, Sensor};

/// The plant, shared by its sensors, its relays and whoever looks at its truth or injects a fault.
#[derive(Clone)]
pub struct SharedPlant(Arc<Mutex<Wired>>);

struct Wired {
    plant: Plant,
    /// What the relays were last told, by [`RelayId::index`].
    commanded: [bool; 4],
}

impl SharedPlant {
    /// Wires a plant, all relays open.
    pub fn new(plant: Plant) -> Self {
        Self(Arc::new(Mutex::new(Wired { plant, commanded: [false; 4] })))
    }

    /// Looks at the plant or changes it, between two steps.
    pub fn with<T>(&self, look: impl FnOnce(&mut Plant) -> T) -> T {
        look(&mut self.lock().plant)
    }

    /// Lets the plant run up to `now`. Without a wall clock it stands still.
    pub(crate) fn advance(&self, now: Now) {
        let mut wired = self.lock();
        let commanded = wired.commanded;
        if let Some(utc) = now.wall {
            wired.plant.step(Moment { mono_ms: now.mono_ms, utc }, commanded);
        }
    }

    /// A panic elsewhere while the lock was held ends the process; the plant itself is never half written.
    fn lock(&self) -> MutexGuard<'_, Wired> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the plant's sensors.
pub(crate) struct PlantSensor {
    pub(crate) plant: SharedPlant,
    pub(crate) id: SensorId,
}

impl Sensor for PlantSensor {
    fn channel(&mut self, _now_ms: u64) -> Channel {
        *self.plant.lock().plant.inputs().channel(self.id)
    }
}

/// One of the plant's contacts.
pub(crate) struct PlantRelay {
    pub(crate) plant: SharedPlant,
    pub(crate) id: RelayId,
}

impl Relay for PlantRelay {
    fn write(&mut self, closed: bool) -> Result<(), OutputFault> {
        self.plant.lock().commanded[self.id.index()] = closed;
        Ok(())
    }
}

impl Drop for PlantRelay {
    fn drop(&mut self) {
        self.plant.lock().commanded[self.id.index()] = false;
    }
}
