//! The safety case's invariants on the whole engine, by their numbers.

use engine::config::Config;
use engine::inputs::{CircuitId, RelayId, SensorFault, SensorId};
use engine::outputs::{Event, Outputs, Reason, TriggerId, Trip, Validity};
use engine::units::UtcMs;
use engine::{Command, Refused};

use crate::bench::{Lie, NOON, World};

const ONE: CircuitId = CircuitId::One;
const YEAR_MS: i64 = 365 * 86_400_000;

fn all_open(world: &World) -> bool {
    world.outputs == Outputs::OFF
}

fn open_circuit_one(world: &World) -> bool {
    !world.closed(RelayId::Inside1) && !world.closed(RelayId::Outside1)
}

/// The trip, which must be in the same step's events.
fn tripped(world: &World) -> Trip {
    let trip = world.engine.snapshot().trip.expect("a trip");
    assert!(world.events.contains(&Event::Tripped(trip)));
    assert_eq!(world.reason(ONE), Reason::Tripped(trip));
    trip
}

#[test]
fn s1_lost_sensors_open_their_circuit_in_time_and_it_comes_back() {
    let bad = SensorFault::Bus;
    let rows = [
        (SensorId::V1, Lie::Silent, 1_000, Validity::Stale),
        (SensorId::I1, Lie::Fault(bad), 1_000, Validity::Fault(bad)),
        (SensorId::V1, Lie::Value(600.0), 1_000, Validity::Implausible),
        (SensorId::V1, Lie::Value(f64::NAN), 1_000, Validity::Implausible),
        (SensorId::I1, Lie::Value(f64::INFINITY), 1_000, Validity::Implausible),
        (SensorId::T1, Lie::Silent, 5_000, Validity::Stale),
        (SensorId::T1, Lie::Value(185.0), 5_000, Validity::Implausible),
        (SensorId::T1, Lie::Value(-196.6), 5_000, Validity::Implausible),
        (SensorId::T1, Lie::Value(f64::NAN), 5_000, Validity::Implausible),
        (SensorId::T1, Lie::Fault(SensorFault::Missing), 5_000, Validity::Fault(SensorFault::Missing)),
    ];
    for (sensor, lie, max_age_ms, validity) in rows {
        let mut world = World::heating();
        world.lies[sensor.index()] = Some(lie);
        let took = world.run_until(20_000, open_circuit_one).expect("it opens");
        // The last good sample may be a second old, if it is a temperature.
        assert!((max_age_ms - 1_000..=max_age_ms + 100).contains(&took), "{sensor:?} {lie:?}: {took} ms");
        assert_eq!(world.reason(ONE), Reason::SensorNotReady { sensor, validity });
        assert_eq!(world.outputs.closed[2..], [true, true], "the other circuit goes on");
        world.run(2_000);
        let words = world.events.iter().filter(|e| matches!(e, Event::SensorChanged { .. })).count();
        assert_eq!(words, 1, "each change is told once");
        world.lies[sensor.index()] = None;
        world.run(70_000);
        assert_eq!(world.outputs.closed, [true; 4], "{sensor:?} {lie:?} is over");
        assert!(world.engine.snapshot().trip.is_none());
    }
}

#[test]
fn s1_a_meter_wired_backwards_opens_its_circuit_in_time() {
    for sensor in [SensorId::V1, SensorId::I1] {
        let mut world = World::heating();
        world.lies[sensor.index()] = Some(Lie::Negated);
        let took = world.run_until(2_000, open_circuit_one);
        assert!(took.is_some_and(|ms| ms <= 1_200), "{sensor:?}: {took:?}");
        assert_eq!(world.reason(ONE), Reason::SensorNotReady { sensor, validity: Validity::Implausible });
    }
}

#[test]
fn s2_nothing_closes_before_the_hold_and_three_samples() {
    let mut world = World::new(Config::default());
    world.lies[SensorId::T1.index()] = Some(Lie::Silent);
    assert_eq!(world.run_until(29_900, |w| !matches!(w.reason(ONE), Reason::BootHold { .. })), None);
    world.run(100_000);
    let never = Reason::SensorNotReady { sensor: SensorId::T1, validity: Validity::NeverSeen };
    assert_eq!((world.reason(ONE), open_circuit_one(&world)), (never, true));
    world.lies[SensorId::T1.index()] = None;
    let took = world.run_until(20_000, |w| w.closed(RelayId::Outside1)).expect("it closes");
    // Three samples make the thermometer valid; the third is the first of the thermostat's five.
    assert!((6_000..=7_100).contains(&took), "{took} ms");
}

