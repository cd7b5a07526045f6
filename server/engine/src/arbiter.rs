//! The ladder: who decides about a circuit. The first rung that applies does, and says why.
//!
//! Trip, boot hold, lost sensors, restart lock-out, an unknown panel and all-off forbid: the relays open at once,
//! whatever else is wished. Below them come the wishes: heat near the limit, test mode, self-test, manual overrides, the day/night window, the thermostat. A new rung is one
//! function and one entry in [`LADDER`]. Contact timing is not a rung: it delays what is decided here
//! ([`crate::contactor`]).

use crate::config::CircuitConfig;
use crate::daylight::Light;
use crate::inputs::SensorId;
use crate::outputs::{Override, Reason, Trip, Validity};
use crate::units::{Fahrenheit, Now};

/// No relay closes this long after the start.
pub(crate) const BOOT_HOLD_MS: u64 = 30_000;

/// All that matters for one circuit's decision.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a CircuitConfig,
    pub(crate) trip: Option<Trip>,
    pub(crate) started_ms: u64,
    /// The first sensor of the circuit without a valid reading.
    pub(crate) not_ready: Option<(SensorId, Validity)>,
    pub(crate) unguarded: bool,
    pub(crate) locked_out: bool,
    /// See [`crate::panel::PanelWatch::hold`].
    pub(crate) panel_hold: Option<Option<u64>>,
    pub(crate) all_off: bool,
    /// Milliseconds of test mode left.
    pub(crate) test_mode: Option<u64>,
    /// What a self-test under way wishes.
    pub(crate) self_test: Option<bool>,
    /// A person ordered this circuit's self-test under a trip.
    pub(crate) proving: bool,
    /// The water is near its limit.
    pub(crate) too_hot: bool,
    /// The larger of raw and calibrated; `None` while not valid.
    pub(crate) hottest: Option<f64>,
    /// The calibrated reading; `None` while not valid.
    pub(crate) temperature: Option<f64>,
    pub(crate) forced: Option<Override>,
    /// Inside, outside; an absent relay follows the circuit.
    pub(crate) forced_relays: [Option<Override>; 2],
    pub(crate) outside_present: bool,
    pub(crate) light: Light,
    pub(crate) demand: bool,
}

/// What is wished for a circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decision {
    /// Inside, outside: may and should be closed, when contact timing allows.
    pub(crate) relays: [bool; 2],
    /// The whole circuit should heat.
    pub(crate) on: bool,
    /// False: every relay opens at once, without regard to order.
    pub(crate) permitted: bool,
    pub(crate) reason: Reason,
}

/// A rung's word on the circuit as a whole.
enum Word {
    Forbidden(Reason),
    /// Off, and no relay may be forced on either.
    Barred(Reason),
    Wish(bool, Reason),
    /// On or off, and no relay may differ.
    Exactly(bool, Reason),
    /// Each relay as a person says, open without a word.
    ByHand(Reason),
}

