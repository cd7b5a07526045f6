//! The plant as a whole: time goes in, and what the sensors would read comes out.
//!
//! Promises: deterministic. The same configuration, seed, times, commands and faults give the same plant at any
//! speed (and on any machine, as far as its mathematical library rounds alike). Weather, clouds, draws and heat are the same at any step size; sensor noise is drawn
//! once a sample.

use engine::inputs::{CircuitId, Inputs, RelayId, SensorId};
use engine::units::{Amperes, Fahrenheit, UtcMs, Volts, WattHours, Watts};

use crate::circuit::Circuit;
use crate::config::{PlantConfig, PlantError};
use crate::fault::{Fault, FaultKind};
use crate::noise::{self, Purpose};
use crate::sensors::Sensor;
use crate::sky::{Light, Sky};
use crate::tank::NODES;
use crate::weather::Site;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Longest piece of time the physics takes at once, ms.
const SLICE_MS: u64 = 1000;
/// A longer gap between two steps is cut to this, ms.
const LONGEST_GAP_MS: u64 = 86_400_000;

/// The plant's own true time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic milliseconds; the physics runs on these.
    pub mono_ms: u64,
    /// Civil time; sun, weather and people's habits follow it.
    pub utc: UtcMs,
}

impl Moment {
    fn earlier(self, ms: u64) -> Self {
        Self { mono_ms: self.mono_ms.saturating_sub(ms), utc: UtcMs(self.utc.0 - ms as i64) }
    }
}

/// What is really so, whatever the sensors say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Both circuits, by [`CircuitId::index`].
    pub circuits: [CircuitTruth; 2],
    /// Outdoor air.
    pub air: Fahrenheit,
    /// Air around the tanks.
    pub room: Fahrenheit,
    /// Cold water.
    pub inlet: Fahrenheit,
}

/// What is really so in one circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitTruth {
    /// On the array, W/m².
    pub irradiance_w_m2: f64,
    /// Irradiance over that of the same sky without passing clouds.
    pub clear_index: f64,
    /// The modules' cells.
    pub cells: Fahrenheit,
    /// At the string's terminals.
    pub string: Volts,
    /// Between the relays, where the voltmeter sits.
    pub voltage: Volts,
    /// Through the element.
    pub current: Amperes,
    /// Heat the element makes.
    pub power: Watts,
    /// Layers of the tank, bottom first.
    pub tank: [Fahrenheit; NODES],
    /// The temperature sensor's body.
    pub sensor: Fahrenheit,
    /// Mixed water running at the moment, US gallons a minute.
    pub mixed_gal_per_min: f64,
    /// Hot water drawn since the start, US gallons.
    pub hot_drawn_gal: f64,
    /// Mixed water drawn since the start, US gallons.
    pub mixed_drawn_gal: f64,
    /// Into the water since the start, from the element and any second source.
    pub heated: WattHours,
    /// Through the tank's insulation since the start.
    pub lost: WattHours,
    /// With the drawn water since the start.
    pub drawn: WattHours,
    /// Through the relief valve since the start.
    pub vented: WattHours,
    /// How often its contacts closed since the start: inside, outside.
    pub closings: [u64; 2],
    /// The hardware cut-out is open.
    pub cut_out_open: bool,
}

/// The simulated plant.
#[derive(Debug, Clone)]
pub struct Plant {
    config: PlantConfig,
    sky: Sky,
    circuits: [Circuit; 2],
    sensors: [Sensor; 6],
    noise: ChaCha8Rng,
    swapped: bool,
    irradiance_factor: f64,
    now: Option<Moment>,
    light: Light,
    surroundings: Surroundings,
}

/// What the tanks stand in and are fed with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Surroundings {
    pub(crate) room_c: f64,
    pub(crate) inlet_c: f64,
    /// Until when (the minute's number) these hold.
    minute: Option<i64>,
}

