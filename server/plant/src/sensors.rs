//! What a sensor makes of the truth: noise, offset, slow walk, steps, spikes, range, and its faults.
//!
//! Promises: samples carry the time at which they were taken; a seed replays them. A sensor that fails to read
//! keeps its last sample and reports why.

use engine::inputs::{Channel, Quantity, Sample, SensorFault};
use engine::units::Fahrenheit;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DAY_MS: f64 = 86_400_000.0;
/// The offset takes a step of its slow walk this often.
const WALK_PERIOD_MS: u64 = 60_000;
/// One step's standard deviation as a share of the walk's bound: it crosses the band in half a day or so.
const WALK_STEP: f64 = 0.05;

/// A sensor's data sheet. Volts, amperes, or °C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorConfig {
    /// Lowest and highest value; the converter stands at its rail beyond.
    pub range: (f64, f64),
    /// Standard deviation of a sample's noise.
    pub noise: f64,
    /// Bound of the constant offset, drawn evenly at the start.
    pub offset: f64,
    /// Bound of the offset's slow walk, added to it.
    pub walk: f64,
    /// The converter's step; 0 for none.
    pub resolution: f64,
    /// Time between samples, ms.
    pub period_ms: u64,
    /// How often a day a single sample is nonsense, on average.
    pub spikes_per_day: f64,
}

impl SensorConfig {
    /// A divider for a 600 V string on a bipolar 16-bit converter, with noise of 0.5 % of the range.
    pub const VOLTAGE: Self = Self {
        range: (-600.0, 600.0),
        noise: 3.0,
        offset: 1.5,
        walk: 0.5,
        resolution: 600.0 / 32_768.0,
        period_ms: 100,
        spikes_per_day: 24.0,
    };
    /// A Hall sensor for 25 A on a bipolar 16-bit converter, with noise of 0.5 % of the range.
    pub const CURRENT: Self = Self {
        range: (-25.0, 25.0),
        noise: 0.125,
        offset: 0.11,
        walk: 0.04,
        resolution: 25.0 / 32_768.0,
        period_ms: 100,
        spikes_per_day: 24.0,
    };
    /// A DS18B20: steps of 1/16 °C, ±0.5 °C.
    pub const TEMPERATURE: Self = Self {
        range: (-55.0, 125.0),
        noise: 0.04,
        offset: 0.3,
        walk: 0.1,
        resolution: 0.0625,
        period_ms: 1000,
        spikes_per_day: 24.0,
    };
    /// Without noise, offset, walk, steps and spikes, for tests that ask for the truth.
    #[must_use]
    pub fn ideal(self) -> Self {
        Self { noise: 0.0, offset: 0.0, walk: 0.0, resolution: 0.0, spikes_per_day: 0.0, ..self }
    }
}

/// What can be wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensorDefect {
    /// Nothing answers: the last sample grows old and the channel reports `Missing`.
    Unplugged,
    /// The bus hangs: the last sample grows old and the channel reports `Bus`.
    BusHangs,
    /// New samples come, each with the value the first one had.
    Frozen,
    /// New samples come with this value, in the sensor's unit on the wire (V, A, °F); NaN and 185 °F (85 °C,
    /// a DS18B20's power-on value) included.
    Stuck(f64),
    /// The next sample has this value (V, A, °F); the fault ends with it.
    Spike(f64),
    /// Fallen off: reads the room's temperature, or no volts and no amperes.
    Detached,
    /// Reads the negative of what it should.
    WrongSign,
}

/// One sensor.
#[derive(Debug, Clone)]
pub struct Sensor {
    config: SensorConfig,
    quantity: Quantity,
    offset: f64,
    walk: f64,
    next_walk_ms: u64,
    next_spike_ms: u64,
    defect: Option<SensorDefect>,
    frozen_at: Option<f64>,
    channel: Channel,
    rng: ChaCha8Rng,
}

impl Sensor {
    /// A sound sensor that has not sampled yet.
    pub fn new(config: SensorConfig, quantity: Quantity, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let offset = config.offset * rng.random_range(-1.0..=1.0);
        let mut sensor = Self {
            config,
            quantity,
            offset,
            walk: 0.0,
            next_walk_ms: 0,
            next_spike_ms: 0,
            defect: None,
            frozen_at: None,
            channel: Channel::default(),
            rng,
        };
        sensor.schedule_spike(0);
        sensor
    }

