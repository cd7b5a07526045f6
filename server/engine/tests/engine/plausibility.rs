//! S12, S14, S15, S16, S18, S26 on the whole engine: each plausibility rule reaches the relays and names its circuit.

use engine::config::Config;
use engine::inputs::{CircuitId, RelayId, SensorId};
use engine::outputs::{Event, Outputs, Reason, SelfTestResult, TriggerId};
use engine::units::UtcMs;
use engine::{Command, Refused};

use crate::bench::{Lie, MIDNIGHT, NOON, PanelState, World, any_water};

const ONE: CircuitId = CircuitId::One;
const MINUTE_MS: u64 = 60_000;

fn tripped(world: &World) -> Option<(TriggerId, CircuitId)> {
    world.engine.snapshot().trip.map(|trip| (trip.trigger, trip.circuit))
}

/// Both tanks warm as heat goes in: 0.0976 kWh/°F, second by second.
fn run_warming(world: &mut World, seconds: u32, feels: impl Fn(usize, [f64; 2]) -> f64) -> Option<u32> {
    let start = world.tank_f;
    let mut heated_f = [0.0; 2];
    for second in 0..seconds {
        for circuit in CircuitId::ALL {
            let (volts, amps) = world.electric(circuit);
            heated_f[circuit.index()] += volts * amps / 3_600_000.0 / 0.0976;
        }
        for n in 0..2 {
            // The thermometer's steps of 1/16 °C.
            world.tank_f[n] = (feels(n, [start[0] + heated_f[0], start[1] + heated_f[1]]) / 0.1125).round() * 0.1125;
        }
        world.run(1_000);
        if world.engine.snapshot().trip.is_some() {
            return Some(second);
        }
    }
    None
}

#[test]
fn s15_honest_water_never_trips() {
    let mut world = World::new(Config::default());
    world.tank_f = [60.0, 70.0];
    assert_eq!(run_warming(&mut world, 3 * 3_600, |n, water| water[n]), None);
    assert!(world.tank_f[0] > 110.0, "{:?}", world.tank_f);
}

#[test]
fn s15_each_thermometer_fault_names_itself() {
    type Feels = fn(usize, [f64; 2]) -> f64;
    let rows: [(TriggerId, Feels, u32); 4] = [
        (TriggerId::FrozenSensor, |n, water| if n == 0 { 60.0 } else { water[1] }, 65 * 60),
        (
            TriggerId::NoRise,
            |n, water| if n == 0 { 70.0 + 2.0 * ((water[1] - 60.0) / 3.0).sin() } else { water[1] },
            4 * 3_600,
        ),
        (TriggerId::EqualSensors, |_, water| water[0], 20 * 60),
        (TriggerId::SwappedSensors, |n, water| water[1 - n], 40 * 60),
    ];
    for (trigger, feels, within_s) in rows {
        let mut config = Config::default();
        if trigger == TriggerId::SwappedSensors {
            // On water that stands so still as the bench's, the heated one is a frozen one at about the same time.
            config.triggers_enabled[TriggerId::FrozenSensor.index()] = false;
        }
        let mut world = World::new(config);
        world.tank_f = [60.0, 60.0];
        if matches!(trigger, TriggerId::EqualSensors | TriggerId::SwappedSensors) {
            // Only one tank is heated.
            let off = Command::ForceCircuit { circuit: CircuitId::Two, on: false, for_ms: 86_400_000 };
            world.command(off).unwrap();
        }
        let took = run_warming(&mut world, within_s, feels);
        assert!(took.is_some(), "{trigger:?} did not trip");
        assert_eq!(tripped(&world), Some((trigger, ONE)), "after {took:?} s");
        assert_eq!(world.outputs, Outputs::OFF);
    }
}

#[test]
fn s15_water_that_warms_with_open_relays_trips() {
    let mut world = World::heating_with(Config::default());
    world.command(Command::AllOff).unwrap();
    for _ in 0..60 {
        world.run(MINUTE_MS);
        world.tank_f[1] += 0.12;
    }
    assert_eq!(tripped(&world), Some((TriggerId::WarmsWhileOff, CircuitId::Two)));
}