impl Plant {
    /// Builds the plant. Its clock starts with the first [`Plant::step`].
    ///
    /// # Errors
    /// [`PlantError`] when a number is out of range or a string's data sheet makes no sense.
    pub fn new(config: PlantConfig, seed: u64) -> Result<Self, PlantError> {
        config.check()?;
        let sky = Sky::new(config.circuits.map(|circuit| circuit.mounting), config.albedo, seed)?;
        let site = sky.site();
        let [one, two] = CircuitId::ALL.map(|id| Circuit::new(&config, id, site, seed));
        let sensors = SensorId::ALL.map(|id| {
            let sheet = [config.voltage, config.current, config.temperature][id.index() % 3];
            Sensor::new(sheet, id.quantity(), noise::stream(seed, Purpose::Sensors, id.index() as i64))
        });
        Ok(Self {
            config,
            sky,
            circuits: [one?, two?],
            sensors,
            noise: ChaCha8Rng::seed_from_u64(noise::stream(seed, Purpose::Sensors, -1)),
            swapped: false,
            irradiance_factor: 1.0,
            now: None,
            light: Light::default(),
            surroundings: Surroundings::default(),
        })
    }

    /// Advances to `now`, with relays told to be as `commanded` (by [`RelayId::index`], `true` closes) ever since
    /// the step before, and takes the samples that are due.
    ///
    /// Usual steps are 100 ms or 1 s; longer ones are worked through second by second, a day at most. A monotonic
    /// time that does not advance changes nothing but the relays' orders.
    pub fn step(&mut self, now: Moment, commanded: [bool; 4]) {
        let before = self.now.unwrap_or(now);
        let gap_ms = now.mono_ms.saturating_sub(before.mono_ms).min(LONGEST_GAP_MS);
        for id in CircuitId::ALL {
            let orders = [commanded[id.inside().index()], commanded[id.outside().index()]];
            self.circuits[id.index()].command(orders);
        }
        let mut left_ms = gap_ms;
        loop {
            let slice_ms = left_ms.min(SLICE_MS);
            left_ms -= slice_ms;
            self.advance(now.earlier(left_ms), slice_ms);
            if left_ms == 0 {
                break;
            }
        }
        self.now = Some(now);
        self.sample(now.mono_ms);
    }

    /// What the drivers would return now.
    pub fn inputs(&self) -> Inputs {
        Inputs { sensors: std::array::from_fn(|index| self.sensors[index].channel()), ..Inputs::default() }
    }

    /// Whether current can pass each relay, by [`RelayId::index`]; a relay that does not exist reads open.
    pub fn relays_actual(&self) -> [bool; 4] {
        RelayId::ALL
            .map(|id| self.circuits[id.circuit().index()].contact(id).is_some_and(crate::relay::Contact::is_closed))
    }

    /// What is really so.
    pub fn truth(&self) -> Truth {
        Truth {
            circuits: CircuitId::ALL.map(|id| {
                let (light, clear) = (self.light.irradiance[id.index()], self.light.clear_index[id.index()]);
                self.circuits[id.index()].truth(light, clear)
            }),
            air: Fahrenheit::from_celsius(self.light.air_c),
            room: Fahrenheit::from_celsius(self.surroundings.room_c),
            inlet: Fahrenheit::from_celsius(self.surroundings.inlet_c),
        }
    }

    /// The time of the last step.
    pub fn now(&self) -> Option<Moment> {
        self.now
    }

    /// What it is built of.
    pub fn config(&self) -> &PlantConfig {
        &self.config
    }

    /// Where it stands.
    pub fn site(&self) -> Site {
        self.sky.site()
    }

    /// Lets something go wrong from the next step on. Replaces a fault in the same place.
    ///
    /// # Errors
    /// [`PlantError::ImpossibleFault`] when its number is out of range, or the relay does not exist.
    pub fn inject(&mut self, fault: Fault) -> Result<(), PlantError> {
        let has_place = match fault {
            Fault::Relay(id, _) => self.circuits[id.circuit().index()].contact(id).is_some(),
            _ => true,
        };
        if !has_place || !fault.is_possible() {
            return Err(PlantError::ImpossibleFault(format!("{fault:?}")));
        }
        self.set(fault.kind(), Some(fault));
        Ok(())
    }

    /// Mends what is wrong in this place.
    pub fn clear(&mut self, place: FaultKind) {
        self.set(place, None);
    }

