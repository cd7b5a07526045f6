//! The step: inputs frozen by the caller go in, relay commands come out.

use crate::arbiter::{self, Decision, Situation};
use crate::config::{CircuitConfig, Config, ConfigError};
use crate::contactor::{Contactor, MINIMUM_OFF_MS, Meters, Progress, Relay, TEST_OFF_MS, Wait};
use crate::daylight::{Daylight, Light};
use crate::heat::{Heat, HeatMeter};
use crate::inputs::{CircuitId, Inputs, Quantity, RelayId, SensorId};
use crate::outputs::{
    CircuitSnapshot, DaylightSnapshot, Event, Outputs, Override, PanelSnapshot, Reason, Record, RelaySnapshot,
    SelfTestResult, Snapshot, Step, Trace, TriggerId, Trip, TripRecord, Validity,
};
use crate::panel::PanelWatch;
use crate::readings::{Limits, Sensor};
use crate::record::{Contribution, Recorder};
use crate::self_test::{SelfTest, Sight};
use crate::thermostat::Thermostat;
use crate::trace::Tracer;
use crate::units::{Amperes, Now, Ohms, Volts, Watts};
use crate::watchdog::{AMPS_PRESENT, Contact, Contacts, Held, Noise, Path, View, Watchdog};
use crate::zero::{Offsets, UNZEROED, ZEROED, Zero};

/// The longest a person may force something on: a day.
pub const MAX_FORCED_ON_MS: u64 = 24 * 3_600_000;
/// The shortest override that makes sense: a second.
pub const MIN_FORCED_MS: u64 = 1_000;
/// Longer "off" overrides are cut to this: a year. For good there is [`Command::AllOff`].
pub const MAX_FORCED_OFF_MS: u64 = 366 * 24 * 3_600_000;
/// Nothing flows or lingers any more this long after both contacts opened.
const RESTED_MS: u64 = 60_000;
/// Test mode lasts this long unless a person says otherwise: five minutes.
pub const DEFAULT_TEST_MS: u64 = 5 * 60_000;
/// … and this long at most: an hour.
pub const MAX_TEST_MS: u64 = 60 * 60_000;
/// "Near the limit" ends this far below where it began, °F.
const TOO_HOT_BAND_F: f64 = 2.0;

/// What a person or a service may ask of the engine, between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Switch a whole circuit by hand, for a time.
    ForceCircuit {
        /// Which.
        circuit: CircuitId,
        /// On or off.
        on: bool,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// Give a circuit back to window and thermostat.
    ReleaseCircuit(CircuitId),
    /// Switch one relay by hand, for a time.
    ForceRelay {
        /// Which.
        relay: RelayId,
        /// Closed or open.
        on: bool,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// Give a relay back to its circuit.
    ReleaseRelay(RelayId),
    /// Open everything, end every "on" override, and stay so until [`Command::Resume`].
    AllOff,
    /// End all-off and the restart lock-out.
    Resume,
    /// Clear the latched trips.
    ClearTrip,
    /// Move relays by hand only, for a time: regulation is off, the watchdog is not. Relay overrides end when it begins
    /// and when it ends.
    TestMode {
        /// Begin (again) or end.
        on: bool,
        /// For how long, in milliseconds ([`DEFAULT_TEST_MS`], at most [`MAX_TEST_MS`]).
        for_ms: u64,
    },
    /// Let the contacts of a tripped circuit prove themselves, so that the latch may be cleared: on until 1 A has
    /// flowed, then off.
    SelfTest(CircuitId),
}

/// Why a command was not followed. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The cause of a trip is still there, unseen, or has not been absent for long enough.
    #[error("the cause of the trip has not been seen to be absent for a minute")]
    CausePresent {
        /// Which trigger holds it.
        trigger: TriggerId,
        /// In which circuit.
        circuit: CircuitId,
        /// Milliseconds until it may be cleared, or `None` while the cause is there or can't be judged.
        remaining_ms: Option<u64>,
    },
    /// The trip's cause looks absent without sun as well: the contacts have to prove themselves first
    /// ([`Command::SelfTest`]).
    #[error("the contacts must first prove themselves in the sun: start a self-test")]
    SelfTestNeeded {
        /// Which trigger holds it.
        trigger: TriggerId,
        /// In which circuit.
        circuit: CircuitId,
    },
    /// There is nothing to clear.
    #[error("nothing has tripped")]
    NothingTripped,
    /// The configuration has no such relay.
    #[error("there is no relay {}", .relay.name())]
    RelayAbsent {
        /// Which.
        relay: RelayId,
    },
    /// Too short or too long for an "on".
    #[error("the duration must be between {min_ms} and {max_ms} ms")]
    DurationOutOfRange {
        /// The shortest allowed.
        min_ms: u64,
        /// The longest allowed.
        max_ms: u64,
    },
}

