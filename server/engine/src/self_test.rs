//! Do the contacts still do what they are told? Each must have been seen to break and to carry at least 1 A.
//!
//! The order in which contacts move shows it (the voltmeter sits between them), so every opening and closing in the
//! sun is a test:
//! - *broke*: with the outside relay still closed, the inside one opened on at least 1 A and the current is gone (the
//!   watchdog sees to the volts);
//! - *dead*: with both open, no volts are left: the outside one opened;
//! - *carried*: with both closed, at least 1 A flows.
//!
//! When a day went by without all three, a circuit in steady sun is switched off and on again once. A trip that may
//! look healed at night is cleared only after a run that a person ordered: on, until 1 A has flowed, and off.
//!
//! Promises: nothing is concluded in dim light; a run ends by itself; it never delays an opening.

use crate::outputs::SelfTestResult;
use crate::readings::Sighting;
use crate::watchdog::{Contacts, Noise, SETTLE_MS};

/// Less than this proves nothing.
const PROOF_A: f64 = 1.0;
/// New samples that have to agree.
const AGREEING: u32 = 3;
/// A test is due this long after the last …
const DAY_MS: u64 = 24 * 3_600_000;
/// … once this long at least 1 A has flowed without a break …
const BRIGHT_MS: u64 = 15 * 60_000;
/// … and, if it came to nothing, not again sooner than this.
const AGAIN_MS: u64 = 3_600_000;
/// Contacts rest a minute before they close; after that, current is there soon or not at all.
const CLOSING_MS: u64 = 90_000;
/// The outside relay may take 10 s.
const OPENING_MS: u64 = 30_000;

/// What a step shows of the circuit. Samples only while new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) now_ms: u64,
    pub(crate) volts: Option<Sighting>,
    pub(crate) amps: Option<Sighting>,
    pub(crate) contacts: Contacts,
    pub(crate) noise: Noise,
}

/// Who asked for a run, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// Ordered under a trip: on until it has carried.
    Closing { began_ms: u64 },
    /// Off until both contacts have shown that they open.
    Opening { began_ms: u64, since_ms: u64, ordered: bool },
    /// Regulation switches it on again.
    Returning { began_ms: u64 },
}

/// One circuit's self-test.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SelfTest {
    run: Option<Run>,
    tried_ms: Option<u64>,
    broke_ms: Option<u64>,
    dead_ms: Option<u64>,
    carried_ms: Option<u64>,
    bright_since_ms: Option<u64>,
    /// The load was at least 1 A when the inside relay opened.
    hot: bool,
    agreeing: u32,
    before: Option<Contacts>,
}

impl SelfTest {
    /// Looks at a step. A run that ended in it says how.
    pub(crate) fn observe(&mut self, sight: &Sight) -> Option<SelfTestResult> {
        if self.before != Some(sight.contacts) {
            self.before = Some(sight.contacts);
            self.agreeing = 0;
        }
        self.gather(sight);
        self.advance(sight)
    }

    /// What the run under way wishes for the circuit: on or off. `None`: nothing, regulation decides.
    pub(crate) const fn wish(&self) -> Option<bool> {
        match self.run {
            Some(Run::Closing { .. }) => Some(true),
            Some(Run::Opening { .. }) => Some(false),
            Some(Run::Returning { .. }) | None => None,
        }
    }

    /// A run is under way.
    pub(crate) const fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// It was ordered under a trip and is under way.
    pub(crate) const fn is_ordered(&self) -> bool {
        matches!(self.run, Some(Run::Closing { .. } | Run::Opening { ordered: true, .. }))
    }

    /// A person orders a run.
    pub(crate) const fn order(&mut self, now_ms: u64) {
        self.run = Some(Run::Closing { began_ms: now_ms });
    }

