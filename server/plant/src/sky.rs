//! The light on both arrays and the air around them, at any moment: weather, sun and clouds put together.
//!
//! Promises: a pure function of seed and time, the same at any step size. Geometry is worked out once a minute
//! and runs linearly between; clouds move by the millisecond.

use engine::units::UtcMs;

use crate::clouds::{CLOUD_TRANSMITTANCE, CloudDay};
use crate::noise::{self, Purpose};
use crate::sun::{self, Direction, Horizontal, Mounting, Plane, Tilted};
use crate::weather::{Site, Weather, WeatherError};

const MINUTE_MS: i64 = 60_000;
/// A real clear sky reaches at least this share of the clear-sky formula, dust and vapour included; less direct
/// light than this means clouds.
const CLEAR_SHARE: f64 = 0.88;
/// Below this sine of the sun's altitude (5°) clouds are not told from haze.
const MIN_SIN_FOR_CLOUDS: f64 = 0.087;
/// Diffuse irradiance at sunset, W/m², and its decline a degree below the horizon; dark below the last. From
/// about 500 lx at the horizon and 3.4 lx at −6°, at 120 lm/W.
const SUNSET_W_M2: f64 = 4.0;
const TWILIGHT_PER_DEG: f64 = 0.83;
const DARK_BELOW_DEG: f64 = -8.0;
/// The brightest light that holds for more than seconds, W/m²: a gap between white clouds, 1.25 suns.
const BRIGHT_GAP_W_M2: f64 = 1250.0;
/// The brightest flash at a cloud's edge, W/m²: 1.6 suns.
const BRIGHTEST_W_M2: f64 = 1600.0;

/// The light and the air at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Light {
    /// On each array, W/m².
    pub irradiance: [f64; 2],
    /// Irradiance over that of the same sky without passing clouds, by array; 1 when there is no light.
    pub clear_index: [f64; 2],
    /// Air temperature, °C.
    pub air_c: f64,
}

/// What holds at a whole minute.
#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    tilted: [Tilted; 2],
    cover: f64,
    air_c: f64,
}

/// The sky above the house.
#[derive(Debug, Clone)]
pub struct Sky {
    weather: Weather,
    planes: [Plane; 2],
    seed: u64,
    /// The minute's number since 1970 and its two ends.
    minute: Option<(i64, [Minute; 2])>,
    /// The civil day's number and its clouds.
    clouds: Option<(i64, CloudDay)>,
}

impl Sky {
    /// The sky over two arrays on a ground that reflects the share `albedo`.
    ///
    /// # Errors
    /// [`WeatherError`] when the weather inside the program is damaged.
    pub fn new(mountings: [Mounting; 2], albedo: f64, seed: u64) -> Result<Self, WeatherError> {
        Ok(Self {
            weather: Weather::colorado_2023()?,
            planes: mountings.map(|mounting| Plane::new(mounting, albedo)),
            seed,
            minute: None,
            clouds: None,
        })
    }

    /// Where the house stands.
    pub fn site(&self) -> Site {
        self.weather.site()
    }

    /// The light at this moment.
    pub fn at(&mut self, at: UtcMs) -> Light {
        let [from, to] = self.minute_around(at);
        let share = at.0.rem_euclid(MINUTE_MS) as f64 / MINUTE_MS as f64;
        let mix = |a: f64, b: f64| a + (b - a) * share;
        let air_c = mix(from.air_c, to.air_c);
        if from.tilted == to.tilted && from.tilted == [Tilted::default(); 2] {
            return Light { irradiance: [0.0; 2], clear_index: [1.0; 2], air_c };
        }
        let clouds = self.clouds_at(at);
        // The record is the mean over clouds and gaps: the beam between the clouds is stronger, behind them weaker.
        let open_beam = 1.0 / (1.0 - mix(from.cover, to.cover) * (1.0 - CLOUD_TRANSMITTANCE));
        let beam = open_beam * (1.0 - clouds.shadow * (1.0 - CLOUD_TRANSMITTANCE));
        let mut light = Light { air_c, ..Light::default() };
        for array in 0..2 {
            let recorded = mix(from.tilted[array].beam, to.tilted[array].beam);
            let diffuse = mix(from.tilted[array].diffuse, to.tilted[array].diffuse);
            let without_clouds = recorded * open_beam + diffuse;
            let lit = (recorded * beam + diffuse).min(BRIGHT_GAP_W_M2) * (1.0 + clouds.edge);
            light.irradiance[array] = lit.min(BRIGHTEST_W_M2);
            light.clear_index[array] =
                if without_clouds > 0.0 { light.irradiance[array] / without_clouds } else { 1.0 };
        }
        light
    }

