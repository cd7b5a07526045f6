//! The contacts of one circuit: the order in which they move and the rest they need.
//!
//! ```text
//!              outside closes            volts, no amperes           inside closes
//!   both open ───────────────► outside ───────────────────────────►  both closed
//!       ▲                        │ ▲                                     │
//!       └──── amperes gone ──────┘ └──────────── inside opens ───────────┘
//! ```
//!
//! Promises: the outside relay moves without load (it closes before the inside one and opens after it); a relay
//! rests 60 s between closings and closes at most 20 times an hour; opening is never delayed by that; and
//! [`Contactor::open_all`] opens everything at once, without regard to order.

use crate::readings::Sighting;

/// A relay is open at least this long before it closes again.
pub(crate) const MINIMUM_OFF_MS: u64 = 60_000;
/// At most this many closings …
pub(crate) const MAX_CLOSINGS: usize = 20;
/// … in this long, for each relay.
pub(crate) const CLOSINGS_WINDOW_MS: u64 = 3_600_000;
/// New samples that agree before the next contact moves.
const AGREEING: u32 = 2;
/// Before the outside relay follows an opening inside one: long enough to see the current gone and the volts rise …
const VOLTS_RISE_MS: u64 = 600;
/// … on so many new samples.
const WITHOUT_AMPS: u32 = 4;
/// In test mode a relay rests this long.
pub(crate) const TEST_OFF_MS: u64 = 3_000;
/// The outside relay opens at last even if amperes seem to stay. Current through an open inside relay has tripped
/// the watchdog long before.
const CURRENT_GONE_MS: u64 = 10_000;
/// The outside relay, at the far end of a network, gets this long before missing volts are worth a word.
const VOLTS_ARRIVE_MS: u64 = 10_000;

/// Why a closing has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    MinimumOff(u64),
    TooManyClosings(u64),
}

impl Wait {
    const fn ms(self) -> u64 {
        match self {
            Self::MinimumOff(ms) | Self::TooManyClosings(ms) => ms,
        }
    }
}

/// How far the contacts are from what is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// They stand as wished.
    Settled,
    Waiting(Wait),
    /// Closing, one after the other.
    Closing,
    /// Opening, one after the other, to get out of the wrong order or to where it is wished.
    Opening,
    /// The outside relay is closed and no volts came.
    NoVoltage,
}

/// Volts and amperes that are new in this step, and from where on they are more than noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meters {
    pub(crate) volts: Option<Sighting>,
    pub(crate) amps: Option<Sighting>,
    pub(crate) volts_present: f64,
    pub(crate) amps_present: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Relay {
    closed: bool,
    changed_ms: u64,
    /// The last closings, oldest at `closings % MAX_CLOSINGS`.
    closed_at_ms: [u64; MAX_CLOSINGS],
    closings: u64,
    hot_breaks: u64,
    broken_va: f64,
}

