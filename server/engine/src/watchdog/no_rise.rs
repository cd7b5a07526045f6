//! Heat goes in and the sensor doesn't feel it: it has fallen off, or sits where it can't.
//!
//! U += kWh in − 1.5 · losses − C_a · |ΔT| in steps of 0.5 °F, never below 0. Trip above
//! max(20 °F · C_a, 1.2 kWh · gal/50) + φ · C · max(0, T − 50 °F): what cold water between element and sensor may
//! swallow unfelt. Movement in either direction counts: a draw moves a sensor that is in its place, too.
//!
//! A trip begins the sum anew, so that the latch can be cleared once the sensor has been put back.

use super::balance::Balance;
use super::{Trigger, Verdict, View};
use crate::config::TankConfig;
use crate::outputs::TriggerId;

const STEP_F: f64 = 0.5;
const UNFELT_F: f64 = 20.0;
const LEAST_KWH_PER_50_GALLONS: f64 = 1.2;
/// The coldest water that comes in, °F.
const INLET_F: f64 = 50.0;

#[derive(Debug, Default)]
pub(super) struct NoRise {
    balance: Balance,
    anchor: Option<f64>,
    unexplained_kwh: f64,
}

impl Trigger for NoRise {
    fn id(&self) -> TriggerId {
        TriggerId::NoRise
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let tank = view.heat?.own;
        if tank.synthetic {
            *self = Self::default();
            return Some(Verdict::default());
        }
        let config = &view.config.tank;
        let net_kwh = self.balance.net_kwh(&tank, config);
        let felt_kwh = config.heated_kwh_per_f() * self.moved(tank.water);
        self.unexplained_kwh = (self.unexplained_kwh + net_kwh - felt_kwh).max(0.0);
        let limit = limit_kwh(tank.water, config);
        let trip = self.unexplained_kwh > limit;
        let verdict =
            Verdict { value: Some(self.unexplained_kwh), limit: Some(limit), warning: false, cause: trip, trip };
        if trip {
            self.unexplained_kwh = 0.0;
        }
        Some(verdict)
    }
}

impl NoRise {
    /// By how much the sensor moved, in whole steps: noise is none.
    fn moved(&mut self, water: f64) -> f64 {
        let anchor = self.anchor.get_or_insert(water);
        let moved = (water - *anchor).abs();
        if moved < STEP_F {
            return 0.0;
        }
        *anchor = water;
        moved
    }
}

fn limit_kwh(water: f64, config: &TankConfig) -> f64 {
    let unfelt = (UNFELT_F * config.heated_kwh_per_f()).max(LEAST_KWH_PER_50_GALLONS * config.gallons / 50.0);
    unfelt + config.unfelt_share() * config.kwh_per_f() * (water - INLET_F).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::warm;

    const HOUR: u32 = 3_600;

    /// Feeds (temperature, watts), one a second; yields the second of the trip.
    fn check(samples: impl IntoIterator<Item = (f64, f64)>) -> Option<u64> {
        warm(&mut NoRise::default(), samples)
    }

    #[test]
    fn s15_the_limit_by_hand() {
        let config = TankConfig::default();
        // 20 °F of 0.0976 kWh/°F, and 0.35 of the tank's 0.122 kWh/°F from 50 °F up.
        assert!((limit_kwh(70.0, &config) - (1.952 + 0.854)).abs() < 1e-9);
        assert!((limit_kwh(120.0, &config) - (1.952 + 2.989)).abs() < 1e-9);
        assert!(
            (limit_kwh(40.0, &TankConfig { element_height: 0.6, sensor_height: 0.6, ..config }) - 1.2).abs() < 1e-9
        );
    }

    #[test]
    fn s15_a_fallen_sensor_trips_before_the_water_boils() {
        // It reads the room; 2.5 kW go in. 2.8 kWh take 67 minutes and heat what is above the element by 29 °F.
        let tripped = check((0..4 * HOUR).map(|_| (70.0, 2_500.0)));
        assert!(tripped.is_some_and(|s| (60 * 60..75 * 60).contains(&s)), "{tripped:?}");
        // A room that sways by 4 °F in an hour delays it.
        let swaying = (0..6 * HOUR).map(|n| (70.0 + 2.0 * (f64::from(n) / 570.0).sin(), 2_500.0));
        assert!(check(swaying).is_some());
    }

    #[test]
    fn s15_water_that_warms_never_trips() {
        // 2.5 kW into 0.0976 kWh/°F are 25.6 °F an hour; half of it is enough.
        for per_hour in [25.6, 20.0, -60.0] {
            let water = (0..10 * HOUR).map(|n| (90.0 + per_hour * f64::from(n % HOUR) / 3_600.0, 2_500.0));
            assert_eq!(check(water), None, "{per_hour} °F an hour");
        }
        assert_eq!(check((0..20 * HOUR).map(|_| (120.0, 120.0))), None, "its losses are made good");
    }
}
