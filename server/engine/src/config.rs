//! The settings the engine runs on. They are validated whole ([`Config::check`]) and applied at once.
//!
//! Defaults are those of the safety case; the hard ceilings are constants here, in code, where no setting
//! reaches them.

use std::fmt;
use std::ops::RangeInclusive;

use crate::calibration::Calibration;
use crate::inputs::{Quantity, RelayId, SensorId};
use crate::outputs::TriggerId;
use crate::units::{Amperes, Fahrenheit, Ohms, Volts};

/// Targets a person may set, °F. 155 °F scalds within two seconds; no heater for people needs more.
pub const TARGET_F: RangeInclusive<f64> = 50.0..=155.0;
/// Widths of the thermostat's band, °F.
pub const HYSTERESIS_F: RangeInclusive<f64> = 0.5..=20.0;
/// The highest over-temperature limit, °F: below every high-limit cut-out (170–180 °F) and relief valve (210 °F).
pub const MAX_OVER_TEMPERATURE_F: f64 = 165.0;
/// The over-temperature limit lies at least this far above the target, °F.
pub const OVER_TEMPERATURE_MARGIN_F: f64 = 10.0;
/// Elements from a 5.5 kW one to a small DC one, Ω, with room on either side.
pub const ELEMENT_OHMS: RangeInclusive<f64> = 2.0..=100.0;
/// Open-circuit voltages, V: from one module to the contactors' and wiring's 600 V class.
pub const VOC_V: RangeInclusive<f64> = 10.0..=600.0;
/// Short-circuit currents, A.
pub const ISC_A: RangeInclusive<f64> = 0.5..=30.0;
/// The record low a place may have, °F.
pub const RECORD_LOW_F: RangeInclusive<f64> = -80.0..=70.0;
/// A voltmeter reaches at least this far above the cold string's open-circuit voltage, or it saturates unseen.
pub const VOLTAGE_RANGE_FACTOR: f64 = 1.25;
/// An ammeter reaches at least this far above the short-circuit current, or over-current goes unseen.
pub const CURRENT_RANGE_FACTOR: f64 = 2.2;
/// The absolute current limit lies above honest cloud-edge flashes …
pub const MIN_MAX_CURRENT_FACTOR: f64 = 1.6;
/// … and below the end of the ammeter's range, where a reading no longer counts.
pub const MAX_CURRENT_OF_RANGE: f64 = 0.95;
/// A meter's noise (one standard deviation) as a share of its range. Above it the rules would go blind.
pub const NOISE_OF_RANGE: RangeInclusive<f64> = 0.0001..=0.02;
/// A voltmeter's or ammeter's calibration moves zero by at most this share of the range.
pub const ZERO_OFFSET_OF_RANGE: f64 = 0.1;
/// Periods of the temperature sensor, ms. Three of them stay within the 15 s after which no temperature is fresh.
pub const TEMPERATURE_PERIOD_MS: RangeInclusive<u64> = 50..=5_000;
/// Agreeing samples a thermostat may ask for.
pub const AGREEING_SAMPLES: RangeInclusive<u32> = 1..=60;
/// Polling intervals, ms.
pub const POLLING_MS: RangeInclusive<u64> = 1_000..=60_000;
/// Offsets of the day/night window, minutes.
pub const WINDOW_MIN: RangeInclusive<u32> = 0..=240;
/// Tanks, US gallons.
pub const GALLONS: RangeInclusive<f64> = 5.0..=500.0;
/// Heights of an element, as a share of the tank's.
pub const ELEMENT_HEIGHT: RangeInclusive<f64> = 0.0..=0.9;
/// A tank's heat loss, W/K: a 50-gallon one loses about 2.9.
pub const LOSS_W_PER_K: RangeInclusive<f64> = 0.1..=20.0;
/// A sensor sits no lower than its element, or it never feels the heat; and at most this share of the tank above
/// it: with more cold water in between, a sensor that has fallen off can't be told from one that still waits.
pub const SENSOR_ABOVE_ELEMENT: f64 = 5.0 / 12.0;
/// Water takes this much per US gallon and °F: 50 gal take 1.22 kWh per 10 °F.
pub const KWH_PER_GALLON_F: f64 = 0.00244;
/// Crystalline silicon's open-circuit voltage rises by this share per kelvin below 25 °C.
pub const VOC_PER_KELVIN: f64 = 0.003;