impl Relay {
    /// The start counts as an opening.
    const fn new(now_ms: u64) -> Self {
        Self {
            closed: false,
            changed_ms: now_ms,
            closed_at_ms: [0; MAX_CLOSINGS],
            closings: 0,
            hot_breaks: 0,
            broken_va: 0.0,
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// When it last moved; the start counts as an opening.
    pub(crate) const fn changed_ms(&self) -> u64 {
        self.changed_ms
    }

    pub(crate) const fn closings(&self) -> u64 {
        self.closings
    }

    /// Openings under current, and the sum of amperes times volts at them.
    pub(crate) const fn wear(&self) -> (u64, f64) {
        (self.hot_breaks, self.broken_va)
    }

    fn oldest(&self) -> usize {
        (self.closings % MAX_CLOSINGS as u64) as usize
    }

    fn wait(&self, now_ms: u64, minimum_off_ms: u64) -> Option<Wait> {
        let rest = minimum_off_ms.saturating_sub(now_ms.saturating_sub(self.changed_ms));
        let crowded = if self.closings < MAX_CLOSINGS as u64 {
            0
        } else {
            CLOSINGS_WINDOW_MS.saturating_sub(now_ms.saturating_sub(self.closed_at_ms[self.oldest()]))
        };
        match (rest, crowded) {
            (0, 0) => None,
            (rest, crowded) if crowded > rest => Some(Wait::TooManyClosings(crowded)),
            (rest, _) => Some(Wait::MinimumOff(rest)),
        }
    }

    fn close(&mut self, now_ms: u64) {
        let oldest = self.oldest();
        self.closed_at_ms[oldest] = now_ms;
        self.closings += 1;
        self.closed = true;
        self.changed_ms = now_ms;
    }

    /// Breaks what flows, if anything does.
    fn open(&mut self, now_ms: u64, load_va: Option<f64>) {
        if self.closed {
            if let Some(load_va) = load_va {
                self.hot_breaks += 1;
                self.broken_va += load_va;
            }
            self.closed = false;
            self.changed_ms = now_ms;
        }
    }
}

/// The contacts of one circuit.
#[derive(Debug, Clone)]
pub(crate) struct Contactor {
    inside: Relay,
    outside: Relay,
    outside_present: bool,
    minimum_off_ms: u64,
    /// The newest volts and amperes while on.
    load: [f64; 2],
    /// More amperes than this are a load.
    amps_present: f64,
    /// New samples in a row with volts and without amperes, since a contact last moved.
    with_volts: u32,
    without_amps: u32,
}

impl Contactor {
    pub(crate) const fn new(now_ms: u64, outside_present: bool) -> Self {
        Self {
            inside: Relay::new(now_ms),
            outside: Relay::new(now_ms),
            outside_present,
            minimum_off_ms: MINIMUM_OFF_MS,
            load: [0.0; 2],
            amps_present: f64::INFINITY,
            with_volts: 0,
            without_amps: 0,
        }
    }

    /// Moves at most one contact towards the wish.
    pub(crate) fn advance(&mut self, now_ms: u64, inside: bool, outside: bool, meters: &Meters) -> Progress {
        self.count(meters);
        if !self.outside_present {
            return self.move_inside_alone(now_ms, inside);
        }
        let in_place = self.outside.closed == outside;
        match (self.inside.closed, in_place) {
            (true, true) if inside => Progress::Settled,
            (true, _) => {
                self.open_inside(now_ms);
                Progress::Opening
            }
            (false, false) if outside => self.close_outside(now_ms, inside),
            (false, false) => self.open_outside(now_ms),
            (false, true) if !inside => Progress::Settled,
            (false, true) if outside => self.close_inside_on_volts(now_ms),
            (false, true) => self.move_inside_alone(now_ms, true),
        }
    }

    /// Everything opens now. Both contacts may have a share in breaking the load.
    pub(crate) fn open_all(&mut self, now_ms: u64) {
        let load_va = self.load_va();
        self.inside.open(now_ms, load_va);
        self.outside.open(now_ms, load_va);
        self.moved();
    }

    /// How long a relay rests before it closes again.
    pub(crate) const fn set_minimum_off(&mut self, minimum_off_ms: u64) {
        self.minimum_off_ms = minimum_off_ms;
    }

    /// The outside relay was added or taken away; either way the circuit begins open.
    pub(crate) fn set_outside_present(&mut self, now_ms: u64, present: bool) {
        if self.outside_present != present {
            self.open_all(now_ms);
            self.outside_present = present;
        }
    }

    pub(crate) const fn inside(&self) -> &Relay {
        &self.inside
    }

    pub(crate) const fn outside(&self) -> &Relay {
        &self.outside
    }

    /// Whether there is an outside relay.
    pub(crate) const fn has_outside(&self) -> bool {
        self.outside_present
    }

    /// All its relays are commanded closed.
    pub(crate) const fn is_on(&self) -> bool {
        self.inside.closed && (self.outside.closed || !self.outside_present)
    }

    fn move_inside_alone(&mut self, now_ms: u64, wish: bool) -> Progress {
        match (self.inside.closed, wish) {
            (true, false) => self.open_inside(now_ms),
            (false, true) => {
                if let Some(wait) = self.inside.wait(now_ms, self.minimum_off_ms) {
                    return Progress::Waiting(wait);
                }
                self.inside.close(now_ms);
                self.moved();
            }
            _ => {}
        }
        Progress::Settled
    }

    fn open_inside(&mut self, now_ms: u64) {
        self.inside.open(now_ms, self.load_va());
        self.moved();
    }

    /// Only when the inside relay, if it is to follow, may follow at once.
    fn close_outside(&mut self, now_ms: u64, inside_follows: bool) -> Progress {
        let waits = [
            self.outside.wait(now_ms, self.minimum_off_ms),
            self.inside.wait(now_ms, self.minimum_off_ms).filter(|_| inside_follows),
        ];
        if let Some(wait) = waits.into_iter().flatten().max_by_key(|w| w.ms()) {
            return Progress::Waiting(wait);
        }
        self.outside.close(now_ms);
        self.moved();
        Progress::Closing
    }

    fn open_outside(&mut self, now_ms: u64) -> Progress {
        let open_ms = now_ms.saturating_sub(self.inside.changed_ms);
        let gone = self.without_amps >= WITHOUT_AMPS && open_ms >= VOLTS_RISE_MS;
        if !gone && open_ms < CURRENT_GONE_MS {
            return Progress::Opening;
        }
        self.outside.open(now_ms, None);
        self.moved();
        Progress::Settled
    }

    fn close_inside_on_volts(&mut self, now_ms: u64) -> Progress {
        if let Some(wait) = self.inside.wait(now_ms, self.minimum_off_ms) {
            return Progress::Waiting(wait);
        }
        if self.with_volts >= AGREEING && self.without_amps >= AGREEING {
            self.inside.close(now_ms);
            self.moved();
            return Progress::Settled;
        }
        let late = now_ms.saturating_sub(self.outside.changed_ms) >= VOLTS_ARRIVE_MS;
        if late && self.with_volts < AGREEING { Progress::NoVoltage } else { Progress::Closing }
    }

    /// Only samples taken after the last move tell anything about where the contacts stand now.
    fn count(&mut self, meters: &Meters) {
        self.amps_present = meters.amps_present;
        if self.is_on() {
            let newest = [meters.volts, meters.amps].map(|s| s.filter(|s| s.plausible));
            for (load, sighting) in self.load.iter_mut().zip(newest) {
                *load = sighting.map_or(*load, |s| s.value);
            }
        }
        let moved_ms = self.inside.changed_ms.max(self.outside.changed_ms);
        let since_move = |s: &Sighting| s.taken_ms > moved_ms;
        if let Some(volts) = meters.volts.filter(since_move) {
            self.with_volts = if volts.value > meters.volts_present { self.with_volts.saturating_add(1) } else { 0 };
        }
        if let Some(amps) = meters.amps.filter(since_move) {
            let gone = amps.value.abs() <= meters.amps_present;
            self.without_amps = if gone { self.without_amps.saturating_add(1) } else { 0 };
        }
    }

    /// Volts times amperes, if current flows.
    fn load_va(&self) -> Option<f64> {
        let [volts, amps] = self.load;
        (self.is_on() && amps > self.amps_present).then_some((volts * amps).max(0.0))
    }

    fn moved(&mut self) {
        self.load = [0.0; 2];
        self.with_volts = 0;
        self.without_amps = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: u64 = 1_000_000;
    /// Rested since the start.
    const RESTED_MS: u64 = START_MS + MINIMUM_OFF_MS;

    fn meters(volts: f64, amps: f64, taken_ms: u64) -> Meters {
        let sighting = |value| Some(Sighting { raw: value, value, taken_ms, plausible: true });
        Meters { volts: sighting(volts), amps: sighting(amps), volts_present: 14.0, amps_present: 0.5 }
    }

    /// Advances every 100 ms with the same wish and meters; yields the progress and (inside, outside) after each.
    fn drive(
        contactor: &mut Contactor,
        from_ms: u64,
        steps: u64,
        (inside, outside): (bool, bool),
        (volts, amps): (f64, f64),
    ) -> Vec<(Progress, bool, bool)> {
        let step = |n| {
            let now_ms = from_ms + n * 100;
            let progress = contactor.advance(now_ms, inside, outside, &meters(volts, amps, now_ms));
            (progress, contactor.inside.closed, contactor.outside.closed)
        };
        (0..steps).map(step).collect()
    }

    fn closed() -> Contactor {
        let mut contactor = Contactor::new(START_MS, true);
        drive(&mut contactor, RESTED_MS, 3, (true, true), (300.0, 0.0));
        assert!(contactor.is_on());
        contactor
    }

    #[test]
    fn the_start_counts_as_an_opening() {
        let mut contactor = Contactor::new(START_MS, true);
        let early = drive(&mut contactor, RESTED_MS - 100, 1, (true, true), (0.0, 0.0));
        assert_eq!(early, [(Progress::Waiting(Wait::MinimumOff(100)), false, false)]);
    }

    #[test]
    fn outside_closes_first_then_inside_on_volts_without_amperes() {
        let close = |volts, amps| {
            let mut contactor = Contactor::new(START_MS, true);
            drive(&mut contactor, RESTED_MS, 4, (true, true), (volts, amps))
        };
        let (going, done) = ((Progress::Closing, false, true), (Progress::Settled, true, true));
        assert_eq!(close(300.0, 0.0), [going, going, done, done]);
        assert_eq!(close(10.0, 0.0), [going; 4], "no volts yet");
        assert_eq!(close(300.0, 3.0), [going; 4], "a welded inside relay");
    }

    #[test]
    fn missing_volts_are_named_after_ten_seconds() {
        let mut contactor = Contactor::new(START_MS, true);
        let all = drive(&mut contactor, RESTED_MS, 110, (true, true), (0.0, 0.0));
        assert_eq!(all[99].0, Progress::Closing);
        assert_eq!(all[100], (Progress::NoVoltage, false, true));
    }

    #[test]
    fn inside_opens_first_then_outside_when_the_current_is_gone() {
        let open = |amps, steps| drive(&mut closed(), RESTED_MS + 1_000, steps, (false, false), (0.0, amps));
        let going = (Progress::Opening, false, true);
        let opened = open(0.0, 7);
        assert_eq!((&opened[..6], opened[6]), (&[going; 6][..], (Progress::Settled, false, false)));
        let stays = open(5.0, 101);
        assert_eq!((stays[99], stays[100]), (going, (Progress::Settled, false, false)), "bounded");
    }

    #[test]
    fn s26_wear_is_counted_where_a_load_is_broken() {
        let wear = |c: &Contactor| (c.inside.wear(), c.outside.wear());
        let on = |amps| {
            let mut contactor = closed();
            drive(&mut contactor, RESTED_MS + 1_000, 5, (true, true), (250.0, amps));
            contactor
        };
        let mut ordered = on(6.0);
        drive(&mut ordered, RESTED_MS + 2_000, 1, (false, false), (250.0, 6.0));
        drive(&mut ordered, RESTED_MS + 2_100, 20, (false, false), (350.0, 0.0));
        assert_eq!(wear(&ordered), ((1, 1_500.0), (0, 0.0)), "the outside one breaks nothing");
        let mut at_once = on(6.0);
        at_once.open_all(RESTED_MS + 2_000);
        at_once.open_all(RESTED_MS + 2_100);
        assert_eq!(wear(&at_once), ((1, 1_500.0), (1, 1_500.0)));
        let mut dark = on(0.3);
        drive(&mut dark, RESTED_MS + 2_000, 20, (false, false), (250.0, 0.0));
        assert_eq!(wear(&dark), ((0, 0.0), (0, 0.0)));
    }

    #[test]
    fn s19_in_test_mode_three_seconds_of_rest_are_enough() {
        let mut contactor = Contactor::new(START_MS, true);
        contactor.set_minimum_off(TEST_OFF_MS);
        let early = drive(&mut contactor, START_MS + 2_900, 1, (true, true), (0.0, 0.0));
        assert_eq!(early[0].0, Progress::Waiting(Wait::MinimumOff(100)));
        assert_eq!(drive(&mut contactor, START_MS + 3_000, 1, (true, true), (0.0, 0.0))[0].0, Progress::Closing);
    }

    #[test]
    fn samples_from_before_the_move_tell_nothing() {
        let mut contactor = Contactor::new(START_MS, true);
        for n in 0..20 {
            contactor.advance(RESTED_MS + n * 100, true, true, &meters(300.0, 0.0, RESTED_MS));
        }
        assert!(!contactor.inside.closed);
    }

    #[test]
    fn everything_opens_at_once_when_it_must() {
        let mut contactor = closed();
        contactor.open_all(RESTED_MS + 500);
        assert!(!contactor.inside.closed && !contactor.outside.closed);
        assert_eq!(contactor.inside.wait(RESTED_MS + 500, MINIMUM_OFF_MS), Some(Wait::MinimumOff(MINIMUM_OFF_MS)));
        contactor.open_all(RESTED_MS + 1_000);
        assert_eq!(contactor.inside.changed_ms(), RESTED_MS + 500, "an open relay does not open again");
    }

    #[test]
    fn twenty_closings_an_hour() {
        let mut relay = Relay::new(0);
        let mut now_ms = 0;
        for n in 0..20 {
            now_ms += MINIMUM_OFF_MS;
            assert_eq!(relay.wait(now_ms, MINIMUM_OFF_MS), None, "closing {n}");
            relay.close(now_ms);
            relay.open(now_ms, None);
        }
        let first_ms = MINIMUM_OFF_MS;
        now_ms += MINIMUM_OFF_MS;
        assert_eq!(
            relay.wait(now_ms, MINIMUM_OFF_MS),
            Some(Wait::TooManyClosings(first_ms + CLOSINGS_WINDOW_MS - now_ms))
        );
        assert_eq!(relay.wait(first_ms + CLOSINGS_WINDOW_MS, MINIMUM_OFF_MS), None);
        assert_eq!(relay.closings(), 20);
    }

    #[test]
    fn without_an_outside_relay_the_inside_one_moves_alone() {
        let mut contactor = Contactor::new(START_MS, false);
        let all = drive(&mut contactor, RESTED_MS, 1, (true, true), (0.0, 0.0));
        assert_eq!(all, [(Progress::Settled, true, false)]);
        assert!(contactor.is_on());
        drive(&mut contactor, RESTED_MS + 100, 1, (false, false), (0.0, 0.0));
        assert!(!contactor.is_on());
    }
}
