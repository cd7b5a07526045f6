//! The watchdog: independent rules that look at every sample and can only take away.
//!
//! A rule is a [`Trigger`]: one file under `watchdog/`, one line in [`triggers`]. It says what it sees, where its
//! limit lies, and whether to trip. A trip is latched here, opens both circuits, and is cleared by a person after
//! the cause has been seen to be absent for a minute. No override, window or all-off reaches in here.

#[cfg(test)]
mod bench;
mod impedance;
mod noise;
mod open_element;
mod over_current;
mod over_temperature;
mod pairs;
mod unexpected_current;

use crate::config::CircuitConfig;
use crate::inputs::CircuitId;
use crate::outputs::{Event, TriggerId, TriggerState, Trip};
use crate::readings::{Sighting, TEMPERATURE_MAX_AGE_MS};
use crate::units::Now;

pub(crate) use noise::{AMPS_PRESENT, current_band, voltage_band};

const COUNT: usize = TriggerId::ALL.len();
/// The cause has to be absent this long before a person may clear the latch.
pub(crate) const ABSENT_MS: u64 = 60_000;
/// A trigger that has not judged for this long, the age at which no sample is fresh, has not seen an absence.
const UNSEEN_MS: u64 = TEMPERATURE_MAX_AGE_MS;
/// Contacts, arcs and meters settle this long after a relay moved.
pub(crate) const SETTLE_MS: u64 = 300;

/// Where current may flow, by the relays' commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// All relays of the circuit are closed since then.
    Closed { since_ms: u64 },
    /// At least one is open since then.
    Open { since_ms: u64 },
}

/// What a trigger sees of its circuit in one step. Samples are there only in the step in which they are new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a CircuitConfig,
    pub(crate) volts: Option<Sighting>,
    pub(crate) amps: Option<Sighting>,
    pub(crate) temperature: Option<Sighting>,
    pub(crate) path: Path,
}

/// What a trigger thinks of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Verdict {
    /// What it sees, in its own unit.
    pub(crate) value: Option<f64>,
    /// Where it trips.
    pub(crate) limit: Option<f64>,
    pub(crate) warning: bool,
    /// The cause is there: the latch can't be cleared.
    pub(crate) cause: bool,
    /// Latch, now.
    pub(crate) trip: bool,
}

/// One rule, watching one circuit.
pub(crate) trait Trigger: std::fmt::Debug + Send {
    /// Its name.
    fn id(&self) -> TriggerId;
    /// Its verdict, or `None` when this step brought nothing new for it.
    fn judge(&mut self, view: &View<'_>) -> Option<Verdict>;
}

fn triggers() -> [Box<dyn Trigger>; COUNT] {
    [
        Box::<over_current::OverCurrent>::default(),
        Box::<over_temperature::OverTemperature>::default(),
        Box::<impedance::Impedance>::default(),
        Box::<unexpected_current::UnexpectedCurrent>::default(),
        Box::<open_element::OpenElement>::default(),
    ]
}

/// A trigger with its latch.
#[derive(Debug)]
struct Post {
    trigger: Box<dyn Trigger>,
    circuit: CircuitId,
    verdict: Verdict,
    judged_ms: Option<u64>,
    absent_since_ms: Option<u64>,
    latched: Option<Trip>,
}

/// Why a latch can't be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    NothingTripped,
    /// The cause is there or unseen (`None`), or has to be absent this much longer.
    Cause {
        trigger: TriggerId,
        circuit: CircuitId,
        remaining_ms: Option<u64>,
    },
}

/// All triggers of both circuits.
#[derive(Debug)]
pub(crate) struct Watchdog {
    posts: [[Post; COUNT]; 2],
    first: Option<Trip>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let posts = |circuit| triggers().map(|trigger| Post::new(trigger, circuit));
        Self { posts: CircuitId::ALL.map(posts), first: None }
    }

    /// Lets every trigger of a circuit look. New trips and changed warnings go to `events`.
    pub(crate) fn watch(&mut self, circuit: CircuitId, view: &View<'_>, events: &mut Vec<Event>) {
        for post in &mut self.posts[circuit.index()] {
            if let Some(trip) = post.watch(view, events) {
                self.first.get_or_insert(trip);
            }
        }
    }

    /// The first latched trip.
    pub(crate) const fn trip(&self) -> Option<Trip> {
        self.first
    }

    /// Latches a trip that was found in storage.
    pub(crate) fn restore(&mut self, trip: Trip) {
        let post = &mut self.posts[trip.circuit.index()][trip.trigger.index()];
        post.latched.get_or_insert(trip);
        self.first.get_or_insert(trip);
    }

    /// Clears all latches, or none.
    pub(crate) fn clear(&mut self, now: Now, events: &mut Vec<Event>) -> Result<(), Held> {
        if self.first.is_none() {
            return Err(Held::NothingTripped);
        }
        self.posts.iter().flatten().try_for_each(|post| post.may_clear(now))?;
        for post in self.posts.iter_mut().flatten() {
            events.extend(post.latched.take().map(Event::Cleared));
        }
        self.first = None;
        Ok(())
    }

    /// What each trigger sees, circuit 1 first.
    pub(crate) fn states(&self) -> [TriggerState; 2 * COUNT] {
        std::array::from_fn(|n| self.posts[n / COUNT][n % COUNT].state())
    }
}

