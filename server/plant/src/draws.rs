//! Hot water that people draw: showers and taps in the mornings and evenings, drawn from a seed a day at a time.
//!
//! Promises: each civil day adds up to the configured volume of mixed water; the same seed gives the same days,
//! at any step size.

use engine::units::UtcMs;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::noise::{self, Purpose};
use crate::weather::Site;

const HOUR_MS: f64 = 3_600_000.0;
/// When people draw water: from and to (hours of the day), and how many draws.
const HABITS: [(f64, f64, u32); 3] = [(6.0, 8.5, 7), (9.5, 16.5, 4), (17.5, 22.0, 7)];
/// Mixed water from a tap or a shower, litres a minute.
const FLOW_L_PER_MIN: (f64, f64) = (4.0, 9.0);

/// Daily use of a house, US gallons of mixed water: 30 and 10 for each bedroom.
pub fn gallons_a_day(bedrooms: u32) -> f64 {
    30.0 + 10.0 * f64::from(bedrooms)
}

/// Litres of hot water behind one litre of mixed water at `mixed_c`: a mixing valve adds cold, as far as the
/// tank is hot enough.
pub fn hot_share(mixed_c: f64, hot_c: f64, cold_c: f64) -> f64 {
    if hot_c <= mixed_c { 1.0 } else { ((mixed_c - cold_c) / (hot_c - cold_c)).clamp(0.0, 1.0) }
}

/// One draw.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Draw {
    from_ms: i64,
    to_ms: i64,
    litres: f64,
}

/// The draws from one tank.
#[derive(Debug, Clone)]
pub struct Draws {
    site: Site,
    litres_a_day: f64,
    seed: u64,
    day: Option<(i64, Vec<Draw>)>,
}

impl Draws {
    /// People at `site` who draw `litres_a_day` of mixed water from the tank `tank`.
    pub fn new(site: Site, litres_a_day: f64, seed: u64, tank: usize) -> Self {
        Self { site, litres_a_day, seed: noise::stream(seed, Purpose::Draws, tank as i64), day: None }
    }

    /// Litres of mixed water drawn between two moments, at most a day apart.
    pub fn litres(&mut self, from: UtcMs, to: UtcMs) -> f64 {
        let (first_day, from_ms) = self.site.civil(from);
        let (last_day, to_ms) = self.site.civil(to);
        if first_day == last_day {
            return self.within_day(first_day, from_ms, to_ms);
        }
        self.within_day(first_day, from_ms, Site::DAY_MS) + self.within_day(last_day, 0, to_ms)
    }

    fn within_day(&mut self, day: i64, from_ms: i64, to_ms: i64) -> f64 {
        if self.day.as_ref().is_none_or(|(cached, _)| *cached != day) {
            self.day = Some((day, self.plan(day)));
        }
        let draws = self.day.as_ref().map_or(&[][..], |(_, draws)| draws);
        draws
            .iter()
            .filter(|draw| draw.from_ms < to_ms && draw.to_ms > from_ms)
            .map(|draw| {
                let overlap_ms = draw.to_ms.min(to_ms) - draw.from_ms.max(from_ms);
                draw.litres * overlap_ms as f64 / (draw.to_ms - draw.from_ms) as f64
            })
            // Not `sum`, whose zero is a negative one.
            .fold(0.0, |sum, litres| sum + litres)
    }

    fn plan(&self, day: i64) -> Vec<Draw> {
        let mut rng = ChaCha8Rng::seed_from_u64(noise::stream(self.seed, Purpose::Draws, day));
        let mut wishes: Vec<(f64, f64, f64)> = Vec::new();
        for (from_h, to_h, count) in HABITS {
            for _ in 0..count {
                // Many small draws and a few large ones.
                let size = rng.random::<f64>().powi(2) + 0.05;
                let flow = rng.random_range(FLOW_L_PER_MIN.0..FLOW_L_PER_MIN.1);
                wishes.push((rng.random_range(from_h..to_h) * HOUR_MS, size, flow));
            }
        }
        wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all: f64 = wishes.iter().map(|(_, size, _)| size).sum();
        let mut free_from_ms = 0;
        let mut draws = Vec::with_capacity(wishes.len());
        for (start_ms, size, flow) in wishes {
            let litres = self.litres_a_day * size / all;
            let from_ms = (start_ms as i64).max(free_from_ms);
            let to_ms = from_ms + ((litres / flow * 60_000.0) as i64).max(1);
            free_from_ms = to_ms;
            draws.push(Draw { from_ms, to_ms, litres });
        }
        fit_into_day(&mut draws);
        draws
    }
}

/// A house that draws more than a day can hold draws the last of it faster.
fn fit_into_day(draws: &mut [Draw]) {
    let mut end = Site::DAY_MS;
    for draw in draws.iter_mut().rev() {
        draw.to_ms = draw.to_ms.min(end);
        draw.from_ms = draw.from_ms.min(draw.to_ms - 1);
        end = draw.from_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 5;

    fn day_total(litres_a_day: f64, day: i64, step_ms: i64) -> f64 {
        let mut draws = Draws::new(Site::COLORADO, litres_a_day, SEED, 0);
        let start = Site::COLORADO.midnight(day).0;
        (0..Site::DAY_MS / step_ms)
            .map(|i| draws.litres(UtcMs(start + i * step_ms), UtcMs(start + (i + 1) * step_ms)))
            .sum()
    }

    #[test]
    fn each_day_adds_up_at_any_step() {
        for (litres, day, step_ms) in
            [(227.0, 19_000, 1000), (227.0, 19_001, 100), (500.0, 19_002, 60_000), (2000.0, 19_003, 1000)]
        {
            let total = day_total(litres, day, step_ms);
            assert!((total - litres).abs() < 1e-6, "{total} of {litres} l (seed {SEED}, day {day})");
        }
    }

    #[test]
    fn people_draw_in_the_morning_and_evening_and_not_at_night() {
        let mut draws = Draws::new(Site::COLORADO, 227.0, SEED, 0);
        let mut by_hour = [0.0; 24];
        for day in 19_000..19_030 {
            for (hour, litres) in (0..).zip(&mut by_hour) {
                let from = Site::COLORADO.midnight(day).0 + hour * 3_600_000;
                *litres += draws.litres(UtcMs(from), UtcMs(from + 3_600_000));
            }
        }
        let share = |hours: std::ops::Range<usize>| by_hour[hours].iter().sum::<f64>() / (30.0 * 227.0);
        assert!(share(6..10) > 0.3 && share(17..23) > 0.3 && share(0..6) == 0.0, "{by_hour:?} (seed {SEED})");
    }

    #[test]
    fn the_valve_mixes() {
        let check = |hot_c, expected: f64| {
            let share = hot_share(45.0, hot_c, 15.0);
            assert!((share - expected).abs() < 1e-9, "{hot_c} °C: {share}");
        };
        check(60.0, 30.0 / 45.0);
        check(45.0, 1.0);
        check(30.0, 1.0);
    }

    #[test]
    fn a_house_uses_more_with_more_bedrooms() {
        assert_eq!(gallons_a_day(3), 60.0);
    }
}
