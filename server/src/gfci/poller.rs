//! When the panel is asked what, and what its answers amount to: a state machine without a socket or a clock.
//!
//! Times are milliseconds on a monotonic clock and come as arguments; the caller does what [`Poller::next`] says,
//! one thing at a time, and reports what came of it.
//!
//! Promises:
//! - A poll each 0.5 s; slower, with jitter, only once the panel is unknown.
//! - A panel that was silent for 4.5 s, that started anew, or that can't measure leakage is not good: its
//!   [`PanelState::seen_ms`] stops, or goes.
//! - "Off" goes out at once and again each 0.5 s until a later poll shows it. "On" is a lease that is renewed, right
//!   after a good poll; it never goes to an unknown panel, and after an unknown time only once the wish was off.
//! - A trip that came and went between two polls is still seen, by its number.

use engine::inputs::CircuitId;

use crate::gfci::{Abilities, Boot, Breaker, PanelError, Poll};

/// The intervals, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From poll to poll.
    pub poll_ms: u64,
    /// Silence after which the panel is unknown.
    pub unknown_after_ms: u64,
    /// The slowest poll of an unknown panel.
    pub slowest_poll_ms: u64,
    /// From renewal to renewal of an "on".
    pub renew_ms: u64,
    /// A lease that was not renewed for this long no longer counts as held, so that the inside relay opens before
    /// it lapses.
    pub lease_doubtful_ms: u64,
    /// From one unconfirmed order to the next.
    pub repeat_ms: u64,
    /// An unknown panel gets "off" at that pace for so long, then at the pace of polls: any lease has lapsed.
    pub insist_ms: u64,
    /// A trip that came and went shows for this long, so that the loop sees it even when it is late.
    pub show_trip_ms: u64,
}

impl Default for Timing {
    /// The lease's 8 s leave: 3 s without renewal, 4.5 s until the inside relay opens, 0.5 s for that to happen.
    fn default() -> Self {
        Self {
            poll_ms: 500,
            unknown_after_ms: 4_500,
            slowest_poll_ms: 8_000,
            renew_ms: 1_000,
            lease_doubtful_ms: 3_000,
            repeat_ms: 500,
            insist_ms: 30_000,
            show_trip_ms: 3_000,
        }
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Poll, and report to [`Poller::polled`].
    Poll,
    /// Order a relay, and report to [`Poller::ordered`].
    Order(Order),
    /// Nothing before this moment, ms, unless the wishes change.
    Wait(u64),
}

/// An order for an outside relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Whose relay.
    pub circuit: CircuitId,
    /// Close it, or open it.
    pub on: bool,
}

/// What is known of the panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PanelState {
    /// When the newest good poll was sent. `None`: never, or the panel started anew since.
    pub seen_ms: Option<u64>,
    /// The newest good poll is recent enough to rely on.
    pub known: bool,
    /// Which circuits' breakers tripped. Keeps its last word while the panel is unknown.
    pub tripped: [bool; 2],
    /// The panel's newest words.
    pub breakers: [Breaker; 2],
    /// Why the newest poll was not good.
    pub fault: Option<Fault>,
    /// How often the panel was seen to start anew.
    pub restarts: u64,
}

/// Why a poll was not good.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// It failed.
    #[error(transparent)]
    Failed(#[from] PanelError),
    /// The panel started anew; nothing it said before holds.
    #[error("the panel has started anew")]
    Restarted,
    /// A breaker is blind.
    #[error("breaker {} can't measure leakage", .0.number())]
    Blind(CircuitId),
    /// The panel answers polls, and does not renew the lease.
    #[error("the panel does not take the renewal for relay {}", .0.outside().name())]
    LeaseNotRenewed(CircuitId),
}

