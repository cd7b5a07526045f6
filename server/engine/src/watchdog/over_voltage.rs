//! More volts than the string can give on the coldest morning on record: a wrong string, a wrong range, or a meter
//! that lies. Above 1.10 · Voc at the record low, on 10 new samples.

use super::{Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const FACTOR: f64 = 1.10;
const SAMPLES: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct OverVoltage {
    high: Streak,
}

impl Trigger for OverVoltage {
    fn id(&self) -> TriggerId {
        TriggerId::OverVoltage
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let volts = view.volts?.value;
        let limit = FACTOR * view.config.string.voc_at(view.record_low).0;
        let high = volts > limit;
        Some(Verdict {
            value: Some(volts),
            limit: Some(limit),
            warning: false,
            cause: high,
            trip: self.high.count(high) >= SAMPLES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{OPEN, feed, trip_ms};

    fn check(samples: impl IntoIterator<Item = f64>) -> Option<u64> {
        let samples = samples.into_iter().map(|volts| (volts, 0.0));
        trip_ms(&feed(&mut OverVoltage::default(), &CircuitConfig::default(), OPEN, samples))
    }

    /// 384 V at 25 °C are 447 V at −22 °F; a tenth above is 492 V.
    #[test]
    fn s15_ten_samples_above_the_coldest_morning() {
        assert_eq!(check([493.0; 20]), Some(900));
        assert_eq!(check([491.0; 900]), None, "a cold morning with noise");
        assert_eq!(check([[590.0; 9].as_slice(), &[440.0]].concat().repeat(50)), None, "nine are none");
    }
}
