//! Passing clouds: shadows, gaps and bright edges, drawn from a seed for one civil day.
//!
//! Promises: the same seed, day and cloud cover give the same clouds, however finely they are asked for; on
//! average the sun is hidden for the share of time that the cover says.
//!
//! The weather is recorded every half hour and smooths over what a string really sees: light that falls and
//! rises within 0.3–4 s, and exceeds the clear sky's for seconds while a cloud's edge scatters more towards the
//! array (measured up to 1.6 times the clear sky; the usual edge gives 1.1–1.3).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Share of the direct light that a passing cloud lets through.
pub(crate) const CLOUD_TRANSMITTANCE: f64 = 0.1;
/// Below this cover the sky is clear, above its complement it is overcast.
const MIN_COVER: f64 = 0.04;
/// How long a clear or an overcast sky stays unexamined, s.
const CALM_S: f64 = 60.0;
/// A gap and a cloud together: median and spread of the log-normal length, and its bounds, s.
const CYCLE_MEDIAN_S: f64 = 240.0;
const CYCLE_LOG_SIGMA: f64 = 0.9;
const CYCLE_BOUNDS_S: (f64, f64) = (30.0, 2400.0);
/// Bounds of a shadow's edge, s.
const RAMP_S: (f64, f64) = (0.3, 4.0);
/// How long an edge's brightness takes to fade, s.
const FADE_S: (f64, f64) = (3.0, 25.0);
/// The brightest edge, as a share of the light without clouds. The usual ones are far weaker.
const MAX_EDGE: f64 = 0.5;

/// What the clouds do at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clouds {
    /// 0 while the sun shines, 1 while a cloud hides it.
    pub shadow: f64,
    /// What a bright edge adds, as a share of the light, 0 to 0.5.
    pub edge: f64,
}

#[derive(Debug, Clone, Copy)]
struct Breakpoint {
    at_ms: i64,
    clouds: Clouds,
}

/// The clouds of one civil day: a chain of breakpoints with straight lines between them.
#[derive(Debug, Clone)]
pub struct CloudDay {
    breakpoints: Vec<Breakpoint>,
}

impl CloudDay {
    /// Draws the day that begins at `from_ms` and lasts until `to_ms`. `cover` says how much of the sky (0 to 1)
    /// is clouded at a moment.
    pub fn draw(seed: u64, from_ms: i64, to_ms: i64, cover: impl Fn(i64) -> f64) -> Self {
        let mut painter = Painter { rng: ChaCha8Rng::seed_from_u64(seed), at_ms: from_ms, breakpoints: Vec::new() };
        painter.push(0.0, Clouds::default());
        while painter.at_ms < to_ms {
            match cover(painter.at_ms) {
                clear if clear < MIN_COVER => painter.calm(Clouds::default()),
                overcast if overcast > 1.0 - MIN_COVER => painter.calm(Clouds { shadow: 1.0, edge: 0.0 }),
                broken => painter.cycle(broken),
            }
        }
        Self { breakpoints: painter.breakpoints }
    }

    /// What they do at this moment; before and after the day, what they do at its ends.
    pub fn at(&self, at_ms: i64) -> Clouds {
        let after = self.breakpoints.partition_point(|point| point.at_ms <= at_ms);
        let before = self.breakpoints.get(after.wrapping_sub(1));
        match (before, self.breakpoints.get(after)) {
            (Some(from), Some(to)) => {
                let share = (at_ms - from.at_ms) as f64 / (to.at_ms - from.at_ms) as f64;
                let mix = |a: f64, b: f64| a + (b - a) * share;
                Clouds {
                    shadow: mix(from.clouds.shadow, to.clouds.shadow),
                    edge: mix(from.clouds.edge, to.clouds.edge),
                }
            }
            (Some(end), None) | (None, Some(end)) => end.clouds,
            (None, None) => Clouds::default(),
        }
    }
}

struct Painter {
    rng: ChaCha8Rng,
    at_ms: i64,
    breakpoints: Vec<Breakpoint>,
}

impl Painter {
    /// A minute of clear or overcast sky, reached by an ordinary ramp.
    fn calm(&mut self, clouds: Clouds) {
        let last = self.breakpoints.last().map(|point| point.clouds);
        let before = self.breakpoints.len().checked_sub(2).and_then(|i| self.breakpoints.get(i)).map(|p| p.clouds);
        if last == Some(clouds) && before == Some(clouds) {
            self.breakpoints.pop();
        } else if last != Some(clouds) {
            let ramp_s = self.between(RAMP_S);
            self.push(ramp_s, clouds);
        }
        self.push(CALM_S, clouds);
    }

