//! One year of the demonstration plant in steps of a second, with a bare thermostat at 120 °F for a controller:
//! `time cargo run --release -p plant --example year [seed]`.

use engine::inputs::CircuitId;
use engine::units::UtcMs;
use plant::{Moment, Plant, PlantConfig, PlantError};

const YEAR_S: u64 = 365 * 86_400;
/// 2023-01-01, midnight in Colorado.
const START_MS: i64 = 1_672_556_400_000;

fn main() -> Result<(), PlantError> {
    let seed = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut plant = Plant::new(PlantConfig::default(), seed)?;
    let mut closed = [true; 4];
    let mut insolation_kwh = [0.0; 2];
    let mut bright_s = [0_u32; 2];
    let mut below_105_s = [0_u32; 2];
    for second in 1..=YEAR_S {
        plant.step(Moment { mono_ms: second * 1000, utc: UtcMs(START_MS + second as i64 * 1000) }, closed);
        let inputs = plant.inputs();
        for id in CircuitId::ALL {
            let warm = inputs.channel(id.temperature()).latest.map_or(f64::NAN, |sample| sample.raw);
            if !(118.0..=120.0).contains(&warm) {
                closed[id.inside().index()] = warm < 118.0;
                closed[id.outside().index()] = warm < 118.0;
            }
        }
        if second % 10 == 0 {
            for (index, circuit) in plant.truth().circuits.iter().enumerate() {
                insolation_kwh[index] += circuit.irradiance_w_m2 / 360_000.0;
                bright_s[index] += 10 * u32::from(circuit.irradiance_w_m2 > 1200.0);
                below_105_s[index] += 10 * u32::from(circuit.tank[11].get() < 105.0);
            }
        }
    }
    for (index, circuit) in plant.truth().circuits.iter().enumerate() {
        println!(
            "circuit {}: {:.0} kWh/m2, {:.0} h above 1.2 suns; heated {:.0}, lost {:.0}, drawn {:.0} kWh; {:.0} gal mixed; top below 105 F for {:.0} h; {} closings",
            index + 1,
            insolation_kwh[index],
            f64::from(bright_s[index]) / 3600.0,
            circuit.heated.get() / 1000.0,
            circuit.lost.get() / 1000.0,
            circuit.drawn.get() / 1000.0,
            circuit.mixed_drawn_gal,
            f64::from(below_105_s[index]) / 3600.0,
            circuit.closings[0],
        );
    }
    Ok(())
}
