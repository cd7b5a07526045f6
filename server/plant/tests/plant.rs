//! The plant as its users see it: commands and time in, sensors and truth out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::DateTime;
use engine::inputs::{CircuitId, RelayId, SensorFault, SensorId};
use engine::units::UtcMs;
use plant::tank::CutOut;
use plant::{
    CircuitTruth, ElementFault, Fault, FaultKind, Moment, Plant, PlantConfig, PlantError, RelayFault, SensorDefect,
};
use proptest::prelude::*;

const SEED: u64 = 20;
const OPEN: [bool; 4] = [false; 4];
const CLOSED: [bool; 4] = [true; 4];
const ONLY_INSIDE: [bool; 4] = [true, false, true, false];
const ONLY_OUTSIDE: [bool; 4] = [false, true, false, true];
/// Noon of a cloudless day.
const SUNNY: &str = "2023-06-21T19:00:00Z";
const MIDNIGHT: &str = "2023-06-21T07:00:00Z";

fn utc(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// A plant with its own clock.
struct Rig {
    plant: Plant,
    start_utc: i64,
    mono_ms: u64,
}

impl Rig {
    fn new(config: PlantConfig, start: &str) -> Self {
        let mut rig = Self { plant: Plant::new(config, SEED).unwrap(), start_utc: utc(start), mono_ms: 0 };
        rig.step(0, OPEN);
        rig
    }

    /// The default plant with sensors that tell the truth.
    fn ideal(start: &str) -> Self {
        let mut config = PlantConfig::default();
        config.voltage = config.voltage.ideal();
        config.current = config.current.ideal();
        config.temperature = config.temperature.ideal();
        Self::new(config, start)
    }

    fn step(&mut self, ms: u64, commanded: [bool; 4]) {
        self.mono_ms += ms;
        let utc = UtcMs(self.start_utc + self.mono_ms as i64);
        self.plant.step(Moment { mono_ms: self.mono_ms, utc }, commanded);
    }

    fn run(&mut self, steps: u64, ms: u64, commanded: [bool; 4]) {
        for _ in 0..steps {
            self.step(ms, commanded);
        }
    }

    fn with(mut self, fault: Fault) -> Self {
        self.plant.inject(fault).unwrap();
        self
    }

    fn one(&self) -> CircuitTruth {
        self.plant.truth().circuits[0]
    }

    fn read(&self, id: SensorId) -> f64 {
        self.plant.inputs().channel(id).latest.unwrap().raw
    }
}

fn near(actual: f64, expected: f64, relative: f64) {
    assert!((actual - expected).abs() <= relative * expected.abs() + 1e-9, "{actual}, expected {expected}");
}

/// Energy stored in a tank above 0 °F, Wh.
fn stored_wh(tank: &CircuitTruth) -> f64 {
    let node_wh_per_f = 50.0 / 12.0 * 3.785_411_784 * 4186.0 / 3600.0 / 1.8;
    tank.tank.iter().map(|node| node.get() * node_wh_per_f).sum()
}

#[test]
fn a_plant_has_said_nothing_before_its_first_step() {
    let plant = Plant::new(PlantConfig::default(), SEED).unwrap();
    assert!(SensorId::ALL.iter().all(|id| plant.inputs().channel(*id).latest.is_none()));
    assert_eq!((plant.relays_actual(), plant.now()), (OPEN, None));
}

#[test]
fn the_voltmeter_sits_between_the_relays() {
    let check = |commanded, fault: Option<Fault>, volts: std::ops::Range<f64>, amps: std::ops::Range<f64>| {
        let mut rig = Rig::ideal(SUNNY);
        if let Some(fault) = fault {
            rig = rig.with(fault);
        }
        rig.run(5, 100, commanded);
        let (v, i) = (rig.read(SensorId::V1), rig.read(SensorId::I1));
        assert!(volts.contains(&v) && amps.contains(&i), "{commanded:?} {fault:?}: {v} V, {i} A");
    };
    let none = 0.0..0.001;
    let weld = |relay| Some(Fault::Relay(relay, RelayFault::Welded));
    let stuck = |relay| Some(Fault::Relay(relay, RelayFault::StuckOpen));
    check(OPEN, None, none.clone(), none.clone());
    check(ONLY_INSIDE, None, none.clone(), none.clone());
    check(ONLY_OUTSIDE, None, 320.0..390.0, none.clone());
    check(CLOSED, None, 250.0..320.0, 7.0..9.0);
    check(OPEN, weld(RelayId::Outside1), 320.0..390.0, none.clone());
    check(ONLY_OUTSIDE, weld(RelayId::Inside1), 250.0..320.0, 7.0..9.0);
    check(CLOSED, stuck(RelayId::Inside1), 320.0..390.0, none.clone());
    check(CLOSED, stuck(RelayId::Outside1), none.clone(), none.clone());
    let element = |fault| Some(Fault::Element(CircuitId::One, fault));
    check(CLOSED, element(ElementFault::Open), 320.0..390.0, none.clone());
    check(CLOSED, element(ElementFault::Short), 0.0..1.0, 8.5..9.6);
    check(CLOSED, element(ElementFault::Scaled(0.5)), 150.0..175.0, 8.3..9.5);
    check(CLOSED, element(ElementFault::Scaled(2.0)), 310.0..370.0, 4.0..5.5);
    check(CLOSED, Some(Fault::Relay(RelayId::Inside1, RelayFault::Resistive { ohms: 5.0 })), 270.0..340.0, 6.0..8.8);
}

#[test]
fn volts_over_amperes_is_the_element_in_any_light() {
    for time in ["2023-06-21T13:00:00Z", "2023-06-21T16:00:00Z", SUNNY, "2023-01-15T18:00:00Z"] {
        let mut rig = Rig::ideal(time);
        rig.run(600, 1000, CLOSED);
        let ohms = rig.read(SensorId::V1) / rig.read(SensorId::I1);
        assert!((36.9..36.9 * 1.04).contains(&ohms), "{time}: {ohms} Ω");
    }
}

#[test]
fn sun_warms_the_cells_and_current_the_element_slowly() {
    let mut rig = Rig::ideal(SUNNY);
    let at_once = rig.one().cells.get();
    rig.plant.inject(Fault::Irradiance(0.0)).unwrap();
    rig.run(60, 1000, CLOSED);
    let after_a_minute = rig.one().cells.get();
    rig.run(3600, 1000, CLOSED);
    let air = rig.plant.truth().air.get();
    assert!(at_once - air > 40.0, "{at_once} °F cells in {air} °F air");
    assert!((5.0..15.0).contains(&(at_once - after_a_minute)), "{after_a_minute} °F");
    assert!((rig.one().cells.get() - air).abs() < 1.0);

    rig.plant.clear(FaultKind::Irradiance);
    rig.run(600, 1000, CLOSED);
    let drift = rig.read(SensorId::V1) / rig.read(SensorId::I1) / 36.92 - 1.0;
    assert!((0.015..0.04).contains(&drift), "{drift}");
}

#[test]
fn cold_water_is_coldest_in_february_and_the_room_warmest_in_the_afternoon() {
    let truth = |time| Rig::ideal(time).plant.truth();
    near(truth("2023-02-13T20:00:00Z").inlet.get(), 50.0, 0.002);
    near(truth("2023-08-15T20:00:00Z").inlet.get(), 60.1, 0.002);
    near(truth("2023-08-15T22:00:00Z").room.get(), 72.5, 0.002);
    near(truth("2023-08-15T10:00:00Z").room.get(), 63.5, 0.002);
}

#[test]
fn amperes_are_converted_before_volts() {
    let mut config = PlantConfig { current_skew_ms: 50.0, ..PlantConfig::default() };
    config.voltage = config.voltage.ideal();
    config.current = config.current.ideal();
    let mut rig = Rig::new(config, "2023-06-22T20:00:00Z");
    rig.run(600, 100, CLOSED);
    let mut most_apart = 0.0_f64;
    for _ in 0..36_000 {
        let before = rig.one().current.get();
        rig.step(100, CLOSED);
        let (now, read) = (rig.one().current.get(), rig.read(SensorId::I1));
        near(read, f64::midpoint(before, now), 1e-6);
        most_apart = most_apart.max((read - now).abs());
    }
    assert!(most_apart > 0.1, "passing clouds set them {most_apart} A apart (seed {SEED})");
}

#[test]
fn an_arc_goes_on_after_the_inside_relay_opens() {
    let mut rig = Rig::ideal(SUNNY).with(Fault::Relay(RelayId::Inside1, RelayFault::Arcing));
    rig.run(5, 100, CLOSED);
    rig.run(50, 100, ONLY_OUTSIDE);
    assert!(rig.read(SensorId::I1) > 5.0 && rig.plant.relays_actual()[RelayId::Inside1.index()]);
    rig.run(5, 100, OPEN);
    assert!(rig.read(SensorId::I1) < 0.001 && rig.plant.relays_actual() == OPEN);
}

#[test]
fn a_bouncing_contact_chatters_and_then_rests() {
    let mut rig = Rig::ideal(SUNNY).with(Fault::Relay(RelayId::Inside1, RelayFault::Bouncing { for_ms: 3000 }));
    rig.run(30, 100, CLOSED);
    let closings = rig.one().closings[0];
    assert!(closings > 3, "{closings} closings (seed {SEED})");
    rig.run(5, 100, CLOSED);
    let settled = rig.one().closings[0];
    rig.run(50, 100, CLOSED);
    assert_eq!(rig.one().closings[0], settled);
    assert!(rig.plant.relays_actual()[RelayId::Inside1.index()]);
}

#[test]
fn the_night_gives_nothing() {
    let mut rig = Rig::ideal(MIDNIGHT);
    rig.run(100, 100, CLOSED);
    let truth = rig.one();
    assert_eq!((truth.irradiance_w_m2, truth.string.get(), truth.power.get()), (0.0, 0.0, 0.0));
    assert_eq!((rig.read(SensorId::V1), rig.read(SensorId::I1)), (0.0, 0.0));
}

#[test]
fn twilight_gives_volts_without_amperes() {
    let mut rig = Rig::ideal("2023-06-21T11:38:00Z");
    rig.run(5, 100, ONLY_OUTSIDE);
    let volts = rig.read(SensorId::V1);
    assert!((250.0..330.0).contains(&volts), "{volts} V at {} W/m²", rig.one().irradiance_w_m2);
    rig.run(5, 100, CLOSED);
    assert!(rig.read(SensorId::I1) < 0.1);
}

#[test]
fn each_days_energy_is_stored_lost_or_drawn() {
    let mut rig = Rig::new(PlantConfig::default(), MIDNIGHT);
    let start = rig.one();
    let mut delivered_wh = 0.0;
    for _ in 0..86_400 {
        rig.step(1000, CLOSED);
        delivered_wh += rig.one().power.get() / 3600.0;
    }
    let end = rig.one();
    let went_wh = stored_wh(&end) - stored_wh(&start) + end.lost.get() + end.drawn.get() + end.vented.get();
    assert!(delivered_wh > 10_000.0 && end.drawn.get() > 1000.0 && end.lost.get() > 500.0, "{end:?}");
    near(end.heated.get(), delivered_wh, 1e-6);
    near(went_wh, delivered_wh, 1e-6);
}

#[test]
fn a_sunny_day_brings_the_tank_to_its_target() {
    let mut rig = Rig::new(PlantConfig::default(), MIDNIGHT);
    let mut reached = false;
    let mut commanded = CLOSED;
    for _ in 0..86_400 {
        rig.step(1000, commanded);
        let warm = rig.read(SensorId::T1);
        reached |= warm > 120.0;
        if !(118.0..=120.0).contains(&warm) {
            commanded = if warm < 118.0 { CLOSED } else { OPEN };
        }
    }
    assert!(reached, "{:?} (seed {SEED})", rig.one());
    let tank = rig.one().tank;
    assert!(tank[11].get() > 110.0 && tank[0].get() < 80.0, "hot on top, cold below: {tank:?} (seed {SEED})");
}

#[test]
fn the_household_draws_its_daily_volume() {
    let mut rig = Rig::new(PlantConfig::default(), MIDNIGHT);
    rig.run(3 * 86_400, 1000, CLOSED);
    let circuits = rig.plant.truth().circuits;
    near(circuits[0].mixed_drawn_gal, 3.0 * 60.0 * 0.6, 1e-9);
    near(circuits[1].mixed_drawn_gal, 3.0 * 60.0 * 0.4, 1e-9);
    assert!(circuits[0].hot_drawn_gal <= circuits[0].mixed_drawn_gal);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let mut plant = Plant::new(PlantConfig::default(), seed).unwrap();
        let mut seen = Vec::new();
        for second in 0..7200_u64 {
            let utc = UtcMs(utc("2023-07-12T18:00:00Z") + second as i64 * 1000);
            plant.step(Moment { mono_ms: second * 1000, utc }, if second % 600 < 300 { CLOSED } else { OPEN });
            seen.push(SensorId::ALL.map(|id| plant.inputs().channel(id).latest.unwrap().raw));
        }
        (seen, plant.truth())
    };
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}