type Rung = fn(&Situation<'_>) -> Option<Word>;

const LADDER: [Rung; 13] = [
    trip,
    boot_hold,
    sensors,
    unguarded,
    lock_out,
    panel,
    all_off,
    near_the_limit,
    test_mode,
    self_test,
    manual,
    window,
    thermostat,
];

/// Climbs down the ladder.
pub(crate) fn decide(situation: &Situation<'_>) -> Decision {
    // The thermostat at the ladder's foot always has a word; without one nothing would be permitted.
    let word = LADDER.iter().find_map(|rung| rung(situation));
    match word {
        Some(Word::Wish(on, reason)) => {
            let wish = |relay: usize| situation.forced_relays[relay].map_or(on, |forced| forced.on);
            Decision { relays: [wish(0), wish(1)], on, permitted: true, reason }
        }
        Some(Word::ByHand(reason)) => {
            let wish = |relay: usize| situation.forced_relays[relay].is_some_and(|forced| forced.on);
            Decision { relays: [wish(0), wish(1)], on: false, permitted: true, reason }
        }
        Some(Word::Exactly(on, reason)) => Decision { relays: [on; 2], on, permitted: true, reason },
        Some(Word::Barred(reason)) => Decision { relays: [false; 2], on: false, permitted: true, reason },
        Some(Word::Forbidden(reason)) => forbidden(reason),
        None => forbidden(Reason::AllOff),
    }
}

const fn forbidden(reason: Reason) -> Decision {
    Decision { relays: [false; 2], on: false, permitted: false, reason }
}

fn trip(s: &Situation<'_>) -> Option<Word> {
    s.trip.filter(|_| !s.proving).map(|trip| Word::Forbidden(Reason::Tripped(trip)))
}

fn boot_hold(s: &Situation<'_>) -> Option<Word> {
    let remaining_ms = BOOT_HOLD_MS.saturating_sub(s.now.since(s.started_ms));
    (remaining_ms > 0).then_some(Word::Forbidden(Reason::BootHold { remaining_ms }))
}

fn sensors(s: &Situation<'_>) -> Option<Word> {
    s.not_ready.map(|(sensor, validity)| Word::Forbidden(Reason::SensorNotReady { sensor, validity }))
}

fn unguarded(s: &Situation<'_>) -> Option<Word> {
    s.unguarded.then_some(Word::Forbidden(Reason::Unguarded))
}

fn lock_out(s: &Situation<'_>) -> Option<Word> {
    s.locked_out.then_some(Word::Forbidden(Reason::RestartLockOut))
}

fn panel(s: &Situation<'_>) -> Option<Word> {
    s.panel_hold.map(|remaining_ms| Word::Forbidden(Reason::PanelUnknown { remaining_ms }))
}

fn all_off(s: &Situation<'_>) -> Option<Word> {
    s.all_off.then_some(Word::Forbidden(Reason::AllOff))
}

fn near_the_limit(s: &Situation<'_>) -> Option<Word> {
    let temperature = s.hottest.filter(|_| s.too_hot)?;
    Some(Word::Barred(Reason::OverrideTooHot { temperature: Fahrenheit(temperature), limit: s.config.on_ends_at() }))
}

fn test_mode(s: &Situation<'_>) -> Option<Word> {
    s.test_mode.map(|remaining_ms| Word::ByHand(Reason::TestMode { remaining_ms }))
}

fn self_test(s: &Situation<'_>) -> Option<Word> {
    s.self_test.map(|on| Word::Exactly(on, Reason::SelfTest))
}

/// Off wins over on: a circuit forced off keeps all its relays open, a relay forced off takes its circuit with it.
/// All relays forced on switch the circuit on.
fn manual(s: &Situation<'_>) -> Option<Word> {
    let reason = |forced: Override| {
        let remaining_ms = forced.until_mono_ms.saturating_sub(s.now.mono_ms);
        Reason::Override { on: forced.on, remaining_ms }
    };
    if let Some(off) = s.forced.filter(|f| !f.on) {
        return Some(Word::Barred(reason(off)));
    }
    let [inside, outside] = s.forced_relays;
    let relay_off = [inside, outside].into_iter().flatten().find(|f| !f.on);
    let relays_on = inside.filter(|f| f.on).and_then(|inside| match (s.outside_present, outside) {
        (false, _) => Some(inside),
        (true, Some(outside)) if outside.on => Some(sooner(inside, outside)),
        (true, _) => None,
    });
    let forced = relay_off.or(s.forced).or(relays_on)?;
    Some(Word::Wish(forced.on, reason(forced)))
}

fn sooner(a: Override, b: Override) -> Override {
    if a.until_mono_ms <= b.until_mono_ms { a } else { b }
}

fn window(s: &Situation<'_>) -> Option<Word> {
    match s.light {
        Light::Open(_) => None,
        Light::Closed(until) => Some(Word::Wish(false, Reason::Night { until })),
        Light::NoClock => Some(Word::Wish(false, Reason::NoClock)),
    }
}

fn thermostat(s: &Situation<'_>) -> Option<Word> {
    let temperature = Fahrenheit(s.temperature?);
    let target = s.config.target;
    Some(if s.demand {
        Word::Wish(true, Reason::Heating { temperature, target })
    } else {
        Word::Wish(false, Reason::AtTarget { temperature, target, on_below: s.config.on_below() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::CircuitId;
    use crate::outputs::TriggerId;
    use crate::units::UtcMs;

    const NOW_MS: u64 = 1_000_000;

    /// A cold tank at noon, an hour after the start.
    fn heating(config: &CircuitConfig) -> Situation<'_> {
        Situation {
            now: Now { mono_ms: NOW_MS, wall: None },
            config,
            trip: None,
            started_ms: 0,
            not_ready: None,
            unguarded: false,
            locked_out: false,
            panel_hold: None,
            all_off: false,
            test_mode: None,
            self_test: None,
            proving: false,
            too_hot: false,
            hottest: Some(100.0),
            temperature: Some(100.0),
            forced: None,
            forced_relays: [None; 2],
            outside_present: true,
            light: Light::Open(None),
            demand: true,
        }
    }

    fn forced(on: bool, for_ms: u64) -> Option<Override> {
        Some(Override { on, until_mono_ms: NOW_MS + for_ms })
    }

    fn overridden(on: bool, remaining_ms: u64) -> Reason {
        Reason::Override { on, remaining_ms }
    }

    /// Each rung is put on top of all those below it, and decides.
    #[test]
    fn the_first_rung_that_applies_decides() {
        type Rung = fn(&mut Situation<'_>);
        let trip = Trip {
            trigger: TriggerId::Impedance,
            circuit: CircuitId::Two,
            value: 1.0,
            limit: 2.0,
            at: None,
            at_mono_ms: 3,
        };
        let stale = Reason::SensorNotReady { sensor: SensorId::T1, validity: Validity::Stale };
        let (hot, limit) = (Fahrenheit(156.0), Fahrenheit(155.0));
        let (temperature, target) = (Fahrenheit(100.0), Fahrenheit(120.0));
        let rows: [(Rung, bool, bool, Reason); 14] = [
            (|_| {}, true, true, Reason::Heating { temperature, target }),
            (|s| s.demand = false, true, false, Reason::AtTarget { temperature, target, on_below: Fahrenheit(118.0) }),
            (|s| s.light = Light::Closed(Some(UtcMs(5))), true, false, Reason::Night { until: Some(UtcMs(5)) }),
            (|s| s.forced = forced(true, 900), true, true, overridden(true, 900)),
            (|s| s.self_test = Some(false), true, false, Reason::SelfTest),
            (|s| s.test_mode = Some(700), true, false, Reason::TestMode { remaining_ms: 700 }),
            (
                |s| (s.too_hot, s.hottest) = (true, Some(156.0)),
                true,
                false,
                Reason::OverrideTooHot { temperature: hot, limit },
            ),
            (|s| s.all_off = true, false, false, Reason::AllOff),
            (|s| s.panel_hold = Some(Some(9)), false, false, Reason::PanelUnknown { remaining_ms: Some(9) }),
            (|s| s.locked_out = true, false, false, Reason::RestartLockOut),
            (|s| s.unguarded = true, false, false, Reason::Unguarded),
            (|s| s.not_ready = Some((SensorId::T1, Validity::Stale)), false, false, stale),
            (|s| s.started_ms = NOW_MS - 29_999, false, false, Reason::BootHold { remaining_ms: 1 }),
            (|s| s.trip = None, false, false, Reason::BootHold { remaining_ms: 1 }),
        ];
        let config = CircuitConfig::default();
        let mut situation = heating(&config);
        for (rung, permitted, on, reason) in rows {
            rung(&mut situation);
            let decision = decide(&situation);
            assert_eq!(decision, Decision { relays: [on; 2], on, permitted, reason });
        }
        situation.trip = Some(trip);
        assert_eq!(decide(&situation).reason, Reason::Tripped(trip));
        assert!(!decide(&situation).permitted);
    }

    #[test]
    fn s18_only_an_ordered_self_test_passes_by_a_trip_and_only_that() {
        let config = CircuitConfig::default();
        let trip = Trip {
            trigger: TriggerId::UnexpectedCurrent,
            circuit: CircuitId::One,
            value: 5.0,
            limit: 0.5,
            at: None,
            at_mono_ms: 3,
        };
        let proving = || Situation { trip: Some(trip), proving: true, self_test: Some(true), ..heating(&config) };
        assert_eq!((decide(&proving()).on, decide(&proving()).reason), (true, Reason::SelfTest));
        assert!(!decide(&Situation { all_off: true, ..proving() }).permitted);
        assert!(!decide(&Situation { locked_out: true, ..proving() }).permitted);
        assert!(!decide(&Situation { proving: false, ..proving() }).permitted);
    }

    #[test]
    fn s19_in_test_mode_each_relay_does_as_it_is_told_and_nothing_by_itself() {
        let config = CircuitConfig::default();
        let relays = |circuit, inside, outside| {
            let forced_relays = [inside, outside];
            decide(&Situation { test_mode: Some(5), forced: circuit, forced_relays, ..heating(&config) }).relays
        };
        assert_eq!(relays(None, None, None), [false, false]);
        assert_eq!(relays(forced(true, 500), None, None), [false, false]);
        assert_eq!(relays(forced(false, 500), forced(true, 500), forced(false, 500)), [true, false]);
        assert_eq!(relays(None, forced(true, 500), forced(true, 500)), [true, true]);
    }

    #[test]
    fn no_clock_is_no_day() {
        let config = CircuitConfig::default();
        let decision = decide(&Situation { light: Light::NoClock, ..heating(&config) });
        assert_eq!((decision.on, decision.reason), (false, Reason::NoClock));
    }

    #[test]
    fn overrides_of_relays_and_circuits() {
        // Circuit, inside, outside: what the relays should do, and whose override is named.
        let (on, off, sooner_on) = (forced(true, 500), forced(false, 700), forced(true, 300));
        let rows = [
            ([None, on, None], [true, false], None),
            ([None, None, on], [false, true], None),
            ([None, on, sooner_on], [true, true], Some(overridden(true, 300))),
            ([None, off, on], [false, true], Some(overridden(false, 700))),
            ([on, None, off], [false, false], Some(overridden(false, 700))),
            ([on, on, off], [true, false], Some(overridden(false, 700))),
            ([off, on, on], [false, false], Some(overridden(false, 700))),
            ([off, None, None], [false, false], Some(overridden(false, 700))),
            ([on, None, None], [true, true], Some(overridden(true, 500))),
        ];
        let config = CircuitConfig::default();
        for ([circuit, inside, outside], relays, reason) in rows {
            let situation =
                Situation { demand: false, forced: circuit, forced_relays: [inside, outside], ..heating(&config) };
            let decision = decide(&situation);
            assert_eq!(decision.relays, relays, "{situation:?}");
            match reason {
                Some(reason) => assert_eq!(decision.reason, reason),
                None => assert!(matches!(decision.reason, Reason::AtTarget { .. }), "{situation:?}"),
            }
        }
        let alone = Situation { demand: false, outside_present: false, forced_relays: [on, None], ..heating(&config) };
        assert_eq!(decide(&alone).reason, overridden(true, 500));
    }
}
