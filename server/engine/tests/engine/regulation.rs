//! What the engine does on an ordinary day, and when people take over.

use engine::config::Config;
use engine::inputs::{CircuitId, RelayId, SensorId};
use engine::outputs::{Event, Reason};
use engine::units::UtcMs;
use engine::{Command, Refused};

use crate::bench::{MIDNIGHT, NOON, START_MS, World, any_water};

const ONE: CircuitId = CircuitId::One;
const MINUTE_MS: u64 = 60_000;

fn force(circuit: CircuitId, on: bool) -> Command {
    Command::ForceCircuit { circuit, on, for_ms: 10 * MINUTE_MS }
}

fn force_relay(relay: RelayId, on: bool) -> Command {
    Command::ForceRelay { relay, on, for_ms: 10 * MINUTE_MS }
}

/// The moves of circuit 1's relays, with the milliseconds since the start of the world.
fn moves(world: &mut World, ms: u64) -> Vec<(u64, RelayId, bool)> {
    let mut moves = Vec::new();
    let end_ms = world.now.mono_ms + ms;
    while world.now.mono_ms < end_ms {
        for event in world.step().events {
            match event {
                Event::RelayChanged { relay, closed, .. } if relay.circuit() == ONE => {
                    moves.push((world.now.mono_ms - START_MS, relay, closed));
                }
                _ => {}
            }
        }
    }
    moves
}

/// The kinds of reasons circuit 1 went through.
fn reasons(world: &World) -> Vec<String> {
    let name = |reason: &Reason| format!("{reason:?}").split([' ', '(']).next().unwrap().to_owned();
    let changed = |event: &Event| match event {
        Event::ReasonChanged { circuit: ONE, reason } => Some(name(reason)),
        _ => None,
    };
    world.events.iter().filter_map(changed).collect()
}

#[test]
fn a_start_holds_then_rests_then_closes_outside_before_inside() {
    let mut world = World::new(Config::default());
    let moves = moves(&mut world, 70_000);
    assert_eq!(moves, [(60_000, RelayId::Outside1, true), (60_200, RelayId::Inside1, true)]);
    assert_eq!(reasons(&world), ["MinimumOff", "Switching", "Heating"]);
    let circuit = world.engine.snapshot().circuits[0];
    assert!(circuit.on && circuit.demand);
    assert!((circuit.power.unwrap().0 - 7.2 * 7.2 * 36.9).abs() < 1e-6);
    assert!((circuit.resistance.unwrap().0 - 36.9).abs() < 1e-6);
}

#[test]
fn warm_water_opens_inside_before_outside_and_rests() {
    let mut world = World::heating();
    world.tank_f[0] = 121.0;
    let opened = moves(&mut world, 20_000);
    let [(inside_ms, RelayId::Inside1, false), (outside_ms, RelayId::Outside1, false)] = opened[..] else {
        panic!("{opened:?}");
    };
    assert_eq!(outside_ms - inside_ms, 600, "the current is gone and the volts are up");
    assert_eq!(reasons(&world), ["AtTarget"]);
    world.tank_f[0] = 110.0;
    let closed = moves(&mut world, 70_000);
    assert_eq!(closed[0], (outside_ms + MINUTE_MS, RelayId::Outside1, true));
    assert_eq!(closed.len(), 2);
    assert!(world.closed(RelayId::Inside2), "the other circuit went on");
}

#[test]
fn a_change_of_heart_needs_five_new_samples() {
    let mut world = World::heating();
    world.tank_f[0] = 118.0;
    world.run(3_000);
    world.tank_f[0] = 125.0;
    let took = world.run_until(20_000, |w| !w.closed(RelayId::Inside1)).unwrap();
    assert!((4_000..=5_100).contains(&took), "a thermometer a second, five samples: {took} ms");
}

#[test]
fn the_night_opens_and_the_day_closes() {
    let mut world = World::heating();
    world.now.wall = Some(MIDNIGHT);
    world.step();
    let Reason::Night { until: Some(until) } = world.reason(ONE) else { panic!("{:?}", world.reason(ONE)) };
    assert!((MIDNIGHT.0..NOON.0).contains(&until.0));
    world.run(MINUTE_MS + 1_000);
    assert_eq!(world.outputs.closed, [false; 4]);
    world.now.wall = Some(UtcMs(until.0 - 500));
    world.run(5_000);
    assert_eq!(world.outputs.closed, [true; 4]);
    assert!(world.engine.snapshot().daylight.open);
}