#[test]
fn the_step_size_changes_the_physics_by_next_to_nothing() {
    let day = |ms: u64| {
        let mut rig = Rig::new(PlantConfig::default(), "2023-07-12T15:00:00Z");
        rig.run(4 * 3_600_000 / ms, ms, CLOSED);
        rig.one()
    };
    let (fine, coarse) = (day(100), day(1000));
    assert_eq!(fine.irradiance_w_m2, coarse.irradiance_w_m2);
    near(coarse.heated.get(), fine.heated.get(), 0.002);
    near(coarse.mixed_drawn_gal, fine.mixed_drawn_gal, 1e-9);
    for (a, b) in fine.tank.iter().zip(coarse.tank) {
        assert!((a.get() - b.get()).abs() < 0.1, "{a:?} {b:?}");
    }
    // An hour at once is worked through second by second.
    assert_eq!(day(3_600_000).tank, coarse.tank);
}

#[test]
fn time_that_stands_or_goes_back_moves_nothing() {
    let mut rig = Rig::new(PlantConfig::default(), SUNNY);
    rig.run(10, 1000, CLOSED);
    let before = (rig.one().tank, rig.one().heated, rig.plant.inputs());
    let moment = rig.plant.now().unwrap();
    rig.plant.step(moment, CLOSED);
    rig.plant.step(Moment { mono_ms: moment.mono_ms - 5000, ..moment }, CLOSED);
    assert!((rig.one().tank, rig.one().heated, rig.plant.inputs()) == before);
}

