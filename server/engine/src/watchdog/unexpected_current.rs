//! Current while a relay of the circuit is commanded open: a weld, a leak or an arc that went on. CRITICAL: what
//! remains is the DC disconnect.
//!
//! From 300 ms after the opening, |I| > max(0.4 A, b + 3σ) on 6 new samples.

use super::{Path, SETTLE_MS, Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const SAMPLES: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct UnexpectedCurrent {
    flowing: Streak,
}

impl Trigger for UnexpectedCurrent {
    fn id(&self) -> TriggerId {
        TriggerId::UnexpectedCurrent
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let sample = view.amps?;
        let Path::Open { since_ms } = view.path else {
            self.flowing = Streak::default();
            return Some(Verdict::default());
        };
        if sample.taken_ms.saturating_sub(since_ms) < SETTLE_MS {
            return None;
        }
        let amps = sample.value.abs();
        let limit = view.noise.stray_amps();
        let flows = amps > limit;
        Some(Verdict {
            value: Some(amps),
            limit: Some(limit),
            warning: false,
            cause: flows,
            trip: self.flowing.count(flows) >= SAMPLES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::bench::{CLOSED, Noise, OPEN, PERIOD_MS, feed, string, trip_ms};

    fn check(path: Path, samples: impl IntoIterator<Item = f64>) -> Option<u64> {
        let config = CircuitConfig::default();
        let samples = samples.into_iter().map(|amps| (0.0, amps));
        trip_ms(&feed(&mut UnexpectedCurrent::default(), &config, path, samples))
    }

    #[test]
    fn s14_six_samples_from_300_ms_after_the_opening() {
        assert_eq!(check(OPEN, [5.0; 9]), Some(500));
        assert_eq!(check(OPEN, [-5.0; 9]), Some(500), "whichever way it flows");
        assert_eq!(check(OPEN, [0.44; 900]), None, "within offset and noise");
        assert_eq!(check(CLOSED, [8.0; 900]), None, "closed relays carry current");
        assert_eq!(check(OPEN, [5.0, 5.0, 5.0, 5.0, 5.0, 0.0, 5.0, 5.0, 5.0, 5.0, 5.0]), None, "five are none");
    }

    #[test]
    fn s14_the_first_300_ms_are_not_judged() {
        let Path::Open { since_ms } = OPEN else { unreachable!() };
        let just_opened = Path::Open { since_ms: since_ms + 300 };
        assert_eq!(check(just_opened, [5.0; 3]), None);
        // 300 ms to settle, then six samples: within the second that the safety case asks for.
        assert_eq!(check(just_opened, [5.0; 20]), Some(300 + 5 * PERIOD_MS));
    }

    #[test]
    fn s14_a_weld_shows_within_a_second_from_100_w_per_m2() {
        let config = CircuitConfig::default();
        let late = |seed: &u64| {
            let mut noise = Noise::new(*seed);
            let samples = (0..30).map(|_| noise.add(&config, string(&config, 0.1, 36.9), (0.0, 0.0)));
            let tripped = trip_ms(&feed(&mut UnexpectedCurrent::default(), &config, OPEN, samples));
            // 300 ms of the second went by before the bench's first sample.
            tripped.is_none_or(|ms| ms > 700)
        };
        // At 0.9 A the noise (0.125 A) hides a sample in 700 and the count begins anew; not so in brighter light.
        assert!((1..=200).filter(late).count() <= 6);
    }

    #[test]
    fn s14_noise_and_offset_never_trip() {
        let config = CircuitConfig::default();
        for offset in [-0.15, 0.15] {
            let mut noise = Noise::new(7);
            let samples = (0..200_000).map(|_| noise.add(&config, (0.0, 0.0), (0.0, offset)));
            assert_eq!(trip_ms(&feed(&mut UnexpectedCurrent::default(), &config, OPEN, samples)), None);
        }
    }
}