#[test]
fn without_a_clock_there_is_no_day() {
    let mut world = World::heating();
    world.now.wall = None;
    world.run(1_000);
    assert_eq!((world.reason(ONE), world.outputs.closed), (Reason::NoClock, [false; 4]));
    world.command(force(ONE, true)).unwrap();
    world.run(70_000);
    assert!(world.closed(RelayId::Inside1), "a person may still decide");
}

#[test]
fn an_override_wins_over_night_and_target_and_gives_way() {
    let mut world = World::new(Config::default());
    world.now.wall = Some(MIDNIGHT);
    world.tank_f = [130.0; 2];
    world.command(force(ONE, true)).unwrap();
    world.run(70_000);
    assert_eq!(world.outputs.closed, [true, true, false, false]);
    assert!(matches!(world.reason(ONE), Reason::Override { on: true, remaining_ms } if remaining_ms == 530_000));
    world.run(531_000);
    assert_eq!(world.outputs.closed, [false; 4]);
    assert!(world.events.contains(&Event::OverrideEnded { relay: None, circuit: ONE }));
    assert!(matches!(world.reason(ONE), Reason::Night { .. }));
}

#[test]
fn a_forced_off_circuit_stays_off_and_comes_back_when_released() {
    let mut world = World::heating();
    world.command(force(ONE, false)).unwrap();
    world.run(1_000);
    assert_eq!(world.outputs.closed, [false, false, true, true]);
    assert!(matches!(world.reason(ONE), Reason::Override { on: false, .. }));
    world.command(Command::ReleaseCircuit(ONE)).unwrap();
    world.run(70_000);
    assert_eq!(world.outputs.closed, [true; 4]);
}

#[test]
fn single_relays_can_be_forced() {
    let rows: [(&str, &[Command], [bool; 2]); 6] = [
        ("outside alone", &[force_relay(RelayId::Outside1, true)], [false, true]),
        ("inside alone", &[force_relay(RelayId::Inside1, true)], [true, false]),
        ("both", &[force_relay(RelayId::Outside1, true), force_relay(RelayId::Inside1, true)], [true, true]),
        ("off beats the circuit's on", &[force(ONE, true), force_relay(RelayId::Outside1, false)], [false, false]),
        (
            "off beats its neighbour's circuit",
            &[force(ONE, true), force_relay(RelayId::Inside1, false)],
            [false, false],
        ),
        (
            "the circuit's off beats its relay's on",
            &[force(ONE, false), force_relay(RelayId::Outside1, true)],
            [false, false],
        ),
    ];
    for (what, commands, expected) in rows {
        let mut world = World::new(Config::default());
        world.tank_f = [130.0; 2];
        for command in commands {
            world.command(*command).unwrap();
        }
        world.run(70_000);
        assert_eq!(world.outputs.closed[..2], expected, "{what}");
        let on = matches!(world.reason(ONE), Reason::Override { on: true, .. });
        assert_eq!(on, expected == [true, true], "{what}: {:?}", world.reason(ONE));
    }
}

#[test]
fn the_outside_relay_never_moves_under_load() {
    let mut world = World::heating();
    world.command(force_relay(RelayId::Outside1, false)).unwrap();
    world.command(force_relay(RelayId::Inside1, true)).unwrap();
    let moved = moves(&mut world, 70_000);
    let order: Vec<_> = moved.iter().map(|(_, relay, closed)| (*relay, *closed)).collect();
    assert_eq!(order, [(RelayId::Inside1, false), (RelayId::Outside1, false), (RelayId::Inside1, true)]);
    world.command(Command::ReleaseRelay(RelayId::Outside1)).unwrap();
    let moved = moves(&mut world, 130_000);
    let order: Vec<_> = moved.iter().map(|(_, relay, closed)| (*relay, *closed)).collect();
    assert_eq!(order, [(RelayId::Inside1, false), (RelayId::Outside1, true), (RelayId::Inside1, true)]);
}

#[test]
fn any_on_ends_ten_below_the_limit() {
    let mut world = World::heating();
    world.command(force(ONE, true)).unwrap();
    for t in [110.0, 119.0, 128.0, 137.0, 146.0, 154.9] {
        world.tank_f[0] = t;
        world.run(2_000);
    }
    assert!(world.closed(RelayId::Inside1));
    world.tank_f[0] = 155.0;
    world.run(2_000);
    assert_eq!(world.outputs.closed, [false, false, true, true]);
    assert!(
        matches!(world.reason(ONE), Reason::OverrideTooHot { temperature, limit } if temperature.0 == 155.0 && limit.0 == 155.0)
    );
    assert!(world.events.contains(&Event::OverrideEnded { relay: None, circuit: ONE }));
    world.tank_f[0] = 152.0;
    world.run(70_000);
    assert!(!world.closed(RelayId::Inside1), "it ended for good");
    assert!(world.engine.snapshot().trip.is_none(), "unlatched");
}