/// Everything a person can set that changes a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// By [`crate::inputs::CircuitId::index`].
    pub circuits: [CircuitConfig; 2],
    /// By [`crate::inputs::SensorId::index`].
    pub calibrations: [Calibration; 6],
    /// Where the panels stand.
    pub place: Place,
    /// The lowest air temperature on record there: the string's voltage is highest then.
    pub record_low: Fahrenheit,
    /// The day/night window.
    pub window: Window,
    /// A thermostat decision needs this many agreeing new samples (1–60).
    pub agreeing_samples: u32,
    /// How often a [`crate::outputs::Record`] is made, in milliseconds (1,000–60,000).
    pub polling_ms: u64,
    /// Which relays exist, by [`crate::inputs::RelayId::index`]. Inside relays always do.
    pub relays_present: [bool; 4],
    /// Which triggers may trip, by [`TriggerId::index`]. One that may not still looks and shows what it sees.
    pub triggers_enabled: [bool; TriggerId::ALL.len()],
}

/// One circuit's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitConfig {
    /// Heat up to this.
    pub target: Fahrenheit,
    /// Start again this far below the target.
    pub hysteresis: Fahrenheit,
    /// The watchdog trips at this.
    pub over_temperature: Fahrenheit,
    /// The element's rated resistance.
    pub element: Ohms,
    /// The string at standard test conditions.
    pub string: StringConfig,
    /// The voltmeter, from −range to +range.
    pub voltage_range: Volts,
    /// One standard deviation of its noise.
    pub voltage_noise: Volts,
    /// The ammeter, from −range to +range.
    pub current_range: Amperes,
    /// One standard deviation of its noise.
    pub current_noise: Amperes,
    /// How often the temperature sensor delivers, in milliseconds.
    pub temperature_period_ms: u64,
    /// What is heated.
    pub tank: TankConfig,
}

/// A tank, as far as the plausibility of its temperatures needs to know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TankConfig {
    /// US gallons.
    pub gallons: f64,
    /// The element's height, 0 (bottom) to 1 (top).
    pub element_height: f64,
    /// The temperature sensor's height, 0 to 1.
    pub sensor_height: f64,
    /// Heat lost through the insulation, W/K.
    pub loss_w_per_k: f64,
}

/// A string's data-sheet values at standard test conditions, already multiplied by the modules in series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StringConfig {
    /// Open-circuit voltage.
    pub voc: Volts,
    /// Short-circuit current.
    pub isc: Amperes,
    /// The absolute current limit of wiring and contacts.
    pub max_current: Amperes,
}

/// A point on Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees north, −90 to 90.
    pub latitude: f64,
    /// Degrees east, −180 to 180.
    pub longitude: f64,
}

/// How much of the day's edges is left out, in minutes (0–240).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Off from this long before sunset …
    pub before_sunset_min: u32,
    /// … until this long after sunrise.
    pub after_sunrise_min: u32,
}

impl Default for Config {
    /// Ten 60-cell modules a circuit on the western slope of Colorado, everything at the safety case's defaults.
    fn default() -> Self {
        Self {
            circuits: [CircuitConfig::default(); 2],
            calibrations: Default::default(),
            place: Place { latitude: 40.5137, longitude: -108.5449 },
            record_low: Fahrenheit(-22.0),
            window: Window { before_sunset_min: 30, after_sunrise_min: 30 },
            agreeing_samples: 5,
            polling_ms: 1_000,
            relays_present: [true; 4],
            triggers_enabled: [true; TriggerId::ALL.len()],
        }
    }
}