#[test]
fn s15_jumps_and_impossible_volts_trip() {
    type Fault = fn(&mut World);
    let rows: [(TriggerId, Fault, u64); 2] = [
        (TriggerId::FastRise, |w| w.tank_f[0] = 112.0, 6_000),
        (TriggerId::OverVoltage, |w| w.lies[SensorId::V1.index()] = Some(Lie::Value(500.0)), 1_100),
    ];
    for (trigger, fault, within_ms) in rows {
        let mut config = Config::default();
        if trigger == TriggerId::OverVoltage {
            // It doesn't fit the element either, which is seen first.
            for id in [TriggerId::Impedance, TriggerId::OpenElement] {
                config.triggers_enabled[id.index()] = false;
            }
        }
        let mut world = World::heating_with(config);
        fault(&mut world);
        let took = world.run_until(10_000, |w| w.engine.snapshot().trip.is_some());
        assert!(took.is_some_and(|ms| ms <= within_ms), "{trigger:?}: {took:?}");
        assert_eq!(tripped(&world), Some((trigger, ONE)));
        assert_eq!(world.outputs, Outputs::OFF);
    }
}

#[test]
fn s15_a_voltmeter_wired_backwards_latches_at_the_second_attempt() {
    let mut world = World::heating();
    world.lies[SensorId::V1.index()] = Some(Lie::Negated);
    let took = world.run_until(180_000, |w| w.engine.snapshot().trip.is_some());
    assert!(took.is_some_and(|ms| (60_000..=70_000).contains(&ms)), "{took:?}");
    assert_eq!(tripped(&world), Some((TriggerId::ReverseVoltage, ONE)));
}

#[test]
fn s15_made_up_temperatures_are_not_held_against_the_heat() {
    let mut world = World::new(Config::default());
    for _ in 0..3 * 36_000 {
        world.pass(100);
        world.sense();
        for sensor in [SensorId::T1, SensorId::T2] {
            world.inputs.sensors[sensor.index()].synthetic = true;
        }
        world.outputs = world.engine.step(world.now, &world.inputs).outputs;
    }
    assert_eq!((tripped(&world), world.outputs.closed), (None, [true; 4]));
}

#[test]
fn s14_a_welded_outside_relay_shows_in_the_next_opening() {
    let mut world = World::heating();
    world.welded[RelayId::Outside1.index()] = true;
    world.run(5_000);
    assert_eq!(tripped(&world), None, "while it should be closed nobody can tell");
    world.command(Command::ForceCircuit { circuit: ONE, on: false, for_ms: 600_000 }).unwrap();
    let took = world.run_until(20_000, |w| w.engine.snapshot().trip.is_some());
    assert!(took.is_some_and(|ms| (10_000..=12_500).contains(&ms)), "{took:?}");
    assert_eq!(tripped(&world), Some((TriggerId::WeldedOutside, ONE)));
}

#[test]
fn s14_a_weld_that_a_dead_ammeter_hides_shows_in_the_volts() {
    let mut world = World::heating();
    world.welded[RelayId::Inside1.index()] = true;
    world.command(Command::ForceCircuit { circuit: ONE, on: false, for_ms: 600_000 }).unwrap();
    world.lies[SensorId::I1.index()] = Some(Lie::Value(0.0));
    world.run(2_000);
    assert_eq!(tripped(&world), Some((TriggerId::WeldedInside, ONE)));
}

#[test]
fn s18_a_weld_is_cleared_by_a_self_test_in_the_sun_alone() {
    let mut world = World::heating();
    world.welded[RelayId::Inside1.index()] = true;
    world.command(Command::ForceCircuit { circuit: ONE, on: false, for_ms: 1_000 }).unwrap();
    world.run(5_000);
    assert_eq!(tripped(&world), Some((TriggerId::UnexpectedCurrent, ONE)));
    // It comes loose at night.
    (world.welded, world.light) = ([false; 4], [0.0; 2]);
    world.run(10 * MINUTE_MS);
    let needed = Refused::SelfTestNeeded { trigger: TriggerId::UnexpectedCurrent, circuit: ONE };
    assert_eq!(world.command(Command::ClearTrip), Err(needed));
    world.command(Command::SelfTest(ONE)).unwrap();
    world.run(3 * MINUTE_MS);
    let ended = |world: &World| {
        world.events.iter().rev().find_map(|e| match e {
            Event::SelfTestEnded { circuit: ONE, result } => Some(*result),
            _ => None,
        })
    };
    assert_eq!(ended(&world), Some(SelfTestResult::Inconclusive), "in the dark");
    assert_eq!(world.command(Command::ClearTrip), Err(needed));
    world.light = [0.5; 2];
    world.command(Command::SelfTest(ONE)).unwrap();
    world.run(MINUTE_MS);
    assert_eq!(ended(&world), Some(SelfTestResult::Passed));
    assert_eq!(world.outputs, Outputs::OFF, "still latched");
    assert_eq!(world.command(Command::ClearTrip), Ok(()));
    world.run(2 * MINUTE_MS);
    assert_eq!(world.outputs.closed, [true; 4]);
}

