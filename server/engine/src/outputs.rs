//! What a step answers: which relays may be closed until the next step, why, and what happened.
//!
//! A closed relay is a permission for one step. Whoever does not get a fresh [`Outputs`] opens the relays.

use crate::inputs::{CircuitId, RelayId, SensorFault, SensorId};
use crate::units::{Amperes, Fahrenheit, Now, Ohms, UtcMs, Volts, WattHours, Watts};

/// Everything one step yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the relay writer does now.
    pub outputs: Outputs,
    /// What changed, each once, in order. Empty in nearly every step.
    pub events: Vec<Event>,
    /// A finished record when the polling interval ended in this step.
    pub record: Option<Record>,
}

/// Which relays are permitted to be closed, by [`RelayId::index`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outputs {
    /// `true` closes.
    pub closed: [bool; 4],
}

impl Outputs {
    /// All relays open.
    pub const OFF: Self = Self { closed: [false; 4] };
    /// Whether this relay may be closed.
    pub const fn is_closed(&self, relay: RelayId) -> bool {
        self.closed[relay.index()]
    }
}

/// Whether a reading may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Fresh and believable.
    Valid,
    /// Fewer than three good samples in a row since the start.
    NeverSeen,
    /// The newest good sample became too old, or fewer than three good ones in a row have come since.
    Stale,
    /// As `Stale`, because what comes is no reading (NaN, rail, −127 °C, 85.000 °C, beyond what can be).
    Implausible,
    /// As `Stale`, and the driver says why.
    Fault(SensorFault),
}

/// A calibrated value with its age and validity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Before calibration, in the sensor's unit. `None` when there never was a sample.
    pub raw: Option<f64>,
    /// After calibration. The last good value; look at `validity` before you use it.
    pub value: Option<f64>,
    /// Milliseconds since that value was taken.
    pub age_ms: Option<u64>,
    /// Whether it may be used.
    pub validity: Validity,
    /// Made up by a dummy driver.
    pub synthetic: bool,
}

/// A watchdog trigger's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerId {
    /// More current than the string can honestly give.
    OverCurrent,
    /// Water too hot.
    OverTemperature,
    /// Volts and amperes don't fit the element.
    Impedance,
    /// Current while the relays are open.
    UnexpectedCurrent,
    /// Volts without current through closed relays: the element or a contact is open.
    OpenElement,
    /// At the start it could not be told whether a trip was latched.
    LatchUnreadable,
    /// More volts than the string can give on the coldest morning.
    OverVoltage,
    /// Volts the wrong way round.
    ReverseVoltage,
    /// A temperature rises faster than water can.
    FastRise,
    /// Heat goes in and the thermometer doesn't feel it.
    NoRise,
    /// Water grows warmer with the relays open.
    WarmsWhileOff,
    /// The thermometer says the same whatever goes in.
    FrozenSensor,
    /// Both thermometers say the same to the last bit.
    EqualSensors,
    /// The idle tank's thermometer follows this tank's heat.
    SwappedSensors,
    /// The volts did not rise when the inside relay opened.
    WeldedInside,
    /// Volts are there with both relays open.
    WeldedOutside,
    /// The panel's ground-fault breaker has tripped.
    GfciTrip,
    /// The breaker panel was lost again and again.
    GfciLost,
}