    fn minute_around(&mut self, at: UtcMs) -> [Minute; 2] {
        let number = at.0.div_euclid(MINUTE_MS);
        match self.minute {
            Some((cached, ends)) if cached == number => ends,
            Some((cached, [_, end])) if cached + 1 == number => self.keep_minute(number, end),
            _ => {
                let start = self.minute_at(number);
                self.keep_minute(number, start)
            }
        }
    }

    fn keep_minute(&mut self, number: i64, start: Minute) -> [Minute; 2] {
        let ends = [start, self.minute_at(number + 1)];
        self.minute = Some((number, ends));
        ends
    }

    fn minute_at(&self, number: i64) -> Minute {
        let at = UtcMs(number * MINUTE_MS);
        let site = self.site();
        let sun = sun::position(at, site.latitude, site.longitude);
        let extraterrestrial = sun::extraterrestrial(at);
        let point = self.weather.at(at);
        let horizontal = with_twilight(point.sky, &sun);
        Minute {
            tilted: self.planes.map(|plane| plane.irradiance(horizontal, &sun, extraterrestrial)),
            cover: cover(point.sky, &sun, extraterrestrial, site.height_km),
            air_c: point.air_c,
        }
    }

    fn clouds_at(&mut self, at: UtcMs) -> crate::clouds::Clouds {
        let (day, _) = self.site().civil(at);
        match &self.clouds {
            Some((cached, clouds)) if *cached == day => clouds.at(at.0),
            _ => {
                let drawn = self.draw_clouds(day);
                let clouds = drawn.at(at.0);
                self.clouds = Some((day, drawn));
                clouds
            }
        }
    }

    fn draw_clouds(&self, day: i64) -> CloudDay {
        let from_ms = self.site().midnight(day).0;
        let seed = noise::stream(self.seed, Purpose::Clouds, day);
        CloudDay::draw(seed, from_ms, from_ms + Site::DAY_MS, |at_ms| self.minute_at(at_ms.div_euclid(MINUTE_MS)).cover)
    }
}

/// How much of the time clouds hide the sun, 0 to 1: told by how much of a clear sky's direct light is missing.
fn cover(sky: Horizontal, sun: &Direction, extraterrestrial: f64, height_km: f64) -> f64 {
    if sun.up < MIN_SIN_FOR_CLOUDS {
        return 0.0;
    }
    let clear = CLEAR_SHARE * sun::clear_direct_normal(sun, extraterrestrial, height_km);
    ((1.0 - sky.direct_normal / clear) / (1.0 - CLOUD_TRANSMITTANCE)).clamp(0.0, 1.0)
}