#[test]
fn s18_a_weld_that_is_still_there_fails_the_self_test() {
    let mut world = World::heating();
    world.ohms[0] = 1e9;
    world.run(2_000);
    assert_eq!(tripped(&world), Some((TriggerId::OpenElement, ONE)));
    world.run(2 * MINUTE_MS);
    world.command(Command::SelfTest(ONE)).unwrap();
    world.run(2 * MINUTE_MS);
    let failed = Event::SelfTestEnded { circuit: ONE, result: SelfTestResult::Failed };
    assert!(world.events.contains(&failed), "{:?}", world.events);
    assert_eq!(world.outputs, Outputs::OFF);
    assert!(world.command(Command::ClearTrip).is_err());
    assert_eq!(world.command(Command::SelfTest(CircuitId::Two)), Err(Refused::NothingTripped));
}

#[test]
fn s20_off_works_in_a_self_test_too() {
    let orders = [
        Command::AllOff,
        Command::ForceCircuit { circuit: ONE, on: false, for_ms: 600_000 },
        Command::ForceRelay { relay: RelayId::Inside1, on: false, for_ms: 600_000 },
        Command::ForceRelay { relay: RelayId::Outside1, on: false, for_ms: 600_000 },
    ];
    for order in orders {
        let mut world = World::heating();
        world.ohms[0] = 1e9;
        world.run(2_000);
        world.ohms[0] = 36.9;
        world.run(2 * MINUTE_MS);
        world.command(Command::SelfTest(ONE)).unwrap();
        assert!(world.run_until(MINUTE_MS, |w| w.closed(RelayId::Outside1)).is_some());
        world.command(order).unwrap();
        world.step();
        assert_eq!(world.outputs, Outputs::OFF, "{order:?}");
        world.run(2 * MINUTE_MS);
        assert_eq!(world.outputs, Outputs::OFF, "{order:?}");
    }
}

#[test]
fn s26_a_day_without_an_opening_in_the_sun_ends_in_a_self_test() {
    let mut world = World::heating();
    assert!(world.run_until(16 * MINUTE_MS, |w| w.reason(ONE) == Reason::SelfTest).is_some());
    let passed = |world: &World| {
        let is_pass = |e: &&Event| matches!(e, Event::SelfTestEnded { result: SelfTestResult::Passed, .. });
        world.events.iter().filter(is_pass).count()
    };
    world.run(2 * MINUTE_MS);
    assert_eq!((passed(&world), world.outputs.closed), (2, [true; 4]));
    let proved = world.engine.snapshot().circuits[0].proved_at_mono_ms;
    assert!(proved.is_some_and(|at| world.now.mono_ms - at < 2 * MINUTE_MS));
    world.events.clear();
    world.run(60 * MINUTE_MS);
    assert_eq!(world.events, [], "once a day");
    let relays = world.engine.snapshot().relays;
    assert_eq!((relays[0].hot_breaks, relays[1].hot_breaks), (1, 0), "the outside one moves without load");
    assert!((relays[0].broken_va - 7.2 * 7.2 * 36.9).abs() < 1e-6);
}

