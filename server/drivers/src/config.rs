//! Which driver serves which sensor and relay, with its own parameters: data, as it stands in the
//! configuration file.
//!
//! ```toml
//! [sensors.t1]
//! driver = "dummy"
//! value = 118.0
//! [relays.inside1]
//! driver = "gpio"
//! pin = 17
//! [heartbeat]
//! pin = 22
//! ```

use std::path::PathBuf;

use engine::inputs::{CircuitId, Quantity, RelayId, SensorId};
use serde::{Deserialize, Serialize};

/// The whole choice. What is not named is simulated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriversConfig {
    /// The six sensors.
    pub sensors: Sensors,
    /// The four relays.
    pub relays: Relays,
    /// A pin that changes its level ten times a second while the control loop runs, for a dead-man relay that
    /// cuts the contactors' supply when the beat ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<GpioRelay>,
    /// A file that shows the relays' states to who watches from outside; see [`crate::mirror`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<PathBuf>,
}

/// A driver for each sensor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Sensors {
    pub v1: SensorDriver,
    pub i1: SensorDriver,
    pub t1: SensorDriver,
    pub v2: SensorDriver,
    pub i2: SensorDriver,
    pub t2: SensorDriver,
}

/// A driver for each relay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Relays {
    pub inside1: RelayDriver,
    pub outside1: RelayDriver,
    pub inside2: RelayDriver,
    pub outside2: RelayDriver,
}

/// The drivers there are for a sensor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "snake_case", deny_unknown_fields)]
pub enum SensorDriver {
    /// The simulated plant's sensor.
    #[default]
    Simulated,
    /// A made-up value; its samples are marked synthetic.
    Dummy(DummySensor),
}

/// A made-up sensor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DummySensor {
    /// The value around which it stays, in the sensor's unit (V, A, °F).
    pub value: f64,
    /// It strays this far to either side, evenly; 0 is a constant.
    #[serde(default)]
    pub spread: f64,
    /// A new sample this often, in milliseconds: 10 to 15,000.
    #[serde(default = "default_period_ms")]
    pub period_ms: u64,
}

const fn default_period_ms() -> u64 {
    100
}

/// The drivers there are for a relay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "snake_case", deny_unknown_fields)]
pub enum RelayDriver {
    /// The simulated plant's contact.
    #[default]
    Simulated,
    /// Remembers its state and moves nothing.
    Dummy,
    /// A pin of the Raspberry Pi's header.
    Gpio(GpioRelay),
    /// A relay in the external breaker panel, which its own task moves. Only outside relays can be there.
    Gfci,
    /// There is no such relay. Only outside relays may be absent.
    Absent,
}

/// An output on a pin of the Raspberry Pi's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioRelay {
    /// BCM number of the pin: 9 to 27, without 14. Pins 0 to 8 are pulled up at boot and 14 goes high then, which
    /// would close an active-high relay before any program runs.
    pub pin: u8,
    /// The board closes its contact on a low level.
    #[serde(default)]
    pub active_low: bool,
}

impl Sensors {
    /// The driver of one sensor.
    pub const fn get(&self, id: SensorId) -> &SensorDriver {
        match id {
            SensorId::V1 => &self.v1,
            SensorId::I1 => &self.i1,
            SensorId::T1 => &self.t1,
            SensorId::V2 => &self.v2,
            SensorId::I2 => &self.i2,
            SensorId::T2 => &self.t2,
        }
    }
}

impl Relays {
    /// The driver of one relay.
    pub const fn get(&self, id: RelayId) -> &RelayDriver {
        match id {
            RelayId::Inside1 => &self.inside1,
            RelayId::Outside1 => &self.outside1,
            RelayId::Inside2 => &self.inside2,
            RelayId::Outside2 => &self.outside2,
        }
    }
}

/// A choice that can't be taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("drivers.{field}: {message}")]
pub struct InvalidChoice {
    /// The field's path, e.g. `relays.inside1.pin`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl DriversConfig {
    /// Which relays exist, by [`RelayId::index`].
    pub fn relays_present(&self) -> [bool; 4] {
        RelayId::ALL.map(|id| *self.relays.get(id) != RelayDriver::Absent)
    }

    /// True when any output is on a pin of the board.
    pub fn has_pins(&self) -> bool {
        self.pins().next().is_some()
    }

