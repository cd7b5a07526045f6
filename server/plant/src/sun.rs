//! Where the sun stands, and how much of its light falls on a tilted array.
//!
//! Promises: pure geometry, no time zone, both hemispheres. Refraction is left out (half a degree at the horizon).

use std::f64::consts::TAU;

use engine::units::UtcMs;

/// 2000-01-01T12:00Z, the epoch of the almanac's formulas, in milliseconds since 1970.
const J2000_MS: i64 = 946_728_000_000;
/// Milliseconds in a day.
const DAY_MS: f64 = 86_400_000.0;
/// The solar constant, W/m² (Kopp and Lean 2011).
const SOLAR_CONSTANT: f64 = 1361.0;
/// The circumsolar light's share can't be projected at the horizon: below 5° of altitude the divisor stays.
const MIN_SIN_ALTITUDE: f64 = 0.087;

/// A direction in the sky as a unit vector: east, north, up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// Towards the east.
    pub east: f64,
    /// Towards the north.
    pub north: f64,
    /// Upwards: the sine of the altitude.
    pub up: f64,
}

impl Direction {
    /// Degrees above the horizon.
    pub fn altitude_deg(&self) -> f64 {
        self.up.clamp(-1.0, 1.0).asin().to_degrees()
    }

    /// Degrees clockwise from north, 0 to 360.
    pub fn azimuth_deg(&self) -> f64 {
        self.east.atan2(self.north).to_degrees().rem_euclid(360.0)
    }

    /// The cosine of the angle between two directions.
    pub fn cosine(&self, other: &Self) -> f64 {
        self.east * other.east + self.north * other.north + self.up * other.up
    }
}

/// Where the sun stands at `at`, seen from `latitude` °N and `longitude` °E.
///
/// Low-precision formulas of the Astronomical Almanac as given by J. J. Michalsky, "The Astronomical Almanac's
/// algorithm for approximate solar position (1950–2050)", Solar Energy 40 (1988) 227–235; good to 0.01°.
pub fn position(at: UtcMs, latitude: f64, longitude: f64) -> Direction {
    let days = (at.0 - J2000_MS) as f64 / DAY_MS;
    let mean_longitude = 280.460 + 0.985_647_4 * days;
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let ecliptic = (mean_longitude + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin()).to_radians();
    let (sin_obliquity, cos_obliquity) = (23.439 - 0.000_000_4 * days).to_radians().sin_cos();
    let (sin_ecliptic, cos_ecliptic) = ecliptic.sin_cos();
    let right_ascension = (cos_obliquity * sin_ecliptic).atan2(cos_ecliptic);
    let sin_declination = sin_obliquity * sin_ecliptic;
    let cos_declination = (1.0 - sin_declination * sin_declination).sqrt();
    let hour_of_day = (days + 0.5).rem_euclid(1.0) * 24.0;
    let sidereal_hours = 6.697_375 + 0.065_709_824_2 * days + hour_of_day + longitude / 15.0;
    let (sin_hour, cos_hour) = (sidereal_hours / 24.0 * TAU - right_ascension).sin_cos();
    let (sin_latitude, cos_latitude) = latitude.to_radians().sin_cos();
    Direction {
        east: -cos_declination * sin_hour,
        north: sin_declination * cos_latitude - cos_declination * sin_latitude * cos_hour,
        up: sin_declination * sin_latitude + cos_declination * cos_latitude * cos_hour,
    }
}

/// Irradiance on a plane at right angles to the sun above the atmosphere, W/m²: the first harmonic of the
/// Earth's distance.
pub fn extraterrestrial(at: UtcMs) -> f64 {
    // The Earth is nearest to the sun around 3 January, 2.6 days after J2000's new year's noon.
    let days = (at.0 - J2000_MS) as f64 / DAY_MS;
    SOLAR_CONSTANT * (1.0 + 0.033_4 * (TAU * (days - 2.6) / 365.25).cos())
}

