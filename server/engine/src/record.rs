//! Sums up the steps of a polling interval into the [`Record`] that goes to storage.
//!
//! Promises: energy is V · I over the monotonic time between two steps, counted only when both steps had valid
//! volts and amperes and lie close together: never across a gap. Clock steps neither lose nor double it. While
//! no clock is believable the interval goes on, so nothing is lost before the first one.

use crate::outputs::Record;
use crate::units::{Now, WattHours, Watts};

/// Steps further apart than this are a gap: nobody measured in between.
pub(crate) const MAX_STEP_MS: u64 = 2_000;

/// What a step contributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contribution {
    /// Raw and calibrated, while valid, by [`crate::inputs::SensorId::index`].
    pub(crate) values: [Option<(f64, f64)>; 6],
    /// While volts and amperes are valid.
    pub(crate) power: [Option<Watts>; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    raw: f64,
    value: f64,
    count: u32,
}

/// Accumulates one interval.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    began_ms: u64,
    last_ms: u64,
    had_power: [bool; 2],
    means: [Mean; 6],
    measured_ms: [u64; 2],
    energy: [WattHours; 2],
}

impl Recorder {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            began_ms: now_ms,
            last_ms: now_ms,
            had_power: [false; 2],
            means: [Mean::default(); 6],
            measured_ms: [0; 2],
            energy: [WattHours(0.0); 2],
        }
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, now_ms: u64, step: &Contribution) {
        for (mean, value) in self.means.iter_mut().zip(&step.values) {
            if let Some((raw, value)) = value {
                mean.raw += raw;
                mean.value += value;
                mean.count += 1;
            }
        }
        let dt_ms = now_ms.saturating_sub(self.last_ms);
        self.last_ms = self.last_ms.max(now_ms);
        for (circuit, power) in step.power.iter().enumerate() {
            if let Some(power) = power.filter(|_| self.had_power[circuit] && dt_ms <= MAX_STEP_MS) {
                self.measured_ms[circuit] += dt_ms;
                self.energy[circuit] += power.over_ms(dt_ms);
            }
            self.had_power[circuit] = power.is_some();
        }
    }

    /// The finished record, once the interval is over and the time of day is known.
    pub(crate) fn finish(&mut self, now: Now, polling_ms: u64, relays: [bool; 4], on: [bool; 2]) -> Option<Record> {
        let dt_ms = now.since(self.began_ms);
        let at = now.wall.filter(|_| dt_ms >= polling_ms)?;
        let record = Record {
            at,
            dt_ms,
            measured_ms: self.measured_ms,
            raw: self.means.map(|m| m.of(m.raw)),
            calibrated: self.means.map(|m| m.of(m.value)),
            power: [0, 1].map(|c| self.mean_power(c)),
            energy: self.energy,
            relays,
            on,
        };
        *self = Self { last_ms: self.last_ms, had_power: self.had_power, ..Self::new(now.mono_ms) };
        Some(record)
    }

    fn mean_power(&self, circuit: usize) -> Option<Watts> {
        let ms = self.measured_ms[circuit];
        (ms > 0).then(|| Watts(self.energy[circuit].0 * 3_600_000.0 / ms as f64))
    }
}

impl Mean {
    fn of(&self, sum: f64) -> Option<f64> {
        (self.count > 0).then(|| sum / f64::from(self.count))
    }
}