impl TriggerId {
    /// All, in the order of the snapshot.
    pub const ALL: [Self; 18] = [
        Self::OverCurrent,
        Self::OverTemperature,
        Self::Impedance,
        Self::UnexpectedCurrent,
        Self::OpenElement,
        Self::LatchUnreadable,
        Self::OverVoltage,
        Self::ReverseVoltage,
        Self::FastRise,
        Self::NoRise,
        Self::WarmsWhileOff,
        Self::FrozenSensor,
        Self::EqualSensors,
        Self::SwappedSensors,
        Self::WeldedInside,
        Self::WeldedOutside,
        Self::GfciTrip,
        Self::GfciLost,
    ];
    /// Its place in [`TriggerId::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
    /// As it is called in the API, the database and the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverCurrent => "over_current",
            Self::OverTemperature => "over_temperature",
            Self::Impedance => "impedance",
            Self::UnexpectedCurrent => "unexpected_current",
            Self::OpenElement => "open_element",
            Self::LatchUnreadable => "latch_unreadable",
            Self::OverVoltage => "over_voltage",
            Self::ReverseVoltage => "reverse_voltage",
            Self::FastRise => "fast_rise",
            Self::NoRise => "no_rise",
            Self::WarmsWhileOff => "warms_while_off",
            Self::FrozenSensor => "frozen_sensor",
            Self::EqualSensors => "equal_sensors",
            Self::SwappedSensors => "swapped_sensors",
            Self::WeldedInside => "welded_inside",
            Self::WeldedOutside => "welded_outside",
            Self::GfciTrip => "gfci_trip",
            Self::GfciLost => "gfci_lost",
        }
    }
    /// The trigger with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
    /// Whether its latch needs a self-test with at least 1 A before it can be cleared: its cause looks gone as soon as
    /// the sun is.
    pub const fn needs_self_test(self) -> bool {
        matches!(self, Self::UnexpectedCurrent | Self::OpenElement | Self::WeldedInside | Self::WeldedOutside)
    }
    /// The unit of its value and limit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::OverCurrent | Self::UnexpectedCurrent => "A",
            Self::OverTemperature | Self::FastRise | Self::WarmsWhileOff | Self::SwappedSensors => "°F",
            Self::Impedance | Self::OpenElement => "Ω",
            Self::OverVoltage | Self::ReverseVoltage | Self::WeldedInside | Self::WeldedOutside => "V",
            Self::NoRise | Self::FrozenSensor | Self::EqualSensors => "kWh",
            Self::GfciLost => "losses",
            Self::LatchUnreadable | Self::GfciTrip => "",
        }
    }
}

/// A latched trip: both circuits are off until a person clears it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trip {
    /// Which trigger.
    pub trigger: TriggerId,
    /// Which sensor's circuit (1 or 2).
    pub circuit: CircuitId,
    /// The value that tripped, in the trigger's unit.
    pub value: f64,
    /// The limit it broke.
    pub limit: f64,
    /// When, if the clock was believable.
    pub at: Option<UtcMs>,
    /// When, on the monotonic clock.
    pub at_mono_ms: u64,
}

/// How far a trigger is from tripping, for the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TriggerState {
    /// Which trigger.
    pub trigger: TriggerId,
    /// Which circuit it watches.
    pub circuit: CircuitId,
    /// What it sees, in its own unit; `None` while it can't judge.
    pub value: Option<f64>,
    /// Where it trips; `None` while it can't judge.
    pub limit: Option<f64>,
    /// True while it asks for attention without tripping.
    pub warning: bool,
    /// False while an administrator has disabled it: it looks, shows what it sees, and can't trip.
    pub enabled: bool,
    /// How far it is from tripping: 1 is as far as can be, 0 is there. `None` while it can't judge.
    pub margin: Option<f64>,
}

