//! Turns what drivers deliver into readings with an age and a validity.
//!
//! Promises: the same sample never counts twice; what can't be a measurement (NaN, infinities, rails, −127 °C,
//! exactly 85.000 °C) never becomes a value; a single implausible sample or temperature spike changes nothing,
//! and a sensor that only sends such is invalid once its last good value is too old; after that, and after a
//! start, three good samples in a row are asked for.
//!
//! The watchdog also looks at what regulation refuses but the meter can honestly say (a [`Sighting`]): it
//! debounces by itself and must not be made slower or blinder by what is meant for the thermostat.

use crate::calibration::Calibration;
use crate::config::CircuitConfig;
use crate::inputs::{Channel, Quantity, Sample, SensorFault};
use crate::outputs::{Reading, Validity};
use crate::units::Now;

/// Volts and amperes older than this say nothing about now.
pub(crate) const ELECTRICAL_MAX_AGE_MS: u64 = 1_000;
/// A temperature may be this old, or three of its sensor's periods if that is more …
const TEMPERATURE_MIN_MAX_AGE_MS: u64 = 5_000;
/// … and never older than this.
pub(crate) const TEMPERATURE_MAX_AGE_MS: u64 = 15_000;
/// Good samples in a row before a sensor is valid again.
const GOOD_SAMPLES: u32 = 3;
/// A bus thread may stamp a sample after the step's time was taken; further ahead is a broken clock.
const AHEAD_MS: u64 = 100;

/// What a DS18B20 can say, °F (−55 to 125 °C, its data sheet's range).
const THERMOMETER_F: std::ops::RangeInclusive<f64> = -67.0..=257.0;
/// What a tank of water can be, °F: below it is a block of ice or an open input, above it is steam.
const TANK_F: std::ops::RangeInclusive<f64> = 20.0..=250.0;
/// The DS18B20's power-on value, 85.000 °C. Neighbouring codes are 0.1125 °F away.
const POWER_ON_F: f64 = 185.0;
const POWER_ON_TOLERANCE_F: f64 = 0.01;
/// A tank's sensor moves by no more than this between samples, plus a share for the time between them: twice
/// the fastest honest draw (32 °F in a minute).
const SPIKE_F: f64 = 10.0;
const SPIKE_F_PER_S: f64 = 1.0;
/// A voltmeter or ammeter may say this much less than zero, as a share of its range, plus its offset.
const NEGATIVE_OF_RANGE: f64 = 0.02;

/// A number that the meter can honestly deliver, new in this step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sighting {
    pub(crate) raw: f64,
    /// After calibration.
    pub(crate) value: f64,
    pub(crate) taken_ms: u64,
    /// The circuit can be so. A sensor wired backwards measures, but no ratio can be made of it.
    pub(crate) plausible: bool,
}

/// What one sensor may say, by its configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    quantity: Quantity,
    /// The meter's range; unused for temperatures.
    range: f64,
    /// The least that makes sense in this circuit.
    floor: f64,
    max_age_ms: u64,
}

impl Limits {
    pub(crate) fn of(quantity: Quantity, circuit: &CircuitConfig) -> Self {
        let (range, offset) = match quantity {
            Quantity::Voltage => (circuit.voltage_range.0, 2.0),
            Quantity::Current => (circuit.current_range.0, 0.3),
            Quantity::Temperature => {
                let max_age_ms =
                    (3 * circuit.temperature_period_ms).clamp(TEMPERATURE_MIN_MAX_AGE_MS, TEMPERATURE_MAX_AGE_MS);
                return Self { quantity, range: 0.0, floor: *TANK_F.start(), max_age_ms };
            }
        };
        let floor = -(range * NEGATIVE_OF_RANGE + offset);
        Self { quantity, range, floor, max_age_ms: ELECTRICAL_MAX_AGE_MS }
    }

    /// The meter can say this. False for NaN.
    fn is_a_measurement(&self, raw: f64) -> bool {
        match self.quantity {
            Quantity::Temperature => THERMOMETER_F.contains(&raw) && (raw - POWER_ON_F).abs() > POWER_ON_TOLERANCE_F,
            _ => raw.abs() < self.range,
        }
    }