/// Suntank's decisions. See the crate's documentation for what it promises.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    started_ms: u64,
    now: Now,
    sensors: [Sensor; 6],
    /// By [`SensorId::index`]; thermometers keep theirs at nothing.
    zeros: [Zero; 6],
    panel: PanelWatch,
    circuits: [Circuit; 2],
    daylight: Daylight,
    light: Light,
    all_off: bool,
    locked_out: bool,
    unguarded: bool,
    /// When test mode ends.
    test_until_ms: Option<u64>,
    tracer: Tracer,
    watchdog: Watchdog,
    recorder: Recorder,
    /// Waiting for the next step.
    events: Vec<Event>,
}

/// What the engine remembers of a circuit.
#[derive(Debug)]
struct Circuit {
    thermostat: Thermostat,
    contactor: Contactor,
    forced: Option<Override>,
    forced_relays: [Option<Override>; 2],
    too_hot: bool,
    heat: HeatMeter,
    /// A new temperature came in this step, and there were enough before it.
    felt: bool,
    self_test: SelfTest,
    reason: Reason,
}

impl Engine {
    /// Everything off, everything unknown; `now` is the moment of the start.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem of the configuration.
    pub fn new(config: Config, now: Now) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            started_ms: now.mono_ms,
            now,
            sensors: std::array::from_fn(|_| Sensor::new()),
            zeros: [Zero::default(); 6],
            panel: PanelWatch::default(),
            circuits: CircuitId::ALL.map(|id| Circuit::new(id, &config, now)),
            daylight: Daylight::default(),
            light: Light::NoClock,
            all_off: false,
            locked_out: false,
            unguarded: false,
            test_until_ms: None,
            tracer: Tracer::new(),
            watchdog: Watchdog::new(),
            recorder: Recorder::new(now.mono_ms),
            events: Vec::new(),
            config,
        })
    }

    /// Looks, decides, answers. Call it every 100 ms; a second between steps works too.
    ///
    /// The permissions in [`Step::outputs`] hold until the next step is due.
    pub fn step(&mut self, now: Now, inputs: &Inputs) -> Step {
        self.now = Now { mono_ms: now.mono_ms.max(self.now.mono_ms), wall: now.wall };
        let before = self.outputs();
        self.hear_panel(inputs);
        self.unguarded = inputs.unguarded;
        self.read(inputs);
        CircuitId::ALL.into_iter().for_each(|id| self.weigh(id));
        self.light = self.daylight.at(now.wall, self.config.place, self.config.window);
        if self.test_until_ms.is_some_and(|until| until <= self.now.mono_ms) {
            self.end_test_mode();
        }
        for id in CircuitId::ALL {
            self.rewire(id);
            self.expire_overrides(id);
            self.follow_self_test(id);
            self.decide(id);
        }
        let tripped = self.watch();
        self.report_relays(before);
        self.tracer.step(self.trace(), tripped);
        let record = self.record();
        Step { outputs: self.outputs(), events: std::mem::take(&mut self.events), record }
    }

    /// Takes a command in; it shows in the next step. "Off" is never refused.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn command(&mut self, now: Now, command: Command) -> Result<(), Refused> {
        match command {
            Command::ForceCircuit { circuit, on, for_ms } => {
                self.circuits[circuit.index()].forced = Some(force(now, on, for_ms)?);
            }
            Command::ReleaseCircuit(circuit) => self.circuits[circuit.index()].forced = None,
            Command::ForceRelay { relay, on, for_ms } => self.force_relay(now, relay, on, for_ms)?,
            Command::ReleaseRelay(relay) => *self.forced_relay(relay) = None,
            Command::AllOff => {
                self.all_off = true;
                self.end_test_mode();
                CircuitId::ALL.into_iter().for_each(|id| self.end_overrides(id, |forced| forced.on));
            }
            Command::Resume => (self.all_off, self.locked_out) = (false, false),
            Command::ClearTrip => self.watchdog.clear(now, &mut self.events).map_err(Refused::from)?,
            Command::TestMode { on: true, for_ms } => self.begin_test_mode(now, for_ms)?,
            Command::TestMode { on: false, .. } => self.end_test_mode(),
            Command::SelfTest(circuit) => {
                self.watchdog.may_prove(circuit, now).map_err(Refused::from)?;
                self.circuits[circuit.index()].self_test.order(now.mono_ms);
            }
        }
        Ok(())
    }

    /// Keeps everything off until a person resumes: the program restarted too often.
    pub const fn lock_out(&mut self) {
        self.locked_out = true;
    }

    /// All-off holds until a person resumes.
    pub const fn is_all_off(&self) -> bool {
        self.all_off
    }

    /// What the sensors said around the last trip, once: complete five seconds after it.
    pub const fn take_trip_record(&mut self) -> Option<TripRecord> {
        self.tracer.take()
    }

    /// Replaces the configuration, whole or not at all. Latches, overrides and timers stay.
    ///
    /// # Errors
    /// [`ConfigError`], and nothing has changed.
    pub fn configure(&mut self, config: Config) -> Result<(), ConfigError> {
        config.check()?;
        self.config = config;
        Ok(())
    }

    /// Latches a trip that was found in storage after a start.
    pub fn restore_trip(&mut self, trip: Trip) {
        self.watchdog.restore(trip);
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The whole picture after the last step, for people and machines.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            now: self.now,
            circuits: CircuitId::ALL.map(|id| self.circuit_snapshot(id)),
            relays: RelayId::ALL.map(|id| self.relay_snapshot(id)),
            daylight: match self.light {
                Light::NoClock => DaylightSnapshot { open: false, changes_at: None },
                Light::Open(until) => DaylightSnapshot { open: true, changes_at: until },
                Light::Closed(until) => DaylightSnapshot { open: false, changes_at: until },
            },
            all_off: self.all_off,
            locked_out: self.locked_out,
            test_mode_until_mono_ms: self.test_until_ms,
            panel: self.panel.said().map(|(panel, known)| PanelSnapshot {
                known,
                tripped: panel.tripped,
                outside_closed: panel.outside_closed,
            }),
            trip: self.watchdog.trip(),
            triggers: self.watchdog.states(&self.config.triggers_enabled),
        }
    }
}

