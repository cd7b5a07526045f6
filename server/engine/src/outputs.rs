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
}

impl TriggerId {
    /// All, in the order of the snapshot.
    pub const ALL: [Self; 5] =
        [Self::OverCurrent, Self::OverTemperature, Self::Impedance, Self::UnexpectedCurrent, Self::OpenElement];
    /// 0 to 4.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// `over_current` … `open_element`.
    pub const fn name(self) -> &'static str {
        ["over_current", "over_temperature", "impedance", "unexpected_current", "open_element"][self.index()]
    }
    /// The trigger with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
    /// The unit of its value and limit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::OverCurrent | Self::UnexpectedCurrent => "A",
            Self::OverTemperature => "°F",
            Self::Impedance | Self::OpenElement => "Ω",
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
    /// Off: a person pressed all-off; it stays until a person resumes.
    AllOff,
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
    /// Target and hysteresis in force.
    pub target: Fahrenheit,
    /// Below target − hysteresis heating begins.
    pub hysteresis: Fahrenheit,
}

/// The picture of one relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySnapshot {
    /// False when the configuration has no such relay.
    pub present: bool,
    /// Commanded closed.
    pub closed: bool,
    /// The active override, if any.
    pub forced: Option<Override>,
    /// Closings since the program started.
    pub closings: u64,
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
    /// An override ran out.
    OverrideEnded {
        /// The relay, or `None` for the circuit's.
        relay: Option<RelayId>,
        /// Its circuit.
        circuit: CircuitId,
    },
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
