//! The simulated panel's hardware and firmware: breakers, latches, leases, settings. Time is an argument.
//!
//! A breaker trips by itself after the time UL 943 allows a class A device, (20 / I)^1.43 seconds at I milliamperes,
//! times its response factor; at once on overcurrent. It stays tripped until it is reset.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use engine::inputs::CircuitId;

use crate::gfci::{Network, NetworkMode, Reset, ResetOutcome, Trip, TripCause};

/// So many resets are remembered by their request.
const REMEMBERED: usize = 16;
/// More resets than this within [`LOCKOUT_WINDOW_MS`] lock further ones out.
const LOCKOUT_RESETS: usize = 3;
/// See [`LOCKOUT_RESETS`].
const LOCKOUT_WINDOW_MS: u64 = 60_000;
/// The longest lease that is granted, ms.
const LONGEST_LEASE_MS: u64 = 60_000;
/// New network settings are in force after this, s.
const NETWORK_APPLY_S: u64 = 2;
/// And roll back this much later unless confirmed, s.
const NETWORK_CONFIRM_S: u64 = 60;

/// What surrounds a breaker: not the panel's to decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct World {
    /// Leakage, mA. It flows while the breaker is closed; what measures it keeps measuring.
    pub leakage_ma: f64,
    /// Current of the circuit, A.
    pub current_a: f64,
    /// The leakage sensor works.
    pub leakage_valid: bool,
}

/// One breaker and its outside relay.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerModel {
    /// Opened by a trip and not reset since.
    pub tripped: bool,
    /// Highest leakage since the last reset, mA.
    pub leakage_peak_ma: f64,
    /// Trips so far.
    pub trip_count: u64,
    /// The newest trip.
    pub last_trip: Option<Trip>,
    /// Its settings.
    pub settings: Settings,
    relay: RelayModel,
    /// Leakage has been above the threshold since.
    leaking_since_ms: Option<u64>,
    resets_ms: VecDeque<u64>,
}

/// An outside relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RelayModel {
    Open,
    Closed,
    ClosedUntil(u64),
}

/// A breaker's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Counts up with each change.
    pub revision: u64,
    /// Trips at this leakage, mA.
    pub leakage_trip_ma: f64,
    /// Warns at this leakage, mA.
    pub leakage_warn_ma: f64,
    /// Trips at this current, A.
    pub overcurrent_trip_a: f64,
    /// Stretches the time to a trip.
    pub response_speed_factor: f64,
}

/// The whole panel.
#[derive(Debug, Clone)]
pub struct Device {
    /// What surrounds each breaker.
    pub worlds: [World; 2],
    /// Both breakers.
    pub breakers: [BreakerModel; 2],
    now_ms: u64,
    started_ms: u64,
    starts: u64,
    seq: u64,
    trip_seq: u64,
    answered: VecDeque<(String, Result<ResetOutcome, Refusal>)>,
    network: Network,
    /// New network settings on trial, and the moment at which they are in force.
    trial: Option<(Network, u64)>,
}

/// Why the panel says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// What tripped the breaker is still there, or the breaker is tripped.
    FaultPresent,
    /// Another trip is the newest.
    TripChanged,
    /// Somebody else changed the settings.
    RevisionMismatch,
    /// This field is out of its range.
    OutOfRange(&'static str),
    /// Too many resets; again after this, s.
    ResetLockout(u64),
    /// Another change is under way; again after this, s.
    Busy(u64),
}

impl Device {
    /// A healthy panel that has just started, relays open.
    pub fn new(now_ms: u64) -> Self {
        let network = Network {
            revision: 1,
            mode: NetworkMode::Dhcp,
            ip: Ipv4Addr::new(192, 168, 1, 40),
            prefix: 24,
            gateway: Ipv4Addr::new(192, 168, 1, 1),
            dns: vec![Ipv4Addr::new(192, 168, 1, 1)],
            hostname: "gfci-panel".into(),
        };
        Self {
            worlds: [World { leakage_ma: 0.3, current_a: 0.0, leakage_valid: true }; 2],
            breakers: [BreakerModel::new(), BreakerModel::new()],
            now_ms,
            started_ms: now_ms,
            starts: 1,
            seq: 0,
            trip_seq: 0,
            answered: VecDeque::new(),
            network,
            trial: None,
        }
    }