/// The parts of a step, in its order.
impl Engine {
    fn hear_panel(&mut self, inputs: &Inputs) {
        let was_known = self.panel.said().is_some_and(|(_, known)| known);
        self.panel.update(self.now, inputs.panel);
        let known = self.panel.said().is_some_and(|(_, known)| known);
        if known != was_known {
            self.events.push(Event::PanelChanged { known });
        }
    }

    fn read(&mut self, inputs: &Inputs) {
        for id in SensorId::ALL {
            let config = &self.config.circuits[id.circuit().index()];
            let limits = Limits::of(id.quantity(), config);
            let sensor = &mut self.sensors[id.index()];
            let before = sensor.validity();
            let calibration = &self.config.calibrations[id.index()];
            let zero = self.zeros[id.index()].offset(self.now.mono_ms);
            let accepted = sensor.update(self.now, inputs.channel(id), &limits, calibration, zero);
            if sensor.validity() != before {
                self.events.push(Event::SensorChanged { sensor: id, validity: sensor.validity() });
            }
            if id == id.circuit().temperature() {
                let temperature = sensor.value().filter(|_| accepted);
                let circuit = &mut self.circuits[id.circuit().index()];
                match temperature {
                    Some(t) => circuit.thermostat.sample(t, config, self.config.agreeing_samples),
                    None if !sensor.is_valid() => circuit.thermostat.interrupted(),
                    None => {}
                }
                circuit.feel(sensor.larger(), config);
            }
        }
    }

    /// Follows the tank's heat, and the meters' zeros while there is nothing to measure.
    fn weigh(&mut self, id: CircuitId) {
        let now_ms = self.now.mono_ms;
        let power = self.power(id).filter(|_| self.circuits[id.index()].contactor.is_on());
        let flows = self.value(id.current()).is_some_and(|amps| amps > AMPS_PRESENT);
        let thermometer = &self.sensors[id.temperature().index()];
        let (sighting, synthetic) = (thermometer.sighting().filter(|s| s.plausible), thermometer.is_synthetic());
        let circuit = &mut self.circuits[id.index()];
        circuit.heat.count(now_ms, power.map(|power| if flows { power } else { Watts(0.0) }));
        circuit.felt = sighting.is_some_and(|sighting| circuit.heat.sample(&sighting, synthetic));
        let contacts = circuit.contacts();
        let night = matches!(self.light, Light::Closed(_));
        let rests = night && contacts.rest_since_ms().is_some_and(|since| self.now.since(since) >= RESTED_MS);
        for sensor in [id.voltage(), id.current()] {
            self.seek_zero(sensor, rests);
        }
    }