#[test]
fn samples_carry_their_time() {
    let mut rig = Rig::new(PlantConfig::default(), SUNNY);
    rig.run(25, 100, CLOSED);
    let taken = |id| rig.plant.inputs().channel(id).latest.unwrap().taken_ms;
    assert_eq!((taken(SensorId::V1), taken(SensorId::I2), taken(SensorId::T1)), (2500, 2500, 2000));
}

#[test]
fn sensors_report_what_their_defects_let_through() {
    let check = |id, defect, expected: f64, fault: Option<SensorFault>| {
        let mut rig = Rig::ideal(SUNNY).with(Fault::Sensor(id, defect));
        rig.run(50, 100, CLOSED);
        let channel = *rig.plant.inputs().channel(id);
        let raw = channel.latest.unwrap().raw;
        assert!((raw - expected).abs() < 2.0 && channel.fault == fault, "{id:?} {defect:?}: {channel:?}");
    };
    check(SensorId::T1, SensorDefect::Stuck(185.0), 185.0, None);
    check(SensorId::T1, SensorDefect::Unplugged, 104.0, Some(SensorFault::Missing));
    check(SensorId::T2, SensorDefect::Detached, 71.0, None);
    check(SensorId::I1, SensorDefect::Detached, 0.0, None);
    check(SensorId::V1, SensorDefect::BusHangs, 0.0, Some(SensorFault::Bus));
    check(SensorId::I1, SensorDefect::WrongSign, -8.0, None);
}

