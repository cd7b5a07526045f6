//! The engine on the plant without a clock, a database or a web: as fast as the machine can, the same every time.
//!
//! Serves `suntank simulate`, the history that a demo starts with, and the tests that run a whole year.

pub mod faults;

use std::fmt;

use engine::config::Config;
use engine::inputs::{CircuitId, Inputs, RelayId};
use engine::outputs::{Event, Outputs, Record, Step, Trip};
use engine::units::{Now, UtcMs, WattHours};
use engine::{Command, Engine, Refused};
use plant::{Moment, Plant, PlantConfig};

/// The contacts rest this long between two closings (safety case, S7).
const MINIMUM_OFF_MS: u64 = 60_000;
/// A sample that feeds a closed relay is at most this old, milliseconds (safety case, S1): volts and amperes,
/// temperature.
const FRESH_MS: [u64; 2] = [1_000, 15_000];
/// Violations kept for the report; all are counted.
const KEPT: usize = 20;

/// An engine wired to a plant.
pub struct Simulation {
    engine: Engine,
    plant: Plant,
    now: Now,
    /// The true civil time.
    sun: UtcMs,
    /// How far the program's clock is from it; `None` while it has none.
    clock_error_ms: Option<i64>,
    outputs: Outputs,
}

/// Why a simulation can't start.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The engine refuses its configuration.
    #[error("configuration: {0}")]
    Config(#[from] engine::config::ConfigError),
    /// The plant refuses its configuration.
    #[error("plant: {0}")]
    Plant(#[from] plant::PlantError),
}

impl Simulation {
    /// Wires both, with everything off, at `start`.
    ///
    /// # Errors
    /// [`SimulationError`].
    pub fn new(config: Config, plant: &PlantConfig, seed: u64, start: UtcMs) -> Result<Self, SimulationError> {
        let now = Now { mono_ms: 0, wall: Some(start) };
        Ok(Self {
            engine: Engine::new(config, now)?,
            plant: Plant::new(*plant, seed)?,
            now,
            sun: start,
            clock_error_ms: Some(0),
            outputs: Outputs::OFF,
        })
    }

    /// Lets `dt_ms` pass: the plant runs on with the relays as they are, then the engine sees and decides.
    pub fn step(&mut self, dt_ms: u64) -> (Inputs, Step) {
        self.now.mono_ms += dt_ms;
        self.sun.0 += dt_ms as i64;
        self.now.wall = self.clock_error_ms.map(|error_ms| UtcMs(self.sun.0 + error_ms));
        self.plant.step(Moment { mono_ms: self.now.mono_ms, utc: self.sun }, self.outputs.closed);
        let inputs = self.plant.inputs();
        let step = self.engine.step(self.now, &inputs);
        self.outputs = step.outputs;
        (inputs, step)
    }

    /// A person acts.
    ///
    /// # Errors
    /// The engine's own.
    pub fn command(&mut self, command: Command) -> Result<(), Refused> {
        self.engine.command(self.now, command)
    }

    /// The program dies and comes up again, relays open, with the latched trip that it left behind.
    ///
    /// # Errors
    /// When the engine does not start.
    pub fn restart(&mut self) -> Result<(), SimulationError> {
        self.outputs = Outputs::OFF;
        let mut engine = Engine::new(self.engine.config().clone(), self.now)?;
        if let Some(trip) = self.engine.snapshot().trip {
            engine.restore_trip(trip);
        }
        self.engine = engine;
        Ok(())
    }

    /// What the program takes for the civil time jumps by so many milliseconds; `None` makes it unbelievable until
    /// the next jump. The sun does not care.
    pub fn step_clock(&mut self, by_ms: Option<i64>) {
        self.clock_error_ms = by_ms.map(|by_ms| self.clock_error_ms.unwrap_or(0) + by_ms);
    }

    /// The time of the newest step.
    pub const fn now(&self) -> Now {
        self.now
    }

    /// The plant, to look at its truth or to inject a fault.
    pub const fn plant_mut(&mut self) -> &mut Plant {
        &mut self.plant
    }

    /// The plant as the simulation left it, and the time it has come to.
    pub fn into_plant(self) -> (Plant, Now) {
        (self.plant, self.now)
    }
}

/// What a run has to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Steps done.
    pub steps: u64,
    /// Each day of 24 h from the start, by circuit.
    pub days: Vec<[CircuitDay; 2]>,
    /// Closings of each relay, by [`RelayId::index`].
    pub closings: [u64; 4],
    /// Trips, in order.
    pub trips: Vec<Trip>,
    /// The first violations of an invariant, in words.
    pub violations: Vec<String>,
    /// How many there were in all.
    pub violation_count: u64,
}