    fn seek_zero(&mut self, sensor: SensorId, rests: bool) {
        let noise = self.noise(sensor.circuit());
        let zero = &mut self.zeros[sensor.index()];
        if !rests {
            zero.interrupt();
            return;
        }
        let (most, band) = match sensor.quantity() {
            Quantity::Voltage => (UNZEROED.volts, noise.volts::<1>()),
            _ => (UNZEROED.amps, noise.amps::<1>()),
        };
        if let Some(sighting) = self.sensors[sensor.index()].sighting() {
            zero.rest(&sighting, most, band);
        }
    }

    /// Takes in that the outside relay was added or taken away by a new configuration.
    fn rewire(&mut self, id: CircuitId) {
        let present = self.config.relays_present[id.outside().index()];
        let circuit = &mut self.circuits[id.index()];
        circuit.contactor.set_outside_present(self.now.mono_ms, present);
        if !present {
            circuit.forced_relays[place(id.outside())] = None;
        }
    }

    fn expire_overrides(&mut self, id: CircuitId) {
        let now_ms = self.now.mono_ms;
        let too_hot = self.circuits[id.index()].too_hot;
        self.end_overrides(id, |forced| forced.until_mono_ms <= now_ms || (forced.on && too_hot));
    }

    /// Lets the self-test see what the contacts did, and ends a run that is over or that a person says "off" to.
    fn follow_self_test(&mut self, id: CircuitId) {
        if self.circuits[id.index()].is_off_by_hand() {
            self.abandon_self_test(id, SelfTestResult::Inconclusive);
        }
        let sighting = |sensor: SensorId| self.sensors[sensor.index()].sighting().filter(|s| s.plausible);
        let circuit = &self.circuits[id.index()];
        let ordered = circuit.self_test.is_ordered();
        let sight = Sight {
            now_ms: self.now.mono_ms,
            volts: sighting(id.voltage()),
            amps: sighting(id.current()),
            contacts: circuit.contacts(),
            noise: self.noise(id),
        };
        let result = self.circuits[id.index()].self_test.observe(&sight);
        if let Some(result) = result {
            if ordered && result == SelfTestResult::Passed {
                self.watchdog.prove(id);
            }
            self.events.push(Event::SelfTestEnded { circuit: id, result });
        }
    }

    fn abandon_self_test(&mut self, id: CircuitId, result: SelfTestResult) {
        if self.circuits[id.index()].self_test.abandon() {
            self.events.push(Event::SelfTestEnded { circuit: id, result });
        }
    }

    /// Ladder, then contact timing.
    fn decide(&mut self, id: CircuitId) {
        let decision = arbiter::decide(&self.situation(id));
        let regulated = matches!(decision.reason, Reason::Heating { .. });
        if !decision.permitted {
            self.abandon_self_test(id, SelfTestResult::Inconclusive);
        } else if regulated && self.circuits[id.index()].contactor.is_on() {
            let circuit = &mut self.circuits[id.index()];
            circuit.self_test.begin_if_due(self.now.mono_ms, circuit.contactor.has_outside());
        }
        let meters = self.meters(id);
        let minimum_off_ms = if self.test_until_ms.is_some() { TEST_OFF_MS } else { MINIMUM_OFF_MS };
        let circuit = &mut self.circuits[id.index()];
        circuit.contactor.set_minimum_off(minimum_off_ms);
        let reason = circuit.follow(self.now, &decision, &meters);
        circuit.explain(id, reason, &mut self.events);
    }