    /// Lets time pass up to `now_ms`: leases lapse, breakers trip, trials end.
    pub fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        for index in 0..2 {
            self.lapse(index);
            self.judge(index);
        }
        if let Some((_, applied_ms)) = self.trial
            && self.now_ms >= applied_ms + NETWORK_CONFIRM_S * 1_000
        {
            self.trial = None;
            self.seq += 1;
        }
    }

    /// Starts the panel anew: relays open, requests forgotten; trips, settings and the confirmed network stay.
    pub fn reboot(&mut self) {
        self.started_ms = self.now_ms;
        self.starts += 1;
        self.seq = 0;
        self.answered.clear();
        self.trial = None;
        for breaker in &mut self.breakers {
            breaker.relay = RelayModel::Open;
            breaker.leaking_since_ms = None;
        }
    }

    /// What tells this start from the others.
    pub fn boot_id(&self) -> String {
        format!("{:08x}", self.starts)
    }

    /// Since the start, s.
    pub const fn uptime_s(&self) -> u64 {
        (self.now_ms - self.started_ms) / 1_000
    }

    /// Counts up with each change since the start.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Opens the breaker for this cause.
    pub fn trip(&mut self, circuit: CircuitId, cause: TripCause) {
        self.trip_seq += 1;
        self.seq += 1;
        let trip = Trip {
            seq: self.trip_seq,
            cause,
            leakage_ma: self.worlds[circuit.index()].leakage_ma,
            uptime_s: self.uptime_s(),
        };
        let breaker = &mut self.breakers[circuit.index()];
        breaker.tripped = true;
        breaker.trip_count += 1;
        breaker.last_trip = Some(trip);
        breaker.relay = RelayModel::Open;
    }

    /// The outside relay's contact.
    pub fn is_relay_on(&self, circuit: CircuitId) -> bool {
        self.breakers[circuit.index()].relay != RelayModel::Open
    }

    /// Closes the outside relay, for so long or, without a lease, until told otherwise; or opens it.
    ///
    /// # Errors
    /// [`Refusal::FaultPresent`] to close on a tripped breaker; [`Refusal::OutOfRange`] for the lease.
    pub fn set_relay(&mut self, circuit: CircuitId, on: bool, lease_ms: Option<u64>) -> Result<(), Refusal> {
        let breaker = &mut self.breakers[circuit.index()];
        breaker.relay = match (on, lease_ms) {
            (false, _) => RelayModel::Open,
            (true, Some(lease)) if !(1..=LONGEST_LEASE_MS).contains(&lease) => {
                return Err(Refusal::OutOfRange("expires_in_ms"));
            }
            (true, _) if breaker.tripped => return Err(Refusal::FaultPresent),
            (true, Some(lease)) => RelayModel::ClosedUntil(self.now_ms + lease),
            (true, None) => RelayModel::Closed,
        };
        self.seq += 1;
        Ok(())
    }

    /// Resets the breaker as this request wants; the same request gets the same answer and does nothing.
    ///
    /// # Errors
    /// [`Refusal::ResetLockout`], `TripChanged` or `FaultPresent`.
    pub fn reset(&mut self, circuit: CircuitId, reset: &Reset) -> Result<ResetOutcome, Refusal> {
        if let Some((_, answer)) = self.answered.iter().find(|(id, _)| *id == reset.request_id) {
            return *answer;
        }
        let newest = self.breakers[circuit.index()].last_trip.map_or(0, |trip| trip.seq);
        let answer = if newest == reset.expect_trip_seq { self.close(circuit) } else { Err(Refusal::TripChanged) };
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back((reset.request_id.clone(), answer));
        answer
    }

    /// Resets the breaker, whatever tripped it, if that is gone.
    ///
    /// # Errors
    /// [`Refusal::ResetLockout`] or `FaultPresent`.
    pub fn close(&mut self, circuit: CircuitId) -> Result<ResetOutcome, Refusal> {
        let world = self.worlds[circuit.index()];
        let now_ms = self.now_ms;
        let breaker = &mut self.breakers[circuit.index()];
        if !breaker.tripped {
            return Ok(ResetOutcome::AlreadyClosed);
        }
        breaker.resets_ms.retain(|at| now_ms - at < LOCKOUT_WINDOW_MS);
        if let Some(oldest) = breaker.resets_ms.front()
            && breaker.resets_ms.len() >= LOCKOUT_RESETS
        {
            return Err(Refusal::ResetLockout((oldest + LOCKOUT_WINDOW_MS - now_ms).div_ceil(1_000)));
        }
        breaker.resets_ms.push_back(now_ms);
        if breaker.settings.overcurrent(world) || breaker.settings.leaks(world) || !world.leakage_valid {
            return Err(Refusal::FaultPresent);
        }
        breaker.tripped = false;
        breaker.leakage_peak_ma = world.leakage_ma;
        self.seq += 1;
        Ok(ResetOutcome::Reset)
    }

    /// Replaces the breaker's settings, if `revision` is theirs; gives the new ones.
    ///
    /// # Errors
    /// [`Refusal::RevisionMismatch`] or `OutOfRange`.
    pub fn configure(&mut self, circuit: CircuitId, revision: u64, new: Settings) -> Result<Settings, Refusal> {
        let settings = &mut self.breakers[circuit.index()].settings;
        if settings.revision != revision {
            return Err(Refusal::RevisionMismatch);
        }
        new.check()?;
        *settings = Settings { revision: revision + 1, ..new };
        self.seq += 1;
        Ok(*settings)
    }

    /// The network settings in force.
    pub fn network(&self) -> &Network {
        match &self.trial {
            Some((network, applied_ms)) if self.now_ms >= *applied_ms => network,
            _ => &self.network,
        }
    }

    /// Puts new network settings on trial; gives when they apply and how long they wait for a confirmation, s.
    ///
    /// # Errors
    /// [`Refusal::Busy`] during a trial, `RevisionMismatch` or `OutOfRange`.
    pub fn set_network(&mut self, revision: u64, new: Network) -> Result<(u64, u64), Refusal> {
        if let Some((_, applied_ms)) = self.trial {
            let ends_ms = applied_ms + NETWORK_CONFIRM_S * 1_000;
            return Err(Refusal::Busy((ends_ms - self.now_ms).div_ceil(1_000)));
        }
        if self.network.revision != revision {
            return Err(Refusal::RevisionMismatch);
        }
        check_network(&new)?;
        let new = Network { revision: revision + 1, ..new };
        self.trial = Some((new, self.now_ms + NETWORK_APPLY_S * 1_000));
        self.seq += 1;
        Ok((NETWORK_APPLY_S, NETWORK_CONFIRM_S))
    }

    /// Keeps the network settings on trial, if they are in force; gives those that are.
    pub fn confirm_network(&mut self) -> &Network {
        if let Some((network, _)) = self.trial.take_if(|(_, applied_ms)| self.now_ms >= *applied_ms) {
            self.network = network;
            self.seq += 1;
        }
        &self.network
    }

    fn lapse(&mut self, index: usize) {
        if matches!(self.breakers[index].relay, RelayModel::ClosedUntil(end) if self.now_ms >= end) {
            self.breakers[index].relay = RelayModel::Open;
            self.seq += 1;
        }
    }

    /// Trips the breaker when current or leakage has been too high for too long.
    fn judge(&mut self, index: usize) {
        let world = self.worlds[index];
        let breaker = &mut self.breakers[index];
        breaker.leakage_peak_ma = breaker.leakage_peak_ma.max(world.leakage_ma);
        if breaker.tripped {
            breaker.leaking_since_ms = None;
            return;
        }
        let circuit = CircuitId::ALL[index];
        if breaker.settings.overcurrent(world) {
            self.trip(circuit, TripCause::Overcurrent);
        } else if breaker.settings.leaks(world) {
            let since = *breaker.leaking_since_ms.get_or_insert(self.now_ms);
            if self.now_ms - since >= breaker.settings.trip_time_ms(world.leakage_ma) {
                self.trip(circuit, TripCause::Leakage);
            }
        } else {
            breaker.leaking_since_ms = None;
        }
    }
}

