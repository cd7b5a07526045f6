//! The watchdog: independent rules that look at every sample and can only take away.
//!
//! A rule is a [`Trigger`]: one file under `watchdog/`, one line in [`triggers`]. It says what it sees, where its
//! limit lies, and whether to trip. A trip is latched here, opens both circuits, and is cleared by a person after
//! the cause has been seen to be absent for a minute. No override, window or all-off reaches in here.

mod balance;
#[cfg(test)]
mod bench;
mod equal_sensors;
mod fast_rise;
mod frozen_sensor;
mod gfci_lost;
mod gfci_trip;
mod impedance;
mod latch_unreadable;
mod no_rise;
mod noise;
mod open_element;
mod over_current;
mod over_temperature;
mod over_voltage;
mod pairs;
mod reverse_voltage;
mod swapped_sensors;
mod unexpected_current;
mod warms_while_off;
mod welded_inside;
mod welded_outside;

use crate::config::CircuitConfig;
use crate::heat::Heat;
use crate::inputs::CircuitId;
use crate::outputs::{Event, TriggerId, TriggerState, Trip};
use crate::panel::PanelView;
use crate::readings::{Sighting, TEMPERATURE_MAX_AGE_MS};
use crate::units::{Fahrenheit, Now};

pub(crate) use noise::{AMPS_PRESENT, Noise};

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

/// One contact, as commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) closed: bool,
    pub(crate) since_ms: u64,
}

/// Both contacts of a circuit; the outside one may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contacts {
    pub(crate) inside: Contact,
    pub(crate) outside: Option<Contact>,
}

impl Contacts {
    /// Since when the inside relay, and the outside one if there is one, have been open.
    pub(crate) fn rest_since_ms(&self) -> Option<u64> {
        let outside = self.outside.unwrap_or(self.inside);
        (!self.inside.closed && !outside.closed).then(|| self.inside.since_ms.max(outside.since_ms))
    }
}

/// What a trigger sees of its circuit in one step. Samples are there only in the step in which they are new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a CircuitConfig,
    /// The lowest air temperature on record.
    pub(crate) record_low: Fahrenheit,
    /// How far the circuit's meters may be from the truth.
    pub(crate) noise: Noise,
    pub(crate) volts: Option<Sighting>,
    pub(crate) amps: Option<Sighting>,
    pub(crate) temperature: Option<Sighting>,
    /// The tanks, in the step in which a new temperature came.
    pub(crate) heat: Option<Heat>,
    pub(crate) path: Path,
    pub(crate) contacts: Contacts,
    /// `None` where there is no panel.
    pub(crate) panel: Option<PanelView>,
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
    /// How far from tripping: 1 is as far as can be, 0 is there. May overshoot either end.
    fn margin(&self, verdict: &Verdict) -> Option<f64> {
        Some(1.0 - verdict.value? / verdict.limit?)
    }
}