    /// Begins the daily run, if it is due in a circuit that regulation heats.
    pub(crate) fn begin_if_due(&mut self, now_ms: u64, has_outside: bool) {
        let bright = self.bright_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= BRIGHT_MS);
        let old = |at: Option<u64>| at.is_none_or(|at| now_ms.saturating_sub(at) >= DAY_MS);
        let tried = self.tried_ms.is_some_and(|at| now_ms.saturating_sub(at) < AGAIN_MS);
        if self.run.is_none() && bright && !tried && (old(self.broke_ms) || (has_outside && old(self.dead_ms))) {
            self.tried_ms = Some(now_ms);
            self.run = Some(Run::Opening { began_ms: now_ms, since_ms: now_ms, ordered: false });
        }
    }

    /// Ends a run without a result.
    pub(crate) const fn abandon(&mut self) -> bool {
        self.run.take().is_some()
    }

    /// When the circuit last had shown all three, on the monotonic clock.
    pub(crate) fn proved_ms(&self, has_outside: bool) -> Option<u64> {
        let dead_ms = if has_outside { self.dead_ms? } else { u64::MAX };
        Some(self.broke_ms?.min(self.carried_ms?).min(dead_ms))
    }

    fn gather(&mut self, sight: &Sight) {
        let Contacts { inside, outside } = sight.contacts;
        let string_is_on = outside.is_none_or(|outside| outside.closed);
        let since_ms = outside.map_or(inside.since_ms, |outside| outside.since_ms.max(inside.since_ms));
        let settled = |s: &Sighting| s.taken_ms >= since_ms + SETTLE_MS;
        let (volts, amps) = (sight.volts.filter(settled), sight.amps.filter(settled));
        match (inside.closed, string_is_on) {
            (true, true) => {
                if let Some(amps) = amps {
                    let carries = self.count(amps.value >= PROOF_A);
                    self.hot = carries;
                    if carries {
                        self.carried_ms = Some(sight.now_ms);
                    }
                    // Around 1 A the noise has its say; below half of it the sun is gone.
                    let dark = amps.value < PROOF_A / 2.0;
                    self.bright_since_ms = if dark { None } else { self.bright_since_ms.or(Some(sight.now_ms)) };
                }
                return;
            }
            (false, true) if self.hot => {
                if let (Some(volts), Some(amps)) = (volts, amps) {
                    let gone = amps.value.abs() <= sight.noise.amps::<1>() && volts.value > sight.noise.volts::<1>();
                    if self.count(gone) {
                        (self.broke_ms, self.hot) = (Some(sight.now_ms), false);
                    }
                }
            }
            (false, false) => {
                self.hot = false;
                if let Some(volts) = volts
                    && self.count(volts.value <= sight.noise.volts::<1>())
                {
                    self.dead_ms = Some(sight.now_ms);
                }
            }
            _ => {}
        }
        self.bright_since_ms = None;
    }

    /// True once enough samples agree.
    const fn count(&mut self, agrees: bool) -> bool {
        self.agreeing = if agrees { self.agreeing.saturating_add(1) } else { 0 };
        self.agreeing >= AGREEING
    }

    fn advance(&mut self, sight: &Sight) -> Option<SelfTestResult> {
        let now_ms = sight.now_ms;
        let late = |since_ms: u64, most_ms| now_ms.saturating_sub(since_ms) >= most_ms;
        let opened = |began_ms| {
            let shown = |at: Option<u64>| at.is_some_and(|at| at >= began_ms);
            shown(self.broke_ms) && (sight.contacts.outside.is_none() || shown(self.dead_ms))
        };
        let carried = |began_ms| self.carried_ms.is_some_and(|at| at > began_ms);
        let (run, result) = match self.run? {
            Run::Closing { began_ms } if carried(began_ms) => {
                (Some(Run::Opening { began_ms, since_ms: now_ms, ordered: true }), None)
            }
            Run::Closing { began_ms } if late(began_ms, CLOSING_MS) => (None, Some(SelfTestResult::Inconclusive)),
            Run::Opening { began_ms, ordered: true, .. } if opened(began_ms) => (None, Some(SelfTestResult::Passed)),
            Run::Opening { began_ms, ordered: false, .. } if opened(began_ms) => {
                (Some(Run::Returning { began_ms: now_ms }), None)
            }
            Run::Opening { since_ms, .. } if late(since_ms, OPENING_MS) => (None, Some(SelfTestResult::Inconclusive)),
            Run::Returning { began_ms } if carried(began_ms) => (None, Some(SelfTestResult::Passed)),
            Run::Returning { began_ms } if late(began_ms, BRIGHT_MS) => (None, Some(SelfTestResult::Inconclusive)),
            run => (Some(run), None),
        };
        self.run = run;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::watchdog::Contact;
    use crate::zero::UNZEROED;

    struct Bench {
        test: SelfTest,
        now_ms: u64,
        contacts: Contacts,
        result: Option<SelfTestResult>,
    }

    impl Bench {
        fn new() -> Self {
            let open = Contact { closed: false, since_ms: 0 };
            let contacts = Contacts { inside: open, outside: Some(open) };
            Self { test: SelfTest::default(), now_ms: 1_000_000, contacts, result: None }
        }

        /// Puts the contacts so, then shows volts and amperes for so long.
        fn show(&mut self, inside: bool, outside: bool, volts: f64, amps: f64, for_ms: u64) {
            let since_ms = self.now_ms;
            let moved = |contact: Contact, closed| {
                if contact.closed == closed { contact } else { Contact { closed, since_ms } }
            };
            self.contacts.inside = moved(self.contacts.inside, inside);
            self.contacts.outside = self.contacts.outside.map(|contact| moved(contact, outside));
            for _ in 0..for_ms / 100 {
                self.now_ms += 100;
                let seen = |value| Some(Sighting { raw: value, value, taken_ms: self.now_ms, plausible: true });
                let noise = Noise::new(&CircuitConfig::default(), UNZEROED);
                let sight =
                    Sight { now_ms: self.now_ms, volts: seen(volts), amps: seen(amps), contacts: self.contacts, noise };
                self.result = self.test.observe(&sight).or(self.result);
            }
        }

        /// An hour of sun, then off and on again.
        fn cycle(&mut self, amps: f64) {
            self.show(true, true, 250.0, amps, 3_600_000);
            self.show(false, true, 350.0, 0.0, 1_000);
            self.show(false, false, 0.0, 0.0, 60_000);
            self.show(true, true, 250.0, amps, 10_000);
        }
    }

    #[test]
    fn s26_an_ordinary_opening_and_closing_in_the_sun_is_a_test() {
        let mut bench = Bench::new();
        bench.cycle(5.0);
        assert!(bench.test.proved_ms(true).is_some_and(|at| bench.now_ms - at < 80_000));
        bench.show(true, true, 250.0, 5.0, 3_600_000);
        bench.test.begin_if_due(bench.now_ms, true);
        assert_eq!(bench.test.wish(), None, "not again today");
        let mut dim = Bench::new();
        dim.cycle(0.9);
        assert_eq!(dim.test.proved_ms(true), None, "too dim to tell");
    }

    #[test]
    fn s26_after_a_day_in_the_sun_it_is_switched_off_and_on_once() {
        let mut bench = Bench::new();
        bench.show(true, true, 250.0, 5.0, 890_000);
        bench.test.begin_if_due(bench.now_ms, true);
        assert_eq!(bench.test.wish(), None, "not yet a quarter of an hour");
        bench.show(true, true, 250.0, 5.0, 20_000);
        bench.test.begin_if_due(bench.now_ms, true);
        assert_eq!(bench.test.wish(), Some(false));
        bench.show(false, true, 350.0, 0.0, 1_000);
        bench.show(false, false, 0.0, 0.0, 5_000);
        assert_eq!((bench.test.wish(), bench.result), (None, None));
        bench.show(true, true, 250.0, 5.0, 2_000);
        assert_eq!(bench.result, Some(SelfTestResult::Passed));
    }

    #[test]
    fn s26_dim_light_is_inconclusive_and_tried_again_an_hour_later() {
        let mut bench = Bench::new();
        bench.show(true, true, 250.0, 5.0, 920_000);
        bench.test.begin_if_due(bench.now_ms, true);
        bench.show(false, true, 350.0, 0.0, 1_000);
        bench.show(false, false, 0.0, 0.0, 60_000);
        bench.show(true, true, 2.0, 0.1, 1_000_000);
        assert_eq!((bench.result, bench.test.wish()), (Some(SelfTestResult::Inconclusive), None));
    }

    #[test]
    fn s18_an_ordered_run_closes_until_it_carries_and_opens() {
        let mut bench = Bench::new();
        bench.test.order(bench.now_ms);
        assert_eq!((bench.test.wish(), bench.test.is_ordered()), (Some(true), true));
        bench.show(true, true, 250.0, 5.0, 1_000);
        assert_eq!(bench.test.wish(), Some(false));
        bench.show(false, true, 350.0, 0.0, 1_000);
        assert_eq!(bench.result, None);
        bench.show(false, false, 0.0, 0.0, 2_000);
        assert_eq!((bench.result, bench.test.wish()), (Some(SelfTestResult::Passed), None));
        // What does not open, or does not carry, proves nothing.
        for (carries, opens) in [(0.9, 0.0), (5.0, 5.0)] {
            let mut bench = Bench::new();
            bench.test.order(bench.now_ms);
            bench.show(true, true, 250.0, carries, 1_000);
            bench.show(false, true, 250.0, opens, 1_000);
            bench.show(false, false, 0.0, 0.0, 100_000);
            assert_eq!(bench.result, Some(SelfTestResult::Inconclusive));
        }
    }
}