/// Direct normal irradiance of a cloudless sky, W/m²: Meinel and Meinel, "Applied Solar Energy" (1976), with
/// Laue's correction for the height of the place, `height_km` above the sea.
pub fn clear_direct_normal(sun: &Direction, extraterrestrial: f64, height_km: f64) -> f64 {
    if sun.up <= 0.0 {
        return 0.0;
    }
    let altitude = sun.altitude_deg();
    // Kasten and Young 1989.
    let air_mass = 1.0 / (sun.up + 0.505_72 * (altitude + 6.079_95).powf(-1.636_4));
    let share = 0.14 * height_km;
    extraterrestrial * ((1.0 - share) * 0.7_f64.powf(air_mass.powf(0.678)) + share)
}

/// How an array is mounted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mounting {
    /// Degrees from the horizontal, 0 (flat) to 90 (upright).
    pub tilt_deg: f64,
    /// The side it looks to, in degrees clockwise from north (180 is south, 270 west).
    pub azimuth_deg: f64,
}

/// A mounted plane with its constants worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    normal: Direction,
    sky_view: f64,
    ground_view: f64,
}

/// Irradiance components as weather files give them, W/m².
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Horizontal {
    /// Direct, on a plane at right angles to the sun.
    pub direct_normal: f64,
    /// Diffuse, on the horizontal.
    pub diffuse: f64,
}

/// Irradiance on a tilted plane, W/m².
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tilted {
    /// What a cloud before the sun takes away: the sun's disc and the glow around it.
    pub beam: f64,
    /// From the rest of the sky and from the ground.
    pub diffuse: f64,
}

impl Plane {
    /// The plane of this mounting over a ground that reflects the share `albedo`.
    pub fn new(mounting: Mounting, albedo: f64) -> Self {
        let (sin_tilt, cos_tilt) = mounting.tilt_deg.to_radians().sin_cos();
        let (sin_azimuth, cos_azimuth) = mounting.azimuth_deg.to_radians().sin_cos();
        Self {
            normal: Direction { east: sin_tilt * sin_azimuth, north: sin_tilt * cos_azimuth, up: cos_tilt },
            sky_view: f64::midpoint(1.0, cos_tilt),
            ground_view: albedo * f64::midpoint(1.0, -cos_tilt),
        }
    }

