//! The live picture: what `GET /api/v1/status` answers and what the live feed sends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The whole picture at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Status {
    /// The plant's time; browsers show this, never their own clock. `null` while no clock is believable.
    pub now: Option<DateTime<Utc>>,
    /// The owner's time zone (IANA name), for showing times.
    pub time_zone: String,
    /// Counts up with each picture; a gap means that some were skipped, which is fine.
    pub sequence: u64,
    /// Present when the whole plant is simulated.
    pub demo: Option<Demo>,
    /// Both circuits, in order.
    pub circuits: Vec<Circuit>,
    /// The four relays: `inside1`, `outside1`, `inside2`, `outside2`.
    pub relays: Vec<Relay>,
    /// The day/night window.
    pub daylight: Daylight,
    /// All-off is pressed.
    pub all_off: bool,
    /// The latched trip.
    pub trip: Option<Trip>,
    /// What each watchdog trigger sees.
    pub triggers: Vec<Trigger>,
    /// Energy of the last 24 hours.
    pub energy_24h: Energy,
}

/// The simulated plant's pace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Demo {
    /// Simulated seconds per second.
    pub speed: u32,
}

/// One circuit: string, relays, element, tank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Circuit {
    /// 1 or 2.
    pub id: u8,
    /// All its relays are commanded closed.
    pub on: bool,
    /// The thermostat asks for heat, whatever else decides.
    pub demand: bool,
    /// Volts between the relays.
    pub voltage_v: Reading,
    /// Amperes through the element.
    pub current_a: Reading,
    /// The tank's temperature in °F.
    pub tank_temp_f: Reading,
    /// Watts, while both volts and amperes are valid.
    pub power_w: Option<f64>,
    /// Ohms, while there is current enough to tell.
    pub resistance_ohm: Option<f64>,
    /// Heat up to this, °F.
    pub target_f: f64,
    /// Start again this far below, °F.
    pub hysteresis_f: f64,
    /// Why it does what it does.
    pub reason: Reason,
    /// The override of the whole circuit.
    #[serde(rename = "override")]
    pub forced: Option<Override>,
}

/// A value with its age and validity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Reading {
    /// Calibrated value; the last good one, so look at `validity`.
    pub value: Option<f64>,
    /// Before calibration.
    pub raw: Option<f64>,
    /// Milliseconds since it was taken.
    pub age_ms: Option<u64>,
    /// Whether it may be used.
    pub validity: Validity,
    /// Made up by a dummy driver.
    pub synthetic: bool,
}

/// Whether a reading may be used, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Validity {
    /// Fresh and believable.
    Valid,
    /// No sample yet since the start.
    NeverSeen,
    /// Too old.
    Stale,
    /// Not a reading: a rail value, a power-on value, a spike.
    Implausible,
    /// No such device answers.
    Missing,
    /// Bad checksum.
    Checksum,
    /// The converter stands at the end of its range.
    Rail,
    /// The bus hung, timed out or refused.
    Bus,
}

/// One relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Relay {
    /// `inside1`, `outside1`, `inside2` or `outside2`.
    pub id: String,
    /// 1 or 2.
    pub circuit: u8,
    /// False when the configuration has no such relay.
    pub present: bool,
    /// Commanded closed.
    pub closed: bool,
    /// Its own override.
    #[serde(rename = "override")]
    pub forced: Option<Override>,
    /// Closings since the program started.
    pub closings: u64,
}

/// A person's say over an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Override {
    /// Forced on (`true`) or off.
    pub on: bool,
    /// It gives way after this many milliseconds.
    pub remaining_ms: u64,
}

/// The day/night window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Daylight {
    /// Heating is allowed by the window.
    pub open: bool,
    /// When that changes next.
    pub changes_at: Option<DateTime<Utc>>,
    /// The present civil day's opening; `null` in polar night, polar day, or without a clock.
    pub opens_today: Option<DateTime<Utc>>,
    /// The present civil day's closing.
    pub closes_today: Option<DateTime<Utc>>,
}

