//! The drivers in use: six sensors, up to four relays, and the plant if anything is simulated.

use std::path::Path;

use engine::inputs::{Inputs, RelayId, SensorId};
use engine::outputs::Outputs;
use engine::units::Now;
use plant::Plant;

use crate::config::{DriversConfig, InvalidChoice, RelayDriver, SensorDriver};
use crate::dummy::{MadeUpSensor, NoRelay};
use crate::gpio;
use crate::hal::{OutputFault, Relay, Sensor};
use crate::mirror::{Contact, Mirror, Writer};
use crate::simulated::{PlantRelay, PlantSensor, SharedPlant};

/// The drivers in use. All relays are open when it is made and when it is dropped.
pub struct DriverSet {
    sensors: [Box<dyn Sensor>; 6],
    relays: [Option<Box<dyn Relay>>; 4],
    heartbeat: Option<Box<dyn Relay>>,
    beat: bool,
    mirror: Option<Mirror>,
    plant: Option<SharedPlant>,
}

/// Why a set of drivers can't start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DriverError {
    /// The choice itself can't be taken.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<InvalidChoice>),
    /// A device can't be had.
    #[error("{0}")]
    Unavailable(String),
    /// Something is simulated and no plant was given.
    #[error("a driver is simulated, but there is no plant to simulate it")]
    NoPlant,
    /// A relay could not be opened at the start.
    #[error("relay {relay} could not be opened: {fault}")]
    NotOpened {
        /// Its name.
        relay: &'static str,
        /// What its driver says.
        fault: OutputFault,
    },
}

impl DriverSet {
    /// Starts the chosen drivers and opens every relay.
    ///
    /// `plant` serves those that are simulated; `seed` makes the dummies' straying repeatable.
    ///
    /// # Errors
    /// [`DriverError`]; nothing stays open then.
    pub fn open(config: &DriversConfig, plant: Option<Plant>, seed: u64) -> Result<Self, DriverError> {
        config.check().map_err(DriverError::Invalid)?;
        let plant = plant.filter(|_| config.needs_plant()).map(SharedPlant::new);
        let mut set = Self {
            sensors: open_sensors(config, plant.as_ref(), seed)?,
            relays: open_relays(config, plant.as_ref())?,
            heartbeat: config.heartbeat.map(gpio::open).transpose()?,
            beat: false,
            mirror: config.mirror.as_deref().map(|path| open_mirror(path, Writer::Loop)).transpose()?,
            plant,
        };
        set.write(&Outputs::OFF).map_err(|(relay, fault)| DriverError::NotOpened { relay: relay.name(), fault })?;
        Ok(set)
    }

    /// The frozen image of this step. Simulated time runs up to `now` first.
    pub fn inputs(&mut self, now: Now) -> Inputs {
        if let Some(plant) = &self.plant {
            plant.advance(now);
        }
        let mut inputs = Inputs::default();
        for (channel, sensor) in inputs.sensors.iter_mut().zip(&mut self.sensors) {
            *channel = sensor.channel(now.mono_ms);
        }
        inputs
    }

    /// Writes every relay, whatever the others answer. The one function that moves relays.
    ///
    /// # Errors
    /// The first relay that did not take its state, with its fault.
    pub fn write(&mut self, outputs: &Outputs) -> Result<(), (RelayId, OutputFault)> {
        let mut first_fault = None;
        let mut contacts = [Contact::Open; 4];
        for (id, relay) in RelayId::ALL.into_iter().zip(&mut self.relays) {
            let Some(relay) = relay else { continue };
            let closed = outputs.is_closed(id);
            contacts[id.index()] = if closed { Contact::Closed } else { Contact::Open };
            if let Err(fault) = relay.write(closed) {
                contacts[id.index()] = Contact::Unknown;
                first_fault.get_or_insert((id, fault));
            }
        }
        if let Some(Err(fault)) = self.mirror.as_mut().map(|mirror| mirror.write(contacts)) {
            first_fault.get_or_insert((RelayId::Inside1, fault));
        }
        first_fault.map_or(Ok(()), Err)
    }

    /// Changes the heartbeat's level: once in each tick of the control loop.
    ///
    /// # Errors
    /// [`OutputFault`]; the dead-man relay behind it will have noticed too.
    pub fn beat(&mut self) -> Result<(), OutputFault> {
        self.beat = !self.beat;
        if let Some(mirror) = &mut self.mirror {
            mirror.beat(self.beat)?;
        }
        self.heartbeat.as_mut().map_or(Ok(()), |output| output.write(self.beat))
    }

