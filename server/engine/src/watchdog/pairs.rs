//! Brings volts and amperes of the same moment together, even if their samples arrive in different steps.

use super::View;
use crate::outputs::Electrical;
use crate::readings::Sighting;
use crate::units::{Amperes, Volts};

/// Samples further apart than this don't belong together: a cloud edge lies between them.
const MAX_SKEW_MS: u64 = 250;

/// Volts and amperes with the time of the earlier sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) electrical: Electrical,
    pub(super) taken_ms: u64,
}

/// Each sample is used at most once.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    volts: Option<Sighting>,
    amps: Option<Sighting>,
}

impl Pairs {
    /// A new pair, if this step completes one.
    pub(super) fn take(&mut self, view: &View<'_>) -> Option<Pair> {
        self.volts = view.volts.filter(|s| s.plausible).or(self.volts);
        self.amps = view.amps.filter(|s| s.plausible).or(self.amps);
        let (volts, amps) = (self.volts?, self.amps?);
        if volts.taken_ms.abs_diff(amps.taken_ms) > MAX_SKEW_MS {
            return None;
        }
        (self.volts, self.amps) = (None, None);
        Some(Pair {
            electrical: Electrical { voltage: Volts(volts.value), current: Amperes(amps.value) },
            taken_ms: volts.taken_ms.min(amps.taken_ms),
        })
    }
}

/// The median of three, of volts and amperes apart, so that one spike moves nothing.
pub(super) fn median(a: Electrical, b: Electrical, c: Electrical) -> Electrical {
    Electrical {
        voltage: Volts(middle(a.voltage.0, b.voltage.0, c.voltage.0)),
        current: Amperes(middle(a.current.0, b.current.0, c.current.0)),
    }
}

pub(super) fn middle(a: f64, b: f64, c: f64) -> f64 {
    a.min(b).max(a.max(b).min(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{CLOSED, seen, view};

    #[test]
    fn samples_pair_across_steps_but_not_across_time() {
        let config = CircuitConfig::default();
        let mut pairs = Pairs::default();
        let mut check = |volts, amps, expected: Option<(f64, f64, u64)>| {
            let view = View { volts, amps, ..view(&config, 0, CLOSED) };
            let pair = pairs.take(&view).map(|p| (p.electrical.voltage.0, p.electrical.current.0, p.taken_ms));
            assert_eq!(pair, expected);
        };
        check(seen(100.0, 10), seen(5.0, 20), Some((100.0, 5.0, 10)));
        check(None, None, None);
        check(seen(101.0, 100), None, None);
        check(None, seen(5.1, 160), Some((101.0, 5.1, 100)));
        check(seen(102.0, 200), None, None);
        check(None, seen(5.2, 900), None);
        check(seen(103.0, 1_000), None, Some((103.0, 5.2, 900)));
    }
}
