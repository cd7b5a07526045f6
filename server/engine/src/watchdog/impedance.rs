//! Volts and amperes that don't fit the element.
//!
//! A string is a current source: a dead short shows about Isc at about 0 V, which no current limit notices. The
//! ratio does: below the string's knee V and I both follow the light, and V/I stays at R.
//!
//! - *Short*: V + e_V < 0.7 · R0 · (I − e_I) on 3 new samples, or on the mean of 10 medians of three.
//! - *Drift*: the mean of 50 medians outside 0.85–1.15 · R0, beyond its noise.
//! - Either mean must be beyond its limit without its two worst medians too: two spikes side by side get through a
//!   median of three once in some years, and in dim light one such pair would carry a mean of ten.
//! - A warning when minutes lie outside ±10 %.
//!
//! R0 begins as the configured element and is learned above half of Isc, within ±15 % of it. From 300 ms after the
//! circuit closed there is no other gate: where the light is too dim to judge, the noise bands say so by themselves.

use super::noise::Noise as Meters;
use super::pairs::{Pairs, median};
use super::{Path, SETTLE_MS, Streak, Trigger, Verdict, View};
use crate::config::CircuitConfig;
use crate::outputs::{Electrical, TriggerId};
use crate::units::{Amperes, Volts};

const SHORT_FACTOR: f64 = 0.7;
const SHORT_SAMPLES: u32 = 3;
const SHORT_MEAN: usize = 10;
const DRIFT_MEAN: usize = 50;
const DRIFT: f64 = 0.15;
const LEARN_WITHIN: f64 = 0.15;
/// The light above which R0 is learned, as a share of Isc.
const LEARN_ABOVE: f64 = 0.5;
/// R0 follows heat and age within an hour or so; the configured value counts as the first minute.
const LEARN_MS: f64 = 3_600_000.0;
const PRIOR_MS: f64 = 60_000.0;
/// The warning looks at the last minutes, and needs as many.
const WARN_MS: f64 = 120_000.0;
const WARN_FROM: f64 = 0.10;
const WARN_UNTIL: f64 = 0.08;
/// Samples further apart than this weigh no more than this.
const MAX_DT_MS: u64 = 2_000;
/// Keeps a ratio finite where no current flows, A.
const LEAST_AMPS: f64 = 0.01;

#[derive(Debug, Default)]
pub(super) struct Impedance {
    pairs: Pairs,
    path: Option<Path>,
    last_ms: u64,
    short: Streak,
    medians: Medians,
    window: Window,
    slow: Slow,
    reference: Reference,
}

impl Trigger for Impedance {
    fn id(&self) -> TriggerId {
        TriggerId::Impedance
    }

    /// The distance from R0 to the nearer drift limit is the whole way.
    fn margin(&self, verdict: &Verdict) -> Option<f64> {
        let off_by = (verdict.value? / self.reference.learned - 1.0).abs();
        Some(1.0 - off_by / DRIFT)
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        if self.path != Some(view.path) {
            self.begin(view.path);
        }
        let pair = self.pairs.take(view)?;
        let Path::Closed { since_ms } = view.path else {
            return Some(Verdict::default());
        };
        if pair.taken_ms.saturating_sub(since_ms) < SETTLE_MS {
            return None;
        }
        let dt_ms = pair.taken_ms.saturating_sub(self.last_ms).min(MAX_DT_MS) as f64;
        self.last_ms = pair.taken_ms;
        Some(self.weigh(pair.electrical, dt_ms, view.config, &view.noise))
    }
}

impl Impedance {
    /// A relay moved: what was measured before says nothing about now. R0 stays.
    fn begin(&mut self, path: Path) {
        let reference = std::mem::take(&mut self.reference);
        *self = Self { path: Some(path), reference, last_ms: self.last_ms, ..Self::default() };
    }

