//! The running difference between two sights of a tank, which several rules sum up.

use crate::config::TankConfig;
use crate::heat::Tank;

/// Losses depend on the room, which nobody measures: at this temperature, °F …
const ROOM_F: f64 = 68.0;
/// … and with this much to spare.
const LOSS_FACTOR: f64 = 1.5;
/// Samples further apart than this say nothing about the time between them.
const MAX_DT_MS: u64 = 60_000;

/// Remembers the sight before.
#[derive(Debug, Default)]
pub(super) struct Balance {
    before: Option<(u64, f64)>,
}

impl Balance {
    /// Electric heat since the sight before less 1.5 times what was lost to the room meanwhile, kWh.
    pub(super) fn net_kwh(&mut self, tank: &Tank, config: &TankConfig) -> f64 {
        let before = self.before.replace((tank.taken_ms, tank.kwh));
        let Some((taken_ms, kwh)) = before else {
            return 0.0;
        };
        let hours = tank.taken_ms.saturating_sub(taken_ms).min(MAX_DT_MS) as f64 / 3_600_000.0;
        let lost = config.loss_w_per_k / 1_000.0 * (tank.water - ROOM_F).max(0.0) / 1.8 * hours;
        (tank.kwh - kwh).max(0.0) - LOSS_FACTOR * lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s15_heat_less_losses() {
        let config = TankConfig::default();
        let tank = |taken_ms, kwh| Tank { water: 104.0, code: 104.0, taken_ms, kwh, synthetic: false };
        let mut balance = Balance::default();
        assert_eq!(balance.net_kwh(&tank(0, 3.0), &config), 0.0, "nothing to compare with");
        // 20 K above the room lose 58 W.
        let net = balance.net_kwh(&tank(36_000, 3.02), &config);
        assert!((net - (0.02 - 1.5 * 0.000_58)).abs() < 1e-9, "{net}");
        assert!(balance.net_kwh(&tank(72_000, 3.02), &config) < 0.0);
    }
}
