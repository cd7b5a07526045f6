//! Volts the wrong way round: a meter or a string wired backwards. Below −(2 % of range + 2 V) for 2 s.
//!
//! Such volts are no reading, and after a second without one the relays open and the volts are gone. So the time adds
//! up over the attempts, until volts of the right sign are seen.

use super::{Trigger, Verdict, View};
use crate::outputs::TriggerId;

const OF_RANGE: f64 = 0.02;
const OFFSET: f64 = 2.0;
const LASTING_MS: u64 = 2_000;
/// Samples further apart than this say nothing about the time between them.
const MAX_DT_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct ReverseVoltage {
    lasted_ms: u64,
    /// The newest sample, if it was reverse.
    before_ms: Option<u64>,
}

impl Trigger for ReverseVoltage {
    fn id(&self) -> TriggerId {
        TriggerId::ReverseVoltage
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let sample = view.volts?;
        let limit = OF_RANGE * view.config.voltage_range.0 + OFFSET;
        let reverse = -sample.raw > limit;
        if reverse {
            let dt_ms = self.before_ms.map_or(0, |before| sample.taken_ms.saturating_sub(before).min(MAX_DT_MS));
            self.lasted_ms += dt_ms;
        } else if sample.raw > limit {
            self.lasted_ms = 0;
        }
        self.before_ms = reverse.then_some(sample.taken_ms);
        let trip = self.lasted_ms >= LASTING_MS;
        if trip {
            self.lasted_ms = 0;
        }
        Some(Verdict {
            // Volts below zero, so that more is worse.
            value: Some(-sample.raw),
            limit: Some(limit),
            warning: false,
            cause: reverse,
            trip,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{CLOSED, Noise, feed, string, trip_ms};

    fn check(samples: impl IntoIterator<Item = f64>) -> Option<u64> {
        let samples = samples.into_iter().map(|volts| (volts, 0.0));
        trip_ms(&feed(&mut ReverseVoltage::default(), &CircuitConfig::default(), CLOSED, samples))
    }

    #[test]
    fn s15_two_seconds_the_wrong_way_round() {
        assert_eq!(check([-300.0; 40]), Some(2_000));
        assert_eq!(check([-14.1; 40]), Some(2_000));
        assert_eq!(check([-13.9; 900]), None, "offset and noise");
        let attempts = |between| [[-300.0; 11].as_slice(), &[between; 600]].concat().repeat(20);
        assert_eq!(check(attempts(0.0)), Some(62_100), "the second attempt of a second");
        assert_eq!(check(attempts(300.0)), None, "the right way round begins anew");
        assert_eq!(check([-300.0, 0.0].repeat(900)), None, "single spikes");
    }

    #[test]
    fn s15_darkness_with_noise_and_offset_never_trips() {
        let config = CircuitConfig::default();
        let mut noise = Noise::new(5);
        let samples = (0..100_000).map(|_| noise.add(&config, string(&config, 0.0, 36.9), (-2.0, 0.0)));
        assert_eq!(trip_ms(&feed(&mut ReverseVoltage::default(), &config, CLOSED, samples)), None);
    }
}