    /// The plant, if anything is simulated.
    pub const fn plant(&self) -> Option<&SharedPlant> {
        self.plant.as_ref()
    }
}

impl Drop for DriverSet {
    fn drop(&mut self) {
        // Nobody is left to tell; each driver tries once more when it is dropped itself.
        let _ = self.write(&Outputs::OFF);
    }
}

fn open_sensors(
    config: &DriversConfig,
    plant: Option<&SharedPlant>,
    seed: u64,
) -> Result<[Box<dyn Sensor>; 6], DriverError> {
    let open = |id: SensorId| -> Result<Box<dyn Sensor>, DriverError> {
        Ok(match config.sensors.get(id) {
            SensorDriver::Simulated => Box::new(PlantSensor { plant: plant.cloned().ok_or(DriverError::NoPlant)?, id }),
            SensorDriver::Dummy(dummy) => Box::new(MadeUpSensor::new(*dummy, seed ^ id.index() as u64)),
        })
    };
    let [v1, i1, t1, v2, i2, t2] = SensorId::ALL.map(open);
    Ok([v1?, i1?, t1?, v2?, i2?, t2?])
}

fn open_relays(
    config: &DriversConfig,
    plant: Option<&SharedPlant>,
) -> Result<[Option<Box<dyn Relay>>; 4], DriverError> {
    let open = |id: RelayId| -> Result<Option<Box<dyn Relay>>, DriverError> {
        Ok(match config.relays.get(id) {
            RelayDriver::Simulated => {
                Some(Box::new(PlantRelay { plant: plant.cloned().ok_or(DriverError::NoPlant)?, id }))
            }
            RelayDriver::Dummy => Some(Box::new(NoRelay)),
            RelayDriver::Gpio(gpio) => Some(gpio::open(*gpio)?),
            RelayDriver::Gfci | RelayDriver::Absent => None,
        })
    };
    let [inside1, outside1, inside2, outside2] = RelayId::ALL.map(open);
    Ok([inside1?, outside1?, inside2?, outside2?])
}

fn open_mirror(path: &Path, writer: Writer) -> Result<Mirror, DriverError> {
    Mirror::open(path, writer)
        .map_err(|error| DriverError::Unavailable(format!("the mirror file {}: {error}", path.display())))
}