    fn weigh(&mut self, sample: Electrical, dt_ms: f64, config: &CircuitConfig, noise: &Meters) -> Verdict {
        let r0 = self.reference.ohms(config);
        let short = is_below(SHORT_FACTOR * r0, sample, noise);
        let sharp = self.short.count(short) >= SHORT_SAMPLES;
        if let Some(median) = self.medians.push(sample) {
            self.window.push(median);
            self.slow.add(median, dt_ms);
            self.reference.learn(median, dt_ms, config);
        }
        let mean = self.window.mean::<SHORT_MEAN>();
        let broken = if sharp { Some((sample, SHORT_FACTOR * r0)) } else { self.broken_mean(r0, noise) };
        let bright = mean.filter(|m| m.current.0 > noise.amps::<SHORT_MEAN>());
        let (seen, limit) = match broken {
            Some((seen, limit)) => (Some(seen), limit),
            None => (bright, nearest_limit(bright, r0)),
        };
        Verdict {
            value: seen.map(ohms),
            limit: Some(limit),
            warning: self.slow.warns(r0, noise),
            cause: broken.is_some(),
            trip: broken.is_some(),
        }
    }

    /// A mean outside its limits, with the limit.
    fn broken_mean(&self, r0: f64, noise: &Meters) -> Option<(Electrical, f64)> {
        let short = SHORT_FACTOR * r0;
        let (low, high) = ((1.0 - DRIFT) * r0, (1.0 + DRIFT) * r0);
        let found = |mean: Option<Electrical>, limit| mean.map(|mean| (mean, limit));
        found(self.window.beyond::<SHORT_MEAN>(Side::Below, short, noise), short)
            .or_else(|| found(self.window.beyond::<DRIFT_MEAN>(Side::Below, low, noise), low))
            .or_else(|| found(self.window.beyond::<DRIFT_MEAN>(Side::Above, high, noise), high))
    }
}

/// One sample below the resistance even if noise and offset flatter it.
fn is_below(limit: f64, sample: Electrical, noise: &Meters) -> bool {
    sample.voltage.0 + noise.volts::<1>() < limit * (sample.current.0 - noise.amps::<1>())
}

fn ohms(e: Electrical) -> f64 {
    e.voltage.0 / e.current.0.max(LEAST_AMPS)
}

/// The drift limit on the side where the element stands.
fn nearest_limit(mean: Option<Electrical>, r0: f64) -> f64 {
    if mean.is_some_and(|m| ohms(m) < r0) { (1.0 - DRIFT) * r0 } else { (1.0 + DRIFT) * r0 }
}

/// The element as it is: configured, then learned.
#[derive(Debug, Default)]
struct Reference {
    /// The configured element that the learning began with.
    configured: f64,
    learned: f64,
    learned_ms: f64,
}

impl Reference {
    fn ohms(&mut self, config: &CircuitConfig) -> f64 {
        if self.configured != config.element.0 {
            *self = Self { configured: config.element.0, learned: config.element.0, learned_ms: 0.0 };
        }
        self.learned
    }

    fn learn(&mut self, sample: Electrical, dt_ms: f64, config: &CircuitConfig) {
        let bright = sample.current.0 > LEARN_ABOVE * config.string.isc.0;
        let near = (ohms(sample) - self.configured).abs() <= LEARN_WITHIN * self.configured;
        if bright && near {
            self.learned += (ohms(sample) - self.learned) * dt_ms / (self.learned_ms + PRIOR_MS + dt_ms);
            self.learned_ms = (self.learned_ms + dt_ms).min(LEARN_MS);
        }
    }
}

/// Volts and amperes as they were over the last minutes.
#[derive(Debug, Default)]
struct Slow {
    volts: f64,
    amps: f64,
    ms: f64,
    warning: bool,
}

