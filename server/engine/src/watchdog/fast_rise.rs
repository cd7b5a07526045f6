//! A temperature that rises faster than water can: more than 10 °F within 60 s, on 3 medians of five samples. Honest
//! rises reach 7.7 °F beside the element. Falls never trip: a draw of hot water falls by 32 °F in a minute.

use super::{Streak, Trigger, Verdict, View};
use crate::outputs::TriggerId;

const LIMIT_F: f64 = 10.0;
const SAMPLES: u32 = 3;
/// The last minute's lowest values, each of this long.
const BUCKET_MS: u64 = 5_000;
const BUCKETS: usize = 12;

#[derive(Debug, Default)]
pub(super) struct FastRise {
    /// The lowest value of a stretch of time, and the stretch's number.
    lowest: [Option<(u64, f64)>; BUCKETS],
    fast: Streak,
}

impl Trigger for FastRise {
    fn id(&self) -> TriggerId {
        TriggerId::FastRise
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let tank = view.heat?.own;
        let bucket = tank.taken_ms / BUCKET_MS;
        let place = &mut self.lowest[(bucket % BUCKETS as u64) as usize];
        let so_far = place.filter(|(number, _)| *number == bucket).map_or(f64::INFINITY, |(_, lowest)| lowest);
        *place = Some((bucket, so_far.min(tank.water)));
        let of_the_minute = self.lowest.iter().flatten().filter(|(number, _)| bucket - number < BUCKETS as u64);
        let lowest = of_the_minute.map(|(_, lowest)| *lowest).fold(f64::INFINITY, f64::min);
        let rise = tank.water - lowest;
        let fast = rise > LIMIT_F;
        Some(Verdict {
            value: Some(rise),
            limit: Some(LIMIT_F),
            warning: false,
            cause: fast,
            trip: self.fast.count(fast) >= SAMPLES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::warm;

    /// Feeds temperatures, one a second; yields the second of the trip.
    fn check(temperatures: impl IntoIterator<Item = f64>) -> Option<u64> {
        warm(&mut FastRise::default(), temperatures.into_iter().map(|t| (t, 0.0)))
    }

    fn ramp(per_minute: f64, seconds: u32) -> impl Iterator<Item = f64> {
        (0..seconds).map(move |n| 100.0 + per_minute / 60.0 * f64::from(n))
    }

    #[test]
    fn s15_ten_degrees_in_a_minute() {
        assert_eq!(check(ramp(7.7, 600)), None, "beside the element");
        assert_eq!(check(ramp(10.0, 600)), None);
        assert!(check(ramp(12.0, 600)).is_some_and(|s| s <= 60));
        assert!(check((0..600).map(|n| if n < 300 { 100.0 } else { 111.0 })).is_some_and(|s| (302..=306).contains(&s)));
    }

    #[test]
    fn s15_a_draw_and_spikes_never_trip() {
        assert_eq!(check((0..600).map(|n| 140.0 - 0.53 * f64::from(n.min(120)))), None, "a draw");
        let spiky = (0..6_000).map(|n| match n % 100 {
            40 | 41 => 30.0,
            70 | 71 => 240.0,
            _ => 100.0,
        });
        assert_eq!(check(spiky), None, "pairs of spikes, down and up");
    }
}