impl Default for CircuitConfig {
    /// An element matched to ten 60-cell modules, meters of 600 V and 25 A with 0.5 % of noise.
    fn default() -> Self {
        Self {
            target: Fahrenheit(120.0),
            hysteresis: Fahrenheit(2.0),
            over_temperature: Fahrenheit(165.0),
            element: Ohms(36.9),
            string: StringConfig { voc: Volts(384.0), isc: Amperes(9.0), max_current: Amperes(20.0) },
            voltage_range: Volts(600.0),
            voltage_noise: Volts(3.0),
            current_range: Amperes(25.0),
            current_noise: Amperes(0.125),
            temperature_period_ms: 1_000,
            tank: TankConfig::default(),
        }
    }
}

impl Default for TankConfig {
    /// A common 50-gallon tank, with the element low and the sensor in the middle.
    fn default() -> Self {
        Self { gallons: 50.0, element_height: 0.2, sensor_height: 0.55, loss_w_per_k: 2.9 }
    }
}

impl TankConfig {
    /// C: what the whole tank takes, kWh/°F.
    pub fn kwh_per_f(&self) -> f64 {
        self.gallons * KWH_PER_GALLON_F
    }
    /// C_a: what the part from the element up takes, kWh/°F. The rest stays cold.
    pub fn heated_kwh_per_f(&self) -> f64 {
        self.kwh_per_f() * (1.0 - self.element_height)
    }
    /// φ: the share of the tank between element and sensor, whose cold water is heated unfelt.
    pub fn unfelt_share(&self) -> f64 {
        (self.sensor_height - self.element_height).max(0.0)
    }
}

impl CircuitConfig {
    /// Below this the thermostat starts.
    pub fn on_below(&self) -> Fahrenheit {
        self.target - self.hysteresis
    }
    /// Any "on" ends here, unlatched, so that a person's override doesn't end in a trip.
    pub fn on_ends_at(&self) -> Fahrenheit {
        self.over_temperature - Fahrenheit(OVER_TEMPERATURE_MARGIN_F)
    }
}

impl StringConfig {
    /// The open-circuit voltage with cells at this temperature.
    pub fn voc_at(&self, cells: Fahrenheit) -> Volts {
        self.voc * (1.0 + VOC_PER_KELVIN * (25.0 - cells.to_celsius()))
    }
}

/// What is wrong with a configuration: every problem, not only the first.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<FieldProblem>,
}

/// A field that can't be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldProblem {
    /// Its path, such as `circuits[0].target_f`.
    pub field: String,
    /// Why.
    pub problem: Problem,
}