/// One day of one circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitDay {
    /// Sun on the array, Wh/m²; 1000 of them are an hour of full sun.
    pub insolation_wh_m2: f64,
    /// Energy delivered, by the engine's own records.
    pub energy: WattHours,
    /// Lowest calibrated tank temperature, °F; infinite without a reading.
    pub low_f: f64,
    /// Highest calibrated tank temperature, °F.
    pub high_f: f64,
    /// The target in force at the end of the day, °F.
    pub target_f: f64,
}

impl CircuitDay {
    const EMPTY: Self = Self {
        insolation_wh_m2: 0.0,
        energy: WattHours(0.0),
        low_f: f64::INFINITY,
        high_f: f64::NEG_INFINITY,
        target_f: f64::NAN,
    };

    /// The tank came to its target, within a thermometer's step.
    pub fn reached_target(&self) -> bool {
        self.high_f >= self.target_f - 0.1
    }

    fn take(&mut self, id: CircuitId, record: &Record, irradiance_w_m2: f64) {
        self.insolation_wh_m2 += irradiance_w_m2 * record.dt_ms as f64 / 3_600_000.0;
        self.energy += record.energy[id.index()];
        if let Some(temperature) = record.calibrated[id.temperature().index()] {
            self.low_f = self.low_f.min(temperature);
            self.high_f = self.high_f.max(temperature);
        }
    }
}

impl Report {
    /// Runs a simulation for `days` in steps of `step_ms` and checks the invariants at each.
    pub fn of(simulation: &mut Simulation, days: u32, step_ms: u64) -> Self {
        let steps_a_day = 86_400_000 / step_ms;
        let mut report = Self::default();
        let mut watch = InvariantWatch::default();
        for _ in 0..days {
            let mut today = [CircuitDay::EMPTY; 2];
            for _ in 0..steps_a_day {
                let (inputs, step) = simulation.step(step_ms);
                report.take_events(&step);
                watch.check(simulation.now(), &inputs, &step, &mut report);
                if let Some(record) = &step.record {
                    let truth = simulation.plant.truth();
                    for (id, day) in CircuitId::ALL.into_iter().zip(&mut today) {
                        day.take(id, record, truth.circuits[id.index()].irradiance_w_m2);
                    }
                }
            }
            report.steps += steps_a_day;
            for (day, circuit) in today.iter_mut().zip(&simulation.engine.config().circuits) {
                day.target_f = circuit.target.get();
            }
            report.days.push(today);
        }
        report
    }

    /// Energy delivered by a circuit in the whole run.
    pub fn energy(&self, circuit: CircuitId) -> WattHours {
        WattHours(self.of_circuit(circuit).map(|day| day.energy.get()).sum())
    }

    /// A circuit's days.
    pub fn of_circuit(&self, circuit: CircuitId) -> impl Iterator<Item = &CircuitDay> {
        self.days.iter().map(move |day| &day[circuit.index()])
    }

    fn take_events(&mut self, step: &Step) {
        for event in &step.events {
            match event {
                Event::RelayChanged { relay, closed: true, .. } => self.closings[relay.index()] += 1,
                Event::Tripped(trip) => self.trips.push(*trip),
                _ => {}
            }
        }
    }

    fn violate(&mut self, now: Now, what: impl Fn() -> String) {
        self.violation_count += 1;
        if self.violations.len() < KEPT {
            self.violations.push(format!("at {:.1} s: {}", now.mono_ms as f64 / 1_000.0, what()));
        }
    }
}