/// Below the horizon the record's straight lines give way to the sky's fading light.
fn with_twilight(sky: Horizontal, sun: &Direction) -> Horizontal {
    if sun.up > 0.0 {
        return Horizontal { diffuse: sky.diffuse.max(SUNSET_W_M2), ..sky };
    }
    let altitude = sun.altitude_deg();
    let diffuse = if altitude < DARK_BELOW_DEG { 0.0 } else { SUNSET_W_M2 * (TWILIGHT_PER_DEG * altitude).exp() };
    Horizontal { direct_normal: 0.0, diffuse }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::DateTime;

    use super::*;

    const SEED: u64 = 3;
    const SOUTH_WEST: [Mounting; 2] =
        [Mounting { tilt_deg: 40.0, azimuth_deg: 180.0 }, Mounting { tilt_deg: 40.0, azimuth_deg: 240.0 }];

    fn sky(seed: u64) -> Sky {
        Sky::new(SOUTH_WEST, 0.2, seed).unwrap()
    }

    fn utc(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn the_night_is_dark_and_dawn_is_dim() {
        let mut sky = sky(SEED);
        assert_eq!(sky.at(UtcMs(utc("2023-06-21T07:00:00Z"))).irradiance, [0.0; 2]);
        // Sunrise was at 11:44Z.
        let dawn = sky.at(UtcMs(utc("2023-06-21T11:25:00Z"))).irradiance[0];
        assert!((0.05..4.0).contains(&dawn), "{dawn}");
    }

    #[test]
    fn a_clear_morning_has_no_clouds() {
        let mut sky = sky(SEED);
        let mut last = 0.0;
        for minute in 0..300 {
            let light = sky.at(UtcMs(utc("2023-06-21T13:00:00Z") + minute * MINUTE_MS));
            assert_eq!(light.clear_index, [1.0; 2], "minute {minute}");
            assert!(light.irradiance[0] >= last, "minute {minute}: {light:?}");
            last = light.irradiance[0];
        }
    }

    #[test]
    fn a_broken_sky_stays_between_darkness_and_one_and_a_half_suns() {
        let mut sky = sky(SEED);
        let (mut low, mut high, mut brightest) = (9.0_f64, 0.0_f64, 0.0_f64);
        for second in 0..10 * 86_400 {
            let light = sky.at(UtcMs(utc("2023-07-10T07:00:00Z") + second * 1000));
            for array in 0..2 {
                low = low.min(light.clear_index[array]);
                high = high.max(light.clear_index[array]);
                brightest = brightest.max(light.irradiance[array]);
            }
        }
        assert!((0.0..0.3).contains(&low) && high > 1.3 && high <= 1.6, "{low} to {high} (seed {SEED})");
        assert!((1200.0..1650.0).contains(&brightest), "{brightest} W/m² (seed {SEED})");
    }

    #[test]
    fn bright_skies_hold_and_flashes_pass() {
        let mut sky = sky(SEED);
        let start = utc("2023-01-01T07:00:00Z");
        let (mut held_s, mut longest_s, mut flash_s, mut flashes_s) = (0_u32, 0, 0_u32, 0);
        for second in 0..365 * 86_400 {
            let light = sky.at(UtcMs(start + second * 1000)).irradiance[0];
            held_s = if light > 1100.0 { held_s + 1 } else { 0 };
            flash_s = if light > 1400.0 { flash_s + 1 } else { 0 };
            longest_s = longest_s.max(held_s);
            flashes_s = flashes_s.max(flash_s);
        }
        assert!(longest_s > 1800, "1.1 suns hold for {longest_s} s (seed {SEED})");
        assert!((5..30).contains(&flashes_s), "1.4 suns hold for {flashes_s} s (seed {SEED})");
    }

    #[test]
    fn is_the_same_whatever_was_asked_before() {
        let (mut one, mut other) = (sky(SEED), sky(SEED));
        let at = UtcMs(utc("2023-07-12T20:13:14Z"));
        one.at(UtcMs(utc("2024-01-01T00:00:00Z")));
        one.at(UtcMs(at.0 - MINUTE_MS));
        assert_eq!(one.at(at), other.at(at));
    }

    /// A tilted plane in Colorado receives 2000 to 2300 kWh/m² a year. Clouds must move light about, not add or
    /// take any.
    #[test]
    fn the_years_insolation_is_colorados_and_clouds_keep_it() {
        let mut sky = sky(SEED);
        let start = utc("2023-01-01T07:00:00Z");
        let (mut kwh, mut recorded_kwh) = (0.0, 0.0);
        let hours = 10.0 / 3600.0;
        for step in 0..365 * 8640 {
            let at_ms = start + step * 10_000;
            kwh += sky.at(UtcMs(at_ms)).irradiance[0] * hours / 1000.0;
            if step % 6 == 0 {
                let tilted = sky.minute_at(at_ms / MINUTE_MS).tilted[0];
                recorded_kwh += (tilted.beam + tilted.diffuse) * 6.0 * hours / 1000.0;
            }
        }
        assert!((2000.0..2300.0).contains(&kwh), "{kwh} kWh/m² (seed {SEED})");
        assert!((kwh / recorded_kwh - 1.0).abs() < 0.03, "{kwh} of {recorded_kwh} kWh/m² (seed {SEED})");
    }
}