impl Post {
    fn new(trigger: Box<dyn Trigger>, circuit: CircuitId) -> Self {
        Self { trigger, circuit, verdict: Verdict::default(), judged_ms: None, absent_since_ms: None, latched: None }
    }

    fn watch(&mut self, view: &View<'_>, events: &mut Vec<Event>) -> Option<Trip> {
        let now_ms = view.now.mono_ms;
        let unseen = self.judged_ms.is_none_or(|at| now_ms.saturating_sub(at) > UNSEEN_MS);
        if unseen {
            self.absent_since_ms = None;
        }
        let verdict = self.trigger.judge(view)?;
        self.judged_ms = Some(now_ms);
        self.absent_since_ms = if verdict.cause { None } else { self.absent_since_ms.or(Some(now_ms)) };
        let warned = std::mem::replace(&mut self.verdict, verdict).warning;
        if warned != verdict.warning {
            events.push(Event::Warning { state: self.state() });
        }
        if !verdict.trip || self.latched.is_some() {
            return None;
        }
        let trip = self.trip(view.now);
        self.latched = Some(trip);
        events.push(Event::Tripped(trip));
        Some(trip)
    }

    fn trip(&self, now: Now) -> Trip {
        Trip {
            trigger: self.trigger.id(),
            circuit: self.circuit,
            value: self.verdict.value.unwrap_or_default(),
            limit: self.verdict.limit.unwrap_or_default(),
            at: now.wall,
            at_mono_ms: now.mono_ms,
        }
    }

    fn may_clear(&self, now: Now) -> Result<(), Held> {
        let Some(trip) = self.latched else {
            return Ok(());
        };
        let remaining_ms = self.absent_since_ms.map(|since| ABSENT_MS.saturating_sub(now.since(since)));
        if remaining_ms == Some(0) {
            return Ok(());
        }
        Err(Held::Cause { trigger: trip.trigger, circuit: trip.circuit, remaining_ms })
    }

    fn state(&self) -> TriggerState {
        TriggerState {
            trigger: self.trigger.id(),
            circuit: self.circuit,
            value: self.verdict.value,
            limit: self.verdict.limit,
            warning: self.verdict.warning,
        }
    }
}

/// Counts samples in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Streak(u32);

impl Streak {
    /// The length of the row after this sample.
    fn count(&mut self, hit: bool) -> u32 {
        self.0 = if hit { self.0.saturating_add(1) } else { 0 };
        self.0
    }
}

/// Measures for how long every sample has agreed.
#[derive(Debug, Clone, Copy, Default)]
struct Spell(Option<u64>);