    /// True when anything is simulated, so that a plant must run.
    pub fn needs_plant(&self) -> bool {
        SensorId::ALL.into_iter().any(|id| *self.sensors.get(id) == SensorDriver::Simulated)
            || RelayId::ALL.into_iter().any(|id| *self.relays.get(id) == RelayDriver::Simulated)
    }

    /// Checks the whole choice.
    ///
    /// # Errors
    /// Every field that is wrong, not just the first.
    pub fn check(&self) -> Result<(), Vec<InvalidChoice>> {
        let mut errors = Vec::new();
        for id in SensorId::ALL {
            if let SensorDriver::Dummy(dummy) = self.sensors.get(id) {
                check_dummy(id, dummy, &mut errors);
            }
        }
        self.check_pins(&mut errors);
        for id in RelayId::ALL {
            self.check_relay(id, &mut errors);
        }
        self.check_mixture(&mut errors);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn check_relay(&self, id: RelayId, errors: &mut Vec<InvalidChoice>) {
        match self.relays.get(id) {
            RelayDriver::Absent if id.is_inside() => {
                errors.push(invalid(format!("relays.{}", id.name()), "the relay beside the tank can't be absent"));
            }
            RelayDriver::Gfci if id.is_inside() => {
                errors.push(invalid(format!("relays.{}", id.name()), "this relay can't be in the panel"));
            }
            RelayDriver::Gpio(_) | RelayDriver::Gfci => self.check_real_sensors(id.circuit(), id, errors),
            RelayDriver::Simulated | RelayDriver::Dummy | RelayDriver::Absent => {}
        }
    }

    /// Pins that can't hurt at boot, and each for one output alone.
    fn check_pins(&self, errors: &mut Vec<InvalidChoice>) {
        let mut taken: Vec<(&str, u8)> = Vec::new();
        for (name, pin) in self.pins() {
            let field = if name == "heartbeat" { "heartbeat.pin".into() } else { format!("relays.{name}.pin") };
            if !(9..=27).contains(&pin) || pin == 14 {
                errors.push(invalid(&field, "take a pin from 9 to 27, without 14: the others are high at boot"));
            }
            if let Some((other, _)) = taken.iter().find(|(_, theirs)| *theirs == pin) {
                errors.push(invalid(&field, format!("pin {pin} is taken by {other}")));
            }
            taken.push((name, pin));
        }
    }

    /// The outputs on pins, by name.
    fn pins(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let relays = RelayId::ALL.into_iter().filter_map(|id| match self.relays.get(id) {
            RelayDriver::Gpio(gpio) => Some((id.name(), gpio.pin)),
            _ => None,
        });
        relays.chain(self.heartbeat.map(|gpio| ("heartbeat", gpio.pin)))
    }

    /// A real contact must not close on made-up volts, amperes or temperatures.
    fn check_real_sensors(&self, circuit: CircuitId, relay: RelayId, errors: &mut Vec<InvalidChoice>) {
        for sensor in [circuit.voltage(), circuit.current(), circuit.temperature()] {
            match self.sensors.get(sensor) {
                SensorDriver::Simulated | SensorDriver::Dummy(_) => errors.push(invalid(
                    format!("sensors.{}", sensor.name()),
                    format!("must be real, since relay {} is", relay.name()),
                )),
            }
        }
    }

    /// Simulated and real outputs never load together.
    fn check_mixture(&self, errors: &mut Vec<InvalidChoice>) {
        let of = |wanted: fn(&RelayDriver) -> bool| RelayId::ALL.into_iter().find(|id| wanted(self.relays.get(*id)));
        let real = of(|driver| matches!(driver, RelayDriver::Gpio(_) | RelayDriver::Gfci));
        let simulated = of(|driver| matches!(driver, RelayDriver::Simulated));
        if let (Some(real), Some(simulated)) = (real, simulated) {
            errors.push(invalid(
                format!("relays.{}", simulated.name()),
                format!("is simulated while {} is real; they can't be mixed", real.name()),
            ));
        }
    }
}

fn check_dummy(id: SensorId, dummy: &DummySensor, errors: &mut Vec<InvalidChoice>) {
    let (low, high) = match id.quantity() {
        Quantity::Voltage => (-1_000.0, 1_000.0),
        Quantity::Current => (-100.0, 100.0),
        Quantity::Temperature => (-60.0, 260.0),
    };
    let path = |name: &str| format!("sensors.{}.{name}", id.name());
    if !(low..=high).contains(&dummy.value) {
        errors.push(invalid(path("value"), format!("must be from {low} to {high}")));
    }
    if !(0.0..=high).contains(&dummy.spread) {
        errors.push(invalid(path("spread"), format!("must be from 0 to {high}")));
    }
    if !(10..=15_000).contains(&dummy.period_ms) {
        errors.push(invalid(path("period_ms"), "must be from 10 to 15000"));
    }
}

fn invalid(field: impl Into<String>, message: impl Into<String>) -> InvalidChoice {
    InvalidChoice { field: field.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Checks that a configuration text is refused for exactly these fields (none: that it is taken).
    fn check(text: &str, fields: &[&str]) {
        let config: DriversConfig = toml::from_str(text).unwrap();
        let errors = config.check().err().unwrap_or_default();
        let found: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(found, fields, "{text}\n{errors:?}");
    }

    #[test]
    fn everything_is_simulated_unless_named() {
        check("", &[]);
        assert!(DriversConfig::default().needs_plant());
        assert_eq!(DriversConfig::default().relays_present(), [true; 4]);
    }

    #[test]
    fn an_outside_relay_may_be_absent_an_inside_one_not() {
        check("relays.outside1.driver = 'absent'", &[]);
        check("relays.inside2.driver = 'absent'", &["relays.inside2"]);
    }

    #[test]
    fn a_relay_in_the_panel_is_a_real_outside_one() {
        check(
            "relays.outside1.driver = 'gfci'\nrelays.inside1.driver = 'dummy'",
            &["sensors.v1", "sensors.i1", "sensors.t1", "relays.inside2"],
        );
        check("relays.inside2.driver = 'gfci'", &["relays.inside2", "relays.inside1"]);
    }

    #[test]
    fn a_real_relay_wants_real_sensors_a_safe_pin_and_no_simulated_neighbour() {
        check(
            "relays.inside1 = { driver = 'gpio', pin = 4 }\nrelays.outside1.driver = 'dummy'",
            &["relays.inside1.pin", "sensors.v1", "sensors.i1", "sensors.t1", "relays.inside2"],
        );
    }

    #[test]
    fn two_relays_cant_share_a_pin() {
        let text = "relays.inside1 = { driver = 'gpio', pin = 17 }\nrelays.inside2 = { driver = 'gpio', pin = 17 }\n\
                    relays.outside1.driver = 'absent'\nrelays.outside2.driver = 'absent'";
        let config: DriversConfig = toml::from_str(text).unwrap();
        let errors = config.check().unwrap_err();
        assert!(
            errors.iter().any(|error| error.to_string() == "drivers.relays.inside2.pin: pin 17 is taken by inside1")
        );
    }

    #[test]
    fn the_heartbeat_has_a_pin_of_its_own() {
        check("heartbeat.pin = 22", &[]);
        check("heartbeat.pin = 14", &["heartbeat.pin"]);
        let mut config =
            DriversConfig { heartbeat: Some(GpioRelay { pin: 17, active_low: false }), ..Default::default() };
        config.relays.outside2 = RelayDriver::Gpio(GpioRelay { pin: 17, active_low: false });
        let errors = config.check().unwrap_err();
        assert!(errors.iter().any(|error| error.to_string() == "drivers.heartbeat.pin: pin 17 is taken by outside2"));
    }

    #[test]
    fn a_dummy_stays_in_its_range() {
        check("sensors.t1 = { driver = 'dummy', value = 118.0 }", &[]);
        check(
            "sensors.t1 = { driver = 'dummy', value = nan, spread = -1.0, period_ms = 1 }",
            &["sensors.t1.value", "sensors.t1.spread", "sensors.t1.period_ms"],
        );
    }

    #[test]
    fn unknown_names_are_refused() {
        for text in [
            "sensors.t3.driver = 'simulated'",
            "sensors.t1.driver = 'guess'",
            "relays.inside1 = { driver = 'gpio', pin = 17, colour = 1 }",
        ] {
            assert!(toml::from_str::<DriversConfig>(text).is_err(), "{text}");
        }
    }
}
