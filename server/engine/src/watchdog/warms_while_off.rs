//! Water that grows warmer with the relays open: a weld in both, or another source that nobody told about. 3 °F
//! within 30 minutes, counted from 20 minutes after off, when what was heated has settled.
//!
//! While the other tank is heated it takes 6 °F: 3 °F may be two thermometers on each other's tanks, which
//! [`super::swapped_sensors`] calls by its name.

use super::{Path, Streak, Trigger, Verdict, View};
use crate::heat::Heat;
use crate::outputs::TriggerId;

const LIMIT_F: f64 = 3.0;
const OTHER_HEATED_F: f64 = 6.0;
/// More than this into the other tank within the half hour is heating.
const HEATED_KWH: f64 = 0.05;
const SAMPLES: u32 = 3;
const SETTLE_MS: u64 = 20 * 60_000;
const MINUTES: usize = 30;

#[derive(Debug, Clone, Copy)]
struct Minute {
    number: u64,
    lowest: f64,
    /// Heat of the other tank at its beginning.
    other_kwh: f64,
}

#[derive(Debug, Default)]
pub(super) struct WarmsWhileOff {
    minutes: [Option<Minute>; MINUTES],
    warm: Streak,
}

impl Trigger for WarmsWhileOff {
    fn id(&self) -> TriggerId {
        TriggerId::WarmsWhileOff
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let Heat { own: tank, other } = view.heat?;
        let settled = match view.path {
            Path::Open { since_ms } => tank.taken_ms.saturating_sub(since_ms) >= SETTLE_MS,
            Path::Closed { .. } => false,
        };
        if !settled {
            *self = Self::default();
            return Some(Verdict::default());
        }
        let other_kwh = other.map_or(0.0, |other| other.kwh);
        let (lowest, least_kwh) = self.half_an_hour(tank.taken_ms, tank.water, other_kwh);
        let rise = tank.water - lowest;
        let limit = if other_kwh - least_kwh > HEATED_KWH { OTHER_HEATED_F } else { LIMIT_F };
        let warm = rise >= limit;
        Some(Verdict {
            value: Some(rise),
            limit: Some(limit),
            warning: false,
            cause: warm,
            trip: self.warm.count(warm) >= SAMPLES,
        })
    }
}

impl WarmsWhileOff {
    /// The lowest temperature, and the other tank's heat at the beginning.
    fn half_an_hour(&mut self, taken_ms: u64, water: f64, other_kwh: f64) -> (f64, f64) {
        let number = taken_ms / 60_000;
        let place = &mut self.minutes[(number % MINUTES as u64) as usize];
        let before = place.filter(|minute| minute.number == number);
        let minute = before.unwrap_or(Minute { number, lowest: water, other_kwh });
        *place = Some(Minute { lowest: minute.lowest.min(water), ..minute });
        let recent = self.minutes.iter().flatten().filter(|minute| number - minute.number < MINUTES as u64);
        recent.fold((f64::INFINITY, f64::INFINITY), |(lowest, least_kwh), minute| {
            (lowest.min(minute.lowest), least_kwh.min(minute.other_kwh))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::{CLOSED, OPEN, Second, warm_on, warm_seconds};

    /// Feeds temperatures that change by so much an hour; yields the second of the trip.
    fn check(path: Path, per_hour: f64) -> Option<u64> {
        let samples = (0..3 * 3_600).map(|n| (100.0 + per_hour / 3_600.0 * f64::from(n), 0.0));
        warm_on(path, &mut WarmsWhileOff::default(), samples)
    }

    #[test]
    fn s15_three_degrees_in_half_an_hour_from_twenty_minutes_after_off() {
        assert_eq!(check(OPEN, 5.9), None, "a warm room");
        let tripped = check(OPEN, 6.6);
        assert!(tripped.is_some_and(|s| (45 * 60..50 * 60).contains(&s)), "{tripped:?}");
        assert!(check(OPEN, 60.0).is_some_and(|s| (22 * 60..25 * 60).contains(&s)));
        assert_eq!(check(CLOSED, 60.0), None, "that is what heating is for");
        assert_eq!(check(OPEN, -60.0), None, "a draw");
    }

    #[test]
    fn s15_while_the_other_tank_is_heated_it_takes_twice_as_much() {
        let check = |per_hour: f64, watts| {
            let second =
                |n: u32| Second { own: (100.0 + per_hour / 3_600.0 * f64::from(n), 0.0), other: (90.0, watts) };
            warm_seconds(OPEN, &mut WarmsWhileOff::default(), (0..3 * 3_600).map(second))
        };
        assert!(check(8.0, 0.0).is_some() && check(8.0, 50.0).is_some());
        assert_eq!(check(8.0, 1_000.0), None);
        assert!(check(13.0, 1_000.0).is_some());
    }
}