impl Fault {
    /// What sort of fault it is, whatever its words.
    pub fn kind(&self) -> impl PartialEq + use<> {
        let failed = match self {
            Self::Failed(error) => Some(std::mem::discriminant(error)),
            _ => None,
        };
        (std::mem::discriminant(self), failed)
    }
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Poller {
    timing: Timing,
    abilities: Abilities,
    state: PanelState,
    boot: Option<Boot>,
    trips: [TripWatch; 2],
    relays: [RelayWatch; 2],
    next_poll_ms: u64,
    /// In a row, since the panel is unknown.
    failures: u32,
    pause_ms: u64,
    polled_last: bool,
}

/// How many trips a breaker had and which was its newest, and until when one that came and went is shown.
#[derive(Debug, Clone, Copy, Default)]
struct TripWatch {
    seen: Option<(Option<u64>, Option<u64>)>,
    shown_until_ms: Option<u64>,
}

/// One outside relay: what the loop wants and how far that got.
#[derive(Debug, Clone, Copy, Default)]
struct RelayWatch {
    wanted: bool,
    wanted_since_ms: u64,
    /// The wish dates from before the panel was unknown, or the panel opened the relay meanwhile: closing now could
    /// be closing under load.
    outdated: bool,
    ordered_ms: Option<u64>,
    renewed_ms: Option<u64>,
    on_seen: bool,
    off_confirmed: bool,
}

impl Poller {
    /// Knows nothing yet and wants both relays open.
    pub fn new(timing: Timing, abilities: Abilities, now_ms: u64) -> Self {
        let relay = RelayWatch { wanted_since_ms: now_ms, ..RelayWatch::default() };
        Self {
            timing,
            abilities,
            state: PanelState::default(),
            boot: None,
            trips: [TripWatch::default(); 2],
            relays: [relay; 2],
            next_poll_ms: now_ms,
            failures: 0,
            pause_ms: timing.poll_ms,
            polled_last: false,
        }
    }

    /// What is known now.
    pub fn state(&self) -> &PanelState {
        &self.state
    }

    /// True when the panel itself has shown that both relays are open, and both are to be.
    pub fn is_off_confirmed(&self) -> bool {
        self.relays.iter().all(|relay| !relay.wanted && relay.off_confirmed)
    }

    /// What the loop wants of the outside relays.
    pub fn want(&mut self, now_ms: u64, on: [bool; 2]) {
        for (relay, on) in self.relays.iter_mut().zip(on) {
            if relay.wanted != on {
                *relay = RelayWatch {
                    wanted: on,
                    wanted_since_ms: now_ms,
                    // A wish to open is a fresh start: the next "on" is a new one.
                    outdated: relay.outdated && on,
                    ..RelayWatch::default()
                };
            }
        }
    }

    /// What is to be done now. Polls and "off" take turns when both are due, so that neither starves.
    pub fn next(&mut self, now_ms: u64) -> Next {
        self.age(now_ms);
        let poll_due = now_ms >= self.next_poll_ms;
        let order = self.due_order(now_ms);
        match order {
            Some(order) if !poll_due || (!order.on && self.polled_last) => Next::Order(order),
            _ if poll_due => Next::Poll,
            _ => Next::Wait(self.next_due_ms(now_ms)),
        }
    }

    /// A poll that was sent at `sent_ms` came to this. `jitter`, evenly from 0 to 1, spreads the polls of an unknown
    /// panel.
    pub fn polled(&mut self, sent_ms: u64, now_ms: u64, result: Result<Poll, PanelError>, jitter: f64) {
        self.polled_last = true;
        match result {
            Ok(poll) => {
                self.failures = 0;
                self.state.fault = self.answered(sent_ms, now_ms, poll);
                if self.state.fault.is_none() {
                    self.state.seen_ms = Some(sent_ms);
                }
            }
            Err(error) => {
                self.state.fault = Some(error.into());
            }
        }
        self.age(now_ms);
        if !self.state.known && matches!(self.state.fault, Some(Fault::Failed(_))) {
            self.failures = self.failures.saturating_add(1);
        }
        self.pause_ms = self.pause(jitter);
        self.next_poll_ms = sent_ms + self.pause_ms;
    }

    /// An order that was sent at `sent_ms` was taken, or not. What came of it the next poll shows.
    pub fn ordered(&mut self, sent_ms: u64, order: Order, taken: bool) {
        self.polled_last = false;
        let relay = &mut self.relays[order.circuit.index()];
        if relay.wanted != order.on {
            return;
        }
        let first = relay.ordered_ms.is_none();
        relay.ordered_ms = Some(sent_ms);
        if taken {
            relay.renewed_ms = Some(sent_ms);
        }
        if first && taken {
            self.next_poll_ms = self.next_poll_ms.min(sent_ms);
        }
    }

