//! Deterministic simulation under faults: the real engine on the plant, while chance injects faults, gives
//! commands, restarts the program and steps the clock. Every step is held against what must never happen.
//!
//! Everything follows from one seed. A run is cut into episodes of an hour, each from a seed of its own, so that a
//! failure replays in a moment; what chance did in a failing episode is then thinned out until nothing can be
//! left out any more.

use std::fmt;

use engine::Command;
use engine::config::Config;
use engine::inputs::{CircuitId, RelayId, SensorId};
use engine::outputs::{Event, Step};
use engine::units::UtcMs;
use plant::{CircuitTruth, ElementFault, Fault, FaultKind, PlantConfig, RelayFault, SensorDefect};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::{InvariantWatch, Report, Simulation, SimulationError};

/// The control loop's own step, milliseconds.
const STEP_MS: u64 = 100;
/// Steps of one episode: an hour.
const EPISODE: u64 = 36_000;
/// Chance does something this often, in steps, on average.
const BETWEEN_ACTIONS: f64 = 600.0;
/// 2023-01-01T00:00:00Z; episodes begin at any moment of that year.
const YEAR_START_MS: i64 = 1_672_531_200_000;
const YEAR_MS: i64 = 365 * 86_400_000;

/// What chance does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Something breaks.
    Inject(Fault),
    /// Something is mended.
    Mend(FaultKind),
    /// A person acts.
    Order(Command),
    /// The program dies and comes up again, with the latched trip it left behind.
    Restart,
    /// The civil clock steps by so many milliseconds; `None` takes it away until the next step.
    StepClock(Option<i64>),
}

/// A broken rule, and how to see it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The seed of the whole run.
    pub seed: u64,
    /// The step of the whole run.
    pub step: u64,
    /// What was broken.
    pub violation: String,
    /// The least that chance must do in that episode for it to break, each with its step in the episode.
    pub actions: Vec<(u64, Action)>,
}

/// What a run without failure did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps done.
    pub steps: u64,
    /// Faults injected.
    pub faults: u64,
    /// Commands given.
    pub orders: u64,
    /// Restarts.
    pub restarts: u64,
    /// Steps of the clock.
    pub clock_steps: u64,
    /// Trips.
    pub trips: u64,
    /// Closings of any relay.
    pub closings: u64,
}

/// Runs so many steps from a seed.
///
/// # Errors
/// The first broken rule, with what led to it; or a plant that can't be built.
pub fn run(seed: u64, steps: u64) -> Result<Result<Tally, Box<Failure>>, SimulationError> {
    let mut tally = Tally::default();
    let mut episode = 0;
    while tally.steps < steps {
        let length = EPISODE.min(steps - tally.steps);
        let script = script(seed, episode, length);
        if let Some((step, violation)) = play(seed, episode, length, &script, &mut tally)? {
            let actions = shrink(seed, episode, step, script)?;
            let step = episode * EPISODE + step;
            return Ok(Err(Box::new(Failure { seed, step, violation, actions })));
        }
        episode += 1;
    }
    Ok(Ok(tally))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, faults, orders, restarts, clock_steps, trips, closings } = self;
        write!(
            f,
            "{steps} steps, {faults} faults, {orders} commands, {restarts} restarts, {clock_steps} clock steps, \
             {closings} closings, {trips} trips, 0 violations"
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, step {}: {}", self.seed, self.step, self.violation)?;
        write!(f, "what it takes, by the episode's steps:")?;
        self.actions.iter().try_for_each(|(step, action)| write!(f, "\n  {step:6} {action:?}"))
    }
}

/// What chance does in an episode, by step.
fn script(seed: u64, episode: u64, length: u64) -> Vec<(u64, Action)> {
    let mut chance = chance(seed, episode);
    let mut script = Vec::new();
    // The first is always a fault or a command soon after the start, or most hours would be quiet ones.
    let mut step = chance.random_range(1..1_200);
    while step < length {
        script.push((step, action(&mut chance)));
        step += 1 + (-BETWEEN_ACTIONS * (1.0 - chance.random::<f64>()).ln()) as u64;
    }
    script
}

