//! Volts without current through closed relays: an open element, or a contact that did not close.
//!
//! V − e_V > 3 · R0 · (I + e_I) on 5 new samples, from 300 ms after the circuit closed. The outside relay has shown
//! its volts before the inside one closes, so the time it takes to obey is not counted here.

use super::pairs::Pairs;
use super::{Path, SETTLE_MS, Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const SAMPLES: u32 = 5;
const FACTOR: f64 = 3.0;

#[derive(Debug, Default)]
pub(super) struct OpenElement {
    pairs: Pairs,
    open: Streak,
}

impl Trigger for OpenElement {
    fn id(&self) -> TriggerId {
        TriggerId::OpenElement
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let pair = self.pairs.take(view)?;
        let Path::Closed { since_ms } = view.path else {
            self.open = Streak::default();
            return Some(Verdict::default());
        };
        if pair.taken_ms.saturating_sub(since_ms) < SETTLE_MS {
            return None;
        }
        let volts = pair.electrical.voltage.0 - view.noise.volts::<1>();
        let amps = pair.electrical.current.0.max(0.0) + view.noise.amps::<1>();
        let limit = FACTOR * view.config.element.0;
        let open = volts > limit * amps;
        Some(Verdict {
            // The least resistance that fits the samples within their noise.
            value: Some(volts.max(0.0) / amps),
            limit: Some(limit),
            warning: false,
            cause: open,
            trip: self.open.count(open) >= SAMPLES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{CLOSED, Noise, OPEN, feed, string, trip_ms};

    fn check(path: Path, samples: impl IntoIterator<Item = (f64, f64)>) -> Option<u64> {
        trip_ms(&feed(&mut OpenElement::default(), &CircuitConfig::default(), path, samples))
    }

    #[test]
    fn s13_five_samples_of_volts_without_current() {
        assert_eq!(check(CLOSED, [(350.0, 0.0); 9]), Some(400));
        assert_eq!(check(CLOSED, [(350.0, -0.3); 9]), Some(400), "a current below zero is none");
        assert_eq!(check(OPEN, [(350.0, 0.0); 90]), None, "open relays show just that");
        assert_eq!(check(CLOSED, [(10.0, 0.0); 900]), None, "too dim to tell");
        let four = [(350.0, 0.0), (350.0, 0.0), (350.0, 0.0), (350.0, 0.0), (300.0, 8.1)];
        assert_eq!(check(CLOSED, four.into_iter().cycle().take(900)), None, "four are none");
    }

    #[test]
    fn s13_an_honest_element_never_trips_in_any_light() {
        let config = CircuitConfig::default();
        let mut noise = Noise::new(3);
        let samples = (0..100_000).map(|n| {
            let light = f64::from(n % 1_300) / 1_000.0;
            noise.add(&config, string(&config, light, 36.9 * 1.1), (2.0, -0.15))
        });
        assert_eq!(check(CLOSED, samples), None);
    }
}