impl BreakerModel {
    fn new() -> Self {
        Self {
            tripped: false,
            leakage_peak_ma: 0.0,
            trip_count: 0,
            last_trip: None,
            settings: Settings {
                revision: 1,
                leakage_trip_ma: 5.0,
                leakage_warn_ma: 3.0,
                overcurrent_trip_a: 15.0,
                response_speed_factor: 1.0,
            },
            relay: RelayModel::Open,
            leaking_since_ms: None,
            resets_ms: VecDeque::new(),
        }
    }
}

impl Settings {
    fn overcurrent(&self, world: World) -> bool {
        world.current_a >= self.overcurrent_trip_a
    }

    fn leaks(&self, world: World) -> bool {
        world.leakage_valid && world.leakage_ma >= self.leakage_trip_ma
    }

    /// UL 943's longest time for a class A device, times the response factor, ms.
    fn trip_time_ms(&self, leakage_ma: f64) -> u64 {
        ((20.0 / leakage_ma).powf(1.43) * self.response_speed_factor * 1_000.0) as u64
    }

    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), Refusal> {
        let checks = [
            ("leakage_trip_ma", (4.0..=30.0).contains(&self.leakage_trip_ma)),
            ("leakage_warn_ma", (0.5..self.leakage_trip_ma).contains(&self.leakage_warn_ma)),
            ("overcurrent_trip_a", (1.0..=40.0).contains(&self.overcurrent_trip_a)),
            ("response_speed_factor", (0.25..=2.0).contains(&self.response_speed_factor)),
        ];
        checks.into_iter().find(|(_, good)| !good).map_or(Ok(()), |(field, _)| Err(Refusal::OutOfRange(field)))
    }
}

