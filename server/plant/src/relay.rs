//! One relay contact: what it was told, and what it really does.
//!
//! Promises: an honest contact follows its command after its operate or release time, bounces for a few
//! milliseconds when it closes, and has a small resistance; a faulty one welds, sticks, bounces for long, burns
//! or lets an arc go on.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An arc burns on after opening only above this current, A.
const ARC_STARTS_A: f64 = 1.0;
/// It goes out below this one, A.
const ARC_ENDS_A: f64 = 0.3;
/// What an arc across an open contact is like to the circuit, Ω: about 35 V at 8 A.
const ARC_OHM: f64 = 4.5;
/// How often a bouncing contact happens to touch.
const BOUNCE_CLOSED_SHARE: f64 = 0.5;

/// A contact's properties.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelayConfig {
    /// From the command to the first touch, ms.
    pub operate_ms: u64,
    /// From the command to the opening, ms.
    pub release_ms: u64,
    /// How long it bounces after the first touch, ms.
    pub bounce_ms: u64,
    /// The closed contact's resistance, Ω.
    pub resistance_ohm: f64,
}

impl Default for RelayConfig {
    /// A common power relay.
    fn default() -> Self {
        Self { operate_ms: 12, release_ms: 6, bounce_ms: 4, resistance_ohm: 0.02 }
    }
}

/// What can be wrong with a contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RelayFault {
    /// It stays closed.
    Welded,
    /// It stays open.
    StuckOpen,
    /// It bounces for this long after each closing.
    Bouncing {
        /// Milliseconds.
        for_ms: u64,
    },
    /// It closes badly and heats up.
    Resistive {
        /// Its resistance when closed, Ω.
        ohms: f64,
    },
    /// When it breaks more than 1 A, the arc goes on until the current dies by itself.
    Arcing,
}

/// One contact.
#[derive(Debug, Clone)]
pub struct Contact {
    config: RelayConfig,
    fault: Option<RelayFault>,
    commanded: bool,
    commanded_ms: u64,
    closed: bool,
    arcing: bool,
    closings: u64,
    rng: ChaCha8Rng,
}

impl Contact {
    /// An open contact.
    pub fn new(config: RelayConfig, seed: u64) -> Self {
        Self {
            config,
            fault: None,
            commanded: false,
            commanded_ms: 0,
            closed: false,
            arcing: false,
            closings: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Tells the coil what to do from `at_ms` on.
    pub fn command(&mut self, closed: bool, at_ms: u64) {
        if closed != self.commanded {
            self.commanded = closed;
            self.commanded_ms = at_ms;
        }
    }

    /// Moves the contact to where it is at `at_ms`, having carried `amps` until now.
    pub fn settle(&mut self, at_ms: u64, amps: f64) {
        let closed = self.position(at_ms);
        if self.closed && !closed && self.fault == Some(RelayFault::Arcing) && amps > ARC_STARTS_A {
            self.arcing = true;
        }
        if closed || amps < ARC_ENDS_A {
            self.arcing = false;
        }
        self.closings += u64::from(closed && !self.closed);
        self.closed = closed;
    }

    /// Whether current can pass.
    pub fn is_closed(&self) -> bool {
        self.closed || self.arcing
    }

    /// What the contact puts into the circuit, Ω; infinite when open.
    pub fn ohms(&self) -> f64 {
        match (self.closed, self.arcing, self.fault) {
            (true, _, Some(RelayFault::Resistive { ohms })) => ohms,
            (true, ..) => self.config.resistance_ohm,
            (false, true, _) => ARC_OHM,
            (false, false, _) => f64::INFINITY,
        }
    }

    /// How often it closed since the start.
    pub fn closings(&self) -> u64 {
        self.closings
    }

    /// Sets or clears the fault. The contact moves at the next [`Contact::settle`].
    pub fn set_fault(&mut self, fault: Option<RelayFault>) {
        self.fault = fault;
        self.arcing &= fault == Some(RelayFault::Arcing);
    }

    /// The present fault.
    pub fn fault(&self) -> Option<RelayFault> {
        self.fault
    }

    fn position(&mut self, at_ms: u64) -> bool {
        let since_ms = at_ms.saturating_sub(self.commanded_ms);
        let bounce_ms = match self.fault {
            Some(RelayFault::Welded) => return true,
            Some(RelayFault::StuckOpen) => return false,
            Some(RelayFault::Bouncing { for_ms }) => for_ms,
            _ => self.config.bounce_ms,
        };
        if !self.commanded {
            return self.closed && since_ms < self.config.release_ms;
        }
        if since_ms < self.config.operate_ms {
            return self.closed;
        }
        since_ms >= self.config.operate_ms.saturating_add(bounce_ms) || self.rng.random_bool(BOUNCE_CLOSED_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closes at 1000 ms and opens at 2000 ms while carrying `amps`; gives the state 900 ms after each.
    fn closed_and_opened(fault: Option<RelayFault>, amps: f64) -> (bool, bool) {
        let mut contact = Contact::new(RelayConfig::default(), 1);
        contact.set_fault(fault);
        let mut states = Vec::new();
        for (closed, from) in [(true, 1000), (false, 2000)] {
            contact.command(closed, from);
            for at_ms in (from..from + 1000).step_by(100) {
                let carried = if contact.is_closed() { amps } else { 0.0 };
                contact.settle(at_ms, carried);
            }
            states.push(contact.is_closed());
        }
        (states[0], states[1])
    }

    #[test]
    fn does_what_its_fault_lets_it() {
        let check = |fault, expected| assert_eq!(closed_and_opened(fault, 8.0), expected, "{fault:?}");
        check(None, (true, false));
        check(Some(RelayFault::Welded), (true, true));
        check(Some(RelayFault::StuckOpen), (false, false));
        check(Some(RelayFault::Bouncing { for_ms: 300 }), (true, false));
        check(Some(RelayFault::Resistive { ohms: 1.0 }), (true, false));
        check(Some(RelayFault::Arcing), (true, true));
        assert_eq!(closed_and_opened(Some(RelayFault::Arcing), 0.5), (true, false), "no arc below an ampere");
    }

    #[test]
    fn takes_its_time_and_bounces() {
        let mut contact = Contact::new(RelayConfig { bounce_ms: 100, ..RelayConfig::default() }, 5);
        contact.command(true, 0);
        contact.settle(11, 0.0);
        assert!(!contact.is_closed());
        for at_ms in 12..112 {
            contact.settle(at_ms, 0.0);
        }
        assert!(contact.closings() > 10, "{} touches (seed 5)", contact.closings());
        contact.settle(112, 0.0);
        assert!(contact.is_closed());
        contact.command(false, 200);
        contact.settle(205, 0.0);
        assert!(contact.is_closed());
        contact.settle(206, 0.0);
        assert!(!contact.is_closed() && contact.ohms().is_infinite());
    }

    #[test]
    fn a_bad_contact_has_resistance() {
        let mut contact = Contact::new(RelayConfig::default(), 1);
        contact.set_fault(Some(RelayFault::Resistive { ohms: 1.5 }));
        contact.command(true, 0);
        contact.settle(1000, 0.0);
        assert_eq!(contact.ohms(), 1.5);
        contact.set_fault(None);
        assert_eq!(contact.ohms(), 0.02);
    }
}
