//! Thermometers on each other's tanks: over 30 minutes with at least 0.4 kWh into this tank and none into the other,
//! the idle tank's sensor rises by 3 °F while the heated one's rises by less than 1 °F. The heated circuit trips.

use super::{Trigger, Verdict, View};
use crate::heat::Heat;
use crate::outputs::TriggerId;

const MINUTES: usize = 31;
const LEAST_KWH: f64 = 0.4;
const NOTHING_KWH: f64 = 0.03;
const IDLE_F: f64 = 3.0;
const HEATED_F: f64 = 1.0;

/// Both tanks at the beginning of a minute.
#[derive(Debug, Clone, Copy)]
struct Minute {
    number: u64,
    own: f64,
    other: f64,
    own_kwh: f64,
    other_kwh: f64,
}

#[derive(Debug, Default)]
pub(super) struct SwappedSensors {
    minutes: [Option<Minute>; MINUTES],
    verdict: Verdict,
}

impl Trigger for SwappedSensors {
    fn id(&self) -> TriggerId {
        TriggerId::SwappedSensors
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let Heat { own, other } = view.heat?;
        let Some(other) = other.filter(|other| !own.synthetic && !other.synthetic) else {
            *self = Self::default();
            return Some(Verdict::default());
        };
        let number = own.taken_ms / 60_000;
        let place = (number % MINUTES as u64) as usize;
        let is_known = self.minutes[place].is_some_and(|minute| minute.number == number);
        if !is_known {
            let now = Minute { number, own: own.water, other: other.water, own_kwh: own.kwh, other_kwh: other.kwh };
            self.minutes[place] = Some(now);
            self.verdict = self.compare(&now);
        } else {
            self.verdict.trip = false;
        }
        Some(self.verdict)
    }
}

impl SwappedSensors {
    fn compare(&mut self, now: &Minute) -> Verdict {
        let then = self.minutes[((now.number + 1) % MINUTES as u64) as usize];
        let Some(then) = then.filter(|then| then.number + MINUTES as u64 - 1 == now.number) else {
            return Verdict::default();
        };
        let alone = now.own_kwh - then.own_kwh >= LEAST_KWH && now.other_kwh - then.other_kwh < NOTHING_KWH;
        if !alone {
            return Verdict::default();
        }
        let idle = now.other - then.other;
        let trip = idle >= IDLE_F && now.own - then.own < HEATED_F;
        if trip {
            self.minutes = [None; MINUTES];
        }
        Verdict { value: Some(idle), limit: Some(IDLE_F), warning: false, cause: trip, trip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::{Second, warm_two};

    /// Feeds an hour of °F per hour and watts; yields the second of the trip.
    fn check(own: (f64, f64), other: (f64, f64)) -> Option<u64> {
        let at = |n: u32, (per_hour, watts): (f64, f64)| (100.0 + per_hour * f64::from(n) / 3_600.0, watts);
        warm_two(&mut SwappedSensors::default(), (0..3_600).map(|n| Second { own: at(n, own), other: at(n, other) }))
    }

    #[test]
    fn s15_the_idle_tank_warms_and_the_heated_one_does_not() {
        let tripped = check((0.0, 1_000.0), (8.0, 0.0));
        assert!(tripped.is_some_and(|s| (1_740..=1_870).contains(&s)), "{tripped:?}");
        assert_eq!(check((8.0, 1_000.0), (8.0, 0.0)), None, "both warm: another source");
        assert_eq!(check((0.0, 1_000.0), (5.0, 0.0)), None, "not enough");
        assert_eq!(check((0.0, 700.0), (8.0, 0.0)), None, "not enough heat");
        assert_eq!(check((0.0, 1_000.0), (8.0, 500.0)), None, "the other is heated too");
        assert_eq!(check((8.0, 0.0), (0.0, 1_000.0)), None, "the heated circuit trips, not this one");
    }
}