fn triggers() -> [Box<dyn Trigger>; COUNT] {
    [
        Box::<over_current::OverCurrent>::default(),
        Box::<over_temperature::OverTemperature>::default(),
        Box::<impedance::Impedance>::default(),
        Box::<unexpected_current::UnexpectedCurrent>::default(),
        Box::<open_element::OpenElement>::default(),
        Box::<latch_unreadable::LatchUnreadable>::default(),
        Box::<over_voltage::OverVoltage>::default(),
        Box::<reverse_voltage::ReverseVoltage>::default(),
        Box::<fast_rise::FastRise>::default(),
        Box::<no_rise::NoRise>::default(),
        Box::<warms_while_off::WarmsWhileOff>::default(),
        Box::<frozen_sensor::FrozenSensor>::default(),
        Box::<equal_sensors::EqualSensors>::default(),
        Box::<swapped_sensors::SwappedSensors>::default(),
        Box::<welded_inside::WeldedInside>::default(),
        Box::<welded_outside::WeldedOutside>::default(),
        Box::<gfci_trip::GfciTrip>::default(),
        Box::<gfci_lost::GfciLost>::default(),
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
    /// The contacts have proved themselves since it latched.
    proved: bool,
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
    /// The contacts have to prove themselves first.
    Unproved {
        trigger: TriggerId,
        circuit: CircuitId,
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

    /// Lets every trigger of a circuit look; those that are not `enabled` can't trip. New trips and changed warnings go
    /// to `events`. True when a trigger fires now, latched already or not.
    pub(crate) fn watch(
        &mut self,
        circuit: CircuitId,
        view: &View<'_>,
        enabled: &[bool; COUNT],
        events: &mut Vec<Event>,
    ) -> bool {
        let mut fires = false;
        for (post, enabled) in self.posts[circuit.index()].iter_mut().zip(enabled) {
            if post.watch(view, *enabled, events) && *enabled {
                fires = true;
                if let Some(trip) = post.latch(view.now, events) {
                    self.first.get_or_insert(trip);
                }
            }
        }
        fires
    }

    /// Whether the circuit holds a latch that a self-test helps to clear, or why it can't begin now.
    pub(crate) fn may_prove(&self, circuit: CircuitId, now: Now) -> Result<(), Held> {
        let mut waiting = self.posts[circuit.index()].iter().filter(|post| post.is_unproved()).peekable();
        waiting.peek().ok_or(Held::NothingTripped)?;
        waiting.try_for_each(|post| post.cause_is_absent(now))
    }

    /// The circuit's contacts have proved themselves.
    pub(crate) fn prove(&mut self, circuit: CircuitId) {
        self.posts[circuit.index()].iter_mut().for_each(|post| post.proved = true);
    }

    /// The first latched trip.
    pub(crate) const fn trip(&self) -> Option<Trip> {
        self.first
    }

    /// Latches a trip that was found in storage.
    pub(crate) fn restore(&mut self, trip: Trip) {
        let post = &mut self.posts[trip.circuit.index()][trip.trigger.index()];
        post.latched.get_or_insert(trip);
        post.proved = false;
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
    pub(crate) fn states(&self, enabled: &[bool; COUNT]) -> [TriggerState; 2 * COUNT] {
        std::array::from_fn(|n| self.posts[n / COUNT][n % COUNT].state(enabled[n % COUNT]))
    }
}

impl Post {
    fn new(trigger: Box<dyn Trigger>, circuit: CircuitId) -> Self {
        Self {
            trigger,
            circuit,
            verdict: Verdict::default(),
            judged_ms: None,
            absent_since_ms: None,
            latched: None,
            proved: false,
        }
    }

    /// True when the trigger fires.
    fn watch(&mut self, view: &View<'_>, enabled: bool, events: &mut Vec<Event>) -> bool {
        let now_ms = view.now.mono_ms;
        let unseen = self.judged_ms.is_none_or(|at| now_ms.saturating_sub(at) > UNSEEN_MS);
        if unseen {
            self.absent_since_ms = None;
        }
        let Some(verdict) = self.trigger.judge(view) else {
            return false;
        };
        self.judged_ms = Some(now_ms);
        self.absent_since_ms = if verdict.cause { None } else { self.absent_since_ms.or(Some(now_ms)) };
        let warned = std::mem::replace(&mut self.verdict, verdict).warning;
        if warned != verdict.warning {
            events.push(Event::Warning { state: self.state(enabled) });
        }
        verdict.trip
    }

    /// Latches; the trip, if it was not latched before.
    fn latch(&mut self, now: Now, events: &mut Vec<Event>) -> Option<Trip> {
        self.proved = false;
        if self.latched.is_some() {
            return None;
        }
        let trip = self.trip(now);
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
        self.cause_is_absent(now)?;
        match self.latched {
            Some(Trip { trigger, circuit, .. }) if self.is_unproved() => Err(Held::Unproved { trigger, circuit }),
            _ => Ok(()),
        }
    }

    fn is_unproved(&self) -> bool {
        self.latched.is_some_and(|trip| trip.trigger.needs_self_test()) && !self.proved
    }

    fn cause_is_absent(&self, now: Now) -> Result<(), Held> {
        let Some(trip) = self.latched else {
            return Ok(());
        };
        let remaining_ms = self.absent_since_ms.map(|since| ABSENT_MS.saturating_sub(now.since(since)));
        if remaining_ms == Some(0) {
            return Ok(());
        }
        Err(Held::Cause { trigger: trip.trigger, circuit: trip.circuit, remaining_ms })
    }

    fn state(&self, enabled: bool) -> TriggerState {
        TriggerState {
            trigger: self.trigger.id(),
            circuit: self.circuit,
            value: self.verdict.value,
            limit: self.verdict.limit,
            warning: self.verdict.warning,
            enabled,
            margin: self.trigger.margin(&self.verdict).filter(|m| m.is_finite()).map(|m| m.clamp(0.0, 1.0)),
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

    use super::bench::{CLOSED, OPEN, seen, view};
    use super::*;
    use crate::units::UtcMs;

    const ENABLED: [bool; COUNT] = [true; COUNT];

    fn amps(now_ms: u64, amps: f64, path: Path, config: &CircuitConfig) -> View<'_> {
        let now = Now { mono_ms: now_ms, wall: Some(UtcMs(5)) };
        View { now, amps: seen(amps, now_ms), ..view(config, now_ms, path) }
    }

    /// A watchdog that tripped on a weld in circuit 1, the moment of the trip, and its events.
    fn tripped() -> (Watchdog, u64, Vec<Event>) {
        let config = CircuitConfig::default();
        let (mut watchdog, mut events, mut now_ms) = (Watchdog::new(), Vec::new(), 1_000_000);
        while watchdog.trip().is_none() {
            now_ms += 100;
            watchdog.watch(CircuitId::One, &amps(now_ms, 5.0, OPEN, &config), &ENABLED, &mut events);
        }
        (watchdog, now_ms, events)
    }

    #[test]
    fn the_list_is_in_the_order_of_the_ids() {
        let ids = triggers().map(|trigger| trigger.id());
        assert_eq!(ids, TriggerId::ALL);
        assert_eq!(TriggerId::ALL.map(TriggerId::index), std::array::from_fn(|n| n));
        assert_eq!(TriggerId::ALL.map(|id| TriggerId::from_name(id.name())), TriggerId::ALL.map(Some));
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
            watchdog.watch(CircuitId::One, &amps(now_ms + n * 100, value, OPEN, &config), &ENABLED, &mut events);
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
            watchdog.watch(CircuitId::One, &amps(now_ms, 0.0, OPEN, &config), &ENABLED, &mut Vec::new());
        }
        assert_eq!(clear(&mut watchdog, tripped_ms + 60_000), held(Some(100)));
        let mut back = amps(tripped_ms + 60_050, 5.0, OPEN, &config);
        watchdog.watch(CircuitId::One, &back, &ENABLED, &mut Vec::new());
        assert_eq!(clear(&mut watchdog, tripped_ms + 60_100), held(None), "it came back");
        for n in 1..=601 {
            back = amps(tripped_ms + 60_100 + n * 100, 0.0, OPEN, &config);
            watchdog.watch(CircuitId::One, &back, &ENABLED, &mut Vec::new());
        }
        let unproved = Held::Unproved { trigger: TriggerId::UnexpectedCurrent, circuit: CircuitId::One };
        assert_eq!(clear(&mut watchdog, tripped_ms + 120_200), Err(unproved), "a weld looks healed at night");
        let now = Now { mono_ms: tripped_ms + 120_200, wall: None };
        assert_eq!(watchdog.may_prove(CircuitId::One, now), Ok(()));
        assert_eq!(watchdog.may_prove(CircuitId::Two, now), Err(Held::NothingTripped));
        watchdog.prove(CircuitId::One);
        assert_eq!(clear(&mut watchdog, tripped_ms + 120_200), Ok(()));
        assert_eq!(clear(&mut watchdog, tripped_ms + 120_200), Err(Held::NothingTripped));
        assert!(watchdog.trip().is_none());
    }

    #[test]
    fn s19_a_disabled_trigger_looks_and_says_so_but_does_not_trip() {
        let config = CircuitConfig::default();
        let (mut watchdog, mut events, mut enabled) = (Watchdog::new(), Vec::new(), ENABLED);
        enabled[TriggerId::UnexpectedCurrent.index()] = false;
        for n in 0..50 {
            let view = amps(1_000_000 + n * 100, 5.0, OPEN, &config);
            assert!(!watchdog.watch(CircuitId::One, &view, &enabled, &mut events));
        }
        assert_eq!((watchdog.trip(), events.len()), (None, 0));
        let state = watchdog.states(&enabled)[TriggerId::UnexpectedCurrent.index()];
        assert_eq!((state.enabled, state.value, state.margin), (false, Some(5.0), Some(0.0)));
    }

    #[test]
    fn s18_a_trip_during_the_proof_takes_it_back() {
        let config = CircuitConfig::default();
        let (mut watchdog, tripped_ms, mut events) = tripped();
        watchdog.prove(CircuitId::One);
        for n in 1..=700 {
            let value = if n < 10 { 5.0 } else { 0.0 };
            let view = amps(tripped_ms + n * 100, value, OPEN, &config);
            let fires = watchdog.watch(CircuitId::One, &view, &ENABLED, &mut events);
            assert_eq!(fires, n < 10, "{n}");
        }
        assert_eq!(events.len(), 1, "told once");
        let now = Now { mono_ms: tripped_ms + 70_000, wall: None };
        assert!(matches!(watchdog.clear(now, &mut events), Err(Held::Unproved { .. })));
    }

    #[test]
    fn a_sensor_that_fell_silent_shows_no_absence() {
        let config = CircuitConfig::default();
        let (mut watchdog, tripped_ms, _) = tripped();
        watchdog.watch(CircuitId::One, &amps(tripped_ms + 100, 0.0, OPEN, &config), &ENABLED, &mut Vec::new());
        let silent = View { amps: None, ..amps(tripped_ms + 70_000, 0.0, OPEN, &config) };
        watchdog.watch(CircuitId::One, &silent, &ENABLED, &mut Vec::new());
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
            watchdog.watch(CircuitId::Two, &view, &ENABLED, &mut events);
        }
        let warnings: Vec<bool> = events
            .iter()
            .filter_map(|e| if let Event::Warning { state } = e { Some(state.warning) } else { None })
            .collect();
        assert_eq!((warnings, events.len()), (vec![true, false], 2));
        assert!(watchdog.trip().is_none());
    }
}
