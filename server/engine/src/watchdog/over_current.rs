//! More current than the string can honestly give.
//!
//! Real skies hold 1.2 suns for half an hour and flash to 1.6 for seconds, so the limits stand above and time
//! decides: a warning after 10 s above 1.6 · Isc, a trip after 5 s above 1.8 · Isc or 3 samples above 2.0 · Isc.
//! What wiring and contacts can't carry trips on 2 samples. A dead short gives about Isc and is never seen here;
//! [`super::impedance`] sees it.

use super::{Spell, Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const WARN_FACTOR: f64 = 1.6;
const WARN_MS: u64 = 10_000;
const SUSTAINED_FACTOR: f64 = 1.8;
const SUSTAINED_MS: u64 = 5_000;
const SHARP_FACTOR: f64 = 2.0;
const SHARP_SAMPLES: u32 = 3;
const ABSOLUTE_SAMPLES: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct OverCurrent {
    warning: Spell,
    sustained: Spell,
    sharp: Streak,
    absolute: Streak,
}

impl Trigger for OverCurrent {
    fn id(&self) -> TriggerId {
        TriggerId::OverCurrent
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let sample = view.amps?;
        let amps = sample.value.abs();
        let isc = view.config.string.isc.0;
        let absolute_limit = view.config.string.max_current.0;

        let warned_ms = self.warning.last(amps > WARN_FACTOR * isc, sample.taken_ms);
        let sustained_ms = self.sustained.last(amps > SUSTAINED_FACTOR * isc, sample.taken_ms);
        let sharp = self.sharp.count(amps > SHARP_FACTOR * isc) >= SHARP_SAMPLES;
        let absolute = self.absolute.count(amps > absolute_limit) >= ABSOLUTE_SAMPLES;
        Some(Verdict {
            value: Some(amps),
            limit: Some(absolute_limit.min(SUSTAINED_FACTOR * isc)),
            warning: warned_ms >= WARN_MS,
            cause: amps > absolute_limit.min(WARN_FACTOR * isc),
            trip: sustained_ms >= SUSTAINED_MS || sharp || absolute,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::units::Amperes;
    use crate::watchdog::bench::{CLOSED, feed, trip_ms};

    /// Feeds stretches of (amperes, samples); yields when it warned and when it tripped first.
    fn check(max_current: f64, stretches: &[(f64, usize)]) -> (Option<u64>, Option<u64>) {
        let mut config = CircuitConfig::default();
        config.string.max_current = Amperes(max_current);
        let samples = stretches.iter().flat_map(|&(amps, n)| std::iter::repeat_n((100.0, amps), n));
        let verdicts = feed(&mut OverCurrent::default(), &config, CLOSED, samples);
        let warned = verdicts.iter().find(|(_, v)| v.warning).map(|(at, _)| *at);
        (warned, trip_ms(&verdicts))
    }

    /// Isc is 9 A: 14.4 A warns, 16.2 A trips after a while, 18 A soon.
    #[test]
    fn s10_s11_ladder() {
        type Row = (&'static str, f64, &'static [(f64, usize)], (Option<u64>, Option<u64>));
        let rows: [Row; 10] = [
            ("1.2 suns for half an hour", 18.9, &[(10.8, 18_000)], (None, None)),
            ("1.6 suns for good is the limit itself", 18.9, &[(14.4, 18_000)], (None, None)),
            ("1.7 suns warn after 10 s", 18.9, &[(15.3, 200)], (Some(10_000), None)),
            ("a flash of 9 s", 18.9, &[(15.3, 90), (8.0, 100)], (None, None)),
            ("1.9 suns trip after 5 s", 18.9, &[(17.0, 100)], (None, Some(5_000))),
            ("one sample below begins anew", 18.9, &[(17.0, 49), (16.0, 1), (17.0, 51)], (Some(10_000), Some(10_000))),
            ("2.05 suns on the third", 18.9, &[(18.5, 9)], (None, Some(200))),
            ("two sharp ones are a spike", 18.9, &[(18.5, 2), (9.0, 1), (18.5, 2)], (None, None)),
            ("the wire's limit on the second", 15.0, &[(15.5, 9)], (None, Some(100))),
            ("backwards is current too", 15.0, &[(-15.5, 9)], (None, Some(100))),
        ];
        for (what, max_current, stretches, expected) in rows {
            assert_eq!(check(max_current, stretches), expected, "{what}");
        }
    }
}