/// The gateway is in the network and is not the panel; the name is a host's.
fn check_network(network: &Network) -> Result<(), Refusal> {
    if !(8..=30).contains(&network.prefix) {
        return Err(Refusal::OutOfRange("prefix"));
    }
    let mask = u32::MAX << (32 - network.prefix);
    let of = |ip: Ipv4Addr| ip.to_bits() & mask;
    let is_host = |ip: Ipv4Addr| ip.to_bits() & !mask != 0 && ip.to_bits() | mask != u32::MAX && !ip.is_loopback();
    let name = &network.hostname;
    let checks = [
        ("ip", is_host(network.ip)),
        ("gateway", is_host(network.gateway) && of(network.gateway) == of(network.ip) && network.gateway != network.ip),
        ("dns", network.dns.len() <= 3),
        ("hostname", (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
    ];
    checks.into_iter().find(|(_, good)| !good).map_or(Ok(()), |(field, _)| Err(Refusal::OutOfRange(field)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: CircuitId = CircuitId::One;

    fn request(id: u32, expect_trip_seq: u64) -> Reset {
        Reset { request_id: id.to_string(), expect_trip_seq }
    }

    #[test]
    fn it_trips_by_itself_the_sooner_the_more_leaks() {
        for (leakage_ma, slowest_ms) in [(5.0, 7_260), (20.0, 1_000), (264.0, 25)] {
            let mut device = Device::new(0);
            device.set_relay(ONE, true, Some(60_000)).unwrap();
            device.worlds[0].leakage_ma = leakage_ma;
            device.advance(0);
            device.advance(slowest_ms * 9 / 10);
            assert!(!device.breakers[0].tripped, "{leakage_ma} mA");
            device.advance(slowest_ms);
            assert!(device.breakers[0].tripped && !device.is_relay_on(ONE), "{leakage_ma} mA");
            assert_eq!(device.breakers[0].last_trip.unwrap().cause, TripCause::Leakage);
            assert!(!device.breakers[1].tripped);
        }
    }

    #[test]
    fn a_lease_lapses_unless_it_is_renewed_and_is_refused_on_a_tripped_breaker() {
        let mut device = Device::new(0);
        device.set_relay(ONE, true, Some(8_000)).unwrap();
        device.advance(7_999);
        device.set_relay(ONE, true, Some(8_000)).unwrap();
        device.advance(15_998);
        assert!(device.is_relay_on(ONE));
        device.advance(15_999);
        assert!(!device.is_relay_on(ONE));
        assert_eq!(device.set_relay(ONE, true, Some(0)), Err(Refusal::OutOfRange("expires_in_ms")));
        device.trip(ONE, TripCause::Remote);
        assert_eq!(device.set_relay(ONE, true, Some(8_000)), Err(Refusal::FaultPresent));
        assert_eq!(device.set_relay(ONE, false, None), Ok(()));
    }

    #[test]
    fn a_repeated_reset_is_answered_alike_and_never_clears_a_newer_trip() {
        let mut device = Device::new(0);
        device.trip(ONE, TripCause::Leakage);
        assert_eq!(device.reset(ONE, &request(1, 1)), Ok(ResetOutcome::Reset));
        device.trip(ONE, TripCause::Leakage);
        assert_eq!(device.reset(ONE, &request(1, 1)), Ok(ResetOutcome::Reset), "the old answer");
        assert!(device.breakers[0].tripped, "and nothing done");
        assert_eq!(device.reset(ONE, &request(2, 1)), Err(Refusal::TripChanged));
        assert!(device.breakers[0].tripped);
        assert_eq!(device.reset(ONE, &request(3, 2)), Ok(ResetOutcome::Reset));
        assert_eq!(device.reset(ONE, &request(4, 2)), Ok(ResetOutcome::AlreadyClosed));
    }

    #[test]
    fn sixteen_requests_are_remembered() {
        let mut device = Device::new(0);
        device.trip(ONE, TripCause::Leakage);
        for id in 0..17 {
            assert_eq!(device.reset(ONE, &request(id, 9)), Err(Refusal::TripChanged));
        }
        assert_eq!(device.answered.len(), 16);
        assert_eq!(device.reset(ONE, &request(0, 1)), Ok(ResetOutcome::Reset), "the first is forgotten");
        assert_eq!(device.reset(ONE, &request(16, 1)), Err(Refusal::TripChanged), "the last is not");
    }

    #[test]
    fn a_fault_that_is_there_is_not_reset_and_trying_on_locks_out() {
        let mut device = Device::new(0);
        device.worlds[0].current_a = 20.0;
        device.advance(0);
        for id in 0..3 {
            assert_eq!(device.reset(ONE, &request(id, 1)), Err(Refusal::FaultPresent));
        }
        device.worlds[0].current_a = 0.0;
        assert_eq!(device.reset(ONE, &request(4, 1)), Err(Refusal::ResetLockout(60)));
        device.advance(60_000);
        assert_eq!(device.reset(ONE, &request(5, 1)), Ok(ResetOutcome::Reset));
    }

    #[test]
    fn settings_have_ranges_and_revisions() {
        let mut device = Device::new(0);
        let old = device.breakers[0].settings;
        assert_eq!(device.configure(ONE, 9, old), Err(Refusal::RevisionMismatch));
        let blind = Settings { leakage_trip_ma: f64::NAN, ..old };
        assert_eq!(device.configure(ONE, 1, blind), Err(Refusal::OutOfRange("leakage_trip_ma")));
        let inverted = Settings { leakage_warn_ma: 6.0, ..old };
        assert_eq!(device.configure(ONE, 1, inverted), Err(Refusal::OutOfRange("leakage_warn_ma")));
        let slower = Settings { response_speed_factor: 2.0, ..old };
        assert_eq!(device.configure(ONE, 1, slower).unwrap().revision, 2);
    }

    #[test]
    fn a_network_rolls_back_unless_it_is_confirmed() {
        let wanted =
            Network { mode: NetworkMode::Static, ip: Ipv4Addr::new(192, 168, 1, 50), ..Device::new(0).network };
        let mut device = Device::new(0);
        let far = Network { gateway: Ipv4Addr::new(10, 0, 0, 1), ..wanted.clone() };
        assert_eq!(device.set_network(1, far), Err(Refusal::OutOfRange("gateway")));
        assert_eq!(device.set_network(1, wanted.clone()), Ok((2, 60)));
        assert_eq!(device.confirm_network().revision, 1, "not in force yet");
        device.advance(2_000);
        assert_eq!(device.network().ip, wanted.ip);
        assert_eq!(device.set_network(2, wanted.clone()), Err(Refusal::Busy(60)));
        device.advance(62_000);
        assert_eq!(device.network().revision, 1, "rolled back");

        assert_eq!(device.set_network(1, wanted.clone()), Ok((2, 60)));
        device.advance(64_000);
        assert_eq!(device.confirm_network().revision, 2);
        device.advance(200_000);
        assert_eq!(device.network().ip, wanted.ip);
    }

    #[test]
    fn a_reboot_opens_the_relays_and_keeps_the_trip() {
        let mut device = Device::new(0);
        device.set_relay(CircuitId::Two, true, Some(8_000)).unwrap();
        device.trip(ONE, TripCause::Leakage);
        let before = device.boot_id();
        device.advance(5_000);
        device.reboot();
        assert_ne!(device.boot_id(), before);
        assert_eq!(device.uptime_s(), 0);
        assert!(device.breakers[0].tripped && !device.is_relay_on(CircuitId::Two));
    }
}