impl Slow {
    fn add(&mut self, sample: Electrical, dt_ms: f64) {
        self.ms = (self.ms + dt_ms).min(WARN_MS);
        let share = if self.ms > 0.0 { dt_ms / self.ms } else { 1.0 };
        self.volts += (sample.voltage.0 - self.volts) * share;
        self.amps += (sample.current.0 - self.amps) * share;
    }

    /// Noise has averaged out over minutes; offsets have not.
    fn warns(&mut self, r0: f64, noise: &Meters) -> bool {
        let off_by = if self.warning { WARN_UNTIL } else { WARN_FROM };
        let (b_volts, b_amps) = (noise.offsets.volts, noise.offsets.amps);
        let low = self.volts + b_volts < (1.0 - off_by) * r0 * (self.amps - b_amps);
        let high = self.volts - b_volts > (1.0 + off_by) * r0 * (self.amps + b_amps);
        self.warning = self.ms >= WARN_MS && (low || high);
        self.warning
    }
}

/// The median of the last three samples, so that one spike moves no mean.
#[derive(Debug, Default)]
struct Medians {
    before: [Option<Electrical>; 2],
}

impl Medians {
    fn push(&mut self, new: Electrical) -> Option<Electrical> {
        let [older, old] = self.before;
        self.before = [old, Some(new)];
        Some(median(older?, old?, new))
    }
}

/// The side of a limit on which a resistance is wrong.
#[derive(Debug, Clone, Copy)]
enum Side {
    Below,
    Above,
}

/// The last 50 medians in a ring, with their sum.
#[derive(Debug)]
struct Window {
    ring: [Electrical; DRIFT_MEAN],
    sum: Electrical,
    pushed: usize,
}

const NOTHING: Electrical = Electrical { voltage: Volts(0.0), current: Amperes(0.0) };

impl Default for Window {
    fn default() -> Self {
        Self { ring: [NOTHING; DRIFT_MEAN], sum: NOTHING, pushed: 0 }
    }
}

impl Window {
    fn push(&mut self, sample: Electrical) {
        let at = self.pushed % DRIFT_MEAN;
        let oldest = std::mem::replace(&mut self.ring[at], sample);
        self.pushed += 1;
        self.sum = if at + 1 == DRIFT_MEAN {
            // Summed afresh once a round, so that rounding errors can't pile up.
            sum(self.ring.iter())
        } else {
            Electrical {
                voltage: self.sum.voltage + sample.voltage - oldest.voltage,
                current: self.sum.current + sample.current - oldest.current,
            }
        };
    }

    /// The mean of the newest `N`, once there are that many.
    fn mean<const N: usize>(&self) -> Option<Electrical> {
        if self.pushed < N {
            return None;
        }
        let total = if N == DRIFT_MEAN { self.sum } else { sum(self.newest(N)) };
        let share = 1.0 / N as f64;
        Some(Electrical { voltage: total.voltage * share, current: total.current * share })
    }

    /// The mean of the newest `N`, if it lies on that side of the resistance even if noise and offset exaggerate it,
    /// with its two worst medians and without them.
    fn beyond<const N: usize>(&self, side: Side, limit: f64, noise: &Meters) -> Option<Electrical> {
        let mean = self.mean::<N>()?;
        let band = noise.volts::<N>() + limit * noise.amps::<N>();
        let volts_beyond = |sample: &Electrical| match side {
            Side::Below => limit * sample.current.0 - sample.voltage.0,
            Side::Above => sample.voltage.0 - limit * sample.current.0,
        };
        if volts_beyond(&mean) <= band {
            return None;
        }
        let mut total = 0.0;
        let mut worst = [f64::NEG_INFINITY; 2];
        for volts in self.newest(N).map(volts_beyond) {
            total += volts;
            worst = [worst[0].max(volts), worst[0].min(volts).max(worst[1])];
        }
        let rest = (total - worst[0] - worst[1]) / (N - 2) as f64;
        (rest > band).then_some(mean)
    }