    /// The circuit can be so.
    fn is_plausible(&self, raw: f64) -> bool {
        match self.quantity {
            Quantity::Temperature => TANK_F.contains(&raw),
            _ => raw >= self.floor,
        }
    }
}

/// The last accepted value.
#[derive(Debug, Clone, Copy)]
struct Good {
    raw: f64,
    value: f64,
    taken_ms: u64,
}

/// One sensor's memory.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    good: Option<Good>,
    /// The newest raw number there was, believable or not, if it is finite.
    newest_raw: Option<f64>,
    newest_taken_ms: Option<u64>,
    /// Good samples in a row while not valid.
    good_in_a_row: u32,
    /// The newest sample, while it is held back as a possible spike.
    held_back: Option<Sighting>,
    /// The newest sample was no reading.
    refused: bool,
    validity: Validity,
    synthetic: bool,
    sighting: Option<Sighting>,
}

impl Sensor {
    pub(crate) const fn new() -> Self {
        Self {
            good: None,
            newest_raw: None,
            newest_taken_ms: None,
            good_in_a_row: 0,
            held_back: None,
            refused: false,
            validity: Validity::NeverSeen,
            synthetic: false,
            sighting: None,
        }
    }

    /// Takes in what the driver has to say in this step. `zero` comes off every calibrated value. True when a new good
    /// value came.
    pub(crate) fn update(
        &mut self,
        now: Now,
        channel: &Channel,
        limits: &Limits,
        calibration: &Calibration,
        zero: f64,
    ) -> bool {
        self.synthetic = channel.synthetic;
        self.sighting = None;
        let newest = self.newest_taken_ms;
        let new = channel.latest.filter(|s| newest.is_none_or(|t| s.taken_ms > t));
        let accepted = new.is_some_and(|sample| self.take(now, sample, limits, calibration, zero));
        if new.is_some() {
            self.refused = !accepted && self.held_back.is_none();
        }
        self.judge(now, channel.fault, limits);
        accepted
    }

    /// A new sample becomes a sighting and, if it makes sense, the value. True when it did.
    fn take(&mut self, now: Now, sample: Sample, limits: &Limits, calibration: &Calibration, zero: f64) -> bool {
        if sample.taken_ms > now.mono_ms.saturating_add(AHEAD_MS) {
            self.held_back = None;
            return false;
        }
        self.newest_taken_ms = Some(sample.taken_ms);
        let raw = sample.raw;
        self.newest_raw = raw.is_finite().then_some(raw);
        self.sighting = limits.is_a_measurement(raw).then(|| Sighting {
            raw,
            value: calibration.apply(raw) - zero,
            taken_ms: sample.taken_ms,
            plausible: limits.is_plausible(raw),
        });
        let Some(sighting) = self.sighting.filter(|s| s.plausible) else {
            self.held_back = None;
            self.good_in_a_row = 0;
            return false;
        };
        let before = self.held_back.take();
        let borne_out = before.is_some_and(|held| is_steady((held.raw, held.taken_ms), (raw, sample.taken_ms)));
        if self.is_spike(&sighting, limits) && !borne_out {
            self.held_back = Some(sighting);
            return false;
        }
        self.good = Some(Good { raw, value: sighting.value, taken_ms: sighting.taken_ms });
        self.good_in_a_row = self.good_in_a_row.saturating_add(1);
        true
    }

    /// A jump that water can't make. Held back until the next sample bears it out: then the water did move (or the
    /// sensor was touched), and it counts. Volts and amperes do jump, and every rule on them counts samples.
    fn is_spike(&self, new: &Sighting, limits: &Limits) -> bool {
        limits.quantity == Quantity::Temperature
            && self.good.is_some_and(|good| !is_steady((good.raw, good.taken_ms), (new.raw, new.taken_ms)))
    }

    fn judge(&mut self, now: Now, fault: Option<SensorFault>, limits: &Limits) {
        let fresh = self.good.is_some_and(|g| now.since(g.taken_ms) <= limits.max_age_ms);
        if fresh && (self.validity == Validity::Valid || self.good_in_a_row >= GOOD_SAMPLES) {
            self.validity = Validity::Valid;
            return;
        }
        if !fresh {
            self.good_in_a_row = 0;
        }
        // The cause grows more precise while the sensor is lost, never less: no flapping between words.
        self.validity = match (self.validity, fault) {
            (_, Some(fault)) => Validity::Fault(fault),
            (Validity::Fault(fault), None) => Validity::Fault(fault),
            (_, None) if self.refused => Validity::Implausible,
            (Validity::Valid, None) => Validity::Stale,
            (cause, None) => cause,
        };
    }