    /// Everything that is wrong now.
    pub fn faults(&self) -> Vec<Fault> {
        let circuit = |id: CircuitId| &self.circuits[id.index()];
        let relays = RelayId::ALL.into_iter().filter_map(|id| {
            let fault = circuit(id.circuit()).contact(id)?.fault()?;
            Some(Fault::Relay(id, fault))
        });
        let elements = CircuitId::ALL
            .into_iter()
            .filter_map(|id| circuit(id).element().fault().map(|fault| Fault::Element(id, fault)));
        let sensors = SensorId::ALL
            .into_iter()
            .filter_map(|id| self.sensors[id.index()].defect().map(|defect| Fault::Sensor(id, defect)));
        let light = (self.irradiance_factor != 1.0).then_some(Fault::Irradiance(self.irradiance_factor));
        let heat = CircuitId::ALL
            .into_iter()
            .filter(|id| circuit(*id).second_heat_w > 0.0)
            .map(|id| Fault::HeatSource(id, circuit(id).second_heat_w));
        let swapped = self.swapped.then_some(Fault::SwappedTemperatures);
        relays.chain(elements).chain(sensors).chain(light).chain(heat).chain(swapped).collect()
    }

    fn set(&mut self, place: FaultKind, fault: Option<Fault>) {
        match (place, fault) {
            (FaultKind::Relay(id), fault) => {
                if let Some(contact) = self.circuits[id.circuit().index()].contact_mut(id) {
                    contact.set_fault(fault.and_then(|fault| match fault {
                        Fault::Relay(_, fault) => Some(fault),
                        _ => None,
                    }));
                }
            }
            (FaultKind::Element(id), fault) => {
                self.circuits[id.index()].element_mut().set_fault(fault.and_then(|fault| match fault {
                    Fault::Element(_, fault) => Some(fault),
                    _ => None,
                }));
            }
            (FaultKind::Sensor(id), fault) => {
                self.sensors[id.index()].set_defect(fault.and_then(|fault| match fault {
                    Fault::Sensor(_, defect) => Some(defect),
                    _ => None,
                }));
            }
            (FaultKind::Irradiance, Some(Fault::Irradiance(factor))) => self.irradiance_factor = factor,
            (FaultKind::Irradiance, _) => self.irradiance_factor = 1.0,
            (FaultKind::HeatSource(id), Some(Fault::HeatSource(_, watts))) => {
                self.circuits[id.index()].second_heat_w = watts;
            }
            (FaultKind::HeatSource(id), _) => self.circuits[id.index()].second_heat_w = 0.0,
            (FaultKind::SwappedTemperatures, fault) => self.swapped = fault.is_some(),
        }
    }

    fn advance(&mut self, to: Moment, slice_ms: u64) {
        self.light = self.sky.at(to.utc);
        for irradiance in &mut self.light.irradiance {
            *irradiance *= self.irradiance_factor;
        }
        self.surroundings.follow(to.utc, self.sky.site(), &self.config);
        for (circuit, irradiance) in self.circuits.iter_mut().zip(self.light.irradiance) {
            circuit.advance(to, slice_ms, irradiance, self.light.air_c, &self.surroundings);
        }
    }

    fn sample(&mut self, now_ms: u64) {
        let room_c = self.surroundings.room_c;
        for id in CircuitId::ALL {
            let circuit = &self.circuits[id.index()];
            let (volts, amps) = circuit.measured(self.config.current_skew_ms);
            if self.sensors[id.voltage().index()].is_due(now_ms) || self.sensors[id.current().index()].is_due(now_ms) {
                let (for_volts, for_amps) = noise::normal_pair(&mut self.noise);
                self.sensors[id.voltage().index()].sample(now_ms, volts, 0.0, for_volts);
                self.sensors[id.current().index()].sample(now_ms, amps, 0.0, for_amps);
            }
            let thermometer = &mut self.sensors[id.temperature().index()];
            if thermometer.is_due(now_ms) {
                let hangs_on = id.index() ^ usize::from(self.swapped);
                let (normal, _) = noise::normal_pair(&mut self.noise);
                thermometer.sample(now_ms, self.circuits[hangs_on].tank().sensor_c(), room_c, normal);
            }
        }
    }
}

impl Surroundings {
    /// The room is warmest at three in the afternoon, the cold water in the middle of August.
    fn follow(&mut self, at: UtcMs, site: Site, config: &PlantConfig) {
        use std::f64::consts::TAU;
        let minute = at.0.div_euclid(60_000);
        if self.minute == Some(minute) {
            return;
        }
        let (day, in_day_ms) = site.civil(at);
        let hour = in_day_ms as f64 / 3_600_000.0;
        let year = (day as f64 - 226.0) / 365.2425;
        self.room_c = config.room_c.0 + config.room_c.1 * ((hour - 15.0) / 24.0 * TAU).cos();
        self.inlet_c = config.inlet_c.0 + config.inlet_c.1 * (year * TAU).cos();
        self.minute = Some(minute);
    }
}