    /// The watchdog's turn, after everyone else's: it only opens. The trip, if this step brought the first.
    fn watch(&mut self) -> Option<Trip> {
        let before = self.watchdog.trip();
        let mut fires = false;
        for id in CircuitId::ALL {
            let sighting = |sensor: SensorId| self.sensors[sensor.index()].sighting();
            let view = View {
                now: self.now,
                config: &self.config.circuits[id.index()],
                record_low: self.config.record_low,
                noise: self.noise(id),
                volts: sighting(id.voltage()),
                amps: sighting(id.current()),
                temperature: sighting(id.temperature()),
                heat: self.heat(id),
                path: self.circuits[id.index()].path(),
                contacts: self.circuits[id.index()].contacts(),
                panel: self.panel.view(id),
            };
            fires |= self.watchdog.watch(id, &view, &self.config.triggers_enabled, &mut self.events);
        }
        let trip = self.watchdog.trip().filter(|_| fires)?;
        for id in CircuitId::ALL {
            self.abandon_self_test(id, SelfTestResult::Failed);
            let circuit = &mut self.circuits[id.index()];
            circuit.contactor.open_all(self.now.mono_ms);
            circuit.explain(id, Reason::Tripped(trip), &mut self.events);
        }
        Some(trip).filter(|_| before.is_none())
    }

    fn report_relays(&mut self, before: Outputs) {
        let after = self.outputs();
        for relay in RelayId::ALL {
            let closed = after.is_closed(relay);
            if closed != before.is_closed(relay) {
                let reason = self.circuits[relay.circuit().index()].reason;
                self.events.push(Event::RelayChanged { relay, closed, reason });
            }
        }
    }

    fn trace(&self) -> Trace {
        Trace {
            mono_ms: self.now.mono_ms,
            raw: std::array::from_fn(|n| self.sensors[n].newest_raw()),
            closed: self.outputs().closed,
        }
    }

    fn record(&mut self) -> Option<Record> {
        let step = Contribution {
            values: std::array::from_fn(|n| self.sensors[n].valid()),
            power: CircuitId::ALL.map(|id| self.power(id)),
        };
        self.recorder.add(self.now.mono_ms, &step);
        let on = CircuitId::ALL.map(|id| self.circuits[id.index()].contactor.is_on());
        self.recorder.finish(self.now, self.config.polling_ms, self.outputs().closed, on)
    }
}

/// What the parts look up.
impl Engine {
    fn outputs(&self) -> Outputs {
        Outputs { closed: RelayId::ALL.map(|id| self.circuits[id.circuit().index()].relay(id).is_closed()) }
    }

    fn situation(&self, id: CircuitId) -> Situation<'_> {
        let circuit = &self.circuits[id.index()];
        let temperature = &self.sensors[id.temperature().index()];
        let needed = [id.voltage(), id.current(), id.temperature()];
        Situation {
            now: self.now,
            config: &self.config.circuits[id.index()],
            trip: self.watchdog.trip(),
            started_ms: self.started_ms,
            not_ready: needed.into_iter().find_map(|s| self.not_ready(s)),
            unguarded: self.unguarded,
            locked_out: self.locked_out,
            panel_hold: self.panel.hold(self.now),
            all_off: self.all_off,
            test_mode: self.test_until_ms.map(|until| until.saturating_sub(self.now.mono_ms)),
            self_test: circuit.self_test.wish(),
            proving: circuit.self_test.is_ordered(),
            too_hot: circuit.too_hot,
            hottest: temperature.larger(),
            temperature: temperature.value(),
            forced: circuit.forced,
            forced_relays: circuit.forced_relays,
            outside_present: self.config.relays_present[id.outside().index()],
            light: self.light,
            demand: circuit.thermostat.demand(),
        }
    }

    fn not_ready(&self, sensor: SensorId) -> Option<(SensorId, Validity)> {
        let state = &self.sensors[sensor.index()];
        (!state.is_valid()).then(|| (sensor, state.validity()))
    }

    fn meters(&self, id: CircuitId) -> Meters {
        let noise = self.noise(id);
        Meters {
            volts: self.sensors[id.voltage().index()].sighting(),
            amps: self.sensors[id.current().index()].sighting(),
            volts_present: noise.volts::<1>(),
            amps_present: AMPS_PRESENT.max(noise.amps::<1>()),
        }
    }

    /// How exact the circuit's meters are: better once they have been zeroed.
    fn noise(&self, id: CircuitId) -> Noise {
        let now_ms = self.now.mono_ms;
        let zeroed = |sensor: SensorId| self.zeros[sensor.index()].is_found(now_ms);
        let offsets = Offsets {
            volts: if zeroed(id.voltage()) { ZEROED.volts } else { UNZEROED.volts },
            amps: if zeroed(id.current()) { ZEROED.amps } else { UNZEROED.amps },
        };
        Noise::new(&self.config.circuits[id.index()], offsets)
    }

    fn heat(&self, id: CircuitId) -> Option<Heat> {
        let [own, other] = [id.index(), 1 - id.index()].map(|n| &self.circuits[n]);
        let own = own.heat.tank().filter(|_| own.felt)?;
        Some(Heat { own, other: other.heat.tank() })
    }

    fn value(&self, sensor: SensorId) -> Option<f64> {
        self.sensors[sensor.index()].value()
    }

    fn power(&self, id: CircuitId) -> Option<Watts> {
        Some(Volts(self.value(id.voltage())?) * Amperes(self.value(id.current())?))
    }

    fn resistance(&self, id: CircuitId) -> Option<Ohms> {
        let amps = self.value(id.current()).filter(|amps| *amps > self.noise(id).amps::<1>())?;
        Some(Volts(self.value(id.voltage())?) / Amperes(amps))
    }

    fn circuit_snapshot(&self, id: CircuitId) -> CircuitSnapshot {
        let circuit = &self.circuits[id.index()];
        let config = &self.config.circuits[id.index()];
        let reading = |sensor: SensorId| self.sensors[sensor.index()].reading(self.now);
        CircuitSnapshot {
            voltage: reading(id.voltage()),
            current: reading(id.current()),
            temperature: reading(id.temperature()),
            power: self.power(id),
            resistance: self.resistance(id),
            on: circuit.contactor.is_on(),
            demand: circuit.thermostat.demand(),
            reason: circuit.reason,
            forced: circuit.forced,
            self_test_runs: circuit.self_test.is_running(),
            proved_at_mono_ms: circuit.self_test.proved_ms(circuit.contactor.has_outside()),
            target: config.target,
            hysteresis: config.hysteresis,
        }
    }

    fn relay_snapshot(&self, id: RelayId) -> RelaySnapshot {
        let circuit = &self.circuits[id.circuit().index()];
        let relay = circuit.relay(id);
        let (hot_breaks, broken_va) = relay.wear();
        RelaySnapshot {
            present: self.config.relays_present[id.index()],
            closed: relay.is_closed(),
            forced: circuit.forced_relays[place(id)],
            closings: relay.closings(),
            hot_breaks,
            broken_va,
        }
    }
}