    /// The number that came in this step, if one came that the meter can honestly say.
    pub(crate) const fn sighting(&self) -> Option<Sighting> {
        self.sighting
    }

    pub(crate) const fn validity(&self) -> Validity {
        self.validity
    }

    /// The newest number there was, believable or not.
    pub(crate) const fn newest_raw(&self) -> Option<f64> {
        self.newest_raw
    }

    /// Made up by a dummy.
    pub(crate) const fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.validity == Validity::Valid
    }

    /// Raw and calibrated, while valid.
    pub(crate) fn valid(&self) -> Option<(f64, f64)> {
        self.good.filter(|_| self.is_valid()).map(|g| (g.raw, g.value))
    }

    /// The calibrated value, while valid.
    pub(crate) fn value(&self) -> Option<f64> {
        self.valid().map(|(_, value)| value)
    }

    /// The larger of the raw and the calibrated value, while valid: no calibration hides heat.
    pub(crate) fn larger(&self) -> Option<f64> {
        self.valid().map(|(raw, value)| raw.max(value))
    }

    pub(crate) fn reading(&self, now: Now) -> Reading {
        Reading {
            raw: self.newest_raw,
            value: self.good.map(|g| g.value),
            age_ms: self.good.map(|g| now.since(g.taken_ms)),
            validity: self.validity,
            synthetic: self.synthetic,
        }
    }
}