    /// Takes in a poll that was answered; gives why it is not good, if so.
    fn answered(&mut self, sent_ms: u64, now_ms: u64, poll: Poll) -> Option<Fault> {
        let restarted = self.has_restarted(poll.boot.as_ref());
        self.boot = poll.boot;
        for (index, breaker) in poll.breakers.iter().enumerate() {
            let passed = self.trips[index].note(now_ms, self.timing.show_trip_ms, breaker);
            self.state.tripped[index] = breaker.tripped || passed;
            let relay = &mut self.relays[index];
            relay.shown(breaker.relay_on);
        }
        self.state.breakers = poll.breakers;
        if restarted {
            self.state.restarts += 1;
            self.forget();
            return Some(Fault::Restarted);
        }
        let blind = |id: &CircuitId| self.state.breakers[id.index()].leakage_valid == Some(false);
        if let Some(id) = CircuitId::ALL.into_iter().find(blind) {
            return Some(Fault::Blind(id));
        }
        let doubtful = |id: &CircuitId| self.is_lease_doubtful(self.relays[id.index()], sent_ms);
        CircuitId::ALL.into_iter().find(doubtful).map(Fault::LeaseNotRenewed)
    }

    /// Another start's identifier, or a clock or counter that went back.
    fn has_restarted(&self, now: Option<&Boot>) -> bool {
        match (&self.boot, now) {
            (Some(before), Some(now)) => before.id != now.id || now.uptime_s < before.uptime_s || now.seq < before.seq,
            _ => false,
        }
    }

    fn is_lease_doubtful(&self, relay: RelayWatch, now_ms: u64) -> bool {
        self.abilities.lease
            && relay.wanted
            && relay.renewed_ms.is_some_and(|renewed| now_ms.saturating_sub(renewed) > self.timing.lease_doubtful_ms)
    }

    /// Lets what has become too old expire.
    fn age(&mut self, now_ms: u64) {
        let was_known = self.state.known;
        self.state.known =
            self.state.seen_ms.is_some_and(|seen| now_ms.saturating_sub(seen) <= self.timing.unknown_after_ms);
        if was_known && !self.state.known {
            self.forget();
        }
    }

    /// The panel is unknown: no wish from before may close a relay, no confirmation stands.
    fn forget(&mut self) {
        self.state.seen_ms = None;
        self.state.known = false;
        for relay in &mut self.relays {
            relay.outdated = relay.wanted;
            relay.off_confirmed = false;
        }
    }

    /// Until the next poll: the usual, or for an unknown panel twice as much with each failure, less up to a half.
    fn pause(&self, jitter: f64) -> u64 {
        if self.state.known || self.failures == 0 {
            return self.timing.poll_ms;
        }
        let doubled = self.timing.poll_ms.saturating_mul(1 << self.failures.min(16));
        let longest = doubled.min(self.timing.slowest_poll_ms);
        (longest as f64 * (1.0 - jitter.clamp(0.0, 1.0) / 2.0)) as u64
    }

    /// The order that is due: an "off" before an "on", and of two the one that waited longer.
    fn due_order(&self, now_ms: u64) -> Option<Order> {
        let due = CircuitId::ALL.into_iter().filter(|id| {
            let due = self.order_due_ms(self.relays[id.index()], now_ms);
            due.is_some_and(|due| due <= now_ms) && self.may_order(self.relays[id.index()])
        });
        let order = |id: CircuitId| Order { circuit: id, on: self.relays[id.index()].wanted };
        due.map(order).min_by_key(|order| (order.on, self.relays[order.circuit.index()].ordered_ms))
    }

    /// A renewal follows a good poll, at once: it must not close a relay that a restart has opened.
    fn may_order(&self, relay: RelayWatch) -> bool {
        let answered = !matches!(self.state.fault, Some(Fault::Failed(_) | Fault::Restarted));
        !relay.wanted || relay.ordered_ms.is_none() || (self.polled_last && answered)
    }

