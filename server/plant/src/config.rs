//! What the plant is built of.

use engine::inputs::CircuitId;
use thiserror::Error;

use crate::draws;
use crate::pv::{Module, PvError};
use crate::relay::RelayConfig;
use crate::sensors::SensorConfig;
use crate::sun::Mounting;
use crate::tank::TankConfig;
use crate::weather::WeatherError;

/// The whole plant. [`PlantConfig::default`] is the demonstration plant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlantConfig {
    /// By [`CircuitId::index`].
    pub circuits: [CircuitConfig; 2],
    /// Mixed water the house draws, US gallons a day.
    pub gallons_a_day: f64,
    /// The mixing valve's temperature, °C (105–120 °F).
    pub mixed_c: f64,
    /// Cold water, °C: the year's mean, and how far summer and winter lie from it.
    pub inlet_c: (f64, f64),
    /// Air around the tanks, °C: the mean, and how far afternoon and early morning lie from it.
    pub room_c: (f64, f64),
    /// Share of the light that the ground reflects.
    pub albedo: f64,
    /// Every relay's contact.
    pub relay: RelayConfig,
    /// Voltmeters.
    pub voltage: SensorConfig,
    /// Ammeters.
    pub current: SensorConfig,
    /// How much earlier than the volts the amperes of one pair of samples are converted, ms (0 to 100). In
    /// passing light the two don't fit together.
    pub current_skew_ms: f64,
    /// Thermometers.
    pub temperature: SensorConfig,
}

/// One circuit's string, element and tank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitConfig {
    /// The string's modules.
    pub module: Module,
    /// How many in series.
    pub modules: u32,
    /// How they are mounted.
    pub mounting: Mounting,
    /// The cold element's resistance, Ω.
    pub element_ohm: f64,
    /// Its tank.
    pub tank: TankConfig,
    /// The share of the house's draws that this tank serves.
    pub draw_share: f64,
    /// Whether there is a relay in the breaker panel; without one a wire is in its place.
    pub has_outside_relay: bool,
}

impl Default for PlantConfig {
    /// A house with three bedrooms, a southern and a south-western string of ten modules, DC elements that fit
    /// them and two tanks of 50 gal.
    fn default() -> Self {
        let south = CircuitConfig::default();
        let south_west =
            CircuitConfig { mounting: Mounting { azimuth_deg: 240.0, ..south.mounting }, draw_share: 0.4, ..south };
        Self {
            circuits: [south, south_west],
            gallons_a_day: draws::gallons_a_day(3),
            mixed_c: 43.3,
            inlet_c: (12.8, 2.8),
            room_c: (20.0, 2.5),
            albedo: 0.2,
            relay: RelayConfig::default(),
            voltage: SensorConfig::VOLTAGE,
            current: SensorConfig::CURRENT,
            current_skew_ms: 10.0,
            temperature: SensorConfig::TEMPERATURE,
        }
    }
}

impl Default for CircuitConfig {
    /// Ten modules of 60 cells at 40° to the south, with an element of 36.9 Ω at their maximum power point.
    fn default() -> Self {
        Self {
            module: Module::SIXTY_CELLS,
            modules: 10,
            mounting: Mounting { tilt_deg: 40.0, azimuth_deg: 180.0 },
            element_ohm: 36.9,
            tank: TankConfig::default(),
            draw_share: 0.6,
            has_outside_relay: true,
        }
    }
}

/// Why a plant can't be built, or a fault can't be injected.
#[derive(Debug, Error)]
pub enum PlantError {
    /// A value is not finite or out of the range the physics bears.
    #[error("{field} is out of range")]
    OutOfRange {
        /// Its path in [`PlantConfig`].
        field: &'static str,
    },
    /// A string's modules make no sense.
    #[error("the string of circuit {circuit}: {source}")]
    String {
        /// 1 or 2.
        circuit: u8,
        /// What is wrong.
        source: PvError,
    },
    /// The weather inside the program is damaged.
    #[error(transparent)]
    Weather(#[from] WeatherError),
    /// The fault's number is out of range.
    #[error("the fault {0} is out of range")]
    ImpossibleFault(String),
}

impl PlantConfig {
    /// Checks every number, whole or not at all.
    ///
    /// # Errors
    /// [`PlantError::OutOfRange`] with the first field that is out of range.
    pub fn check(&self) -> Result<(), PlantError> {
        let mut checks = vec![
            ("gallons_a_day", within(self.gallons_a_day, 0.0, 500.0)),
            ("mixed_c", within(self.mixed_c, 30.0, 60.0)),
            ("inlet_c", within(self.inlet_c.0, 1.0, 35.0) && within(self.inlet_c.1, 0.0, 15.0)),
            ("room_c", within(self.room_c.0, -20.0, 45.0) && within(self.room_c.1, 0.0, 20.0)),
            ("albedo", within(self.albedo, 0.0, 1.0)),
            ("relay.resistance_ohm", within(self.relay.resistance_ohm, 0.0, 10.0)),
            ("voltage", sensor_is_possible(&self.voltage)),
            ("current", sensor_is_possible(&self.current)),
            ("current_skew_ms", within(self.current_skew_ms, 0.0, 100.0)),
            ("temperature", sensor_is_possible(&self.temperature)),
        ];
        for id in CircuitId::ALL {
            checks.extend(self.circuits[id.index()].checks());
        }
        match checks.into_iter().find(|(_, is_fine)| !is_fine) {
            Some((field, _)) => Err(PlantError::OutOfRange { field }),
            None => Ok(()),
        }
    }
}

impl CircuitConfig {
    fn checks(&self) -> [(&'static str, bool); 9] {
        let tank = &self.tank;
        [
            ("circuits[].mounting.tilt_deg", within(self.mounting.tilt_deg, 0.0, 90.0)),
            ("circuits[].mounting.azimuth_deg", within(self.mounting.azimuth_deg, 0.0, 360.0)),
            ("circuits[].element_ohm", within(self.element_ohm, 1.0, 1000.0)),
            ("circuits[].draw_share", within(self.draw_share, 0.0, 1.0)),
            ("circuits[].tank.gallons", within(tank.gallons, 5.0, 500.0)),
            ("circuits[].tank.start_c", within(tank.start_c, 1.0, 95.0)),
            ("circuits[].tank.heights", within(tank.element_height, 0.0, 1.0) && within(tank.sensor_height, 0.0, 1.0)),
            ("circuits[].tank.sensor_lag_s", within(tank.sensor_lag_s, 1.0, 3600.0)),
            (
                "circuits[].tank.conductances",
                within(tank.loss_w_per_k, 0.0, 50.0) && within(tank.conduction_w_per_k, 0.0, 50.0),
            ),
        ]
    }
}

fn sensor_is_possible(sensor: &SensorConfig) -> bool {
    let (low, high) = sensor.range;
    low.is_finite()
        && high.is_finite()
        && low < high
        && [sensor.noise, sensor.offset, sensor.walk, sensor.resolution].iter().all(|x| within(*x, 0.0, high - low))
        && within(sensor.spikes_per_day, 0.0, 100_000.0)
}

/// False for NaN.
fn within(value: f64, low: f64, high: f64) -> bool {
    (low..=high).contains(&value)
}
