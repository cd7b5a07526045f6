//! What went into a tank and what its sensor says of it: the two sides of the balance by which a thermometer that
//! fell off, froze or was swapped gives itself away.

use crate::readings::Sighting;
use crate::record::MAX_STEP_MS;
use crate::units::Watts;

/// Single spikes and pairs of them are outvoted.
const MEDIAN_OF: usize = 5;

/// One tank at the moment of a temperature sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tank {
    /// The median of the last five samples, °F.
    pub(crate) water: f64,
    /// The newest sample before calibration, °F.
    pub(crate) code: f64,
    pub(crate) taken_ms: u64,
    /// Electric heat since the start, kWh.
    pub(crate) kwh: f64,
    /// Made up by a dummy.
    pub(crate) synthetic: bool,
}

/// Both tanks, in the step in which a new temperature of one's own came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heat {
    pub(crate) own: Tank,
    /// The other circuit's, as it was last seen.
    pub(crate) other: Option<Tank>,
}

/// One tank's bookkeeping.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeatMeter {
    ring: [f64; MEDIAN_OF],
    samples: usize,
    kwh: f64,
    last_ms: Option<u64>,
    tank: Option<Tank>,
}

impl HeatMeter {
    /// Counts the heat of the time since the last step with a valid power; never across a gap.
    pub(crate) fn count(&mut self, now_ms: u64, power: Option<Watts>) {
        let Some(power) = power else {
            self.last_ms = None;
            return;
        };
        let dt_ms = self.last_ms.map_or(0, |last| now_ms.saturating_sub(last));
        self.last_ms = Some(now_ms);
        if dt_ms <= MAX_STEP_MS {
            self.kwh += power.over_ms(dt_ms).0.max(0.0) / 1_000.0;
        }
    }

    /// Takes in a new temperature; true once there are enough for a median.
    pub(crate) fn sample(&mut self, sighting: &Sighting, synthetic: bool) -> bool {
        self.ring[self.samples % MEDIAN_OF] = sighting.value;
        self.samples += 1;
        if self.samples < MEDIAN_OF {
            return false;
        }
        let mut sorted = self.ring;
        sorted.sort_unstable_by(f64::total_cmp);
        self.tank = Some(Tank {
            water: sorted[MEDIAN_OF / 2],
            code: sighting.raw,
            taken_ms: sighting.taken_ms,
            kwh: self.kwh,
            synthetic,
        });
        true
    }

    /// The tank as it was last seen, with the heat up to now.
    pub(crate) fn tank(&self) -> Option<Tank> {
        self.tank.map(|tank| Tank { kwh: self.kwh, ..tank })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn heat_is_counted_over_time_and_never_across_a_gap() {
        let mut meter = HeatMeter::default();
        for second in 0..=3_600 {
            meter.count(second * 1_000, Some(Watts(2_000.0)));
        }
        assert!((meter.kwh - 2.0).abs() < 1e-9);
        meter.count(3_700_000, Some(Watts(2_000.0)));
        meter.count(3_700_100, None);
        meter.count(3_700_200, Some(Watts(2_000.0)));
        meter.count(3_700_300, Some(Watts(-2_000.0)));
        assert!((meter.kwh - 2.0).abs() < 1e-9);
    }

    #[test]
    fn two_spikes_are_outvoted() {
        let mut meter = HeatMeter::default();
        let mut waters = Vec::new();
        for (n, value) in [100.0, 250.0, 100.5, 101.0, 101.5, 30.0, 31.0, 102.0].into_iter().enumerate() {
            let sighting = Sighting { raw: value + 1.0, value, taken_ms: n as u64 * 1_000, plausible: true };
            if meter.sample(&sighting, false) {
                waters.push(meter.tank().unwrap().water);
            }
        }
        assert_eq!(waters, [101.0, 101.0, 100.5, 101.0]);
        assert_eq!(meter.tank().unwrap().code, 103.0);
    }
}
