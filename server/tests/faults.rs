//! Table F of the safety case, the rows that engine and plant can show: each fault is injected while both circuits
//! heat at a given light, and the relays must be open within its deadline, on several seeds.
//!
//! Deadlines count from the first bad sample, which the loop's step of 100 ms brings after the injection.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine::Command;
use engine::config::Config;
use engine::inputs::{CircuitId, RelayId, SensorId};
use engine::outputs::{Event, TriggerId};
use engine::units::UtcMs;
use plant::{ElementFault, Fault, FaultKind, PlantConfig, RelayFault, SensorDefect};
use server::simulate::Simulation;

/// 2023-06-21T18:30:00Z, before noon of a clear day in Colorado.
const MORNING: UtcMs = UtcMs(1_687_372_200_000);
const STEP_MS: u64 = 100;
const SEEDS: std::ops::Range<u64> = 100..105;
const ONE: CircuitId = CircuitId::One;

/// Both circuits forced on and settled in this light on circuit 1's array, W/m².
fn heating(seed: u64, light_w_m2: f64) -> Simulation {
    let mut simulation = Simulation::new(Config::default(), &PlantConfig::default(), seed, MORNING).unwrap();
    for circuit in CircuitId::ALL {
        simulation.command(Command::ForceCircuit { circuit, on: true, for_ms: 3_600_000 }).unwrap();
    }
    for _ in 0..1_200 {
        simulation.step(STEP_MS);
    }
    let now_w_m2 = simulation.plant_mut().truth().circuits[0].irradiance_w_m2;
    simulation.plant_mut().inject(Fault::Irradiance(light_w_m2 / now_w_m2)).unwrap();
    for _ in 0..300 {
        simulation.step(STEP_MS);
    }
    assert!(simulation.plant_mut().relays_actual().iter().all(|closed| *closed), "seed {seed}: not heating");
    simulation
}

/// What the engine did about something, and after how many milliseconds.
#[derive(Debug, Default)]
struct Reaction {
    inside_open_ms: Option<u64>,
    trip: Option<(TriggerId, u64)>,
}

fn react(simulation: &mut Simulation, for_ms: u64) -> Reaction {
    let mut reaction = Reaction::default();
    for at in 0..for_ms / STEP_MS {
        let (_, step) = simulation.step(STEP_MS);
        if !step.outputs.is_closed(ONE.inside()) {
            reaction.inside_open_ms.get_or_insert(at * STEP_MS);
        }
        for event in &step.events {
            if let Event::Tripped(trip) = event {
                reaction.trip.get_or_insert((trip.trigger, at * STEP_MS));
            }
        }
    }
    reaction
}

/// Injects the fault and expects circuit 1 off within the deadline, by that trigger's trip (or without one).
fn check(fault: Fault, light_w_m2: f64, deadline_ms: u64, trigger: Option<TriggerId>) {
    for seed in SEEDS {
        let mut simulation = heating(seed, light_w_m2);
        simulation.plant_mut().inject(fault).unwrap();
        let reaction = react(&mut simulation, deadline_ms + 5_000);
        println!("seed {seed}, {fault:?} at {light_w_m2} W/m²: {reaction:?}");
        let off_ms = reaction.inside_open_ms.unwrap_or_else(|| panic!("seed {seed}: {fault:?} never switched off"));
        assert!(off_ms <= deadline_ms, "seed {seed}, {fault:?}: off after {off_ms} ms, allowed {deadline_ms}");
        assert_eq!(reaction.trip.map(|(trigger, _)| trigger), trigger, "seed {seed}, {fault:?}");
    }
}

#[test]
fn a_dead_short() {
    for light in [300.0, 600.0, 900.0] {
        check(Fault::Element(ONE, ElementFault::Short), light, 250, Some(TriggerId::Impedance));
    }
}

#[test]
fn half_an_element() {
    check(Fault::Element(ONE, ElementFault::Scaled(0.5)), 700.0, 250, Some(TriggerId::Impedance));
    check(Fault::Element(ONE, ElementFault::Scaled(0.5)), 300.0, 2_000, Some(TriggerId::Impedance));
}

#[test]
fn an_element_that_drifted() {
    check(Fault::Element(ONE, ElementFault::Scaled(0.75)), 500.0, 6_000, Some(TriggerId::Impedance));
    check(Fault::Element(ONE, ElementFault::Scaled(1.25)), 500.0, 6_000, Some(TriggerId::Impedance));
}

#[test]
fn an_open_element() {
    check(Fault::Element(ONE, ElementFault::Open), 500.0, 500, Some(TriggerId::OpenElement));
}

#[test]
fn an_unplugged_thermometer() {
    check(Fault::Sensor(SensorId::T1, SensorDefect::Unplugged), 600.0, 5_000, None);
}

#[test]
fn a_converter_that_hangs() {
    check(Fault::Sensor(SensorId::V1, SensorDefect::BusHangs), 600.0, 1_200, None);
    check(Fault::Sensor(SensorId::I1, SensorDefect::Unplugged), 600.0, 1_200, None);
}

#[test]
fn a_meter_wired_backwards() {
    check(Fault::Sensor(SensorId::I1, SensorDefect::WrongSign), 600.0, 1_200, None);
}

#[test]
fn not_a_number_for_good() {
    check(Fault::Sensor(SensorId::V1, SensorDefect::Stuck(f64::NAN)), 600.0, 1_200, None);
    check(Fault::Sensor(SensorId::T1, SensorDefect::Stuck(185.0)), 600.0, 5_000, None);
}