/// Holds each step against what must never happen, by its own bookkeeping rather than by the engine's.
#[derive(Default)]
struct InvariantWatch {
    closed: [bool; 4],
    /// When each relay opened last, monotonic.
    opened_ms: [u64; 4],
    /// When each sensor's newest finite sample was taken, monotonic.
    finite_ms: [Option<u64>; 6],
    tripped: bool,
}

impl InvariantWatch {
    /// The program died: every relay opened then, and a trip is latched or not as before.
    fn restarted(&mut self, now: Now) {
        for (closed, opened_ms) in self.closed.iter_mut().zip(&mut self.opened_ms) {
            if std::mem::take(closed) {
                *opened_ms = now.mono_ms;
            }
        }
    }

    fn check(&mut self, now: Now, inputs: &Inputs, step: &Step, report: &mut Report) {
        self.tripped |= step.events.iter().any(|event| matches!(event, Event::Tripped(_)));
        self.tripped &= !step.events.iter().any(|event| matches!(event, Event::Cleared(_)));
        for (finite_ms, channel) in self.finite_ms.iter_mut().zip(&inputs.sensors) {
            *finite_ms = channel.latest.filter(|sample| sample.raw.is_finite()).map(|s| s.taken_ms).or(*finite_ms);
        }
        for relay in RelayId::ALL {
            let index = relay.index();
            let closed = step.outputs.is_closed(relay);
            if closed {
                if self.tripped {
                    report.violate(now, || format!("S3: {} closed with a trip active", relay.name()));
                }
                if !self.closed[index] && now.since(self.opened_ms[index]) < MINIMUM_OFF_MS {
                    report.violate(now, || format!("S7: {} closed before its rest was over", relay.name()));
                }
                self.check_fresh(now, relay, report);
            } else if self.closed[index] {
                self.opened_ms[index] = now.mono_ms;
            }
            self.closed[index] = closed;
        }
    }

    fn check_fresh(&self, now: Now, relay: RelayId, report: &mut Report) {
        let circuit = relay.circuit();
        let [electrical_ms, temperature_ms] = FRESH_MS;
        for (sensor, limit_ms) in [
            (circuit.voltage(), electrical_ms),
            (circuit.current(), electrical_ms),
            (circuit.temperature(), temperature_ms),
        ] {
            if self.finite_ms[sensor.index()].is_none_or(|taken_ms| now.since(taken_ms) > limit_ms) {
                report.violate(now, || format!("S1: {} closed without a fresh {}", relay.name(), sensor.name()));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.days.len().max(1) as f64;
        writeln!(f, "{} days, {} steps", self.days.len(), self.steps)?;
        for circuit in CircuitId::ALL {
            let WattHours(energy) = self.energy(circuit);
            let sun: f64 = self.of_circuit(circuit).map(|day| day.insolation_wh_m2).sum();
            let low = self.of_circuit(circuit).map(|day| day.low_f).fold(f64::INFINITY, f64::min);
            let high = self.of_circuit(circuit).map(|day| day.high_f).fold(f64::NEG_INFINITY, f64::max);
            let reached = self.of_circuit(circuit).filter(|day| day.reached_target()).count();
            writeln!(f, "circuit {}", circuit.number())?;
            writeln!(f, "  sun          {:9.1} kWh/m², {:.2} a day", sun / 1_000.0, sun / count / 1_000.0)?;
            writeln!(f, "  energy       {:9.1} kWh, {:.2} a day", energy / 1_000.0, energy / count / 1_000.0)?;
            writeln!(f, "  temperature  {low:9.1} to {high:.1} °F, target reached on {reached} days")?;
            for relay in [circuit.inside(), circuit.outside()] {
                let closings = self.closings[relay.index()];
                writeln!(f, "  {:9}    {closings:9} closings, {:.1} a day", relay.name(), closings as f64 / count)?;
            }
        }
        writeln!(f, "trips        {}", self.trips.len())?;
        for trip in &self.trips {
            let (name, unit) = (trip.trigger.name(), trip.trigger.unit());
            writeln!(
                f,
                "  {name} of circuit {}: {:.2} {unit}, limit {:.2} {unit}",
                trip.circuit.number(),
                trip.value,
                trip.limit
            )?;
        }
        write!(f, "violations   {}", self.violation_count)?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}