/// Why a circuit does what it does. The first that applies on the ladder decides; data for one plain sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Off: a trip is latched.
    Tripped(Trip),
    /// Off: a needed sensor has no valid reading.
    SensorNotReady {
        /// The first that is missing.
        sensor: SensorId,
        /// What is wrong with it.
        validity: Validity,
    },
    /// Off: just started; closing waits.
    BootHold {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Off: the guard process is gone; it comes back by itself.
    Unguarded,
    /// Off: the program restarted too often; a person looks into it and resumes.
    RestartLockOut,
    /// Off: the breaker panel is not known, or not for long enough.
    PanelUnknown {
        /// Milliseconds of health left to wait; `None` while it does not answer.
        remaining_ms: Option<u64>,
    },
    /// Off: a person pressed all-off; it stays until a person resumes.
    AllOff,
    /// Relays move by hand only, for a time.
    TestMode {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// The contacts prove themselves: off and on again once.
    SelfTest,
    /// Off a moment longer: contacts rest between closings.
    MinimumOff {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Off: this relay closed as often as it may in an hour.
    TooManyClosings {
        /// Milliseconds until the next is allowed.
        remaining_ms: u64,
    },
    /// On its way on: relays move one after the other.
    Switching {
        /// False while the inside relay must first open, because the outside one may only move without load.
        closing: bool,
    },
    /// The outside relay is closed, but no volts arrive: it is dark, a breaker is off, or the contact did not close.
    NoVoltage,
    /// A person decides, for a time.
    Override {
        /// True when forced on.
        on: bool,
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Off: the water is within 10 °F of the over-temperature limit, where any "on" ends.
    OverrideTooHot {
        /// The larger of the raw and the calibrated reading.
        temperature: Fahrenheit,
        /// Where any "on" ends.
        limit: Fahrenheit,
    },
    /// Off: night window.
    Night {
        /// When the window opens next, if it does within a year.
        until: Option<UtcMs>,
    },
    /// Off: there is no believable clock, so day can't be told from night.
    NoClock,
    /// Off: warm enough.
    AtTarget {
        /// The reading.
        temperature: Fahrenheit,
        /// The target.
        target: Fahrenheit,
        /// It comes back on below this.
        on_below: Fahrenheit,
    },
    /// On: heating towards the target.
    Heating {
        /// The reading.
        temperature: Fahrenheit,
        /// The target, above which it goes off.
        target: Fahrenheit,
    },
}

/// A person's or a schedule's say over an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// True forces on, false forces off.
    pub on: bool,
    /// When it gives way, on the monotonic clock.
    pub until_mono_ms: u64,
}

/// The picture of one circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitSnapshot {
    /// Volts between the relays.
    pub voltage: Reading,
    /// Amperes through the element.
    pub current: Reading,
    /// The tank's temperature.
    pub temperature: Reading,
    /// V · I, when both are valid.
    pub power: Option<Watts>,
    /// V / I, when the current is large enough to tell.
    pub resistance: Option<Ohms>,
    /// All its relays are commanded closed.
    pub on: bool,
    /// The thermostat's wish, whatever the rest of the ladder says.
    pub demand: bool,
    /// Why.
    pub reason: Reason,
    /// The active override, if any.
    pub forced: Option<Override>,
    /// The contacts are proving themselves now.
    pub self_test_runs: bool,
    /// When they last had, on the monotonic clock: broken and carried at least 1 A.
    pub proved_at_mono_ms: Option<u64>,
    /// Target and hysteresis in force.
    pub target: Fahrenheit,
    /// Below target − hysteresis heating begins.
    pub hysteresis: Fahrenheit,
}

/// The picture of one relay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelaySnapshot {
    /// False when the configuration has no such relay.
    pub present: bool,
    /// Commanded closed.
    pub closed: bool,
    /// The active override, if any.
    pub forced: Option<Override>,
    /// Closings since the program started.
    pub closings: u64,
    /// Openings under current since then.
    pub hot_breaks: u64,
    /// Contact wear since then: the sum of amperes times volts at those openings.
    pub broken_va: f64,
}

/// The picture of the breaker panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelSnapshot {
    /// Its polls are fresh.
    pub known: bool,
    /// By circuit: its last word on the ground-fault breaker.
    pub tripped: [bool; 2],
    /// By circuit: its last word on the outside relay.
    pub outside_closed: [Option<bool>; 2],
}

/// The day/night window as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaylightSnapshot {
    /// Heating is allowed by the window.
    pub open: bool,
    /// When that changes next.
    pub changes_at: Option<UtcMs>,
}

/// The whole picture after a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The step's time.
    pub now: Now,
    /// Both circuits.
    pub circuits: [CircuitSnapshot; 2],
    /// The four relays, by [`RelayId::index`].
    pub relays: [RelaySnapshot; 4],
    /// The day/night window.
    pub daylight: DaylightSnapshot,
    /// All-off is pressed.
    pub all_off: bool,
    /// The program restarted too often: off until a person resumes.
    pub locked_out: bool,
    /// When test mode ends, on the monotonic clock, while it lasts.
    pub test_mode_until_mono_ms: Option<u64>,
    /// The breaker panel, where there is one.
    pub panel: Option<PanelSnapshot>,
    /// The latched trip, the first if several.
    pub trip: Option<Trip>,
    /// What each trigger sees: circuit 1 in the order of [`TriggerId::ALL`], then circuit 2.
    pub triggers: [TriggerState; 2 * TriggerId::ALL.len()],
}

