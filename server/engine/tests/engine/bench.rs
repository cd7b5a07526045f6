//! An ideal world around one engine: current-source strings, resistors, tanks at a given temperature, contacts that
//! may weld, sensors that may fail. The physics proper is the plant's business; here every number is exact.

use engine::config::Config;
use engine::inputs::{Channel, CircuitId, Inputs, Panel, RelayId, Sample, SensorId};
use engine::outputs::{Event, Outputs, Reason, Record, Step, TriggerId};
use engine::units::{Now, UtcMs};
use engine::{Command, Engine, Refused};

/// Noon of a June day at the default place.
pub(crate) const NOON: UtcMs = UtcMs(1_687_374_000_000);
/// Midnight before it.
pub(crate) const MIDNIGHT: UtcMs = UtcMs(1_687_330_800_000);
/// The monotonic clock at the start.
pub(crate) const START_MS: u64 = 5_000_000;

/// The defaults without the triggers that judge how water behaves: the bench's tanks jump and stand still as a test
/// pleases.
pub(crate) fn any_water() -> Config {
    let mut config = Config::default();
    for trigger in [TriggerId::FastRise, TriggerId::NoRise, TriggerId::FrozenSensor, TriggerId::SwappedSensors] {
        config.triggers_enabled[trigger.index()] = false;
    }
    config.triggers_enabled[TriggerId::EqualSensors.index()] = false;
    config.triggers_enabled[TriggerId::WarmsWhileOff.index()] = false;
    config
}

/// What a failing sensor says instead of the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Lie {
    /// New samples with this raw value.
    Value(f64),
    /// Wired backwards.
    Negated,
    /// No new samples; the last one stays.
    Silent,
    /// No new samples, and the driver says why.
    Fault(engine::inputs::SensorFault),
}

/// What the breaker panel would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PanelState {
    pub silent: bool,
    pub restarted: bool,
    pub tripped: [bool; 2],
}

/// One engine and its world.
pub(crate) struct World {
    pub engine: Engine,
    pub now: Now,
    /// The usual step.
    pub dt_ms: u64,
    /// Irradiance by circuit, 1.0 = 1000 W/m².
    pub light: [f64; 2],
    /// The elements' true resistance, Ω.
    pub ohms: [f64; 2],
    /// The tanks' true temperatures, °F.
    pub tank_f: [f64; 2],
    /// Contacts that stay closed whatever is commanded.
    pub welded: [bool; 4],
    /// The breaker panel, if there is one.
    pub panel: Option<PanelState>,
    /// By sensor.
    pub lies: [Option<Lie>; 6],
    pub outputs: Outputs,
    pub inputs: Inputs,
    /// All events since they were last taken.
    pub events: Vec<Event>,
    pub records: Vec<Record>,
}

impl World {
    /// Cold tanks at a sunny noon.
    pub(crate) fn new(config: Config) -> Self {
        let now = Now { mono_ms: START_MS, wall: Some(NOON) };
        Self {
            engine: Engine::new(config, now).unwrap(),
            now,
            dt_ms: 100,
            light: [0.8; 2],
            ohms: [36.9; 2],
            tank_f: [100.0; 2],
            welded: [false; 4],
            panel: None,
            lies: [None; 6],
            outputs: Outputs::OFF,
            inputs: Inputs::default(),
            events: Vec::new(),
            records: Vec::new(),
        }
    }

    /// A world in which both circuits have been heating for a while.
    pub(crate) fn heating() -> Self {
        Self::heating_with(any_water())
    }

    /// The same with these settings.
    pub(crate) fn heating_with(config: Config) -> Self {
        let mut world = Self::new(config);
        world.run(70_000);
        assert_eq!(world.outputs.closed, [true; 4], "{:?}", world.reason(CircuitId::One));
        world.events.clear();
        world.records.clear();
        world
    }

    /// Lets time pass in usual steps.
    pub(crate) fn run(&mut self, ms: u64) {
        let end_ms = self.now.mono_ms + ms;
        while self.now.mono_ms < end_ms {
            self.step();
        }
    }