#[test]
fn swapped_thermometers_read_each_others_tank() {
    let mut config = PlantConfig::default();
    config.temperature = config.temperature.ideal();
    config.circuits[0].tank.start_c = 60.0;
    config.circuits[1].tank.start_c = 30.0;
    let mut rig = Rig::new(config, SUNNY).with(Fault::SwappedTemperatures);
    rig.run(2, 1000, OPEN);
    near(rig.read(SensorId::T1), 86.0, 0.01);
    near(rig.read(SensorId::T2), 140.0, 0.01);
}

#[test]
fn the_cut_out_opens_honest_relays_and_not_welded_ones() {
    let mut config = PlantConfig::default();
    for circuit in &mut config.circuits {
        circuit.tank.start_c = 78.0;
        circuit.tank.cut_out = Some(CutOut { opens_c: 79.4, closes_c: 60.0 });
    }
    let mut rig = Rig::new(config, "2023-06-21T16:00:00Z");
    for relay in [RelayId::Inside2, RelayId::Outside2] {
        rig.plant.inject(Fault::Relay(relay, RelayFault::Welded)).unwrap();
    }
    rig.run(5 * 3600, 1000, CLOSED);
    let [honest, welded] = rig.plant.truth().circuits;
    assert!(honest.cut_out_open && honest.power.get() == 0.0 && honest.tank[11].get() < 176.0, "{honest:?}");
    assert!(welded.cut_out_open && welded.power.get() > 500.0 && welded.tank[11].get() > 180.0, "{welded:?}");
}

