//! A test bench for single triggers: samples every 100 ms, exact or with seeded noise and spikes.

use super::{Path, Trigger, Verdict, View};
use crate::config::CircuitConfig;
use crate::readings::Sighting;
use crate::units::Now;

/// The interval of the bench's samples.
pub(super) const PERIOD_MS: u64 = 100;
/// The bench's relays moved this long before its first sample.
const SETTLED_MS: u64 = 300;
const START_MS: u64 = 1_000_000;

/// Closed since long enough to be judged.
pub(super) const CLOSED: Path = Path::Closed { since_ms: START_MS - SETTLED_MS };
/// Open since long enough to be judged.
pub(super) const OPEN: Path = Path::Open { since_ms: START_MS - SETTLED_MS };

/// What one step shows: volts and amperes.
pub(super) type Electric = (f64, f64);

/// A settled sensor's new sample.
pub(super) fn seen(value: f64, taken_ms: u64) -> Option<Sighting> {
    Some(Sighting { raw: value, value, taken_ms, plausible: true })
}

/// Feeds `samples` one by one and yields every verdict with its time since the first sample's.
pub(super) fn feed(
    trigger: &mut dyn Trigger,
    config: &CircuitConfig,
    path: Path,
    samples: impl IntoIterator<Item = Electric>,
) -> Vec<(u64, Verdict)> {
    let mut verdicts = Vec::new();
    for (n, (volts, amps)) in samples.into_iter().enumerate() {
        let at_ms = n as u64 * PERIOD_MS;
        let taken_ms = START_MS + at_ms;
        let view = View {
            now: Now { mono_ms: taken_ms, wall: None },
            config,
            volts: seen(volts, taken_ms),
            amps: seen(amps, taken_ms),
            temperature: None,
            path,
        };
        verdicts.extend(trigger.judge(&view).map(|verdict| (at_ms, verdict)));
    }
    verdicts
}

/// When it first trips, in milliseconds from the first sample.
pub(super) fn trip_ms(verdicts: &[(u64, Verdict)]) -> Option<u64> {
    verdicts.iter().find(|(_, v)| v.trip).map(|(at, _)| *at)
}

/// An ideal string on an element, below its knee: the current follows the light (1.0 = 1000 W/m²).
pub(super) fn string(config: &CircuitConfig, light: f64, ohms: f64) -> Electric {
    let amps = (light * config.string.isc.0).min(config.string.voc.0 / ohms.max(0.001));
    (amps * ohms, amps)
}

/// The meters' noise, with a fixed seed: normal by the sum of twelve, spikes of half the range once in 3000 samples.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn spike(&mut self) -> f64 {
        if self.uniform() < 1.0 / 3_000.0 { 0.5 } else { 0.0 }
    }

    /// The sample with noise, and with the offsets `b` of meters that nobody zeroed.
    pub(super) fn add(&mut self, config: &CircuitConfig, exact: Electric, offset: Electric) -> Electric {
        let volts = exact.0 + offset.0 + self.normal() * config.voltage_noise.0;
        let amps = exact.1 + offset.1 + self.normal() * config.current_noise.0;
        (volts + self.spike() * config.voltage_range.0, amps + self.spike() * config.current_range.0)
    }
}
