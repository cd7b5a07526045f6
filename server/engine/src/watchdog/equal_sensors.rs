//! Two thermometers that are one: equal to the last bit for 10 minutes, while at least 0.3 kWh go into exactly one
//! tank. The heated tank's circuit trips.

use super::{Trigger, Verdict, View};
use crate::heat::Heat;
use crate::outputs::TriggerId;

const LASTING_MS: u64 = 10 * 60_000;
const LIMIT_KWH: f64 = 0.3;
/// Less than this into the other tank is nothing.
const NOTHING_KWH: f64 = 0.03;
/// Samples further apart than this are not of the same time.
const MAX_SKEW_MS: u64 = 15_000;

/// How it was when they began to be equal.
#[derive(Debug, Clone, Copy)]
struct Begun {
    taken_ms: u64,
    own_kwh: f64,
    other_kwh: f64,
}

#[derive(Debug, Default)]
pub(super) struct EqualSensors {
    begun: Option<Begun>,
}

impl Trigger for EqualSensors {
    fn id(&self) -> TriggerId {
        TriggerId::EqualSensors
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let Heat { own, other } = view.heat?;
        let twin = other.filter(|other| {
            let together = own.taken_ms.abs_diff(other.taken_ms) <= MAX_SKEW_MS;
            together && own.code.to_bits() == other.code.to_bits() && !own.synthetic && !other.synthetic
        });
        let Some(other) = twin else {
            self.begun = None;
            return Some(Verdict { value: Some(0.0), limit: Some(LIMIT_KWH), ..Verdict::default() });
        };
        let now = Begun { taken_ms: own.taken_ms, own_kwh: own.kwh, other_kwh: other.kwh };
        let begun = *self.begun.get_or_insert(now);
        if now.other_kwh - begun.other_kwh > NOTHING_KWH {
            self.begun = Some(now);
        }
        let kwh = now.own_kwh - begun.own_kwh;
        let lasts = now.taken_ms.saturating_sub(begun.taken_ms) >= LASTING_MS;
        let trip = lasts && kwh >= LIMIT_KWH && now.other_kwh - begun.other_kwh <= NOTHING_KWH;
        if trip {
            self.begun = None;
        }
        Some(Verdict { value: Some(kwh), limit: Some(LIMIT_KWH), warning: false, cause: trip, trip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::{Second, warm_two};

    /// Feeds half an hour; yields the second of the trip.
    fn check(second: impl Fn(u32) -> Second) -> Option<u64> {
        warm_two(&mut EqualSensors::default(), (0..1_800).map(second))
    }

    #[test]
    fn s15_equal_to_the_last_bit_while_one_is_heated() {
        let same = |n| 100.0 + 0.1125 * f64::from(n / 60);
        let tripped = check(|n| Second { own: (same(n), 2_500.0), other: (same(n), 0.0) });
        assert!(tripped.is_some_and(|s| (600..=610).contains(&s)), "{tripped:?}");
        let slower = check(|n| Second { own: (same(n), 1_000.0), other: (same(n), 0.0) });
        assert!(slower.is_some_and(|s| (1_080..=1_095).contains(&s)), "0.3 kWh take 18 minutes: {slower:?}");
        assert_eq!(check(|n| Second { own: (same(n), 2_500.0), other: (same(n), 2_500.0) }), None, "both heated");
        assert_eq!(check(|n| Second { own: (same(n), 0.0), other: (same(n), 2_500.0) }), None, "the other one trips");
        assert_eq!(check(|n| Second { own: (same(n), 0.0), other: (same(n), 0.0) }), None, "none heated");
        let apart = |n| if n % 500 == 499 { 0.1125 } else { 0.0 };
        let honest = check(|n| Second { own: (same(n), 2_500.0), other: (same(n) + apart(n), 0.0) });
        assert_eq!(honest, None, "different now and then");
    }
}