/// Test mode and overrides.
impl Engine {
    fn begin_test_mode(&mut self, now: Now, for_ms: u64) -> Result<(), Refused> {
        if !(MIN_FORCED_MS..=MAX_TEST_MS).contains(&for_ms) {
            return Err(Refused::DurationOutOfRange { min_ms: MIN_FORCED_MS, max_ms: MAX_TEST_MS });
        }
        if self.test_until_ms.replace(now.mono_ms.saturating_add(for_ms)).is_none() {
            self.events.push(Event::TestMode { on: true });
            self.release_relays();
        }
        CircuitId::ALL.into_iter().for_each(|id| self.abandon_self_test(id, SelfTestResult::Inconclusive));
        Ok(())
    }

    fn end_test_mode(&mut self) {
        if self.test_until_ms.take().is_some() {
            self.events.push(Event::TestMode { on: false });
            self.release_relays();
        }
    }

    /// What was done by hand before or during a test does not outlive its beginning or its end.
    fn release_relays(&mut self) {
        self.circuits.iter_mut().for_each(|circuit| circuit.forced_relays = [None; 2]);
    }

    fn force_relay(&mut self, now: Now, relay: RelayId, on: bool, for_ms: u64) -> Result<(), Refused> {
        if self.config.relays_present[relay.index()] {
            *self.forced_relay(relay) = Some(force(now, on, for_ms)?);
            Ok(())
        } else if on {
            Err(Refused::RelayAbsent { relay })
        } else {
            Ok(())
        }
    }

    fn forced_relay(&mut self, relay: RelayId) -> &mut Option<Override> {
        &mut self.circuits[relay.circuit().index()].forced_relays[place(relay)]
    }

    fn end_overrides(&mut self, id: CircuitId, ends: impl Fn(&Override) -> bool) {
        let circuit = &mut self.circuits[id.index()];
        let [inside, outside] = &mut circuit.forced_relays;
        let all = [(None, &mut circuit.forced), (Some(id.inside()), inside), (Some(id.outside()), outside)];
        for (relay, forced) in all {
            if forced.take_if(|f| ends(f)).is_some() {
                self.events.push(Event::OverrideEnded { relay, circuit: id });
            }
        }
    }
}

