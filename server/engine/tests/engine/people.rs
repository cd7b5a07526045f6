//! What people may do and what it can't do: test mode, restart lock-out, disabled triggers (S19, S24).

use engine::inputs::{CircuitId, RelayId};
use engine::outputs::{Event, Outputs, Reason, TriggerId};
use engine::{Command, DEFAULT_TEST_MS, MAX_TEST_MS, Refused};

use crate::bench::{World, any_water};

const ONE: CircuitId = CircuitId::One;

fn begin(world: &mut World, for_ms: u64) -> Result<(), Refused> {
    world.command(Command::TestMode { on: true, for_ms })
}

fn force(world: &mut World, relay: RelayId, on: bool) {
    world.command(Command::ForceRelay { relay, on, for_ms: 3_600_000 }).unwrap();
}

#[test]
fn s19_test_mode_moves_relays_by_hand_and_ends_by_itself() {
    let mut world = World::heating();
    begin(&mut world, DEFAULT_TEST_MS).unwrap();
    world.run(2_000);
    assert_eq!(world.outputs, Outputs::OFF, "regulation is off");
    assert!(matches!(world.reason(ONE), Reason::TestMode { remaining_ms: 298_000 }), "{:?}", world.reason(ONE));
    force(&mut world, RelayId::Outside1, true);
    world.run(4_000);
    assert_eq!(world.outputs.closed, [false, true, false, false], "after three seconds of rest");
    force(&mut world, RelayId::Inside1, true);
    world.run(1_000);
    assert_eq!(world.outputs.closed, [true, true, false, false]);
    force(&mut world, RelayId::Inside1, false);
    world.run(100);
    assert_eq!(world.outputs.closed, [false, true, false, false]);
    world.run(DEFAULT_TEST_MS);
    assert!(world.events.contains(&Event::TestMode { on: false }));
    assert_eq!(world.engine.snapshot().relays.map(|r| r.forced), [None; 4], "nothing done by hand is left");
    world.run(70_000);
    assert_eq!(world.outputs.closed, [true; 4], "regulation goes on");
}

#[test]
fn s19_the_watchdog_stays_on_in_test_mode() {
    let mut world = World::heating();
    begin(&mut world, MAX_TEST_MS).unwrap();
    for relay in RelayId::ALL {
        force(&mut world, relay, true);
    }
    world.run(5_000);
    assert_eq!(world.outputs.closed, [true; 4]);
    world.ohms[0] = 0.0;
    let took = world.run_until(2_000, |w| w.outputs == Outputs::OFF);
    assert!(took.is_some_and(|ms| ms <= 350), "{took:?}");
    world.run(100_000);
    assert_eq!(world.outputs, Outputs::OFF, "latched");
}

#[test]
fn s20_off_works_in_test_mode_and_ends_it() {
    let mut world = World::heating();
    begin(&mut world, MAX_TEST_MS).unwrap();
    for relay in RelayId::ALL {
        force(&mut world, relay, true);
    }
    world.run(5_000);
    world.command(Command::AllOff).unwrap();
    world.step();
    assert_eq!(world.outputs, Outputs::OFF);
    world.command(Command::Resume).unwrap();
    world.step();
    assert!(world.engine.snapshot().test_mode_until_mono_ms.is_none());
}

#[test]
fn s19_test_mode_is_bounded() {
    let mut world = World::heating();
    let range = Refused::DurationOutOfRange { min_ms: 1_000, max_ms: 3_600_000 };
    for for_ms in [0, 999, MAX_TEST_MS + 1, u64::MAX] {
        assert_eq!(begin(&mut world, for_ms), Err(range));
    }
    world.run(1_000);
    assert_eq!(world.outputs.closed, [true; 4], "nothing has changed");
}

#[test]
fn s24_locked_out_until_a_person_resumes() {
    let mut world = World::new(any_water());
    world.engine.lock_out();
    world.command(Command::ForceCircuit { circuit: ONE, on: true, for_ms: 3_600_000 }).unwrap();
    world.run(120_000);
    assert_eq!((world.outputs, world.reason(ONE)), (Outputs::OFF, Reason::RestartLockOut));
    assert!(world.engine.snapshot().locked_out);
    world.command(Command::Resume).unwrap();
    world.run(1_000);
    assert_eq!(world.outputs.closed, [true; 4]);
}

#[test]
fn s19_a_disabled_trigger_shows_and_over_temperature_cant_be_disabled() {
    let mut config = any_water();
    config.triggers_enabled[TriggerId::Impedance.index()] = false;
    let mut world = World::heating_with(config.clone());
    world.ohms[0] = 20.0;
    world.run(20_000);
    let snapshot = world.engine.snapshot();
    assert_eq!((snapshot.trip, world.outputs.closed), (None, [true; 4]));
    let state = snapshot.trigger(ONE, TriggerId::Impedance);
    assert_eq!((state.enabled, state.margin), (false, Some(0.0)));
    config.triggers_enabled[TriggerId::OverTemperature.index()] = false;
    assert!(world.engine.configure(config).is_err());
}
