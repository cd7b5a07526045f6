//! Drivers that make things up: a constant or gently straying value, and a relay that moves nothing. They let
//! every part run on a bare machine; their samples are marked synthetic.

use engine::inputs::{Channel, Sample};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::DummySensor;
use crate::hal::{OutputFault, Relay, Sensor};

/// A value that stays where it is told.
pub(crate) struct MadeUpSensor {
    config: DummySensor,
    random: ChaCha8Rng,
    latest: Option<Sample>,
}

impl MadeUpSensor {
    pub(crate) fn new(config: DummySensor, seed: u64) -> Self {
        Self { config, random: ChaCha8Rng::seed_from_u64(seed), latest: None }
    }
}

impl Sensor for MadeUpSensor {
    fn channel(&mut self, now_ms: u64) -> Channel {
        let due = self.latest.is_none_or(|sample| now_ms.saturating_sub(sample.taken_ms) >= self.config.period_ms);
        if due {
            let stray = self.config.spread * self.random.random_range(-1.0..=1.0);
            self.latest = Some(Sample { raw: self.config.value + stray, taken_ms: now_ms });
        }
        Channel { latest: self.latest, fault: None, synthetic: true }
    }
}

/// A relay that moves nothing.
pub(crate) struct NoRelay;

impl Relay for NoRelay {
    fn write(&mut self, _closed: bool) -> Result<(), OutputFault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dummy_samples_at_its_period_and_stays_within_its_spread() {
        let mut sensor = MadeUpSensor::new(DummySensor { value: 118.0, spread: 2.0, period_ms: 1_000 }, 7);
        let mut taken = Vec::new();
        for now_ms in (0..10_000).step_by(100) {
            let channel = sensor.channel(now_ms);
            assert!(channel.synthetic && channel.fault.is_none());
            let sample = channel.latest.unwrap_or(Sample { raw: f64::NAN, taken_ms: 0 });
            assert!((116.0..=120.0).contains(&sample.raw), "{sample:?}");
            taken.push(sample);
        }
        taken.dedup();
        assert_eq!(
            taken.iter().map(|sample| sample.taken_ms).collect::<Vec<_>>(),
            (0..10_000).step_by(1_000).collect::<Vec<_>>()
        );
        assert!(taken.iter().any(|sample| sample.raw != taken[0].raw), "the value never strays");
    }
}