    /// Whether a sample is due.
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.channel.latest.is_none_or(|last| now_ms.saturating_sub(last.taken_ms) >= self.config.period_ms)
    }

    /// Takes a sample of `truth` (V, A, °C) if one is due. `surroundings` is what it reads when it has fallen
    /// off, `normal` a draw from the standard normal distribution.
    pub fn sample(&mut self, now_ms: u64, truth: f64, surroundings: f64, normal: f64) {
        if !self.is_due(now_ms) {
            return;
        }
        self.channel.fault = match self.defect {
            Some(SensorDefect::Unplugged) => Some(SensorFault::Missing),
            Some(SensorDefect::BusHangs) => Some(SensorFault::Bus),
            _ => None,
        };
        if self.channel.fault.is_some() {
            return;
        }
        let raw = match self.defect {
            Some(SensorDefect::Stuck(value)) => value,
            Some(SensorDefect::Spike(value)) => {
                self.defect = None;
                value
            }
            Some(SensorDefect::Frozen) => self.frozen(now_ms, truth, normal),
            Some(SensorDefect::Detached) => self.measure(now_ms, surroundings, normal),
            Some(SensorDefect::WrongSign) => self.measure(now_ms, -truth, normal),
            _ => self.measure(now_ms, truth, normal),
        };
        self.channel.latest = Some(Sample { raw, taken_ms: now_ms });
    }

    /// What the driver would return.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Sets or clears the defect.
    pub fn set_defect(&mut self, defect: Option<SensorDefect>) {
        self.defect = defect;
        self.frozen_at = None;
    }

    /// The present defect.
    pub fn defect(&self) -> Option<SensorDefect> {
        self.defect
    }

    fn frozen(&mut self, now_ms: u64, truth: f64, normal: f64) -> f64 {
        let held = self.frozen_at.or(self.channel.latest.map(|last| last.raw));
        let value = held.unwrap_or_else(|| self.measure(now_ms, truth, normal));
        self.frozen_at = Some(value);
        value
    }

    /// A sample in the unit on the wire.
    fn measure(&mut self, now_ms: u64, truth: f64, normal: f64) -> f64 {
        self.walk_on(now_ms);
        let (low, high) = self.config.range;
        let value = if now_ms >= self.next_spike_ms && self.config.spikes_per_day > 0.0 {
            self.schedule_spike(now_ms);
            self.rng.random_range(low..high)
        } else {
            truth + self.offset + self.walk + self.config.noise * normal
        };
        if !(low..=high).contains(&value) {
            self.channel.fault = Some(SensorFault::Rail);
        }
        self.on_the_wire(self.quantised(value.clamp(low, high)))
    }

    fn quantised(&self, value: f64) -> f64 {
        let step = self.config.resolution;
        if step > 0.0 { (value / step).round() * step } else { value }
    }

    fn on_the_wire(&self, value: f64) -> f64 {
        match self.quantity {
            Quantity::Temperature => Fahrenheit::from_celsius(value).get(),
            Quantity::Voltage | Quantity::Current => value,
        }
    }

    fn walk_on(&mut self, now_ms: u64) {
        if now_ms < self.next_walk_ms {
            return;
        }
        self.next_walk_ms = now_ms + WALK_PERIOD_MS;
        let bound = self.config.walk;
        let step = crate::noise::normal_pair(&mut self.rng).0 * WALK_STEP * bound;
        self.walk = (self.walk + step).clamp(-bound, bound);
    }

    /// Spikes come independently of each other: the time to the next is exponential.
    fn schedule_spike(&mut self, now_ms: u64) {
        let mean_ms = DAY_MS / self.config.spikes_per_day.max(1e-6);
        let wait_ms = -mean_ms * (1.0 - self.rng.random::<f64>()).ln();
        self.next_spike_ms = now_ms.saturating_add(wait_ms as u64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::noise::normal_pair;

    const SEED: u64 = 9;

    fn sensor(config: SensorConfig, quantity: Quantity) -> Sensor {
        Sensor::new(config, quantity, SEED)
    }

    /// Takes `count` samples of a steady truth, one a period.
    fn samples(sensor: &mut Sensor, truth: f64, count: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        (1..=count)
            .map(|i| {
                sensor.sample(i * sensor.config.period_ms, truth, 21.0, normal_pair(&mut rng).0);
                sensor.channel().latest.unwrap().raw
            })
            .collect()
    }

    #[test]
    fn noise_has_the_configured_spread_and_the_offset_its_bound() {
        let mut v = sensor(SensorConfig { spikes_per_day: 0.0, ..SensorConfig::VOLTAGE }, Quantity::Voltage);
        let taken = samples(&mut v, 300.0, 20_000);
        let n = taken.len() as f64;
        let mean = taken.iter().sum::<f64>() / n;
        let sigma = (taken.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((sigma - 3.0).abs() < 0.1, "σ {sigma} (seed {SEED})");
        assert!((mean - 300.0).abs() <= 2.0 && mean != 300.0, "mean {mean} (seed {SEED})");
    }

    #[test]
    fn the_offset_walks_slowly_within_its_bound() {
        let config = SensorConfig { walk: 0.5, period_ms: 1000, ..SensorConfig::VOLTAGE.ideal() };
        let taken = samples(&mut sensor(config, Quantity::Voltage), 300.0, 2 * 86_400);
        let (low, high) = taken.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
        assert!(low >= 299.5 && high <= 300.5 && high - low > 0.3, "{low} to {high} (seed {SEED})");
        let steepest = taken.windows(60).map(|w| (w[59] - w[0]).abs()).fold(0.0, f64::max);
        assert!(steepest < 0.2, "{steepest} V in a minute (seed {SEED})");
    }

    #[test]
    fn a_thermometer_steps_by_sixteenths_of_a_degree_celsius() {
        let mut t = sensor(SensorConfig { spikes_per_day: 0.0, ..SensorConfig::TEMPERATURE }, Quantity::Temperature);
        for raw in samples(&mut t, 48.9, 1000) {
            let codes = Fahrenheit(raw).to_celsius() * 16.0;
            assert!((codes - codes.round()).abs() < 1e-9, "{raw} °F (seed {SEED})");
            assert!((Fahrenheit(raw).to_celsius() - 48.9).abs() < 0.8, "{raw} °F (seed {SEED})");
        }
    }

    #[test]
    fn spikes_come_as_often_as_said() {
        let mut v = sensor(SensorConfig { period_ms: 1000, ..SensorConfig::VOLTAGE }, Quantity::Voltage);
        let spikes = samples(&mut v, 300.0, 10 * 86_400).iter().filter(|x| (*x - 300.0).abs() > 20.0).count();
        assert!((180..290).contains(&spikes), "{spikes} in ten days (seed {SEED})");
    }

    #[test]
    fn samples_no_more_often_than_its_period() {
        let mut t = sensor(SensorConfig::TEMPERATURE, Quantity::Temperature);
        t.sample(100, 40.0, 21.0, 0.0);
        t.sample(1099, 45.0, 21.0, 0.0);
        assert_eq!(t.channel().latest.unwrap().taken_ms, 100);
        t.sample(1100, 45.0, 21.0, 0.0);
        assert_eq!(t.channel().latest.unwrap().taken_ms, 1100);
    }

    #[test]
    fn defects_show_as_they_should() {
        let read = |defect| {
            let mut t = sensor(SensorConfig::TEMPERATURE.ideal(), Quantity::Temperature);
            t.sample(1000, 50.0, 20.0, 0.0);
            t.set_defect(Some(defect));
            t.sample(2000, 60.0, 20.0, 0.0);
            let channel = t.channel();
            let sample = channel.latest.unwrap();
            (sample.raw.round(), sample.taken_ms, channel.fault)
        };
        assert_eq!(read(SensorDefect::Unplugged), (122.0, 1000, Some(SensorFault::Missing)));
        assert_eq!(read(SensorDefect::BusHangs), (122.0, 1000, Some(SensorFault::Bus)));
        assert_eq!(read(SensorDefect::Frozen), (122.0, 2000, None));
        assert_eq!(read(SensorDefect::Stuck(185.0)), (185.0, 2000, None));
        assert_eq!(read(SensorDefect::Spike(-196.6)), (-197.0, 2000, None));
        assert_eq!(read(SensorDefect::Detached), (68.0, 2000, None));
        assert_eq!(read(SensorDefect::WrongSign), (-67.0, 2000, Some(SensorFault::Rail)));
    }

    #[test]
    fn a_spike_is_one_sample_long() {
        let mut v = sensor(SensorConfig::VOLTAGE.ideal(), Quantity::Voltage);
        v.set_defect(Some(SensorDefect::Spike(500.0)));
        assert_eq!(samples(&mut v, 300.0, 3), [500.0, 300.0, 300.0]);
        assert_eq!(v.defect(), None);
    }
}