impl Spell {
    /// Milliseconds from the first agreeing sample to this one.
    fn last(&mut self, hit: bool, taken_ms: u64) -> u64 {
        self.0 = if hit { self.0.or(Some(taken_ms)) } else { None };
        self.0.map_or(0, |since| taken_ms.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::bench::{CLOSED, OPEN, seen};
    use super::*;
    use crate::units::UtcMs;

    fn amps(now_ms: u64, amps: f64, path: Path, config: &CircuitConfig) -> View<'_> {
        View {
            now: Now { mono_ms: now_ms, wall: Some(UtcMs(5)) },
            config,
            volts: None,
            amps: seen(amps, now_ms),
            temperature: None,
            path,
        }
    }

    /// A watchdog that tripped on a weld in circuit 1, the moment of the trip, and its events.
    fn tripped() -> (Watchdog, u64, Vec<Event>) {
        let config = CircuitConfig::default();
        let (mut watchdog, mut events, mut now_ms) = (Watchdog::new(), Vec::new(), 1_000_000);
        while watchdog.trip().is_none() {
            now_ms += 100;
            watchdog.watch(CircuitId::One, &amps(now_ms, 5.0, OPEN, &config), &mut events);
        }
        (watchdog, now_ms, events)
    }

    #[test]
    fn the_list_is_in_the_order_of_the_ids() {
        let ids = triggers().map(|trigger| trigger.id());
        assert_eq!(ids, TriggerId::ALL);
        assert_eq!(TriggerId::ALL.map(TriggerId::index), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_trip_is_reported_once_and_stays_when_its_cause_goes() {
        let config = CircuitConfig::default();
        let (mut watchdog, now_ms, mut events) = tripped();
        let trip = watchdog.trip().unwrap();
        assert_eq!((trip.trigger, trip.circuit), (TriggerId::UnexpectedCurrent, CircuitId::One));
        assert_eq!((trip.value, trip.at, trip.at_mono_ms), (5.0, Some(UtcMs(5)), now_ms));
        assert_eq!(events, [Event::Tripped(trip)]);
        for n in 1..100 {
            let value = if n < 50 { 5.0 } else { 0.0 };
            watchdog.watch(CircuitId::One, &amps(now_ms + n * 100, value, OPEN, &config), &mut events);
        }
        assert_eq!(watchdog.trip(), Some(trip));
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn clearing_needs_the_cause_seen_absent_for_a_minute() {
        let config = CircuitConfig::default();
        let (mut watchdog, tripped_ms, mut events) = tripped();
        let mut clear = |watchdog: &mut Watchdog, mono_ms| watchdog.clear(Now { mono_ms, wall: None }, &mut events);
        let held = |remaining_ms| {
            Err(Held::Cause { trigger: TriggerId::UnexpectedCurrent, circuit: CircuitId::One, remaining_ms })
        };
        assert_eq!(clear(&mut watchdog, tripped_ms + 90_000), held(None), "nobody looked");
        for n in 1..=600 {
            let now_ms = tripped_ms + n * 100;
            watchdog.watch(CircuitId::One, &amps(now_ms, 0.0, OPEN, &config), &mut Vec::new());
        }
        assert_eq!(clear(&mut watchdog, tripped_ms + 60_000), held(Some(100)));
        let mut back = amps(tripped_ms + 60_050, 5.0, OPEN, &config);
        watchdog.watch(CircuitId::One, &back, &mut Vec::new());
        assert_eq!(clear(&mut watchdog, tripped_ms + 60_100), held(None), "it came back");
        for n in 1..=601 {
            back = amps(tripped_ms + 60_100 + n * 100, 0.0, OPEN, &config);
            watchdog.watch(CircuitId::One, &back, &mut Vec::new());
        }
        assert_eq!(clear(&mut watchdog, tripped_ms + 120_200), Ok(()));
        assert_eq!(clear(&mut watchdog, tripped_ms + 120_200), Err(Held::NothingTripped));
        assert!(watchdog.trip().is_none());
    }

    #[test]
    fn a_sensor_that_fell_silent_shows_no_absence() {
        let config = CircuitConfig::default();
        let (mut watchdog, tripped_ms, _) = tripped();
        watchdog.watch(CircuitId::One, &amps(tripped_ms + 100, 0.0, OPEN, &config), &mut Vec::new());
        let silent = View { amps: None, ..amps(tripped_ms + 70_000, 0.0, OPEN, &config) };
        watchdog.watch(CircuitId::One, &silent, &mut Vec::new());
        let now = Now { mono_ms: tripped_ms + 70_000, wall: None };
        assert!(matches!(watchdog.clear(now, &mut Vec::new()), Err(Held::Cause { remaining_ms: None, .. })));
    }

    #[test]
    fn a_warning_is_told_when_it_begins_and_when_it_ends() {
        let config = CircuitConfig::default();
        let (mut watchdog, mut events) = (Watchdog::new(), Vec::new());
        for n in 0..300 {
            let value = if (50..250).contains(&n) { 15.0 } else { 8.0 };
            let view = amps(1_000_000 + n * 100, value, CLOSED, &config);
            watchdog.watch(CircuitId::Two, &view, &mut events);
        }
        let warnings: Vec<bool> = events
            .iter()
            .filter_map(|e| if let Event::Warning { state } = e { Some(state.warning) } else { None })
            .collect();
        assert_eq!((warnings, events.len()), (vec![true, false], 2));
        assert!(watchdog.trip().is_none());
    }
}