#[test]
fn s5_s6_a_trip_opens_both_circuits_in_the_step_that_sees_it() {
    let mut world = World::heating();
    world.ohms[1] = 0.0;
    let took = world.run_until(2_000, |w| w.engine.snapshot().trip.is_some()).expect("a trip");
    assert!(all_open(&world));
    // The first step in this stretch carries the first bad sample.
    assert!(took - world.dt_ms <= 250, "{took} ms");
    let trip = tripped(&world);
    assert_eq!((trip.trigger, trip.circuit), (TriggerId::Impedance, CircuitId::Two));
    world.ohms[1] = 36.9;
    world.run(600_000);
    assert!(all_open(&world), "latched");
    assert_eq!(world.events.iter().filter(|e| matches!(e, Event::Tripped(_))).count(), 1);
}

#[test]
fn every_trigger_reaches_the_relays() {
    type Fault = fn(&mut World);
    let rows: [(TriggerId, Fault, u64); 5] = [
        (TriggerId::OverCurrent, |w| w.lies[SensorId::I1.index()] = Some(Lie::Value(21.0)), 250),
        (TriggerId::OverTemperature, |w| w.lies[SensorId::T1.index()] = Some(Lie::Value(166.0)), 3_100),
        (TriggerId::Impedance, |w| w.ohms[0] = 1.0, 250),
        (TriggerId::OpenElement, |w| w.ohms[0] = 1e9, 500),
        (TriggerId::UnexpectedCurrent, weld_and_stop, 1_000),
    ];
    for (trigger, fault, within_ms) in rows {
        let mut world = World::heating();
        fault(&mut world);
        let took = world.run_until(10_000, |w| w.engine.snapshot().trip.is_some()).expect("a trip");
        assert!(took - world.dt_ms <= within_ms, "{trigger:?} took {took} ms");
        assert!(all_open(&world));
        assert_eq!(tripped(&world).trigger, trigger);
    }
}

/// The inside relay welds, then a person switches off.
fn weld_and_stop(world: &mut World) {
    world.welded[RelayId::Inside1.index()] = true;
    world.command(Command::ForceCircuit { circuit: ONE, on: false, for_ms: 60_000 }).unwrap();
}

#[test]
fn s7_contacts_rest_a_minute_and_close_twenty_times_an_hour() {
    let mut world = World::heating();
    let mut closings: Vec<u64> = Vec::new();
    let mut was_closed = true;
    let end_ms = world.now.mono_ms + 2 * 3_600_000;
    while world.now.mono_ms < end_ms {
        // A restless person.
        let on = !world.closed(RelayId::Inside1);
        world.command(Command::ForceCircuit { circuit: ONE, on, for_ms: 60_000 }).unwrap();
        world.run(500);
        let closed = world.closed(RelayId::Inside1);
        if closed && !was_closed {
            closings.push(world.now.mono_ms);
        }
        was_closed = closed;
    }
    assert!(closings.windows(2).all(|w| w[1] - w[0] >= 59_500));
    assert!(closings.windows(21).all(|w| w[20] - w[0] >= 3_599_500));
    assert!(closings.len() >= 38, "twenty an hour are allowed: {}", closings.len());
    assert!(
        world.events.iter().any(|e| matches!(e, Event::ReasonChanged { reason: Reason::TooManyClosings { .. }, .. }))
    );
}

#[test]
fn s9_a_single_bad_sample_changes_nothing() {
    let rows = [
        (SensorId::V1, f64::NAN),
        (SensorId::V1, 599.0),
        (SensorId::V1, -500.0),
        (SensorId::I1, f64::NEG_INFINITY),
        (SensorId::I1, 24.9),
        (SensorId::I1, -24.9),
        (SensorId::T1, 185.0),
        (SensorId::T1, -196.6),
        (SensorId::T1, 249.0),
        (SensorId::T1, 33.0),
        (SensorId::T1, f64::NAN),
    ];
    for (sensor, raw) in rows {
        let mut world = World::heating();
        let sample_ms = if sensor == SensorId::T1 { 1_000 } else { 100 };
        for _ in 0..5 {
            world.lies[sensor.index()] = Some(Lie::Value(raw));
            world.run(sample_ms);
            world.lies[sensor.index()] = None;
            world.run(4 * sample_ms);
        }
        world.run(10_000);
        assert_eq!(world.events, [], "{sensor:?} {raw}");
        assert_eq!(world.outputs.closed, [true; 4], "{sensor:?} {raw}");
    }
}

#[test]
fn s9_a_real_jump_of_the_water_is_believed_on_the_second_sample() {
    let mut world = World::heating();
    world.tank_f[0] = 60.0;
    let seen = |w: &World| w.engine.snapshot().circuits[0].temperature.value == Some(60.0);
    let took = world.run_until(5_000, seen).unwrap();
    assert!((1_000..=2_000).contains(&took), "{took} ms");
}

#[test]
fn s14_a_weld_of_the_inside_relay_latches_though_the_outside_one_could_hide_it() {
    let mut world = World::heating();
    weld_and_stop(&mut world);
    assert!(world.run_until(1_000, |w| w.engine.snapshot().trip.is_some()).is_some());
    let trip = tripped(&world);
    assert_eq!((trip.trigger, trip.circuit), (TriggerId::UnexpectedCurrent, ONE));
    assert!(all_open(&world), "now the outside one breaks it");
}