/// Opens every output of a process that is gone or about to be: pins, heartbeat and mirror. It holds no lock and
/// needs no plant; what is simulated has nothing outside to open.
///
/// # Errors
/// Each output that could not be opened. All others are open all the same.
pub fn open_all(config: &DriversConfig, writer: Writer) -> Result<(), Vec<DriverError>> {
    let mut errors = Vec::new();
    let mut contacts = [Contact::Open; 4];
    for id in RelayId::ALL {
        if let RelayDriver::Gpio(gpio) = config.relays.get(id)
            && let Err(error) = gpio::open(*gpio)
        {
            contacts[id.index()] = Contact::Unknown;
            errors.push(error);
        }
    }
    errors.extend(config.heartbeat.and_then(|gpio| gpio::open(gpio).err()));
    if let Some(path) = &config.mirror {
        let written = open_mirror(path, writer).and_then(|mut mirror| {
            let fault = |fault: OutputFault| DriverError::Unavailable(fault.to_string());
            mirror.write(contacts).map_err(fault)
        });
        errors.extend(written.err());
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use engine::units::UtcMs;

    use super::*;

    /// Noon of a summer day in Colorado, 2023-06-21T19:00:00Z.
    const NOON_MS: i64 = 1_687_374_000_000;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, wall: Some(UtcMs(NOON_MS + mono_ms as i64)) }
    }

    fn simulated() -> DriverSet {
        let plant = Plant::new(plant::PlantConfig::default(), 1).unwrap();
        DriverSet::open(&DriversConfig::default(), Some(plant), 1).unwrap()
    }

    /// Runs ten seconds with these outputs and returns circuit 1's current at the end, in amperes.
    fn current_after(set: &mut DriverSet, from_ms: u64, closed: [bool; 4]) -> f64 {
        let mut raw = f64::NAN;
        for mono_ms in (from_ms..from_ms + 10_000).step_by(100) {
            let inputs = set.inputs(at(mono_ms));
            raw = inputs.channel(SensorId::I1).latest.unwrap().raw;
            set.write(&Outputs { closed }).unwrap();
        }
        raw
    }

    #[test]
    fn the_simulated_relays_move_the_simulated_current() {
        let mut set = simulated();
        assert!(current_after(&mut set, 0, [false; 4]).abs() < 1.0);
        assert!(current_after(&mut set, 10_000, [true; 4]) > 3.0);
        assert!(current_after(&mut set, 20_000, [false, true, true, true]).abs() < 1.0);
    }

    #[test]
    fn dropping_the_set_opens_the_plants_relays() {
        let mut set = simulated();
        current_after(&mut set, 0, [true; 4]);
        let plant = set.plant().unwrap().clone();
        drop(set);
        for mono_ms in (10_000..11_000).step_by(100) {
            plant.advance(at(mono_ms));
        }
        assert_eq!(plant.with(|plant| plant.relays_actual()), [false; 4]);
    }

    #[test]
    fn dummies_need_no_plant_and_a_simulated_driver_does() {
        let dummy = SensorDriver::Dummy(crate::config::DummySensor { value: 1.0, spread: 0.0, period_ms: 100 });
        let mut config = DriversConfig::default();
        assert_eq!(DriverSet::open(&config, None, 1).err(), Some(DriverError::NoPlant));
        config.sensors.v1 = dummy.clone();
        config.sensors.i1 = dummy.clone();
        config.sensors.t1 = dummy.clone();
        config.sensors.v2 = dummy.clone();
        config.sensors.i2 = dummy.clone();
        config.sensors.t2 = dummy;
        config.relays.inside1 = RelayDriver::Dummy;
        config.relays.outside1 = RelayDriver::Absent;
        config.relays.inside2 = RelayDriver::Dummy;
        config.relays.outside2 = RelayDriver::Absent;
        let mut set = DriverSet::open(&config, None, 1).unwrap();
        assert!(set.inputs(at(0)).sensors.iter().all(|channel| channel.synthetic));
    }

    #[test]
    fn the_mirror_shows_what_the_relays_were_told_until_somebody_opens_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mirror");
        let config = DriversConfig { mirror: Some(path.clone()), ..DriversConfig::default() };
        let plant = Plant::new(plant::PlantConfig::default(), 1).unwrap();
        let mut set = DriverSet::open(&config, Some(plant), 1).unwrap();
        let shown = || std::fs::read(&path).unwrap();
        assert_eq!(shown()[..5], [0, 0, 0, 0, Writer::Loop as u8]);
        set.write(&Outputs { closed: [true, true, false, true] }).unwrap();
        assert_eq!(shown()[..5], [1, 1, 0, 1, Writer::Loop as u8]);
        set.beat().unwrap();
        assert_eq!(shown()[..6], [1, 1, 0, 1, Writer::Loop as u8, 1]);
        open_all(&config, Writer::RelaysOff).unwrap();
        assert_eq!(shown()[..5], [0, 0, 0, 0, Writer::RelaysOff as u8]);
        set.write(&Outputs { closed: [true; 4] }).unwrap();
        drop(set);
        assert_eq!(shown()[..5], [0, 0, 0, 0, Writer::Loop as u8]);
    }

    #[test]
    fn opening_all_tries_everything_and_names_what_failed() {
        if std::path::Path::new("/proc/device-tree/model").exists() {
            return; // On a board the pins really open, which a unit test must not do.
        }
        let folder = tempfile::tempdir().unwrap();
        let mut config = DriversConfig { mirror: Some(folder.path().join("mirror")), ..DriversConfig::default() };
        config.relays.inside2 = RelayDriver::Gpio(crate::config::GpioRelay { pin: 17, active_low: false });
        let errors = open_all(&config, Writer::Guard).unwrap_err();
        assert!(errors.len() == 1 && errors[0].to_string().contains("GPIO pin 17"), "{errors:?}");
        let shown = std::fs::read(folder.path().join("mirror")).unwrap();
        assert_eq!(shown[..5], [0, 0, Contact::Unknown as u8, 0, Writer::Guard as u8]);
    }

    #[test]
    fn a_refused_choice_opens_nothing_and_names_its_fields() {
        let mut config = DriversConfig::default();
        config.relays.inside2 = RelayDriver::Absent;
        let error = DriverSet::open(&config, None, 1).err().unwrap();
        assert!(error.to_string().contains("drivers.relays.inside2"), "{error}");
    }
}
