//! Everything that can be made to go wrong, by name.
//!
//! Each place (a relay, an element, a sensor …) has at most one fault at a time; a new one replaces the old.

use engine::inputs::{CircuitId, RelayId, SensorId};

use crate::element::ElementFault;
use crate::relay::RelayFault;
use crate::sensors::SensorDefect;

/// A fault and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// A relay's contact.
    Relay(RelayId, RelayFault),
    /// A heating element.
    Element(CircuitId, ElementFault),
    /// A sensor.
    Sensor(SensorId, SensorDefect),
    /// The light on both arrays times this: a lens-like sky, snow, a test at night's end. 0 to 2.
    Irradiance(f64),
    /// Something else heats a circuit's tank with this many watts (0 to 20,000).
    HeatSource(CircuitId, f64),
    /// The two temperature sensors hang on each other's tank.
    SwappedTemperatures,
}

/// Where a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A relay's contact.
    Relay(RelayId),
    /// A heating element.
    Element(CircuitId),
    /// A sensor.
    Sensor(SensorId),
    /// The light.
    Irradiance,
    /// A second heat source at a circuit's tank.
    HeatSource(CircuitId),
    /// The temperature sensors' places.
    SwappedTemperatures,
}

impl Fault {
    /// Where it is.
    pub fn kind(&self) -> FaultKind {
        match *self {
            Self::Relay(relay, _) => FaultKind::Relay(relay),
            Self::Element(circuit, _) => FaultKind::Element(circuit),
            Self::Sensor(sensor, _) => FaultKind::Sensor(sensor),
            Self::Irradiance(_) => FaultKind::Irradiance,
            Self::HeatSource(circuit, _) => FaultKind::HeatSource(circuit),
            Self::SwappedTemperatures => FaultKind::SwappedTemperatures,
        }
    }

    /// Whether its number is one the physics can bear.
    pub(crate) fn is_possible(&self) -> bool {
        match *self {
            Self::Relay(_, RelayFault::Resistive { ohms }) => (0.0..=1000.0).contains(&ohms),
            Self::Element(_, ElementFault::Scaled(factor)) => (0.01..=100.0).contains(&factor),
            Self::Irradiance(factor) => (0.0..=2.0).contains(&factor),
            Self::HeatSource(_, watts) => (0.0..=20_000.0).contains(&watts),
            _ => true,
        }
    }
}