    /// The newest few, of which some may stand at the ring's end.
    fn newest(&self, samples: usize) -> impl Iterator<Item = &Electrical> {
        let end = (self.pushed - 1) % DRIFT_MEAN + 1;
        let at_the_front = samples.min(end);
        let around = &self.ring[DRIFT_MEAN - (samples - at_the_front)..];
        self.ring[end - at_the_front..end].iter().chain(around)
    }
}

fn sum<'a>(samples: impl Iterator<Item = &'a Electrical>) -> Electrical {
    samples
        .fold(NOTHING, |total, s| Electrical { voltage: total.voltage + s.voltage, current: total.current + s.current })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::bench::{CLOSED, Electric, Noise, OPEN, feed, string, trip_ms};
    use crate::watchdog::pairs::middle;

    fn config(element: f64) -> CircuitConfig {
        CircuitConfig { element: crate::units::Ohms(element), ..CircuitConfig::default() }
    }

    /// Ten seconds of health, then a fault; with noise. Yields the milliseconds from the first bad sample to the
    /// trip.
    fn reaction(config: &CircuitConfig, seed: u64, light: f64, faulty: Electric) -> Option<u64> {
        let mut noise = Noise::new(seed);
        let healthy = string(config, light, config.element.0);
        let samples = (0..400).map(|n| noise.add(config, if n < 100 { healthy } else { faulty }, (0.0, 0.0)));
        let tripped = trip_ms(&feed(&mut Impedance::default(), config, CLOSED, samples))?;
        assert!(tripped >= 10_000, "tripped {tripped} ms from the start, in health");
        Some(tripped - 10_000)
    }

    #[test]
    fn s12_faults_are_seen_in_time() {
        let rows = [
            ("dead short, 300 W/m²", 36.9, 0.3, 0.0, 250),
            ("dead short, full sun", 36.9, 1.0, 0.0, 250),
            ("dead short of a 4.5 kW element", 12.8, 0.5, 0.0, 250),
            ("half short, 700 W/m²", 36.9, 0.7, 0.5, 250),
            ("half short, 300 W/m²", 36.9, 0.3, 0.5, 2_000),
            ("element +25 %, 500 W/m²", 36.9, 0.5, 1.25, 6_000),
            ("element −25 %, 500 W/m²", 36.9, 0.5, 0.75, 6_000),
        ];
        for (what, element, light, factor, within_ms) in rows {
            let config = config(element);
            let faulty = string(&config, light, element * factor);
            for seed in 1..=100 {
                let reaction = reaction(&config, seed, light, faulty);
                assert!(reaction.is_some_and(|ms| ms <= within_ms), "{what}, seed {seed}: {reaction:?}");
            }
        }
    }

    #[test]
    fn s12_honest_elements_never_trip() {
        for (element, tolerance, offset) in [
            (36.9, 0.95, (2.0, -0.15)),
            (36.9, 1.05, (-2.0, 0.15)),
            (12.8, 0.95, (2.0, -0.15)),
            (12.8, 1.05, (0.0, 0.0)),
        ] {
            let config = config(element);
            let mut noise = Noise::new(11);
            // A morning, then clouds that pass every ten seconds with edges of 0.4 s and flashes to 1.6 suns.
            let samples = (0..300_000).map(|n| {
                let light = match (n % 2_000, n % 100) {
                    (n @ 0..1_300, _) => f64::from(n) / 1_000.0,
                    (_, n @ 0..4) => 0.02 + 0.395 * f64::from(n),
                    (_, 4..50) => 1.6,
                    (_, n @ 50..54) => 1.6 - 0.395 * f64::from(n - 50),
                    _ => 0.02,
                };
                noise.add(&config, string(&config, light, element * tolerance), offset)
            });
            let tripped = trip_ms(&feed(&mut Impedance::default(), &config, CLOSED, samples));
            assert_eq!(tripped, None, "{element} Ω × {tolerance}");
        }
    }

    #[test]
    fn s12_spikes_side_by_side_never_trip() {
        let config = config(36.9);
        let bright = string(&config, 0.5, 36.9);
        let dim = string(&config, 0.02, 36.9);
        for (healthy, spiked, spikes) in
            [(bright, (-590.0, bright.1), 1), (bright, (-590.0, bright.1), 2), (dim, (dim.0, 16.0), 2)]
        {
            let samples = (0..200).map(|n| if (100..100 + spikes).contains(&n) { spiked } else { healthy });
            let tripped = trip_ms(&feed(&mut Impedance::default(), &config, CLOSED, samples));
            assert_eq!(tripped, None, "{spikes} spikes of {spiked:?}");
        }
    }

    #[test]
    fn s12_open_relays_and_the_first_300_ms_are_not_judged() {
        let config = config(36.9);
        let short = string(&config, 1.0, 0.0);
        assert_eq!(trip_ms(&feed(&mut Impedance::default(), &config, OPEN, [short; 100])), None);
        let Path::Closed { since_ms } = CLOSED else { unreachable!() };
        let just_closed = Path::Closed { since_ms: since_ms + 300 };
        assert_eq!(trip_ms(&feed(&mut Impedance::default(), &config, just_closed, [short; 10])), Some(300 + 200));
    }

    #[test]
    fn s12_r0_is_learned_in_the_sun_and_only_near_the_configured_element() {
        let config = config(36.9);
        let learned = |light: f64, factor: f64, samples: usize| {
            let mut trigger = Impedance::default();
            let sample = string(&config, light, 36.9 * factor);
            feed(&mut trigger, &config, CLOSED, std::iter::repeat_n(sample, samples));
            trigger.reference.ohms(&config) / 36.9
        };
        assert!((learned(0.7, 1.08, 72_000) - 1.08).abs() < 0.002, "two hours are enough");
        assert!((learned(0.4, 1.08, 72_000) - 1.0).abs() < 1e-9, "too dim");
        assert!((learned(0.7, 0.8, 72_000) - 1.0).abs() < 1e-9, "a fault is not learned");
        assert!(learned(0.7, 1.08, 100) < 1.02, "ten seconds are not enough");
    }

    #[test]
    fn s12_minutes_beyond_ten_per_cent_warn() {
        let config = config(36.9);
        let warned = |factor: f64| {
            let sample = string(&config, 0.45, 36.9 * factor);
            let verdicts = feed(&mut Impedance::default(), &config, CLOSED, std::iter::repeat_n(sample, 3_000));
            assert_eq!(trip_ms(&verdicts), None);
            verdicts.iter().find(|(_, v)| v.warning).map(|(at, _)| *at)
        };
        assert_eq!(warned(1.05), None);
        assert_eq!(warned(0.95), None);
        for factor in [0.84, 1.17] {
            let at = warned(factor);
            assert!(at.is_some_and(|ms| (119_000..=125_000).contains(&ms)), "{factor}: {at:?}");
        }
    }

    #[test]
    fn medians_ignore_one_spike_and_the_window_means_what_it_says() {
        assert_eq!([middle(1.0, 9.0, 2.0), middle(3.0, 2.0, 1.0), middle(5.0, 5.0, 0.0)], [2.0, 2.0, 5.0]);
        let mut window = Window::default();
        for n in 1..=123 {
            window.push(Electrical { voltage: Volts(f64::from(n)), current: Amperes(1.0) });
            assert_eq!(window.mean::<SHORT_MEAN>().is_some(), n >= 10);
            assert_eq!(window.mean::<DRIFT_MEAN>().is_some(), n >= 50);
        }
        assert!(window.mean::<SHORT_MEAN>().is_some_and(|m| (m.voltage.0 - 118.5).abs() < 1e-9));
        assert!(window.mean::<DRIFT_MEAN>().is_some_and(|m| (m.voltage.0 - 98.5).abs() < 1e-9));
    }
}