#[test]
fn s12_zeroed_meters_are_judged_more_sharply() {
    let offset = 1.6;
    let mut world = World::new(any_water());
    world.now.wall = Some(MIDNIGHT);
    (world.light, world.lies[SensorId::V1.index()]) = ([0.0; 2], Some(Lie::Value(offset)));
    world.run(5 * MINUTE_MS);
    let volts = |world: &World| world.engine.snapshot().circuits[0].voltage.value;
    assert_eq!(volts(&world), Some(offset));
    world.run(10 * MINUTE_MS);
    assert!(volts(&world).is_some_and(|v| v.abs() < 1e-9), "{:?}", volts(&world));
    let limit =
        |world: &World, circuit| world.engine.snapshot().trigger(circuit, TriggerId::WeldedOutside).limit.unwrap();
    assert!((limit(&world, ONE) - 12.5).abs() < 1e-9, "0.5 V and 4 σ");
    // Forth into the day: it holds. A large offset is none.
    (world.now.wall, world.light) = (Some(UtcMs(NOON.0)), [0.8; 2]);
    world.lies[SensorId::V1.index()] = None;
    world.run(2 * MINUTE_MS);
    assert!(volts(&world).is_some_and(|v| (v - (7.2 * 36.9 - offset)).abs() < 1e-6));
}

#[test]
fn s16_a_lost_panel_holds_heating_off_and_three_losses_latch() {
    let mut world = World::new(any_water());
    world.panel = Some(PanelState::default());
    world.run(70_000);
    assert_eq!(world.outputs.closed, [true; 4]);
    world.panel = Some(PanelState { silent: true, ..PanelState::default() });
    let took = world.run_until(10_000, |w| w.outputs == Outputs::OFF);
    assert!(took.is_some_and(|ms| (4_000..=4_600).contains(&ms)), "{took:?}");
    assert_eq!(world.reason(ONE), Reason::PanelUnknown { remaining_ms: None });
    world.panel = Some(PanelState::default());
    world.step();
    assert!(matches!(world.reason(ONE), Reason::PanelUnknown { remaining_ms: Some(29_900..=30_000) }));
    world.run(90_000);
    assert_eq!((tripped(&world), world.outputs.closed), (None, [true; 4]), "by itself");
    for _ in 0..2 {
        world.panel = Some(PanelState { restarted: true, ..PanelState::default() });
        world.step();
        assert_eq!(world.outputs, Outputs::OFF, "a restarted panel is unknown at once");
        world.panel = Some(PanelState::default());
        world.run(31_000);
    }
    assert_eq!(tripped(&world), Some((TriggerId::GfciLost, ONE)));
    world.run(61_000);
    assert_eq!(world.command(Command::ClearTrip), Ok(()), "it has been there for a minute");
}

#[test]
fn s16_a_tripped_breaker_latches_both_at_once() {
    let mut world = World::new(any_water());
    world.panel = Some(PanelState::default());
    world.run(70_000);
    world.panel = Some(PanelState { tripped: [false, true], ..PanelState::default() });
    let took = world.run_until(2_000, |w| w.outputs == Outputs::OFF);
    assert!(took.is_some_and(|ms| ms <= 500), "{took:?}");
    assert_eq!(tripped(&world), Some((TriggerId::GfciTrip, CircuitId::Two)));
    world.run(120_000);
    assert!(world.command(Command::ClearTrip).is_err(), "reset the breaker first");
    world.panel = Some(PanelState { silent: true, ..PanelState::default() });
    world.run(120_000);
    assert!(world.command(Command::ClearTrip).is_err(), "silence is no reset");
    world.panel = Some(PanelState::default());
    world.run(61_000);
    assert_eq!(world.command(Command::ClearTrip), Ok(()));
}

#[test]
fn a_trip_leaves_a_record_of_the_seconds_around_it() {
    let mut world = World::heating();
    world.run(20_000);
    world.ohms[0] = 0.0;
    world.run(4_000);
    assert!(world.engine.take_trip_record().is_none(), "not yet complete");
    world.run(3_000);
    let record = world.engine.take_trip_record().unwrap();
    assert_eq!(Some(record.trip), world.engine.snapshot().trip);
    let at = record.trip.at_mono_ms;
    let (first, last) = (record.steps[0], record.steps[record.steps.len() - 1]);
    assert_eq!((at - first.mono_ms, last.mono_ms - at), (10_000, 5_000));
    assert_eq!((first.closed, last.closed), ([true; 4], [false; 4]));
    assert!(record.steps.iter().any(|s| s.raw[0].is_some_and(|v| v < 1.0) && s.closed[0]), "the short is in it");
    assert!(world.engine.take_trip_record().is_none(), "once");
}