    /// A gap with bright edges, then a cloud.
    fn cycle(&mut self, cover: f64) {
        let length_s =
            (CYCLE_MEDIAN_S * (CYCLE_LOG_SIGMA * self.normal()).exp()).clamp(CYCLE_BOUNDS_S.0, CYCLE_BOUNDS_S.1);
        let (ramp_up_s, ramp_down_s) = (self.between(RAMP_S), self.between(RAMP_S));
        let (edge_in, edge_out) = (self.edge(), self.edge());
        // Each ramp counts half as shadow.
        let ramps_s = ramp_up_s + ramp_down_s;
        let gap_s = (length_s * (1.0 - cover) - ramps_s / 2.0).max(0.0);
        let cloud_s = (length_s * cover - ramps_s / 2.0).max(0.0);
        let fade_in_s = self.between(FADE_S).min(gap_s / 2.0);
        let fade_out_s = self.between(FADE_S).min(gap_s / 2.0);
        let sun = |edge: f64| Clouds { shadow: 0.0, edge };
        let hidden = Clouds { shadow: 1.0, edge: 0.0 };
        self.push(ramp_up_s, sun(edge_in));
        self.push(fade_in_s, sun(0.0));
        self.push(gap_s - fade_in_s - fade_out_s, sun(0.0));
        self.push(fade_out_s, sun(edge_out));
        self.push(ramp_down_s, hidden);
        self.push(cloud_s, hidden);
    }

    /// Appends a breakpoint `after_s` seconds later; at least a millisecond, so that time always moves.
    fn push(&mut self, after_s: f64, clouds: Clouds) {
        if !self.breakpoints.is_empty() {
            self.at_ms += ((after_s * 1000.0) as i64).max(1);
        }
        self.breakpoints.push(Breakpoint { at_ms: self.at_ms, clouds });
    }

    fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        self.rng.random_range(low..high)
    }

    /// Mostly weak, seldom strong: the cube of an even draw.
    fn edge(&mut self) -> f64 {
        MAX_EDGE * self.rng.random::<f64>().powi(3)
    }

    fn normal(&mut self) -> f64 {
        crate::noise::normal_pair(&mut self.rng).0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const DAY_MS: i64 = 86_400_000;
    const SEED: u64 = 7;

    fn mean_shadow(cover: f64) -> f64 {
        let day = CloudDay::draw(SEED, 0, DAY_MS, |_| cover);
        (0..DAY_MS / 1000).map(|second| day.at(second * 1000).shadow).sum::<f64>() / 86_400.0
    }

    #[test]
    fn hide_the_sun_for_the_share_of_the_cover() {
        for cover in [0.2, 0.5, 0.8] {
            let mean = mean_shadow(cover);
            assert!((mean - cover).abs() < 0.04, "cover {cover}: {mean} (seed {SEED})");
        }
        assert_eq!(mean_shadow(0.0), 0.0);
        assert!(mean_shadow(1.0) > 0.9999);
    }

    #[test]
    fn ramp_within_seconds_and_brighten_at_edges() {
        let day = CloudDay::draw(SEED, 0, DAY_MS, |_| 0.5);
        let (mut steepest, mut brightest) = (0.0_f64, 0.0_f64);
        for at_ms in (0..DAY_MS).step_by(100) {
            let (now, next) = (day.at(at_ms), day.at(at_ms + 100));
            assert!((0.0..=1.0).contains(&now.shadow) && (0.0..=MAX_EDGE).contains(&now.edge), "{now:?}");
            steepest = steepest.max((next.shadow - now.shadow).abs());
            brightest = brightest.max(now.edge);
        }
        // The fastest ramp of 0.3 s moves by a third in 100 ms.
        assert!((0.2..=0.34).contains(&steepest), "{steepest} (seed {SEED})");
        assert!(brightest > 0.4, "{brightest} (seed {SEED})");
    }

    #[test]
    fn are_the_same_for_the_same_seed_alone() {
        let sum = |seed: u64| {
            let day = CloudDay::draw(seed, 0, DAY_MS, |_| 0.5);
            (0..86_400).map(|second| day.at(second * 1000).shadow).sum::<f64>()
        };
        assert_eq!(sum(1), sum(1));
        assert_ne!(sum(1), sum(2));
    }
}