#[test]
fn not_a_number_once_changes_nothing() {
    for (sensor, value) in [(SensorId::T1, f64::NAN), (SensorId::T1, 185.0), (SensorId::V1, f64::NAN)] {
        for seed in SEEDS {
            let mut simulation = heating(seed, 600.0);
            simulation.plant_mut().inject(Fault::Sensor(sensor, SensorDefect::Spike(value))).unwrap();
            let reaction = react(&mut simulation, 5_000);
            assert!(reaction.inside_open_ms.is_none() && reaction.trip.is_none(), "seed {seed}: {reaction:?}");
        }
    }
}

/// Welds these relays while they are closed, switches all off, and expects the trip within a second.
fn check_weld(relays: &[RelayId], fault: RelayFault, light_w_m2: f64) {
    for seed in SEEDS {
        let mut simulation = heating(seed, light_w_m2);
        for &relay in relays {
            simulation.plant_mut().inject(Fault::Relay(relay, fault)).unwrap();
        }
        simulation.command(Command::AllOff).unwrap();
        let reaction = react(&mut simulation, 5_000);
        println!("seed {seed}, {fault:?} at {light_w_m2} W/m²: {reaction:?}");
        let (trigger, after_ms) = reaction.trip.unwrap_or_else(|| panic!("seed {seed}: {fault:?} went unseen"));
        assert_eq!(trigger, TriggerId::UnexpectedCurrent, "seed {seed}");
        assert!(after_ms <= 1_000, "seed {seed}: {after_ms} ms");
    }
}

#[test]
fn welded_relays() {
    for light in [100.0, 500.0, 900.0] {
        check_weld(&[ONE.inside(), ONE.outside()], RelayFault::Welded, light);
    }
}

#[test]
fn an_arc_that_goes_on() {
    check_weld(&[ONE.inside(), ONE.outside()], RelayFault::Arcing, 700.0);
}

#[test]
fn one_relay_of_two_welded_is_found_in_the_next_opening() {
    for (relay, triggers) in [
        (ONE.inside(), [TriggerId::WeldedInside, TriggerId::UnexpectedCurrent]),
        (ONE.outside(), [TriggerId::WeldedOutside, TriggerId::WeldedOutside]),
    ] {
        for seed in SEEDS {
            let mut simulation = heating(seed, 700.0);
            simulation.plant_mut().inject(Fault::Relay(relay, RelayFault::Welded)).unwrap();
            simulation.command(Command::ForceCircuit { circuit: ONE, on: false, for_ms: 600_000 }).unwrap();
            let reaction = react(&mut simulation, 30_000);
            println!("seed {seed}, {} welded: {reaction:?}", relay.name());
            let (trigger, _) = reaction.trip.unwrap_or_else(|| panic!("seed {seed}: {} went unseen", relay.name()));
            assert!(triggers.contains(&trigger), "seed {seed}, {}: {trigger:?}", relay.name());
        }
    }
}

#[test]
fn swapped_thermometers() {
    for seed in SEEDS {
        let mut simulation = heating(seed, 800.0);
        simulation.plant_mut().inject(Fault::SwappedTemperatures).unwrap();
        simulation.command(Command::ForceCircuit { circuit: CircuitId::Two, on: false, for_ms: 7_200_000 }).unwrap();
        let reaction = react(&mut simulation, 7_200_000);
        let (trigger, after_ms) = reaction.trip.unwrap_or_else(|| panic!("seed {seed}: went unseen"));
        println!("seed {seed}, swapped: {trigger:?} after {:.0} min", after_ms as f64 / 60_000.0);
        assert!([TriggerId::SwappedSensors, TriggerId::NoRise].contains(&trigger), "seed {seed}: {trigger:?}");
    }
}

/// Injects the fault at noon, leaves the thermostats to themselves, and expects one of these trips within hours.
fn check_slow(fault: Fault, triggers: &[TriggerId]) {
    for seed in SEEDS {
        let mut simulation = heating(seed, 800.0);
        for circuit in CircuitId::ALL {
            simulation.command(Command::ReleaseCircuit(circuit)).unwrap();
        }
        simulation.plant_mut().clear(FaultKind::Irradiance);
        simulation.plant_mut().inject(fault).unwrap();
        let reaction = react(&mut simulation, 5 * 3_600_000);
        let (trigger, after_ms) = reaction.trip.unwrap_or_else(|| panic!("seed {seed}: {fault:?} went unseen"));
        println!("seed {seed}, {fault:?}: {trigger:?} after {:.0} min", after_ms as f64 / 60_000.0);
        assert!(triggers.contains(&trigger), "seed {seed}: {trigger:?}");
    }
}

#[test]
fn a_thermometer_that_fell_off() {
    check_slow(Fault::Sensor(SensorId::T1, SensorDefect::Detached), &[TriggerId::NoRise]);
}

#[test]
fn a_frozen_thermometer() {
    check_slow(Fault::Sensor(SensorId::T1, SensorDefect::Frozen), &[TriggerId::FrozenSensor, TriggerId::NoRise]);
}

#[test]
fn bright_skies_are_no_fault() {
    // 1.2 suns for half an hour, then 1.6 for seconds.
    for (light, for_ms) in [(1_200.0, 1_800_000), (1_600.0, 4_000)] {
        let mut simulation = heating(100, light);
        let reaction = react(&mut simulation, for_ms);
        assert!(reaction.trip.is_none(), "{light} W/m²: {reaction:?}");
    }
}