/// Water can move a tank's sensor from one (°F, ms) to the other.
fn is_steady((from_f, from_ms): (f64, u64), (to_f, to_ms): (f64, u64)) -> bool {
    let seconds = to_ms.saturating_sub(from_ms) as f64 / 1_000.0;
    (to_f - from_f).abs() <= SPIKE_F + SPIKE_F_PER_S * seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(quantity: Quantity) -> Limits {
        Limits::of(quantity, &CircuitConfig::default())
    }

    /// A sensor that was fed (raw, taken, now), one step each.
    fn fed(quantity: Quantity, steps: &[(f64, u64, u64)]) -> Sensor {
        let mut sensor = Sensor::new();
        for &(raw, taken_ms, mono_ms) in steps {
            let channel = Channel { latest: Some(Sample { raw, taken_ms }), fault: None, synthetic: true };
            let now = Now { mono_ms, wall: None };
            sensor.update(now, &channel, &limits(quantity), &Calibration::identity(), 0.0);
        }
        sensor
    }

    #[test]
    fn the_same_sample_never_counts_twice() {
        let same = fed(Quantity::Voltage, &[(100.0, 10, 10), (100.0, 10, 110), (100.0, 10, 210)]);
        assert_eq!((same.validity(), same.sighting()), (Validity::NeverSeen, None));
        let three = fed(Quantity::Voltage, &[(100.0, 10, 10), (101.0, 110, 110), (102.0, 210, 210)]);
        assert_eq!((three.validity(), three.value()), (Validity::Valid, Some(102.0)));
        let back = fed(Quantity::Voltage, &[(100.0, 210, 210), (101.0, 110, 310), (102.0, 10, 410)]);
        assert_eq!(back.validity(), Validity::NeverSeen, "an older sample is no new one");
    }

    #[test]
    fn a_sample_from_the_future_is_none() {
        let ahead =
            |by: u64| fed(Quantity::Current, &[(1.0, 100 + by, 100), (1.0, 200 + by, 200), (1.0, 300 + by, 300)]);
        assert_eq!(ahead(100).validity(), Validity::Valid);
        assert_eq!(ahead(101).validity(), Validity::Implausible);
    }

    #[test]
    fn s1_ages() {
        let age = |period| {
            let circuit = CircuitConfig { temperature_period_ms: period, ..CircuitConfig::default() };
            Limits::of(Quantity::Temperature, &circuit).max_age_ms
        };
        assert_eq!([100, 1_000, 2_000, 5_000].map(age), [5_000, 5_000, 6_000, 15_000]);
        let good = [(100.0, 10, 10), (100.0, 110, 110), (100.0, 210, 210)];
        let later = |mono_ms| {
            let mut steps = good.to_vec();
            steps.push((100.0, 210, mono_ms));
            fed(Quantity::Voltage, &steps).validity()
        };
        assert_eq!((later(1_210), later(1_211)), (Validity::Valid, Validity::Stale));
    }

    #[test]
    fn s9_what_is_a_measurement_and_what_is_plausible() {
        use Quantity::{Current, Temperature, Voltage};
        let rows = [
            (Voltage, 599.9, true, true),
            (Voltage, 600.0, false, true),
            (Voltage, -14.0, true, true),
            (Voltage, -14.1, true, false),
            (Voltage, -600.0, false, false),
            (Current, 24.9, true, true),
            (Current, 25.0, false, true),
            (Current, -0.9, true, false),
            (Temperature, 185.0, false, true),
            (Temperature, 184.8875, true, true),
            (Temperature, 185.1125, true, true),
            (Temperature, -196.6, false, false),
            (Temperature, 251.0, true, false),
            (Temperature, 19.9, true, false),
            (Temperature, 258.0, false, false),
        ];
        for (quantity, raw, measurement, plausible) in rows {
            let limits = limits(quantity);
            assert_eq!(limits.is_a_measurement(raw), measurement, "{quantity:?} {raw}");
            assert_eq!(limits.is_plausible(raw), plausible, "{quantity:?} {raw}");
        }
        for raw in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for quantity in [Voltage, Current, Temperature] {
                assert!(!limits(quantity).is_a_measurement(raw));
            }
        }
    }

    #[test]
    fn an_implausible_sample_leaves_the_last_good_value() {
        let steps = [(100.0, 10, 10), (101.0, 110, 110), (102.0, 210, 210), (f64::NAN, 310, 310)];
        let sensor = fed(Quantity::Temperature, &steps);
        let reading = sensor.reading(Now { mono_ms: 310, wall: None });
        assert_eq!((reading.validity, reading.value, reading.raw), (Validity::Valid, Some(102.0), None));
        assert_eq!((reading.age_ms, reading.synthetic), (Some(100), true));
    }

    #[test]
    fn a_spike_is_held_back_until_borne_out_but_seen_by_the_watchdog() {
        let mut steps = vec![(100.0, 1_000, 1_000), (100.0, 2_000, 2_000), (100.0, 3_000, 3_000)];
        let last = |steps: &[(f64, u64, u64)]| {
            let sensor = fed(Quantity::Temperature, steps);
            (sensor.value(), sensor.sighting().map(|s| s.value))
        };
        steps.push((140.0, 4_000, 4_000));
        assert_eq!(last(&steps), (Some(100.0), Some(140.0)));
        let mut two_spikes = steps.clone();
        two_spikes.push((210.0, 5_000, 5_000));
        assert_eq!(last(&two_spikes), (Some(100.0), Some(210.0)));
        steps.push((141.0, 5_000, 5_000));
        assert_eq!(last(&steps), (Some(141.0), Some(141.0)));
        let slow = [(100.0, 1_000, 1_000), (100.0, 2_000, 2_000), (100.0, 3_000, 3_000), (88.9, 4_200, 4_200)];
        assert_eq!(last(&slow).0, Some(88.9), "a draw of cold water");
    }

    #[test]
    fn the_larger_of_raw_and_calibrated() {
        use crate::calibration::Point;
        for (actual, larger) in [(90.0, 100.0), (110.0, 110.0)] {
            let point = Point { measured: 100.0, actual };
            let calibration = Calibration::new(vec![point], Quantity::Temperature).unwrap_or_default();
            let mut sensor = Sensor::new();
            for n in 1..=3 {
                let channel = Channel { latest: Some(Sample { raw: 100.0, taken_ms: n }), ..Channel::default() };
                let now = Now { mono_ms: n, wall: None };
                sensor.update(now, &channel, &limits(Quantity::Temperature), &calibration, 0.0);
            }
            assert_eq!((sensor.larger(), sensor.value()), (Some(larger), Some(actual)));
        }
    }
}