impl Circuit {
    fn new(id: CircuitId, config: &Config, now: Now) -> Self {
        Self {
            thermostat: Thermostat::default(),
            contactor: Contactor::new(now.mono_ms, config.relays_present[id.outside().index()]),
            forced: None,
            forced_relays: [None; 2],
            too_hot: false,
            heat: HeatMeter::default(),
            felt: false,
            self_test: SelfTest::default(),
            reason: Reason::BootHold { remaining_ms: arbiter::BOOT_HOLD_MS },
        }
    }

    /// Near the limit or not, with a band so that noise doesn't toggle it. Unknown changes nothing.
    fn feel(&mut self, hottest: Option<f64>, config: &CircuitConfig) {
        if let Some(hottest) = hottest {
            let from = config.on_ends_at().0 - if self.too_hot { TOO_HOT_BAND_F } else { 0.0 };
            self.too_hot = hottest >= from;
        }
    }

    /// Moves the contacts as decided, and says why the circuit is as it is.
    fn follow(&mut self, now: Now, decision: &Decision, meters: &Meters) -> Reason {
        if !decision.permitted {
            self.contactor.open_all(now.mono_ms);
            return decision.reason;
        }
        let [inside, outside] = decision.relays;
        let progress = self.contactor.advance(now.mono_ms, inside, outside, meters);
        if !decision.on {
            return decision.reason;
        }
        match progress {
            Progress::Settled => decision.reason,
            Progress::Waiting(Wait::MinimumOff(remaining_ms)) => Reason::MinimumOff { remaining_ms },
            Progress::Waiting(Wait::TooManyClosings(remaining_ms)) => Reason::TooManyClosings { remaining_ms },
            Progress::Closing => Reason::Switching { closing: true },
            Progress::Opening => Reason::Switching { closing: false },
            Progress::NoVoltage => Reason::NoVoltage,
        }
    }

    /// Keeps the reason; only another kind of reason is an event.
    fn explain(&mut self, id: CircuitId, reason: Reason, events: &mut Vec<Event>) {
        if std::mem::discriminant(&self.reason) != std::mem::discriminant(&reason) {
            events.push(Event::ReasonChanged { circuit: id, reason });
        }
        self.reason = reason;
    }

    fn path(&self) -> Path {
        let (inside, outside) = (self.contactor.inside(), self.contactor.outside());
        let since_ms = inside.changed_ms().max(outside.changed_ms());
        if self.contactor.is_on() { Path::Closed { since_ms } } else { Path::Open { since_ms } }
    }

    fn is_off_by_hand(&self) -> bool {
        let [inside, outside] = self.forced_relays;
        [self.forced, inside, outside].into_iter().flatten().any(|forced| !forced.on)
    }

    fn contacts(&self) -> Contacts {
        let contact = |relay: &Relay| Contact { closed: relay.is_closed(), since_ms: relay.changed_ms() };
        Contacts {
            inside: contact(self.contactor.inside()),
            outside: self.contactor.has_outside().then(|| contact(self.contactor.outside())),
        }
    }

    const fn relay(&self, id: RelayId) -> &Relay {
        if id.is_inside() { self.contactor.inside() } else { self.contactor.outside() }
    }
}

impl From<Held> for Refused {
    fn from(held: Held) -> Self {
        match held {
            Held::NothingTripped => Self::NothingTripped,
            Held::Cause { trigger, circuit, remaining_ms } => Self::CausePresent { trigger, circuit, remaining_ms },
            Held::Unproved { trigger, circuit } => Self::SelfTestNeeded { trigger, circuit },
        }
    }
}

/// Where a relay stands in its circuit's arrays: inside, outside.
const fn place(relay: RelayId) -> usize {
    relay.index() % 2
}

/// An "on" is bounded on both sides; an "off" is taken as far as it goes.
fn force(now: Now, on: bool, for_ms: u64) -> Result<Override, Refused> {
    if on && !(MIN_FORCED_MS..=MAX_FORCED_ON_MS).contains(&for_ms) {
        return Err(Refused::DurationOutOfRange { min_ms: MIN_FORCED_MS, max_ms: MAX_FORCED_ON_MS });
    }
    let for_ms = for_ms.clamp(MIN_FORCED_MS, MAX_FORCED_OFF_MS);
    Ok(Override { on, until_mono_ms: now.mono_ms.saturating_add(for_ms) })
}