/// Why a field can't be accepted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Not within its bounds, which may depend on other fields. NaN is within none.
    #[error("must be between {min} and {max}, but is {value}")]
    OutOfRange {
        /// What was given, in the field's unit.
        value: f64,
        /// The least allowed.
        min: f64,
        /// The most allowed.
        max: f64,
    },
    /// An inside relay is always there.
    #[error("must be present")]
    Missing,
    /// A calibration made for another kind of sensor.
    #[error("was made for another kind of sensor")]
    WrongQuantity,
    /// The trigger that nobody may disable.
    #[error("can't be disabled")]
    AlwaysOn,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, FieldProblem { field, problem }) in self.problems.iter().enumerate() {
            write!(f, "{}{field} {problem}", if n > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl Config {
    /// Looks at every field, alone and against the others.
    ///
    /// # Errors
    /// All problems found, each with its field's path.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut found = Findings::default();
        for (n, circuit) in self.circuits.iter().enumerate() {
            circuit.check(&format!("circuits[{n}]."), self.record_low, &mut found);
        }
        self.check_calibrations(&mut found);
        found.within("place.latitude", self.place.latitude, -90.0..=90.0);
        found.within("place.longitude", self.place.longitude, -180.0..=180.0);
        found.within("record_low_f", self.record_low.0, RECORD_LOW_F);
        found.within_int("window.before_sunset_min", self.window.before_sunset_min, WINDOW_MIN);
        found.within_int("window.after_sunrise_min", self.window.after_sunrise_min, WINDOW_MIN);
        found.within_int("agreeing_samples", self.agreeing_samples, AGREEING_SAMPLES);
        found.within_ms("polling_ms", self.polling_ms, POLLING_MS);
        for relay in RelayId::ALL.into_iter().filter(|r| r.is_inside() && !self.relays_present[r.index()]) {
            found.add(format!("relays_present[{}]", relay.index()), Problem::Missing);
        }
        let always = TriggerId::OverTemperature;
        if !self.triggers_enabled[always.index()] {
            found.add(format!("triggers_enabled[{}]", always.index()), Problem::AlwaysOn);
        }
        if found.0.is_empty() { Ok(()) } else { Err(ConfigError { problems: found.0 }) }
    }

    /// The construction has bounded the slopes; here each curve must suit the sensor it is put on.
    fn check_calibrations(&self, found: &mut Findings) {
        for sensor in SensorId::ALL {
            let calibration = &self.calibrations[sensor.index()];
            let field = format!("calibrations[{}]", sensor.index());
            if calibration.quantity().is_some_and(|q| q != sensor.quantity()) {
                found.add(field, Problem::WrongQuantity);
                continue;
            }
            let circuit = &self.circuits[sensor.circuit().index()];
            let most = match sensor.quantity() {
                Quantity::Voltage => circuit.voltage_range.0 * ZERO_OFFSET_OF_RANGE,
                Quantity::Current => circuit.current_range.0 * ZERO_OFFSET_OF_RANGE,
                Quantity::Temperature => continue,
            };
            found.within(&field, calibration.apply(0.0), -most..=most);
        }
    }
}

impl CircuitConfig {
    fn check(&self, at: &str, record_low: Fahrenheit, found: &mut Findings) {
        let path = |name: &str| format!("{at}{name}");
        found.within(&path("target_f"), self.target.0, TARGET_F);
        found.within(&path("hysteresis_f"), self.hysteresis.0, HYSTERESIS_F);
        let least_trip = self.target.0 + OVER_TEMPERATURE_MARGIN_F;
        found.within(&path("over_temperature_f"), self.over_temperature.0, least_trip..=MAX_OVER_TEMPERATURE_F);
        found.within(&path("element_ohms"), self.element.0, ELEMENT_OHMS);
        found.within(&path("string.voc_v"), self.string.voc.0, VOC_V);
        found.within(&path("string.isc_a"), self.string.isc.0, ISC_A);
        let most_current = self.current_range.0 * MAX_CURRENT_OF_RANGE;
        let least_current = self.string.isc.0 * MIN_MAX_CURRENT_FACTOR;
        found.within(&path("string.max_current_a"), self.string.max_current.0, least_current..=most_current);
        let least_volts = self.string.voc_at(record_low).0 * VOLTAGE_RANGE_FACTOR;
        found.within(&path("voltage_range_v"), self.voltage_range.0, least_volts..=2.0 * *VOC_V.end());
        let least_amps = self.string.isc.0 * CURRENT_RANGE_FACTOR;
        found.within(&path("current_range_a"), self.current_range.0, least_amps..=4.0 * *ISC_A.end());
        found.within(&path("voltage_noise_v"), self.voltage_noise.0, share(NOISE_OF_RANGE, self.voltage_range.0));
        found.within(&path("current_noise_a"), self.current_noise.0, share(NOISE_OF_RANGE, self.current_range.0));
        found.within_ms(&path("temperature_period_ms"), self.temperature_period_ms, TEMPERATURE_PERIOD_MS);
        self.tank.check(&path("tank."), found);
    }
}

impl TankConfig {
    fn check(&self, at: &str, found: &mut Findings) {
        let path = |name: &str| format!("{at}{name}");
        found.within(&path("gallons"), self.gallons, GALLONS);
        found.within(&path("element_height"), self.element_height, ELEMENT_HEIGHT);
        let highest = (self.element_height + SENSOR_ABOVE_ELEMENT).min(1.0);
        found.within(&path("sensor_height"), self.sensor_height, self.element_height..=highest);
        found.within(&path("loss_w_per_k"), self.loss_w_per_k, LOSS_W_PER_K);
    }
}

fn share(of: RangeInclusive<f64>, range: f64) -> RangeInclusive<f64> {
    of.start() * range..=of.end() * range
}

#[derive(Default)]
struct Findings(Vec<FieldProblem>);

impl Findings {
    fn add(&mut self, field: String, problem: Problem) {
        self.0.push(FieldProblem { field, problem });
    }
    fn within(&mut self, field: &str, value: f64, allowed: RangeInclusive<f64>) {
        if !allowed.contains(&value) {
            let (min, max) = allowed.into_inner();
            self.add(field.to_owned(), Problem::OutOfRange { value, min, max });
        }
    }
    fn within_int(&mut self, field: &str, value: u32, allowed: RangeInclusive<u32>) {
        self.within(field, value.into(), f64::from(*allowed.start())..=f64::from(*allowed.end()));
    }
    fn within_ms(&mut self, field: &str, value: u64, allowed: RangeInclusive<u64>) {
        self.within(field, value as f64, *allowed.start() as f64..=*allowed.end() as f64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::calibration::Point;

    /// Changes the defaults; yields the paths of the refused fields.
    fn check(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        match config.check() {
            Ok(()) => Vec::new(),
            Err(error) => error.problems.into_iter().map(|p| p.field).collect(),
        }
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert_eq!(check(|_| {}), [""; 0]);
    }

    #[test]
    fn every_field_has_its_ceiling() {
        type Row = (&'static str, fn(&mut Config));
        let rows: [Row; 27] = [
            ("circuits[0].target_f", |c| c.circuits[0].target.0 = 40.0),
            ("circuits[1].hysteresis_f", |c| c.circuits[1].hysteresis.0 = 0.0),
            ("circuits[0].over_temperature_f", |c| c.circuits[0].over_temperature.0 = 165.1),
            ("circuits[0].over_temperature_f", |c| c.circuits[0].over_temperature.0 = 129.9),
            ("circuits[0].element_ohms", |c| c.circuits[0].element.0 = 0.0),
            ("circuits[0].string.isc_a", |c| c.circuits[0].string.isc.0 = 0.1),
            ("circuits[0].string.max_current_a", |c| c.circuits[0].string.max_current.0 = 24.0),
            ("circuits[0].string.max_current_a", |c| c.circuits[0].string.max_current.0 = 14.0),
            ("circuits[0].voltage_range_v", |c| c.circuits[0].voltage_range.0 = 550.0),
            ("circuits[0].current_range_a", |c| c.circuits[0].string.isc.0 = 11.4),
            ("circuits[0].voltage_noise_v", |c| c.circuits[0].voltage_noise.0 = 13.0),
            ("circuits[0].current_noise_a", |c| c.circuits[0].current_noise.0 = 0.0),
            ("circuits[1].temperature_period_ms", |c| c.circuits[1].temperature_period_ms = 5_001),
            ("place.latitude", |c| c.place.latitude = 90.1),
            ("place.longitude", |c| c.place.longitude = f64::NAN),
            ("record_low_f", |c| c.record_low.0 = 71.0),
            ("window.before_sunset_min", |c| c.window.before_sunset_min = 241),
            ("window.after_sunrise_min", |c| c.window.after_sunrise_min = 241),
            ("agreeing_samples", |c| c.agreeing_samples = 0),
            ("polling_ms", |c| c.polling_ms = 999),
            ("relays_present[2]", |c| c.relays_present[2] = false),
            ("circuits[0].tank.gallons", |c| c.circuits[0].tank.gallons = 4.0),
            ("circuits[0].tank.element_height", |c| {
                (c.circuits[0].tank.element_height, c.circuits[0].tank.sensor_height) = (0.95, 1.0);
            }),
            ("circuits[1].tank.sensor_height", |c| c.circuits[1].tank.sensor_height = 0.62),
            ("circuits[1].tank.sensor_height", |c| c.circuits[1].tank.sensor_height = 0.19),
            ("circuits[0].tank.loss_w_per_k", |c| c.circuits[0].tank.loss_w_per_k = f64::NAN),
            ("triggers_enabled[1]", |c| c.triggers_enabled = [false; TriggerId::ALL.len()]),
        ];
        for (field, change) in rows {
            assert_eq!(check(change), [field]);
        }
    }

    #[test]
    fn s10_no_target_comes_near_the_trip() {
        assert_eq!(check(|c| c.circuits[0].target.0 = 155.0), [""; 0]);
        let refused = check(|c| c.circuits[0].target.0 = 400.0);
        assert_eq!(refused, ["circuits[0].target_f", "circuits[0].over_temperature_f"]);
    }

    #[test]
    fn no_number_is_left_unchecked_for_nan() {
        let nan = |c: &mut Config| {
            let circuit = &mut c.circuits[1];
            for field in [&mut circuit.target.0, &mut circuit.hysteresis.0, &mut circuit.element.0] {
                *field = f64::NAN;
            }
            circuit.string =
                StringConfig { voc: Volts(f64::NAN), isc: Amperes(f64::NAN), max_current: Amperes(f64::NAN) };
            circuit.voltage_range.0 = f64::INFINITY;
        };
        let refused = check(nan);
        for name in ["target_f", "hysteresis_f", "element_ohms", "string.voc_v", "string.isc_a", "voltage_range_v"] {
            assert!(refused.contains(&format!("circuits[1].{name}")), "{name} in {refused:?}");
        }
    }

    #[test]
    fn calibrations_must_suit_their_sensor() {
        let offset = |by: f64, quantity| Calibration::new(vec![Point { measured: 0.0, actual: by }], quantity).unwrap();
        let put = |sensor: SensorId, c: Calibration| check(|config| config.calibrations[sensor.index()] = c);
        assert_eq!(put(SensorId::V1, offset(60.0, Quantity::Voltage)), [""; 0]);
        assert_eq!(put(SensorId::V1, offset(61.0, Quantity::Voltage)), ["calibrations[0]"]);
        assert_eq!(put(SensorId::I2, offset(-3.0, Quantity::Current)), ["calibrations[4]"]);
        assert_eq!(put(SensorId::T2, offset(15.0, Quantity::Temperature)), [""; 0]);
        assert_eq!(put(SensorId::T2, offset(15.0, Quantity::Voltage)), ["calibrations[5]"]);
    }

    #[test]
    fn an_error_names_field_and_bounds() {
        let config = Config { polling_ms: 10, agreeing_samples: 61, ..Config::default() };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "agreeing_samples must be between 1 and 60, but is 61; polling_ms must be between 1000 and 60000, but is 10"
        );
    }

    #[test]
    fn a_cold_morning_raises_the_voltage() {
        let string = StringConfig { voc: Volts(384.0), isc: Amperes(9.0), max_current: Amperes(20.0) };
        assert!((string.voc_at(Fahrenheit::from_celsius(25.0)).0 - 384.0).abs() < 1e-9);
        assert!((string.voc_at(Fahrenheit(-22.0)).0 - 384.0 * 1.165).abs() < 1e-9);
    }
}
