//! A test bench for single triggers: samples every 100 ms, exact or with seeded noise and spikes.

use super::noise::Noise as Meters;
use super::{Contact, Contacts, Path, Trigger, Verdict, View};
use crate::config::CircuitConfig;
use crate::heat::{Heat, Tank};
use crate::readings::Sighting;
use crate::units::{Fahrenheit, Now};
use crate::zero::UNZEROED;

/// The interval of the bench's samples.
pub(super) const PERIOD_MS: u64 = 100;
/// The bench's relays moved this long before its first sample.
const SETTLED_MS: u64 = 300;
const START_MS: u64 = 1_000_000;

/// Closed since long enough to be judged.
pub(super) const CLOSED: Path = Path::Closed { since_ms: START_MS - SETTLED_MS };
/// Open since long enough to be judged.
pub(super) const OPEN: Path = Path::Open { since_ms: START_MS - SETTLED_MS };

/// What one step shows: volts and amperes.
pub(super) type Electric = (f64, f64);

/// A settled sensor's new sample.
pub(super) fn seen(value: f64, taken_ms: u64) -> Option<Sighting> {
    Some(Sighting { raw: value, value, taken_ms, plausible: true })
}

/// A step in which nothing new came.
pub(super) fn view(config: &CircuitConfig, now_ms: u64, path: Path) -> View<'_> {
    let contact = match path {
        Path::Closed { since_ms } => Contact { closed: true, since_ms },
        Path::Open { since_ms } => Contact { closed: false, since_ms },
    };
    View {
        now: Now { mono_ms: now_ms, wall: None },
        config,
        record_low: Fahrenheit(-22.0),
        noise: Meters::new(config, UNZEROED),
        volts: None,
        amps: None,
        temperature: None,
        heat: None,
        path,
        contacts: Contacts { inside: contact, outside: Some(contact) },
        panel: None,
    }
}

/// One second of two tanks: °F and watts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second {
    pub(super) own: (f64, f64),
    pub(super) other: (f64, f64),
}

/// Feeds a tank's seconds (°F, watts) with closed relays; yields the second of the first trip.
pub(super) fn warm(trigger: &mut dyn Trigger, samples: impl IntoIterator<Item = (f64, f64)>) -> Option<u64> {
    warm_on(CLOSED, trigger, samples)
}

/// The same with the relays as given.
pub(super) fn warm_on(
    path: Path,
    trigger: &mut dyn Trigger,
    samples: impl IntoIterator<Item = (f64, f64)>,
) -> Option<u64> {
    warm_seconds(path, trigger, samples.into_iter().map(|own| Second { own, other: (20.0, 0.0) }))
}

/// The same with both tanks, relays closed.
pub(super) fn warm_two(trigger: &mut dyn Trigger, samples: impl IntoIterator<Item = Second>) -> Option<u64> {
    warm_seconds(CLOSED, trigger, samples)
}

/// The same with both tanks and the relays as given.
pub(super) fn warm_seconds(
    path: Path,
    trigger: &mut dyn Trigger,
    samples: impl IntoIterator<Item = Second>,
) -> Option<u64> {
    let config = CircuitConfig::default();
    let mut meters = [crate::heat::HeatMeter::default(), crate::heat::HeatMeter::default()];
    for (n, second) in samples.into_iter().enumerate() {
        let taken_ms = START_MS + n as u64 * 1_000;
        for (meter, (fahrenheit, watts)) in meters.iter_mut().zip([second.own, second.other]) {
            meter.count(taken_ms, Some(crate::units::Watts(watts)));
            meter.sample(&Sighting { raw: fahrenheit, value: fahrenheit, taken_ms, plausible: true }, false);
        }
        let [own, other]: [Option<Tank>; 2] = std::array::from_fn(|n| meters[n].tank());
        let heat = own.map(|own| Heat { own, other });
        if trigger.judge(&View { heat, ..view(&config, taken_ms, path) }).is_some_and(|v| v.trip) {
            return Some(n as u64);
        }
    }
    None
}

/// Feeds samples with both relays closed, of which the inside one opens with the sample of this number; true if it
/// trips.
pub(super) fn breaking(
    trigger: &mut dyn Trigger,
    config: &CircuitConfig,
    opens_at: usize,
    samples: impl IntoIterator<Item = Electric>,
) -> bool {
    let opened_ms = START_MS + opens_at as u64 * PERIOD_MS;
    samples.into_iter().enumerate().any(|(n, (volts, amps))| {
        let taken_ms = START_MS + n as u64 * PERIOD_MS;
        let mut view = view(config, taken_ms, if n < opens_at { CLOSED } else { Path::Open { since_ms: opened_ms } });
        view.contacts.outside = Some(Contact { closed: true, since_ms: START_MS - SETTLED_MS });
        (view.volts, view.amps) = (seen(volts, taken_ms), seen(amps, taken_ms));
        trigger.judge(&view).is_some_and(|v| v.trip)
    })
}

/// Feeds `samples` one by one and yields every verdict with its time since the first sample's.
pub(super) fn feed(
    trigger: &mut dyn Trigger,
    config: &CircuitConfig,
    path: Path,
    samples: impl IntoIterator<Item = Electric>,
) -> Vec<(u64, Verdict)> {
    let mut verdicts = Vec::new();
    for (n, (volts, amps)) in samples.into_iter().enumerate() {
        let at_ms = n as u64 * PERIOD_MS;
        let taken_ms = START_MS + at_ms;
        let view = View { volts: seen(volts, taken_ms), amps: seen(amps, taken_ms), ..view(config, taken_ms, path) };
        verdicts.extend(trigger.judge(&view).map(|verdict| (at_ms, verdict)));
    }
    verdicts
}

/// When it first trips, in milliseconds from the first sample.
pub(super) fn trip_ms(verdicts: &[(u64, Verdict)]) -> Option<u64> {
    verdicts.iter().find(|(_, v)| v.trip).map(|(at, _)| *at)
}

/// An ideal string on an element, below its knee: the current follows the light (1.0 = 1000 W/m²).
pub(super) fn string(config: &CircuitConfig, light: f64, ohms: f64) -> Electric {
    let amps = (light * config.string.isc.0).min(config.string.voc.0 / ohms.max(0.001));
    (amps * ohms, amps)
}

/// The meters' noise, with a fixed seed: normal by the sum of twelve, spikes of half the range once in 3000 samples.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn spike(&mut self) -> f64 {
        if self.uniform() < 1.0 / 3_000.0 { 0.5 } else { 0.0 }
    }

    /// The sample with noise, and with the offsets `b` of meters that nobody zeroed.
    pub(super) fn add(&mut self, config: &CircuitConfig, exact: Electric, offset: Electric) -> Electric {
        let volts = exact.0 + offset.0 + self.normal() * config.voltage_noise.0;
        let amps = exact.1 + offset.1 + self.normal() * config.current_noise.0;
        (volts + self.spike() * config.voltage_range.0, amps + self.spike() * config.current_range.0)
    }
}