    /// Steps until `done`, at most `ms`; yields the milliseconds it took.
    pub(crate) fn run_until(&mut self, ms: u64, mut done: impl FnMut(&Self) -> bool) -> Option<u64> {
        let start_ms = self.now.mono_ms;
        while self.now.mono_ms < start_ms + ms {
            self.step();
            if done(self) {
                return Some(self.now.mono_ms - start_ms);
            }
        }
        None
    }

    /// One usual step.
    pub(crate) fn step(&mut self) -> Step {
        self.pass(self.dt_ms);
        self.sense();
        let step = self.engine.step(self.now, &self.inputs);
        self.outputs = step.outputs;
        self.events.extend(step.events.iter().copied());
        self.records.extend(step.record);
        step
    }

    /// Both clocks go on.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.wall = self.now.wall.map(|w| UtcMs(w.0 + ms as i64));
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<(), Refused> {
        self.engine.command(self.now, command)
    }

    pub(crate) fn reason(&self, circuit: CircuitId) -> Reason {
        self.engine.snapshot().circuits[circuit.index()].reason
    }

    pub(crate) fn closed(&self, relay: RelayId) -> bool {
        self.outputs.is_closed(relay)
    }

    /// The true volts and amperes: the voltmeter sits between the outside and the inside relay.
    pub(crate) fn electric(&self, circuit: CircuitId) -> (f64, f64) {
        let config = self.engine.config();
        let contact = |relay: RelayId| self.outputs.is_closed(relay) || self.welded[relay.index()];
        let outside = contact(circuit.outside()) || !config.relays_present[circuit.outside().index()];
        let string = config.circuits[circuit.index()].string;
        let (light, ohms) = (self.light[circuit.index()], self.ohms[circuit.index()].max(0.001));
        let voc = if light > 0.001 { string.voc.0 } else { 0.0 };
        match (outside, contact(circuit.inside())) {
            (false, _) => (0.0, 0.0),
            (true, false) => (voc, 0.0),
            (true, true) => {
                let amps = (string.isc.0 * light).min(voc / ohms);
                (amps * ohms, amps)
            }
        }
    }

    pub(crate) fn sense(&mut self) {
        self.ask_panel();
        for circuit in CircuitId::ALL {
            let (volts, amps) = self.electric(circuit);
            self.publish(circuit.voltage(), volts, self.now.mono_ms);
            self.publish(circuit.current(), amps, self.now.mono_ms);
            // The thermometer converts once a second.
            let converted_ms = self.now.mono_ms / 1_000 * 1_000;
            self.publish(circuit.temperature(), self.tank_f[circuit.index()], converted_ms);
        }
    }

    /// Twice a second, if it answers.
    fn ask_panel(&mut self) {
        let before = self.inputs.panel.unwrap_or_default();
        self.inputs.panel = self.panel.map(|panel| match panel {
            PanelState { restarted: true, .. } => Panel { seen_ms: None, ..before },
            PanelState { silent: true, .. } => before,
            PanelState { tripped, .. } => {
                Panel { seen_ms: Some(self.now.mono_ms / 500 * 500), tripped, outside_closed: [None; 2] }
            }
        });
    }

    fn publish(&mut self, sensor: SensorId, truth: f64, taken_ms: u64) {
        let channel = &mut self.inputs.sensors[sensor.index()];
        channel.fault = None;
        let raw = match self.lies[sensor.index()] {
            None => truth,
            Some(Lie::Value(raw)) => raw,
            Some(Lie::Negated) => -truth,
            Some(Lie::Silent) => return,
            Some(Lie::Fault(fault)) => {
                channel.fault = Some(fault);
                return;
            }
        };
        if channel.latest.is_none_or(|s| s.taken_ms < taken_ms) {
            *channel = Channel { latest: Some(Sample { raw, taken_ms }), fault: None, synthetic: false };
        }
    }
}