#[test]
fn in_the_dark_the_inside_relay_waits_for_volts() {
    let mut world = World::new(Config::default());
    world.light = [0.0; 2];
    world.run(75_000);
    assert_eq!((world.reason(ONE), world.closed(RelayId::Inside1)), (Reason::NoVoltage, false));
    world.light = [0.5; 2];
    world.run(1_000);
    assert!(world.closed(RelayId::Inside1));
}

#[test]
fn commands_that_make_no_sense_are_refused_and_change_nothing() {
    let mut config = Config::default();
    config.relays_present[RelayId::Outside2.index()] = false;
    let mut world = World::new(config);
    let range = Refused::DurationOutOfRange { min_ms: 1_000, max_ms: 86_400_000 };
    for for_ms in [0, 999, 86_400_001, u64::MAX] {
        assert_eq!(world.command(Command::ForceCircuit { circuit: ONE, on: true, for_ms }), Err(range));
        assert_eq!(world.command(Command::ForceRelay { relay: RelayId::Inside1, on: true, for_ms }), Err(range));
        assert_eq!(world.command(Command::ForceCircuit { circuit: CircuitId::Two, on: false, for_ms }), Ok(()));
        assert_eq!(world.command(Command::ForceRelay { relay: RelayId::Outside2, on: false, for_ms }), Ok(()));
    }
    let absent = Refused::RelayAbsent { relay: RelayId::Outside2 };
    assert_eq!(world.command(force_relay(RelayId::Outside2, true)), Err(absent));
    assert_eq!(world.command(Command::ClearTrip), Err(Refused::NothingTripped));
    let snapshot = world.engine.snapshot();
    assert!(snapshot.circuits[0].forced.is_none());
    assert!(snapshot.relays.iter().all(|r| r.forced.is_none()));
}

#[test]
fn a_circuit_without_outside_relay_heats_with_the_inside_one() {
    let mut config = Config::default();
    config.relays_present[RelayId::Outside1.index()] = false;
    let mut world = World::new(config);
    world.run(70_000);
    assert_eq!(world.outputs.closed, [true, false, true, true]);
    let snapshot = world.engine.snapshot();
    assert!(snapshot.circuits[0].on && !snapshot.relays[1].present);
}

#[test]
fn settings_apply_whole_or_not_at_all_and_keep_state() {
    let mut world = World::heating();
    let before = world.engine.config().clone();
    let mut wrong = before.clone();
    wrong.circuits[0].target.0 = 80.0;
    wrong.circuits[1].target.0 = 400.0;
    assert!(world.engine.configure(wrong).is_err());
    assert_eq!(world.engine.config(), &before);
    let mut cooler = before.clone();
    cooler.circuits[0].target.0 = 90.0;
    world.engine.configure(cooler.clone()).unwrap();
    world.step();
    assert_eq!(world.outputs.closed, [true; 4], "relays don't move by themselves");
    world.run(10_000);
    assert_eq!(world.outputs.closed, [false, false, true, true]);
    cooler.relays_present[RelayId::Outside2.index()] = false;
    world.engine.configure(cooler).unwrap();
    world.step();
    assert_eq!(world.outputs.closed, [false; 4], "a rewired circuit begins open");
}

#[test]
fn a_steady_hour_is_silent_and_a_second_between_steps_works_too() {
    let mut world = World::new(any_water());
    world.dt_ms = 1_000;
    // The first quarter of an hour in the sun ends with the contacts' self-test.
    world.run(20 * MINUTE_MS);
    assert_eq!(world.outputs.closed, [true; 4]);
    world.events.clear();
    world.run(60 * MINUTE_MS);
    assert_eq!(world.events, []);
    assert_eq!(world.outputs.closed, [true; 4]);
}

#[test]
fn calibrated_temperatures_regulate() {
    let mut config = Config::default();
    let point = engine::calibration::Point { measured: 100.0, actual: 112.0 };
    config.calibrations[SensorId::T1.index()] =
        engine::calibration::Calibration::new(vec![point], engine::inputs::Quantity::Temperature).unwrap();
    let mut world = World::new(config);
    world.tank_f = [110.0; 2];
    world.run(70_000);
    assert_eq!(world.outputs.closed, [false, false, true, true], "110 °F is 122 °F in truth");
    let reading = world.engine.snapshot().circuits[0].temperature;
    assert_eq!((reading.raw, reading.value), (Some(110.0), Some(122.0)));
}