/// A latched trip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Trip {
    /// Which trigger.
    pub trigger: TriggerId,
    /// 1 or 2.
    pub circuit: u8,
    /// The value that tripped, in the trigger's unit.
    pub value: f64,
    /// The limit it broke.
    pub limit: f64,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// A watchdog trigger's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum TriggerId {
    /// Amperes.
    OverCurrent,
    /// °F.
    OverTemperature,
    /// Ohms.
    Impedance,
    /// Amperes while open.
    UnexpectedCurrent,
    /// Ohms: volts without current through closed relays.
    OpenElement,
    /// At the start it could not be told whether a trip was latched; it has no value.
    LatchUnreadable,
    /// Volts: more than the string can give.
    OverVoltage,
    /// Volts the wrong way round, as a positive number.
    ReverseVoltage,
    /// °F within a minute.
    FastRise,
    /// Kilowatt-hours that the tank's sensor did not feel.
    NoRise,
    /// °F within half an hour, with open relays.
    WarmsWhileOff,
    /// Kilowatt-hours through which the tank's sensor said the same.
    FrozenSensor,
    /// Kilowatt-hours into one tank while both sensors said the same.
    EqualSensors,
    /// °F by which the idle tank's sensor rose instead of this one's.
    SwappedSensors,
    /// Volts that did not rise when the inside relay opened.
    WeldedInside,
    /// Volts behind the open outside relay.
    WeldedOutside,
    /// The panel's ground-fault breaker has tripped; its value is 1.
    GfciTrip,
    /// How often the breaker panel was lost within ten minutes.
    GfciLost,
}

impl TriggerId {
    /// Its cause looks mended without sun: before a trip is cleared, a self-test must have passed.
    pub const fn needs_self_test(self) -> bool {
        matches!(self, Self::UnexpectedCurrent | Self::OpenElement | Self::WeldedInside | Self::WeldedOutside)
    }
}

/// What one trigger sees, and where it trips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Trigger {
    /// Which trigger.
    pub trigger: TriggerId,
    /// 1 or 2.
    pub circuit: u8,
    /// `null` while it can't judge.
    pub value: Option<f64>,
    /// `null` while it can't judge.
    pub limit: Option<f64>,
    /// It asks for attention without tripping.
    pub warning: bool,
    /// False while an administrator has disabled it: it looks and can't trip.
    pub enabled: bool,
    /// How far it is from tripping: 1 is as far as can be, 0 is there; `null` while it can't judge.
    pub margin: Option<f64>,
}

/// Energy, with how much of the time was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Energy {
    /// Watt-hours of both circuits.
    pub total_wh: f64,
    /// Watt-hours by circuit.
    pub circuits_wh: Vec<f64>,
    /// Share of the time that was measured, 0 to 1.
    pub coverage: f64,
}

/// Why a circuit does what it does, as data for one plain sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Reason {
    /// Off: a trip is latched.
    Tripped {
        /// Which trigger.
        trigger: TriggerId,
        /// The circuit that tripped (both stop).
        circuit: u8,
        /// The value that tripped.
        value: f64,
        /// The limit it broke.
        limit: f64,
    },
    /// Off: a needed sensor has no valid reading.
    SensorNotReady {
        /// `v1` … `t2`.
        sensor: String,
        /// What is wrong.
        validity: Validity,
    },
    /// Off: just started.
    BootHold {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Off: the guard process is gone; it comes back by itself.
    Unguarded,
    /// Off: the program restarted too often; it stays until a person resumes.
    RestartLockOut,
    /// Off: the breaker panel is not known, or not for long enough.
    PanelUnknown {
        /// Milliseconds left to wait; `null` while it does not answer.
        remaining_ms: Option<u64>,
    },
    /// Off: all-off is pressed until a person resumes.
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
    /// Off: as many closings as an hour may have.
    TooManyClosings {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Relays are moving, one after the other.
    Switching {
        /// Towards on.
        closing: bool,
    },
    /// The outside relay is closed, but no volts arrive: dark, a breaker off, or a contact that did not close.
    NoVoltage,
    /// A person decides for a time.
    Override {
        /// Forced on.
        on: bool,
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// Off: the water is near the over-temperature limit, where any "on" ends.
    OverrideTooHot {
        /// °F.
        temperature_f: f64,
        /// °F.
        limit_f: f64,
    },
    /// Off: night window.
    Night {
        /// When it opens next.
        until: Option<DateTime<Utc>>,
    },
    /// Off: no believable clock.
    NoClock,
    /// Off: warm enough.
    AtTarget {
        /// °F.
        temperature_f: f64,
        /// °F.
        target_f: f64,
        /// Back on below this, °F.
        on_below_f: f64,
    },
    /// On: heating.
    Heating {
        /// °F.
        temperature_f: f64,
        /// °F.
        target_f: f64,
    },
}