fn chance(seed: u64, episode: u64) -> StdRng {
    // Neighbouring seeds and episodes must not share a stream: an odd constant (2^64 over the golden ratio) keeps
    // them apart.
    StdRng::seed_from_u64(seed ^ episode.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn action(chance: &mut StdRng) -> Action {
    match chance.random_range(0..100) {
        0..35 => Action::Inject(fault(chance)),
        35..55 => Action::Mend(fault(chance).kind()),
        55..90 => Action::Order(order(chance)),
        90..95 => Action::Restart,
        95..98 => Action::StepClock(Some(chance.random_range(-315_576_000_000..=315_576_000_000))),
        98..99 => Action::StepClock(Some(*[-3_600_000, 3_600_000].choose(chance).unwrap_or(&0))),
        _ => Action::StepClock(None),
    }
}

fn fault(chance: &mut StdRng) -> Fault {
    let relay = RelayId::ALL[chance.random_range(0..4)];
    let circuit = CircuitId::ALL[chance.random_range(0..2)];
    let sensor = SensorId::ALL[chance.random_range(0..6)];
    match chance.random_range(0..19) {
        0 => Fault::Relay(relay, RelayFault::Welded),
        1 => Fault::Relay(relay, RelayFault::StuckOpen),
        2 => Fault::Relay(relay, RelayFault::Bouncing { for_ms: chance.random_range(10..2_000) }),
        3 => Fault::Relay(relay, RelayFault::Resistive { ohms: chance.random_range(0.1..20.0) }),
        4 => Fault::Relay(relay, RelayFault::Arcing),
        5 => Fault::Element(circuit, ElementFault::Open),
        6 | 7 => Fault::Element(circuit, ElementFault::Short),
        8 => Fault::Element(circuit, ElementFault::Scaled(chance.random_range(0.3..3.0))),
        9 => Fault::Sensor(sensor, SensorDefect::Unplugged),
        10 => Fault::Sensor(sensor, SensorDefect::BusHangs),
        11 => Fault::Sensor(sensor, SensorDefect::Frozen),
        12 => Fault::Sensor(sensor, SensorDefect::Stuck(nonsense(chance))),
        13 => Fault::Sensor(sensor, SensorDefect::Spike(nonsense(chance))),
        14 => Fault::Sensor(sensor, SensorDefect::WrongSign),
        15 => Fault::Sensor(circuit.temperature(), SensorDefect::Detached),
        16 => Fault::Irradiance(chance.random_range(0.0..2.0)),
        17 => Fault::HeatSource(circuit, chance.random_range(0.0..20_000.0)),
        _ => Fault::SwappedTemperatures,
    }
}

/// Values that no honest meter gives, and some that one might.
fn nonsense(chance: &mut StdRng) -> f64 {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 185.0, -196.6, 0.0, 1e308, -1e308, 600.0, 25.0];
    *values.choose(chance).unwrap_or(&0.0)
}

fn order(chance: &mut StdRng) -> Command {
    let circuit = CircuitId::ALL[chance.random_range(0..2)];
    let relay = RelayId::ALL[chance.random_range(0..4)];
    let on = chance.random_bool(0.7);
    let for_ms = chance.random_range(1_000..3_600_000);
    match chance.random_range(0..10) {
        0..3 => Command::ForceCircuit { circuit, on, for_ms },
        3 => Command::ReleaseCircuit(circuit),
        4 => Command::ForceRelay { relay, on, for_ms },
        5 => Command::ReleaseRelay(relay),
        6 => Command::AllOff,
        7 => Command::Resume,
        _ => Command::ClearTrip,
    }
}

/// Plays an episode; the first broken rule ends it, with its step.
fn play(
    seed: u64,
    episode: u64,
    length: u64,
    script: &[(u64, Action)],
    tally: &mut Tally,
) -> Result<Option<(u64, String)>, SimulationError> {
    let mut chance = chance(seed, episode);
    let start = UtcMs(YEAR_START_MS + chance.random_range(0..YEAR_MS));
    let mut simulation = Simulation::new(Config::default(), &PlantConfig::default(), chance.random(), start)?;
    let mut watch = Watch::default();
    let mut coming = script.iter().peekable();
    for step in 0..length {
        while let Some((_, action)) = coming.next_if(|(at, _)| *at <= step) {
            watch.act(&mut simulation, *action, tally)?;
        }
        let (inputs, taken) = simulation.step(STEP_MS);
        tally.steps += 1;
        watch.rules.check(simulation.now(), &inputs, &taken, &mut watch.report);
        watch.check_people(&simulation, &taken);
        watch.check_truth(&mut simulation, &taken);
        watch.count(&taken, tally);
        if let Some(violation) = watch.report.violations.first() {
            return Ok(Some((step, violation.clone())));
        }
    }
    Ok(None)
}

/// Leaves out what is not needed for the rule to break, piece by piece, until every piece is.
fn shrink(
    seed: u64,
    episode: u64,
    step: u64,
    script: Vec<(u64, Action)>,
) -> Result<Vec<(u64, Action)>, SimulationError> {
    let mut script: Vec<_> = script.into_iter().filter(|(at, _)| *at <= step).collect();
    let mut piece = script.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < script.len() {
            let mut fewer = script.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            if play(seed, episode, step + 1, &fewer, &mut Tally::default())?.is_some() {
                script = fewer;
            } else {
                at += piece;
            }
        }
        if piece == 1 {
            return Ok(script);
        }
        piece = piece.div_ceil(2);
    }
}