impl Snapshot {
    /// What one trigger sees in one circuit.
    pub const fn trigger(&self, circuit: CircuitId, trigger: TriggerId) -> &TriggerState {
        &self.triggers[circuit.index() * TriggerId::ALL.len() + trigger.index()]
    }
}

/// Something that happened, for the log and for those who must be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A relay was commanded to another state.
    RelayChanged {
        /// Which.
        relay: RelayId,
        /// Its new state.
        closed: bool,
        /// Why its circuit decided so.
        reason: Reason,
    },
    /// A circuit's reason is now of another kind.
    ReasonChanged {
        /// Which circuit.
        circuit: CircuitId,
        /// The new reason.
        reason: Reason,
    },
    /// A trigger tripped and both circuits are latched off.
    Tripped(Trip),
    /// The latch was cleared by a person.
    Cleared(Trip),
    /// A trigger began or ceased to warn.
    Warning {
        /// What it sees.
        state: TriggerState,
    },
    /// A sensor became valid or ceased to be.
    SensorChanged {
        /// Which.
        sensor: SensorId,
        /// Its new validity.
        validity: Validity,
    },
    /// Test mode began or ended.
    TestMode {
        /// It lasts.
        on: bool,
    },
    /// A circuit's self-test ended.
    SelfTestEnded {
        /// Which circuit.
        circuit: CircuitId,
        /// How.
        result: SelfTestResult,
    },
    /// The breaker panel became known or ceased to be.
    PanelChanged {
        /// Its polls are fresh.
        known: bool,
    },
    /// An override ran out.
    OverrideEnded {
        /// The relay, or `None` for the circuit's.
        relay: Option<RelayId>,
        /// Its circuit.
        circuit: CircuitId,
    },
}

/// How a self-test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTestResult {
    /// Both contacts broke and carried at least 1 A.
    Passed,
    /// Too dim, or interrupted: nothing is known.
    Inconclusive,
    /// The watchdog saw a fault during it.
    Failed,
}

/// One step, as it is kept around a trip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// When, on the monotonic clock.
    pub mono_ms: u64,
    /// The newest raw values, by [`SensorId::index`].
    pub raw: [Option<f64>; 6],
    /// Relays commanded closed, by [`RelayId::index`].
    pub closed: [bool; 4],
}

/// What the sensors said around a trip: 10 s before it and 5 s after it, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct TripRecord {
    /// The trip.
    pub trip: Trip,
    /// The steps, oldest first.
    pub steps: Vec<Trace>,
}

/// The mean of the samples of one polling interval, as it goes to storage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Civil time at the interval's end. While no clock is believable the interval goes on.
    pub at: UtcMs,
    /// Length on the monotonic clock, in milliseconds.
    pub dt_ms: u64,
    /// How much of it had valid volts and amperes, in milliseconds, by circuit.
    pub measured_ms: [u64; 2],
    /// Mean over the interval's steps of the raw values while valid, by [`SensorId::index`]; `None` without one.
    pub raw: [Option<f64>; 6],
    /// Mean over the same steps of the calibrated values.
    pub calibrated: [Option<f64>; 6],
    /// Mean power while measured.
    pub power: [Option<Watts>; 2],
    /// Energy of the measured part.
    pub energy: [WattHours; 2],
    /// Relays commanded closed at the interval's end, by [`RelayId::index`].
    pub relays: [bool; 4],
    /// Circuits on at the interval's end.
    pub on: [bool; 2],
}

/// Volts and amperes of one circuit, taken at the same time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Electrical {
    /// Volts.
    pub voltage: Volts,
    /// Amperes.
    pub current: Amperes,
}
