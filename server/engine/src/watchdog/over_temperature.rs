//! Water too hot: three samples at the limit, by the larger of the raw and the calibrated value.
//!
//! It looks at samples that regulation holds back as spikes too: three in a row are none.

use super::{Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const SAMPLES: u32 = 3;
/// The latch may be cleared this far below the limit, °F.
const CLEAR_BELOW_F: f64 = 15.0;
/// It warns from this far below the limit on, where any "on" ends, …
const WARN_BELOW_F: f64 = 10.0;
/// … and ceases this much lower, °F.
const WARN_BAND_F: f64 = 2.0;
/// The water as it comes in, °F.
const COLD_F: f64 = 50.0;

#[derive(Debug, Default)]
pub(super) struct OverTemperature {
    hot: Streak,
    warning: bool,
    /// Samples that contradict `warning`.
    contrary: Streak,
}

impl Trigger for OverTemperature {
    fn id(&self) -> TriggerId {
        TriggerId::OverTemperature
    }

    /// From the coldest water to the limit is the whole way.
    fn margin(&self, verdict: &Verdict) -> Option<f64> {
        let limit = verdict.limit?;
        Some((limit - verdict.value?) / (limit - COLD_F))
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let sample = view.temperature?;
        let hottest = sample.raw.max(sample.value);
        let limit = view.config.over_temperature.0;
        let warn_from = limit - WARN_BELOW_F - if self.warning { WARN_BAND_F } else { 0.0 };
        if self.contrary.count((hottest >= warn_from) != self.warning) >= SAMPLES {
            self.warning = !self.warning;
            self.contrary = Streak::default();
        }
        Some(Verdict {
            value: Some(hottest),
            limit: Some(limit),
            warning: self.warning,
            cause: hottest >= limit - CLEAR_BELOW_F,
            trip: self.hot.count(hottest >= limit) >= SAMPLES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::readings::Sighting;
    use crate::watchdog::bench::{OPEN, view as bench_view};

    /// Feeds samples of (raw, calibrated) once a second; yields the number of the tripping sample, from 1.
    fn check(samples: &[(f64, f64)]) -> Option<usize> {
        verdicts(samples).iter().position(|v| v.trip).map(|n| n + 1)
    }

    fn verdicts(samples: &[(f64, f64)]) -> Vec<Verdict> {
        let (config, mut trigger) = (CircuitConfig::default(), OverTemperature::default());
        let view = |n: usize, (raw, value)| View {
            temperature: Some(Sighting { raw, value, taken_ms: n as u64 * 1_000, plausible: true }),
            ..bench_view(&config, n as u64 * 1_000, OPEN)
        };
        samples.iter().enumerate().filter_map(|(n, s)| trigger.judge(&view(n, *s))).collect()
    }

    #[test]
    fn s10_three_samples_of_the_larger_value() {
        type Row = (&'static str, &'static [(f64, f64)], Option<usize>);
        let rows: [Row; 5] = [
            ("three at the limit", &[(164.9, 164.9), (165.0, 165.0), (170.0, 170.0), (166.0, 166.0)], Some(4)),
            ("raw alone", &[(166.0, 151.0); 3], Some(3)),
            ("calibrated alone", &[(151.0, 166.0); 3], Some(3)),
            ("a spike of two", &[(166.0, 166.0), (166.0, 166.0), (120.0, 120.0), (166.0, 166.0)], None),
            ("just below", &[(164.9, 164.9); 9], None),
        ];
        for (what, samples, expected) in rows {
            assert_eq!(check(samples), expected, "{what}");
        }
    }

    #[test]
    fn s18_the_cause_is_there_down_to_fifteen_below() {
        let seen = verdicts(&[150.0, 149.9, 155.0].map(|t| (t, t)));
        assert_eq!(seen.iter().map(|v| v.cause).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn the_warning_has_a_band_and_takes_three_samples_either_way() {
        let temperatures = [155.0, 155.0, 120.0, 155.0, 155.0, 155.0, 153.0, 152.9, 152.9, 152.9];
        let warnings = verdicts(&temperatures.map(|t| (t, t))).into_iter().map(|v| v.warning);
        let expected = [false, false, false, false, false, true, true, true, true, false];
        assert_eq!(warnings.collect::<Vec<_>>(), expected);
    }
}
