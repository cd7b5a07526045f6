//! A thermometer that says the same whatever goes in: at most one step of span through 15 °F · C_a of net heat. A
//! DS18B20's step is 1/16 °C, and still water does give equal codes for a while, so equality alone means nothing.
//!
//! A trip begins the sum anew, so that the latch can be cleared once the sensor has been mended.

use super::balance::Balance;
use super::{Trigger, Verdict, View};
use crate::outputs::TriggerId;

const LIMIT_F: f64 = 15.0;
/// 1/16 °C in °F, and a little for rounding.
const STEP_F: f64 = 0.1125 + 0.001;

#[derive(Debug, Default)]
pub(super) struct FrozenSensor {
    balance: Balance,
    /// Lowest and highest since the sum began.
    span: Option<(f64, f64)>,
    net_kwh: f64,
}

impl Trigger for FrozenSensor {
    fn id(&self) -> TriggerId {
        TriggerId::FrozenSensor
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let tank = view.heat?.own;
        if tank.synthetic {
            *self = Self::default();
            return Some(Verdict::default());
        }
        self.net_kwh = (self.net_kwh + self.balance.net_kwh(&tank, &view.config.tank)).max(0.0);
        let (low, high) = self.span.unwrap_or((tank.water, tank.water));
        let (low, high) = (low.min(tank.water), high.max(tank.water));
        self.span = Some((low, high));
        if high - low > STEP_F {
            self.begin();
        }
        let limit = LIMIT_F * view.config.tank.heated_kwh_per_f();
        let trip = self.net_kwh > limit;
        let verdict = Verdict { value: Some(self.net_kwh), limit: Some(limit), warning: false, cause: trip, trip };
        if trip {
            self.begin();
        }
        Some(verdict)
    }
}

impl FrozenSensor {
    const fn begin(&mut self) {
        (self.span, self.net_kwh) = (None, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::warm;

    const HOUR: u32 = 3_600;

    fn check(samples: impl IntoIterator<Item = (f64, f64)>) -> Option<u64> {
        warm(&mut FrozenSensor::default(), samples)
    }

    #[test]
    fn s15_one_step_through_fifteen_degrees_of_heat() {
        // 15 °F of 0.0976 kWh/°F are 1.46 kWh; 2.5 kW take 35 minutes, and the losses 2 more.
        let frozen = check((0..2 * HOUR).map(|_| (110.0, 2_500.0)));
        assert!(frozen.is_some_and(|s| (35 * 60..39 * 60).contains(&s)), "{frozen:?}");
        let flickering = (0..2 * HOUR).map(|n| (110.0 + 0.1125 * f64::from(n / 7 % 2), 2_500.0));
        assert!(check(flickering).is_some(), "one step is none");
    }

    #[test]
    fn s15_a_living_sensor_and_still_water_never_trip() {
        assert_eq!(check((0..5 * HOUR).map(|n| (110.0 + 0.12 * f64::from(n / 900 % 2), 2_500.0))), None);
        assert_eq!(check((0..50 * HOUR).map(|_| (110.0, 0.0))), None, "no heat");
        assert_eq!(check((0..50 * HOUR).map(|_| (118.0, 120.0))), None, "its losses are made good");
    }
}