#[test]
fn a_second_source_heats_with_the_relays_open() {
    let mut rig = Rig::new(PlantConfig::default(), MIDNIGHT).with(Fault::HeatSource(CircuitId::One, 4500.0));
    rig.run(3600, 1000, OPEN);
    near(rig.one().heated.get(), 4500.0, 1e-9);
    assert!(rig.one().tank[11].get() > 130.0 && rig.one().sensor.get() > 130.0);
}

#[test]
fn more_light_than_honest_is_more_current() {
    let mut rig = Rig::ideal(SUNNY).with(Fault::Irradiance(1.9));
    rig.plant.inject(Fault::Element(CircuitId::One, ElementFault::Short)).unwrap();
    rig.run(5, 100, CLOSED);
    assert!(rig.read(SensorId::I1) > 1.7 * 9.0);
}

#[test]
fn a_circuit_without_an_outside_relay_is_wired_through() {
    let mut config = PlantConfig::default();
    config.circuits[0].has_outside_relay = false;
    let mut rig = Rig::new(config, SUNNY);
    rig.run(5, 100, ONLY_INSIDE);
    assert!(rig.one().power.get() > 1500.0);
    assert_eq!(rig.plant.relays_actual(), [true, false, true, false]);
    let fault = Fault::Relay(RelayId::Outside1, RelayFault::Welded);
    assert!(matches!(rig.plant.inject(fault), Err(PlantError::ImpossibleFault(_))));
}