#[test]
fn s14_a_weld_found_while_closing_keeps_the_inside_relay_from_hiding_it() {
    let mut world = World::new(Config::default());
    world.welded[RelayId::Inside1.index()] = true;
    world.run(70_000);
    assert_eq!(tripped(&world).trigger, TriggerId::UnexpectedCurrent);
    let inside = |e: &Event| matches!(e, Event::RelayChanged { relay: RelayId::Inside1, .. });
    assert!(!world.events.iter().any(inside), "it was never commanded to close");
}

#[test]
fn s17_a_restored_trip_holds_from_the_first_step() {
    let mut world = World::heating();
    world.ohms[0] = 0.0;
    world.run(1_000);
    let trip = tripped(&world);
    let mut restarted = World::new(Config::default());
    restarted.engine.restore_trip(trip);
    restarted.run(120_000);
    assert_eq!((restarted.reason(ONE), all_open(&restarted)), (Reason::Tripped(trip), true));
    assert_eq!(restarted.command(Command::ClearTrip), Ok(()), "its cause has not been there for two minutes");
    restarted.run(1_000);
    assert!(restarted.events.contains(&Event::Cleared(trip)));
    assert_eq!(restarted.outputs.closed, [true; 4], "and on it goes");
}

#[test]
fn s18_over_temperature_clears_fifteen_below_after_a_minute() {
    let mut world = World::heating();
    world.tank_f[0] = 170.0;
    world.run(6_000);
    assert_eq!(tripped(&world).trigger, TriggerId::OverTemperature);
    let held =
        |remaining_ms| Err(Refused::CausePresent { trigger: TriggerId::OverTemperature, circuit: ONE, remaining_ms });
    world.tank_f[0] = 150.0;
    world.run(120_000);
    assert_eq!(world.command(Command::ClearTrip), held(None), "still within fifteen degrees");
    world.tank_f[0] = 149.0;
    world.run(30_000);
    let Err(Refused::CausePresent { remaining_ms: Some(remaining_ms), .. }) = world.command(Command::ClearTrip) else {
        panic!("too early");
    };
    assert!((30_000..=31_000).contains(&remaining_ms), "{remaining_ms}");
    world.run(31_000);
    assert_eq!(world.command(Command::ClearTrip), Ok(()));
    assert!(world.engine.snapshot().trip.is_none());
}

#[test]
fn s19_no_override_disarms_a_trip() {
    let mut world = World::heating();
    world.command(Command::ForceCircuit { circuit: ONE, on: true, for_ms: 3_600_000 }).unwrap();
    for relay in RelayId::ALL {
        world.command(Command::ForceRelay { relay, on: true, for_ms: 3_600_000 }).unwrap();
    }
    world.ohms[0] = 0.0;
    world.run(600_000);
    assert!(all_open(&world));
    tripped(&world);
}

#[test]
fn s20_off_works_at_that_very_step_whatever_else_is_asked() {
    let mut world = World::heating();
    world.command(Command::ForceCircuit { circuit: ONE, on: true, for_ms: 3_600_000 }).unwrap();
    world.command(Command::AllOff).unwrap();
    world.step();
    assert_eq!((world.reason(ONE), all_open(&world)), (Reason::AllOff, true));
    world.command(Command::ForceCircuit { circuit: ONE, on: true, for_ms: 3_600_000 }).unwrap();
    world.run(300_000);
    assert!(all_open(&world), "it stays until a person resumes");
    world.command(Command::ReleaseCircuit(ONE)).unwrap();
    world.command(Command::Resume).unwrap();
    world.run(1_000);
    assert_eq!(world.outputs.closed, [true; 4]);
    // With a trip, too.
    world.ohms[0] = 0.0;
    world.run(1_000);
    assert_eq!(world.command(Command::AllOff), Ok(()));
    world.step();
    assert!(world.engine.snapshot().all_off);
}

#[test]
fn s22_clock_steps_of_ten_years_move_no_relay() {
    let mut world = World::heating();
    for years in [10, -10, 1, -1, 20, -20, 0] {
        // At noon of any year the window is open.
        world.now.wall = Some(UtcMs(NOON.0 + years * YEAR_MS));
        world.run(5_000);
    }
    assert_eq!(world.events, []);
    assert_eq!(world.outputs.closed, [true; 4]);
}

#[test]
fn s27_a_calibration_does_not_hide_heat() {
    let mut config = Config::default();
    let point = engine::calibration::Point { measured: 160.0, actual: 146.0 };
    config.calibrations[SensorId::T1.index()] =
        engine::calibration::Calibration::new(vec![point], engine::inputs::Quantity::Temperature).unwrap();
    let mut world = World::new(config);
    world.tank_f[0] = 165.0;
    world.run(10_000);
    let trip = tripped(&world);
    assert_eq!((trip.trigger, trip.value), (TriggerId::OverTemperature, 165.0));
}
