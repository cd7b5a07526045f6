//! The thermostat: on below the band, off above it, as it was within; and only after enough samples agree.

use crate::config::CircuitConfig;

/// One tank's thermostat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Thermostat {
    demand: bool,
    /// New samples in a row that ask for the opposite of `demand`.
    agreeing: u32,
}

impl Thermostat {
    /// Takes in a new good sample, °F. A sample within the band agrees with whatever is.
    pub(crate) fn sample(&mut self, temperature: f64, config: &CircuitConfig, agreeing_samples: u32) {
        let asks_change = match self.demand {
            false => temperature < config.on_below().0,
            true => temperature > config.target.0,
        };
        self.agreeing = if asks_change { self.agreeing + 1 } else { 0 };
        if self.agreeing >= agreeing_samples {
            self.demand = !self.demand;
            self.agreeing = 0;
        }
    }

    /// The sensor was lost: what comes after is counted anew.
    pub(crate) fn interrupted(&mut self) {
        self.agreeing = 0;
    }

    /// Whether it wants heat.
    pub(crate) const fn demand(&self) -> bool {
        self.demand
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds temperatures; yields the demand after each. The band is 118–120 °F.
    fn check(agreeing: u32, temperatures: &[f64]) -> Vec<bool> {
        let (config, mut thermostat) = (CircuitConfig::default(), Thermostat::default());
        let after = |t: &f64| {
            thermostat.sample(*t, &config, agreeing);
            thermostat.demand()
        };
        temperatures.iter().map(after).collect()
    }

    #[test]
    fn on_below_off_above_as_it_was_between() {
        assert_eq!(
            check(1, &[119.0, 118.0, 117.9, 119.0, 120.0, 120.1, 119.0, 117.9]),
            [false, false, true, true, true, false, false, true]
        );
    }

    #[test]
    fn a_change_needs_samples_in_a_row() {
        assert_eq!(
            check(3, &[117.0, 117.0, 119.0, 117.0, 117.0, 117.0, 125.0, 125.0, 119.9, 125.0]),
            [false, false, false, false, false, true, true, true, true, true]
        );
    }

    #[test]
    fn an_interruption_begins_the_count_anew() {
        let (config, mut thermostat) = (CircuitConfig::default(), Thermostat::default());
        thermostat.sample(100.0, &config, 2);
        thermostat.interrupted();
        thermostat.sample(100.0, &config, 2);
        assert!(!thermostat.demand());
        thermostat.sample(100.0, &config, 2);
        assert!(thermostat.demand());
    }

    proptest! {
        #![proptest_config(crate::repeatable())]

        #[test]
        fn it_never_toggles_inside_the_band(
            before in prop::collection::vec(50.0..180.0, 0..30),
            inside in prop::collection::vec(118.0..=120.0, 1..100),
            agreeing in 1u32..10,
        ) {
            let all: Vec<f64> = before.iter().chain(&inside).copied().collect();
            let demands = check(agreeing, &all);
            let settled = &demands[before.len()..];
            let was = before.len().checked_sub(1).is_some_and(|last| demands[last]);
            prop_assert!(settled.iter().all(|d| *d == was));
        }
    }
}