    /// When the relay needs its next order; `None` while it needs none.
    fn order_due_ms(&self, relay: RelayWatch, now_ms: u64) -> Option<u64> {
        if !relay.wanted {
            let insist = self.state.known || now_ms.saturating_sub(relay.wanted_since_ms) <= self.timing.insist_ms;
            let pace = if insist { self.timing.repeat_ms } else { self.pause_ms };
            let due = relay.ordered_ms.map_or(now_ms, |ordered| ordered + pace);
            return (!relay.off_confirmed).then_some(due);
        }
        if relay.outdated || !self.state.known {
            return None;
        }
        match (relay.ordered_ms, relay.renewed_ms) {
            (None, _) => Some(now_ms),
            (Some(ordered), Some(renewed)) if ordered == renewed => {
                self.abilities.lease.then_some(renewed + self.timing.renew_ms)
            }
            // The newest attempt failed.
            (Some(ordered), _) => Some(ordered + self.timing.repeat_ms),
        }
    }

    fn next_due_ms(&self, now_ms: u64) -> u64 {
        let offs = self.relays.iter().filter(|relay| !relay.wanted);
        let due = offs.filter_map(|relay| self.order_due_ms(*relay, now_ms));
        due.fold(self.next_poll_ms, u64::min)
    }
}

impl RelayWatch {
    /// Takes in what the panel says of the contact.
    fn shown(&mut self, on: Option<bool>) {
        self.off_confirmed = !self.wanted && on == Some(false);
        self.outdated |= self.wanted && self.on_seen && on == Some(false);
        self.on_seen |= self.wanted && on == Some(true);
    }
}

impl TripWatch {
    /// Takes in the breaker's newest trip; true while one shows that came and went since the poll before.
    fn note(&mut self, now_ms: u64, show_ms: u64, breaker: &Breaker) -> bool {
        let now = (breaker.trip_count, breaker.last_trip.map(|trip| trip.seq));
        if self.seen.is_some_and(|before| now.0 > before.0 || now.1 > before.1) {
            self.shown_until_ms = Some(now_ms + show_ms);
        }
        self.seen = Some(now);
        self.shown_until_ms.is_some_and(|until| now_ms < until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::gfci::{BreakerState, Trip, TripCause};

    const LEASED: Abilities = crate::gfci::json::ABILITIES;

    /// A panel in simulated time behind a poller: how it answers, and what was asked of it when.
    struct Bench {
        poller: Poller,
        now_ms: u64,
        /// How long each request takes, ms.
        latency_ms: u64,
        /// Requests fail from this moment to that one.
        deaf: std::ops::Range<u64>,
        boot: Boot,
        breakers: [Breaker; 2],
        lapses_ms: [u64; 2],
        takes_orders: bool,
        polls: Vec<u64>,
        orders: Vec<(u64, Order)>,
    }

    impl Bench {
        fn new() -> Self {
            let breaker = Breaker {
                state: Some(BreakerState::Closed),
                relay_on: Some(false),
                leakage_valid: Some(true),
                trip_count: Some(0),
                ..Breaker::default()
            };
            Self {
                poller: Poller::new(Timing::default(), LEASED, 0),
                now_ms: 0,
                latency_ms: 20,
                deaf: 0..0,
                boot: Boot { id: "a".into(), uptime_s: 0, seq: 0 },
                breakers: [breaker.clone(), breaker],
                lapses_ms: [0; 2],
                takes_orders: true,
                polls: Vec::new(),
                orders: Vec::new(),
            }
        }

        /// Does what the poller says until this moment, wanting this.
        fn run_to(&mut self, end_ms: u64, want: [bool; 2]) {
            while self.now_ms < end_ms {
                self.poller.want(self.now_ms, want);
                let sent_ms = self.now_ms;
                match self.poller.next(sent_ms) {
                    Next::Wait(until_ms) => {
                        assert!(until_ms > sent_ms, "a wait that ends before it begins spins");
                        self.now_ms = until_ms.min(end_ms);
                    }
                    Next::Poll => {
                        self.polls.push(sent_ms);
                        let answers = self.pass(sent_ms);
                        let poll = Poll { boot: Some(self.boot.clone()), breakers: self.shown() };
                        self.poller.polled(
                            sent_ms,
                            self.now_ms,
                            if answers { Ok(poll) } else { Err(PanelError::Timeout) },
                            0.5,
                        );
                    }
                    Next::Order(order) => {
                        self.orders.push((sent_ms, order));
                        let taken = self.pass(sent_ms) && self.takes_orders;
                        if taken {
                            self.lapses_ms[order.circuit.index()] = if order.on { self.now_ms + 8_000 } else { 0 };
                        }
                        self.poller.ordered(sent_ms, order, taken);
                    }
                }
            }
            self.poller.next(self.now_ms);
        }

        /// Lets a request's time pass; false when the panel is deaf to it.
        fn pass(&mut self, sent_ms: u64) -> bool {
            let deaf = self.deaf.contains(&sent_ms);
            self.now_ms += if deaf { 400 } else { self.latency_ms };
            self.boot.uptime_s = self.now_ms / 1_000;
            self.boot.seq += 1;
            !deaf
        }

        fn shown(&self) -> [Breaker; 2] {
            let mut breakers = self.breakers.clone();
            for (breaker, lapses) in breakers.iter_mut().zip(self.lapses_ms) {
                breaker.relay_on = Some(self.now_ms < lapses);
            }
            breakers
        }

        fn state(&self) -> &PanelState {
            self.poller.state()
        }

        fn ons_since(&self, from_ms: u64) -> usize {
            self.orders.iter().filter(|(at, order)| *at >= from_ms && order.on).count()
        }
    }

    #[test]
    fn a_healthy_panel_is_polled_each_half_second_and_is_known_from_the_first_answer() {
        let mut bench = Bench::new();
        bench.run_to(10_000, [false; 2]);
        assert_eq!(bench.polls, (0..10_000).step_by(500).collect::<Vec<_>>());
        assert!(bench.state().known);
        assert_eq!(bench.state().seen_ms, Some(9_500));
        assert!(bench.poller.is_off_confirmed());
    }

    #[test]
    fn silence_makes_it_unknown_in_time_and_only_then_are_polls_rarer() {
        let mut bench = Bench::new();
        bench.deaf = 10_000..60_000;
        bench.run_to(14_000, [false; 2]);
        assert!(bench.state().known, "4.5 s of silence are allowed");
        let before: Vec<u64> = bench.polls.iter().copied().filter(|at| *at >= 9_000).collect();
        assert!(before.windows(2).all(|pair| pair[1] - pair[0] <= 900), "{before:?}");
        bench.run_to(15_000, [false; 2]);
        assert!(!bench.state().known);
        assert_eq!(bench.state().seen_ms, None);
        bench.run_to(60_000, [false; 2]);
        let pauses: Vec<u64> = bench.polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.iter().all(|pause| *pause <= 8_000));
        assert!(*pauses.last().unwrap() >= 4_000, "{pauses:?}");
        bench.run_to(70_000, [false; 2]);
        assert!(bench.state().known, "it is known again with its first answer");
    }

    #[test]
    fn jitter_spreads_the_polls_of_an_unknown_panel_over_half_their_pause() {
        for (jitter, pause) in [(0.0, 1_000), (0.5, 750), (1.0, 500)] {
            let mut poller = Poller::new(Timing::default(), LEASED, 0);
            poller.polled(0, 400, Err(PanelError::Timeout), jitter);
            assert_eq!(poller.next_poll_ms, pause);
        }
    }

    #[test]
    fn a_lost_poll_or_three_change_nothing() {
        let mut bench = Bench::new();
        bench.deaf = 10_000..11_500;
        bench.run_to(9_000, [true; 2]);
        bench.run_to(20_000, [true; 2]);
        assert!(bench.state().known);
        assert_eq!(bench.state().restarts, 0);
        assert_eq!(bench.shown().map(|breaker| breaker.relay_on), [Some(true); 2]);
    }

    #[test]
    fn the_lease_is_renewed_each_second_and_never_far_from_a_poll() {
        let mut bench = Bench::new();
        bench.run_to(1_000, [false; 2]);
        bench.run_to(31_000, [true, false]);
        let ons: Vec<u64> = bench.orders.iter().filter(|(_, order)| order.on).map(|(at, _)| *at).collect();
        assert!((29..=32).contains(&ons.len()), "{ons:?}");
        assert!(ons.windows(2).all(|pair| pair[1] - pair[0] <= 1_500));
        assert!(ons[1..].iter().all(|at| bench.polls.contains(&(at - 20))), "a renewal follows a poll at once");
    }

    #[test]
    fn off_goes_at_once_and_again_each_half_second_until_it_is_seen() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.takes_orders = false;
        bench.run_to(8_000, [false; 2]);
        for circuit in CircuitId::ALL {
            let offs: Vec<u64> = bench
                .orders
                .iter()
                .filter(|(at, order)| *at >= 5_000 && order.circuit == circuit && !order.on)
                .map(|(at, _)| *at)
                .collect();
            assert!(offs[0] < 5_100, "{offs:?}");
            assert!(offs.windows(2).all(|pair| (500..=560).contains(&(pair[1] - pair[0]))), "{offs:?}");
        }
        bench.takes_orders = true;
        bench.run_to(9_500, [false; 2]);
        assert!(bench.poller.is_off_confirmed());
        let sent = bench.orders.len();
        bench.run_to(20_000, [false; 2]);
        assert_eq!(bench.orders.len(), sent, "what is confirmed is not said again");
    }