#[test]
fn faults_are_listed_replaced_and_mended() {
    let mut plant = Plant::new(PlantConfig::default(), SEED).unwrap();
    let all = [
        Fault::Relay(RelayId::Inside1, RelayFault::StuckOpen),
        Fault::Element(CircuitId::Two, ElementFault::Scaled(1.25)),
        Fault::Sensor(SensorId::T2, SensorDefect::Frozen),
        Fault::Irradiance(1.2),
        Fault::HeatSource(CircuitId::One, 100.0),
        Fault::SwappedTemperatures,
    ];
    plant.inject(Fault::Relay(RelayId::Inside1, RelayFault::Welded)).unwrap();
    for fault in all {
        plant.inject(fault).unwrap();
    }
    assert_eq!(plant.faults(), all);
    for fault in all {
        plant.clear(fault.kind());
    }
    plant.clear(FaultKind::Irradiance);
    assert_eq!(plant.faults(), []);
}

#[test]
fn impossible_numbers_are_refused() {
    let mut plant = Plant::new(PlantConfig::default(), SEED).unwrap();
    for fault in [
        Fault::Irradiance(f64::NAN),
        Fault::Irradiance(-0.1),
        Fault::HeatSource(CircuitId::One, 1e9),
        Fault::Element(CircuitId::One, ElementFault::Scaled(0.0)),
        Fault::Relay(RelayId::Inside1, RelayFault::Resistive { ohms: f64::INFINITY }),
    ] {
        assert!(matches!(plant.inject(fault), Err(PlantError::ImpossibleFault(_))), "{fault:?}");
    }
    assert_eq!(plant.faults(), []);
    let check = |change: fn(&mut PlantConfig), field: &str| {
        let mut config = PlantConfig::default();
        change(&mut config);
        let error = Plant::new(config, SEED).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    };
    check(|c| c.albedo = 1.5, "albedo");
    check(|c| c.circuits[1].tank.gallons = f64::NAN, "tank.gallons");
    check(|c| c.circuits[0].element_ohm = 0.0, "element_ohm");
    check(|c| c.circuits[1].modules = 0, "circuit 2");
    check(|c| c.voltage.range = (10.0, 10.0), "voltage");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is commanded and breaks, the physics stays physical.
    #[test]
    fn nothing_leaves_the_bounds_of_physics(
        seed in 0..1000_u64, start_h in 0..8760_i64,
        orders in proptest::collection::vec((any::<[bool; 4]>(), 1..1200_u64, 0..8_usize), 1..20),
    ) {
        let faults = [
            Fault::Relay(RelayId::Inside1, RelayFault::Welded),
            Fault::Relay(RelayId::Outside1, RelayFault::Bouncing { for_ms: 5000 }),
            Fault::Relay(RelayId::Inside2, RelayFault::Arcing),
            Fault::Element(CircuitId::One, ElementFault::Short),
            Fault::Element(CircuitId::Two, ElementFault::Open),
            Fault::Irradiance(1.3),
            Fault::HeatSource(CircuitId::Two, 5000.0),
            Fault::SwappedTemperatures,
        ];
        let mut plant = Plant::new(PlantConfig::default(), seed).unwrap();
        let start = utc("2023-01-01T07:00:00Z") + start_h * 3_600_000;
        let mut mono_ms = 0;
        for (commanded, seconds, fault) in orders {
            plant.inject(faults[fault]).unwrap();
            for _ in 0..seconds {
                mono_ms += 1000;
                plant.step(Moment { mono_ms, utc: UtcMs(start + mono_ms as i64) }, commanded);
            }
            for circuit in plant.truth().circuits {
                prop_assert!((0.0..=2080.0).contains(&circuit.irradiance_w_m2), "{circuit:?}");
                prop_assert!((0.0..=470.0).contains(&circuit.voltage.get()), "{circuit:?}");
                prop_assert!((0.0..=9.0 * 2.2).contains(&circuit.current.get()), "{circuit:?}");
                prop_assert!(circuit.voltage <= circuit.string || circuit.voltage.get() < 1e-6, "{circuit:?}");
                let (bottom, top) = (circuit.tank[0].get(), circuit.tank[11].get());
                prop_assert!(bottom >= 50.0 && top <= 210.1 && circuit.tank.is_sorted(), "{circuit:?}");
            }
        }
    }
}