    /// The irradiance on the plane by the model of Hay and Davies (1980): the diffuse light is split into a part
    /// that comes from around the sun, in the proportion of the direct light to the extraterrestrial, and an
    /// even rest.
    pub fn irradiance(&self, sky: Horizontal, sun: &Direction, extraterrestrial: f64) -> Tilted {
        let facing = if sun.up > 0.0 { self.normal.cosine(sun).max(0.0) } else { 0.0 };
        let anisotropy = if sun.up > 0.0 { (sky.direct_normal / extraterrestrial).clamp(0.0, 1.0) } else { 0.0 };
        let circumsolar = sky.diffuse * anisotropy * facing / sun.up.max(MIN_SIN_ALTITUDE);
        let global = sky.direct_normal * sun.up.max(0.0) + sky.diffuse;
        Tilted {
            beam: sky.direct_normal * facing + circumsolar,
            diffuse: sky.diffuse * (1.0 - anisotropy) * self.sky_view + global * self.ground_view,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> UtcMs {
        UtcMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn check(when: &str, latitude: f64, longitude: f64, altitude: f64, azimuth: f64) {
        let sun = position(utc(when), latitude, longitude);
        let (a, z) = (sun.altitude_deg(), sun.azimuth_deg());
        assert!((a - altitude).abs() < 0.05, "{when}: altitude {a}, expected {altitude}");
        let turn = (z - azimuth + 180.0).rem_euclid(360.0) - 180.0;
        assert!(turn.abs() < 0.6, "{when}: azimuth {z}, expected {azimuth}");
    }

    #[test]
    fn stands_where_geometry_says() {
        // At the solstice's solar noon the altitude is 90° − latitude + 23.44°.
        check("2023-06-21T19:16:00Z", 40.5137, -108.5449, 72.92, 180.0);
        check("2023-12-21T19:12:00Z", 40.5137, -108.5449, 26.05, 180.0);
        // The same in the southern winter, where noon is in the north.
        check("2023-06-21T12:02:00Z", -33.9, 0.0, 32.66, 0.0);
        // NREL's worked example for 17 October 2003 (Reda and Andreas 2004): zenith 50.11°, azimuth 194.34°.
        check("2003-10-17T19:30:30Z", 39.742_476, -105.178_6, 39.88, 194.34);
    }

    #[test]
    fn a_plane_that_faces_the_sun_takes_its_whole_beam() {
        let at = utc("2023-03-21T19:00:00Z");
        let sun = position(at, 40.5, -108.5);
        let facing = Mounting { tilt_deg: 90.0 - sun.altitude_deg(), azimuth_deg: sun.azimuth_deg() };
        let sky = Horizontal { direct_normal: 900.0, diffuse: 0.0 };
        let light = Plane::new(facing, 0.0).irradiance(sky, &sun, extraterrestrial(at));
        assert!((light.beam - 900.0).abs() < 1e-6, "{light:?}");
        let away = Mounting { tilt_deg: 90.0, azimuth_deg: sun.azimuth_deg() + 180.0 };
        assert_eq!(Plane::new(away, 0.0).irradiance(sky, &sun, extraterrestrial(at)).beam, 0.0);
    }

    #[test]
    fn a_flat_plane_sees_the_global_irradiance() {
        let at = utc("2023-05-05T17:00:00Z");
        let sun = position(at, 40.5, -108.5);
        let sky = Horizontal { direct_normal: 700.0, diffuse: 150.0 };
        let light =
            Plane::new(Mounting { tilt_deg: 0.0, azimuth_deg: 180.0 }, 0.2).irradiance(sky, &sun, extraterrestrial(at));
        let global = 700.0 * sun.up + 150.0;
        assert!((light.beam + light.diffuse - global).abs() < 1e-9, "{light:?} {global}");
    }

    #[test]
    fn an_upright_plane_sees_half_the_sky_and_half_the_ground() {
        let at = utc("2023-05-05T17:00:00Z");
        let sun = position(at, 40.5, -108.5);
        let overcast = Horizontal { direct_normal: 0.0, diffuse: 200.0 };
        let upright = Plane::new(Mounting { tilt_deg: 90.0, azimuth_deg: 90.0 }, 0.3);
        let light = upright.irradiance(overcast, &sun, extraterrestrial(at));
        assert!(light.beam == 0.0 && (light.diffuse - (100.0 + 30.0)).abs() < 1e-9, "{light:?}");
    }

    #[test]
    fn a_clear_sky_at_noon_gives_about_a_thousand_watts() {
        let at = utc("2023-06-21T19:16:00Z");
        let sun = position(at, 40.5137, -108.5449);
        let direct = clear_direct_normal(&sun, extraterrestrial(at), 1.8);
        assert!((950.0..1100.0).contains(&direct), "{direct}");
        assert!((1300.0..1330.0).contains(&extraterrestrial(at)));
        assert!((1400.0..1410.0).contains(&extraterrestrial(utc("2023-01-03T12:00:00Z"))));
    }

    proptest! {
        #[test]
        fn the_sun_is_always_one_direction(
            ms in -1_000_000_000_000_i64..4_000_000_000_000, latitude in -90.0..90.0_f64, longitude in -180.0..180.0_f64,
        ) {
            let sun = position(UtcMs(ms), latitude, longitude);
            prop_assert!((sun.cosine(&sun) - 1.0).abs() < 1e-9);
            prop_assert!((-90.0..=90.0).contains(&sun.altitude_deg()));
        }

        #[test]
        fn light_is_never_negative(
            ms in 1_600_000_000_000_i64..1_800_000_000_000, tilt_deg in 0.0..90.0_f64, azimuth_deg in 0.0..360.0_f64,
            direct_normal in 0.0..1100.0_f64, diffuse in 0.0..600.0_f64,
        ) {
            let at = UtcMs(ms);
            let sun = position(at, 40.5, -108.5);
            let light = Plane::new(Mounting { tilt_deg, azimuth_deg }, 0.2)
                .irradiance(Horizontal { direct_normal, diffuse }, &sun, extraterrestrial(at));
            prop_assert!(light.beam >= 0.0 && light.diffuse >= 0.0, "{light:?}");
        }
    }
}
