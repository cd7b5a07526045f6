//! Volts between the relays with both of them commanded open: the outside contact is welded, or its relay did not
//! obey. From 10 s after the opening, which a relay at the far end of a network may take, on 10 new samples.
//!
//! Behind a panel that is not known now nothing is judged: nobody could tell its relay to open.

use super::{Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const SAMPLES: u32 = 10;
const OBEYS_MS: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct WeldedOutside {
    live: Streak,
}

impl Trigger for WeldedOutside {
    fn id(&self) -> TriggerId {
        TriggerId::WeldedOutside
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let sample = view.volts?;
        let Some(open_since_ms) = open_since_ms(view) else {
            self.live = Streak::default();
            return Some(Verdict::default());
        };
        if sample.taken_ms.saturating_sub(open_since_ms) < OBEYS_MS {
            return None;
        }
        let limit = view.noise.volts::<1>();
        let live = sample.value > limit;
        Some(Verdict {
            value: Some(sample.value),
            limit: Some(limit),
            warning: false,
            cause: live,
            trip: self.live.count(live) >= SAMPLES,
        })
    }
}

/// Since when both contacts should be open, if there are two.
fn open_since_ms(view: &View<'_>) -> Option<u64> {
    view.contacts.outside?;
    let reachable_since_ms = match view.panel {
        Some(panel) => panel.known_since_ms?,
        None => 0,
    };
    view.contacts.rest_since_ms().map(|since_ms| since_ms.max(reachable_since_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{CLOSED, Noise, OPEN, feed, trip_ms};

    fn check(path: super::super::Path, samples: impl IntoIterator<Item = f64>) -> Option<u64> {
        let samples = samples.into_iter().map(|volts| (volts, 0.0));
        trip_ms(&feed(&mut WeldedOutside::default(), &CircuitConfig::default(), path, samples))
    }

    #[test]
    fn s14_volts_behind_an_open_outside_relay() {
        // The bench's relays moved 300 ms before its first sample.
        assert_eq!(check(OPEN, [350.0; 200]), Some(10_000 - 300 + 900));
        assert_eq!(check(CLOSED, [350.0; 900]), None, "that is how it should be");
        let lingering = (0..900).map(|n| if n < 100 { 350.0 } else { 0.0 });
        assert_eq!(check(OPEN, lingering), None, "the panel takes its time");
    }

    #[test]
    fn s14_noise_and_offset_are_no_volts() {
        let config = CircuitConfig::default();
        let mut noise = Noise::new(9);
        assert_eq!(check(OPEN, (0..200_000).map(|_| noise.add(&config, (0.0, 0.0), (2.0, 0.0)).0)), None);
    }
}
