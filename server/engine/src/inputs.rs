//! What a step sees: a frozen image of every sensor, taken once, read by everyone.
//!
//! A sample never comes without the moment at which it was taken; the engine alone decides whether it is
//! fresh and believable. Identifiers here are the ones used in the API, the database and the files.

/// One of the two circuits (string, relays, element, tank).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CircuitId {
    /// Circuit 1.
    One,
    /// Circuit 2.
    Two,
}

/// A measuring point. `V` sits between the outside and the inside relay, `I` in series, `T` on the tank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum SensorId {
    V1,
    I1,
    T1,
    V2,
    I2,
    T2,
}

/// A relay: `inside` stands beside the tank, `outside` in the breaker panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum RelayId {
    Inside1,
    Outside1,
    Inside2,
    Outside2,
}

/// What a sensor measures, and so its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Volts.
    Voltage,
    /// Amperes.
    Current,
    /// Degrees Fahrenheit.
    Temperature,
}

impl CircuitId {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];
    /// 0 or 1, for arrays of two.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// 1 or 2, as people say it.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
    /// The circuit with this number (1 or 2).
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
    /// Its voltmeter.
    pub const fn voltage(self) -> SensorId {
        [SensorId::V1, SensorId::V2][self.index()]
    }
    /// Its ammeter.
    pub const fn current(self) -> SensorId {
        [SensorId::I1, SensorId::I2][self.index()]
    }
    /// Its tank thermometer.
    pub const fn temperature(self) -> SensorId {
        [SensorId::T1, SensorId::T2][self.index()]
    }
    /// Its relay beside the tank.
    pub const fn inside(self) -> RelayId {
        [RelayId::Inside1, RelayId::Inside2][self.index()]
    }
    /// Its relay in the breaker panel.
    pub const fn outside(self) -> RelayId {
        [RelayId::Outside1, RelayId::Outside2][self.index()]
    }
}

impl SensorId {
    /// All six, in order.
    pub const ALL: [Self; 6] = [Self::V1, Self::I1, Self::T1, Self::V2, Self::I2, Self::T2];
    /// 0 to 5.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// `v1` … `t2`.
    pub const fn name(self) -> &'static str {
        ["v1", "i1", "t1", "v2", "i2", "t2"][self.index()]
    }
    /// The sensor with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
    /// The circuit it belongs to.
    pub const fn circuit(self) -> CircuitId {
        if self.index() < 3 { CircuitId::One } else { CircuitId::Two }
    }
    /// What it measures.
    pub const fn quantity(self) -> Quantity {
        [Quantity::Voltage, Quantity::Current, Quantity::Temperature][self.index() % 3]
    }
}

impl RelayId {
    /// All four, in order.
    pub const ALL: [Self; 4] = [Self::Inside1, Self::Outside1, Self::Inside2, Self::Outside2];
    /// 0 to 3.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// `inside1` … `outside2`.
    pub const fn name(self) -> &'static str {
        ["inside1", "outside1", "inside2", "outside2"][self.index()]
    }
    /// The relay with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
    /// The circuit it belongs to.
    pub const fn circuit(self) -> CircuitId {
        if self.index() < 2 { CircuitId::One } else { CircuitId::Two }
    }
    /// True for the relay beside the tank.
    pub const fn is_inside(self) -> bool {
        self.index().is_multiple_of(2)
    }
}

/// Why a driver could not read its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SensorFault {
    /// No such device answers.
    Missing,
    /// The device answered with a bad checksum.
    Checksum,
    /// The converter stands at the end of its range.
    Rail,
    /// The bus hung, timed out or refused.
    Bus,
}

/// One measurement, as the driver returned it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The value before calibration, in the sensor's unit (V, A or °F).
    pub raw: f64,
    /// When it was taken, on the monotonic clock. Two samples with the same time are the same sample.
    pub taken_ms: u64,
}

/// What one driver has to say in this step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Channel {
    /// The newest sample there ever was, whatever its age.
    pub latest: Option<Sample>,
    /// The fault of the newest attempt, if it failed.
    pub fault: Option<SensorFault>,
    /// True when a dummy driver made the value up.
    pub synthetic: bool,
}

/// What the breaker panel said last. Its word can hold heating off and add a trip, never remove one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Panel {
    /// When the newest good poll came, on the monotonic clock. `None`: never, or not since the panel restarted
    /// itself; it is unknown then, at once.
    pub seen_ms: Option<u64>,
    /// By circuit: the ground-fault breaker has tripped.
    pub tripped: [bool; 2],
    /// By circuit: whether the panel says that its outside relay is closed; `None` when it doesn't say.
    pub outside_closed: [Option<bool>; 2],
}

/// The frozen image of a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Inputs {
    /// By [`SensorId::index`].
    pub sensors: [Channel; 6],
    /// The breaker panel; `None` where there is none. One that is there and silent is a [`Panel`] that was not seen.
    pub panel: Option<Panel>,
    /// Nobody would open the relays if this process died: its guard is gone.
    pub unguarded: bool,
}

impl Inputs {
    /// The channel of one sensor.
    pub fn channel(&self, id: SensorId) -> &Channel {
        &self.sensors[id.index()]
    }
}