/// A dead short is off within 250 ms, after its first bad sample; steps are 100 ms.
const SHORT_STEPS: u32 = 4;
/// From this light up, W/m².
const SHORT_LIGHT: f64 = 300.0;
/// Current through open relays is critical within 1 s, after the first bad sample.
const STRAY_STEPS: u32 = 14;
/// What flows through a weld at 100 W/m², less noise and offset, A.
const STRAY_A: f64 = 0.8;
/// Boot hold, milliseconds.
const BOOT_MS: u64 = 30_000;

/// Holds each step against the rules, by its own bookkeeping.
#[derive(Default)]
struct Watch {
    rules: InvariantWatch,
    report: Report,
    all_off: bool,
    boot_ms: u64,
    /// What chance has broken of the sensors.
    blind: [bool; 6],
    shorted: [u32; 2],
    stray: [u32; 2],
    tripped: bool,
}

impl Watch {
    fn act(&mut self, simulation: &mut Simulation, action: Action, tally: &mut Tally) -> Result<(), SimulationError> {
        match action {
            Action::Inject(fault) => {
                tally.faults += 1;
                simulation.plant_mut().inject(fault)?;
                self.note_sensor(fault.kind(), true);
            }
            Action::Mend(kind) => {
                simulation.plant_mut().clear(kind);
                self.note_sensor(kind, false);
            }
            Action::Order(command) => {
                tally.orders += 1;
                let followed = simulation.command(command).is_ok();
                match command {
                    Command::AllOff => self.all_off = true,
                    Command::Resume if followed => self.all_off = false,
                    _ => {}
                }
            }
            Action::Restart => {
                tally.restarts += 1;
                self.all_off = false;
                self.boot_ms = simulation.now().mono_ms;
                self.rules.restarted(simulation.now());
                simulation.restart()?;
            }
            Action::StepClock(by_ms) => {
                tally.clock_steps += 1;
                simulation.step_clock(by_ms);
            }
        }
        Ok(())
    }

    fn note_sensor(&mut self, kind: FaultKind, broken: bool) {
        match kind {
            FaultKind::Sensor(id) => self.blind[id.index()] = broken,
            FaultKind::SwappedTemperatures => {
                for id in [SensorId::T1, SensorId::T2] {
                    self.blind[id.index()] = broken;
                }
            }
            _ => {}
        }
    }

    /// What people and restarts demand: all-off and the boot hold.
    fn check_people(&mut self, simulation: &Simulation, step: &Step) {
        let now = simulation.now();
        let closed = step.outputs.closed.contains(&true);
        if closed && self.all_off {
            self.report.violate(now, || "S20: a relay closed in spite of all-off".into());
        }
        if closed && now.since(self.boot_ms) < BOOT_MS {
            self.report.violate(now, || "S2: a relay closed within the boot hold".into());
        }
        if step.record.is_some_and(|record| !record.calibrated.iter().flatten().all(|value| value.is_finite())) {
            self.report.violate(now, || "S9: a record with a number that is none".into());
        }
    }

    /// What the plant really does, and how long the engine may take to see it.
    fn check_truth(&mut self, simulation: &mut Simulation, step: &Step) {
        let now = simulation.now();
        self.tripped |= step.events.iter().any(|event| matches!(event, Event::Tripped(_)));
        self.tripped &= !step.events.iter().any(|event| matches!(event, Event::Cleared(_)));
        let truth = simulation.plant_mut().truth();
        for id in CircuitId::ALL {
            let (index, circuit) = (id.index(), &truth.circuits[id.index()]);
            let closed = step.outputs.is_closed(id.inside()) && step.outputs.is_closed(id.outside());
            let open = !step.outputs.is_closed(id.inside()) && !step.outputs.is_closed(id.outside());
            let seen = !self.blind[id.voltage().index()] && !self.blind[id.current().index()];

            let late = count(&mut self.shorted[index], closed && seen && is_dead_short(circuit), SHORT_STEPS);
            if late {
                self.report.violate(now, || format!("S12: a dead short of circuit {} stays on", id.number()));
            }
            let strays = open && seen && circuit.current.get() > STRAY_A && !self.tripped;
            if count(&mut self.stray[index], strays, STRAY_STEPS) {
                self.report.violate(now, || format!("S14: current through open relays of circuit {}", id.number()));
            }
        }
    }

    fn count(&self, step: &Step, tally: &mut Tally) {
        for event in &step.events {
            match event {
                Event::Tripped(_) => tally.trips += 1,
                Event::RelayChanged { closed: true, .. } => tally.closings += 1,
                _ => {}
            }
        }
    }
}

/// Counts the steps in a row in which something holds; true once there are more than `most`.
const fn count(steps: &mut u32, holds: bool, most: u32) -> bool {
    *steps = if holds { *steps + 1 } else { 0 };
    *steps > most
}

/// The short-circuit current of usable light, with hardly a volt.
fn is_dead_short(circuit: &CircuitTruth) -> bool {
    circuit.irradiance_w_m2 > SHORT_LIGHT && circuit.voltage.get() < 2.0 && circuit.current.get() > 2.0
}
