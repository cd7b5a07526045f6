//! Records: energy over real time, never across a gap, neither lost nor doubled by the wall clock.

use engine::config::Config;
use engine::inputs::SensorId;
use engine::units::UtcMs;

use crate::bench::{Lie, NOON, World, any_water};

const HOUR_MS: u64 = 3_600_000;
/// 7.2 A through 36.9 Ω.
const WATTS: f64 = 7.2 * 7.2 * 36.9;

fn total(world: &World) -> f64 {
    world.records.iter().map(|r| r.energy[0].0).sum()
}

fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn an_hour_of_power_is_as_many_watt_hours() {
    for (dt_ms, polling_ms) in [(100, 1_000), (100, 7_300), (1_000, 60_000)] {
        let mut world = World::heating();
        let config = Config { polling_ms, ..any_water() };
        world.engine.configure(config).unwrap();
        world.dt_ms = dt_ms;
        // The first quarter of an hour in the sun ends with the contacts' self-test.
        world.run(20 * 60_000 + polling_ms + dt_ms);
        world.records.clear();
        let began_ms = world.now.mono_ms;
        world.run(HOUR_MS);
        let measured: u64 = world.records.iter().map(|r| r.dt_ms).sum();
        assert!(world.records.iter().all(|r| r.measured_ms[0] == r.dt_ms));
        assert!(measured.abs_diff(world.now.mono_ms - began_ms) <= polling_ms);
        assert_near(total(&world), WATTS * measured as f64 / HOUR_MS as f64);
    }
}

#[test]
fn a_record_says_what_was_measured() {
    let mut world = World::heating();
    world.run(1_500);
    let record = world.records[0];
    assert_eq!((record.dt_ms, record.measured_ms, record.relays, record.on), (1_000, [1_000; 2], [true; 4], [true; 2]));
    assert_near(record.power[1].unwrap().0, WATTS);
    assert_near(record.raw[SensorId::V1.index()].unwrap(), 7.2 * 36.9);
    assert_near(record.calibrated[SensorId::I2.index()].unwrap(), 7.2);
    assert_near(record.calibrated[SensorId::T1.index()].unwrap(), 100.0);
    assert!((NOON.0..NOON.0 + 80_000).contains(&record.at.0));
}

#[test]
fn nothing_is_counted_across_a_gap() {
    let mut world = World::heating();
    world.run(1_000);
    world.records.clear();
    // The process was stopped for ten seconds.
    world.pass(10_000);
    world.run(1_000);
    let measured: u64 = world.records.iter().map(|r| r.measured_ms[0]).sum();
    let passed: u64 = world.records.iter().map(|r| r.dt_ms).sum();
    assert!(passed >= 10_000 && measured <= 1_000, "{measured} of {passed} ms");
}

#[test]
fn nothing_is_counted_without_a_valid_ammeter() {
    let mut world = World::heating();
    world.lies[SensorId::I1.index()] = Some(Lie::Silent);
    world.run(5_000);
    world.records.clear();
    world.run(5_000);
    for record in &world.records {
        assert_eq!((record.measured_ms[0], record.energy[0].0, record.power[0]), (0, 0.0, None));
        assert_eq!((record.raw[SensorId::I1.index()], record.calibrated[SensorId::I1.index()]), (None, None));
        assert_eq!(record.measured_ms[1], record.dt_ms, "the other circuit is measured on");
    }
}

#[test]
fn s22_clock_steps_neither_lose_nor_double_energy() {
    let run = |jumps: bool| {
        let mut world = World::heating();
        for n in 0..60 {
            if jumps {
                // Forth and back across midnights, summer times and a missing clock; always a sunny noon.
                let days = [0, 1, -1, 365, 30, 3_653][n % 6];
                world.now.wall = (n % 7 != 3).then_some(UtcMs(NOON.0 + days * 86_400_000));
            }
            world.run(if world.now.wall.is_none() { 300 } else { 4_900 });
        }
        world.now.wall = Some(NOON);
        world.run(2_000);
        let dt_ms: u64 = world.records.iter().map(|r| r.dt_ms).sum();
        let measured_ms: u64 = world.records.iter().map(|r| r.measured_ms[0]).sum();
        (total(&world), dt_ms, measured_ms)
    };
    let (energy, dt_ms, measured_ms) = run(false);
    assert_near(energy, WATTS * measured_ms as f64 / HOUR_MS as f64);
    assert_eq!(dt_ms, measured_ms);
    let (_, dt_ms, measured_ms) = run(true);
    assert_eq!(dt_ms, measured_ms, "every millisecond is in exactly one record");
}