    #[test]
    fn off_and_polls_take_turns_when_nothing_is_answered() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.deaf = 5_000..9_000;
        bench.run_to(9_000, [false; 2]);
        let polls: Vec<u64> = bench.polls.iter().copied().filter(|at| *at >= 4_500).collect();
        assert!(polls.windows(2).all(|pair| pair[1] - pair[0] <= 900), "{polls:?}");
        assert!(bench.orders.iter().filter(|(at, _)| *at >= 5_000).count() >= 4);
    }

    #[test]
    fn a_restart_makes_it_unknown_and_closes_nothing_until_the_wish_is_new() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.boot = Boot { id: "b".into(), uptime_s: 0, seq: 0 };
        bench.lapses_ms = [0; 2];
        bench.run_to(5_550, [true; 2]);
        assert_eq!((bench.state().seen_ms, bench.state().restarts), (None, 1));
        bench.run_to(9_000, [true; 2]);
        assert!(bench.state().known);
        assert_eq!(bench.ons_since(5_500), 0, "the inside relay may still be closed");
        bench.run_to(10_000, [false; 2]);
        bench.run_to(11_000, [true; 2]);
        assert!(bench.ons_since(10_000) >= 2);
    }

    #[test]
    fn after_silence_a_lease_is_not_renewed_until_the_wish_is_new() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.deaf = 5_000..9_700;
        bench.run_to(11_500, [true; 2]);
        assert_eq!(bench.shown()[0].relay_on, Some(true), "the lease has not lapsed yet");
        assert_eq!(bench.state().fault, Some(Fault::LeaseNotRenewed(CircuitId::One)), "and nobody may rely on it");
        bench.run_to(20_000, [true; 2]);
        assert_eq!(bench.ons_since(9_700), 0);
        bench.run_to(21_000, [false; 2]);
        bench.run_to(22_000, [true; 2]);
        assert!(bench.ons_since(21_000) >= 2);
    }

    #[test]
    fn an_uptime_or_a_count_that_goes_back_is_a_restart() {
        let breakers = || Bench::new().shown();
        for (uptime_s, seq) in [(9, 50), (10, 49)] {
            let mut poller = Poller::new(Timing::default(), LEASED, 0);
            let boot = |uptime_s, seq| Some(Boot { id: "a".into(), uptime_s, seq });
            poller.polled(0, 10, Ok(Poll { boot: boot(10, 50), breakers: breakers() }), 0.0);
            poller.polled(500, 510, Ok(Poll { boot: boot(uptime_s, seq), breakers: breakers() }), 0.0);
            assert_eq!(poller.state().fault, Some(Fault::Restarted));
            assert_eq!(poller.state().seen_ms, None);
        }
    }

    #[test]
    fn a_relay_that_the_panel_opened_is_not_closed_again_on_the_old_wish() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true, false]);
        bench.lapses_ms = [0; 2];
        bench.run_to(5_600, [true, false]);
        bench.run_to(12_000, [true, false]);
        assert_eq!(bench.ons_since(5_600), 0);
        assert_eq!(bench.shown()[0].relay_on, Some(false));
    }

    #[test]
    fn a_trip_shows_with_the_next_poll() {
        let mut bench = Bench::new();
        bench.run_to(5_100, [true; 2]);
        bench.breakers[1].tripped = true;
        bench.run_to(5_600, [true; 2]);
        assert_eq!(bench.state().tripped, [false, true]);
    }

    #[test]
    fn a_trip_that_came_and_went_between_two_polls_shows_for_a_while() {
        let mut bench = Bench::new();
        bench.breakers[0].trip_count = Some(7);
        bench.run_to(5_100, [true; 2]);
        assert_eq!(bench.state().tripped, [false; 2], "old trips are no trips");
        bench.breakers[0].trip_count = Some(8);
        bench.breakers[0].last_trip = Some(Trip { seq: 8, cause: TripCause::Leakage, leakage_ma: 7.0, uptime_s: 5 });
        bench.run_to(7_900, [true; 2]);
        assert_eq!(bench.state().tripped, [true, false]);
        bench.run_to(12_000, [true; 2]);
        assert_eq!(bench.state().tripped, [false; 2]);
    }

    #[test]
    fn a_panel_that_cant_measure_leakage_is_not_good() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.breakers[1].leakage_valid = Some(false);
        bench.run_to(10_000, [true; 2]);
        assert!(!bench.state().known);
        assert_eq!(bench.state().fault, Some(Fault::Blind(CircuitId::Two)));
    }

    #[test]
    fn a_lease_that_is_not_renewed_makes_it_unknown_before_it_lapses() {
        let mut bench = Bench::new();
        bench.run_to(5_000, [true; 2]);
        bench.takes_orders = false;
        let lapses = bench.lapses_ms.into_iter().min().unwrap();
        while bench.state().known {
            let next = bench.now_ms + 100;
            bench.run_to(next, [true; 2]);
        }
        assert!(bench.now_ms < lapses, "unknown at {}, lapse at {lapses}", bench.now_ms);
    }

    #[test]
    fn without_a_lease_on_is_said_once() {
        let mut bench = Bench::new();
        bench.poller = Poller::new(Timing::default(), Abilities { lease: false, ..LEASED }, 0);
        bench.run_to(1_000, [false; 2]);
        bench.run_to(8_000, [true; 2]);
        assert_eq!(bench.ons_since(0), 2);
    }

    proptest! {
        /// Whatever is lost and wished: a relay is never ordered closed against the wish or while the panel is
        /// unknown, and silence is noticed in time.
        #[test]
        fn on_is_only_for_a_known_panel_and_a_standing_wish(
            parts in prop::collection::vec((any::<[bool; 2]>(), 100_u64..6_000, prop::bool::weighted(0.3), prop::bool::weighted(0.1)), 1..30),
        ) {
            let mut bench = Bench::new();
            for (want, length, deaf, restart) in parts {
                let from = bench.now_ms;
                let end = from + length;
                bench.deaf = if deaf { from..end } else { 0..0 };
                if restart {
                    bench.boot = Boot { id: format!("b{from}"), uptime_s: 0, seq: 0 };
                    bench.lapses_ms = [0; 2];
                }
                while bench.now_ms < end {
                    let at = bench.now_ms;
                    let sent = bench.orders.len();
                    let known = bench.state().known;
                    bench.run_to(at + 1, want);
                    for (_, order) in &bench.orders[sent..] {
                        prop_assert!(!order.on || (want[order.circuit.index()] && known));
                    }
                    if let Some(seen) = bench.state().seen_ms {
                        prop_assert!(bench.now_ms - seen <= 4_500);
                    }
                }
            }
        }
    }
}
