//! A real year of weather, for any moment of any year.
//!
//! Ships inside the program (`data/README.md` names the source). A moment maps on to the same civil day and time
//! of the recorded year; 29 February has the weather of the 28th. Between the half-hourly points the direct
//! normal and the diffuse irradiance run linearly: both change slowly on a clear day, and the curve of the day
//! comes from the sun's position, which is worked out for each moment. (Interpolating the global irradiance
//! instead would cut the corners of that curve.)

use std::io::Read;

use chrono::{DateTime, Datelike};
use engine::units::UtcMs;
use flate2::read::GzDecoder;
use thiserror::Error;

use crate::sun::Horizontal;

static COLORADO_2023: &[u8] = include_bytes!("../data/weather-colorado-2023.csv.gz");

const MINUTE_MS: i64 = 60_000;
/// Distance of the recorded points.
const PERIOD_MS: i64 = 30 * MINUTE_MS;
const DAY_MS: i64 = 48 * PERIOD_MS;
const DAYS: usize = 365;
const POINTS_A_DAY: usize = 48;

/// Where the weather was recorded; the simulated house stands there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Height above the sea, km.
    pub height_km: f64,
    /// Standard time minus UTC, in minutes. It divides the civil days, the whole year round.
    pub utc_offset_min: i64,
}

impl Site {
    /// The place of the weather that ships with the program.
    pub const COLORADO: Self = Self { latitude: 40.5137, longitude: -108.5449, height_km: 1.8, utc_offset_min: -420 };

    /// The number of the civil day (days since 1970) and the milliseconds since its midnight.
    pub(crate) fn civil(&self, at: UtcMs) -> (i64, i64) {
        let local = at.0 + self.utc_offset_min * MINUTE_MS;
        (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS))
    }

    /// The moment at which that civil day begins.
    pub(crate) fn midnight(&self, day: i64) -> UtcMs {
        UtcMs(day * DAY_MS - self.utc_offset_min * MINUTE_MS)
    }

    /// Milliseconds in a civil day.
    pub(crate) const DAY_MS: i64 = DAY_MS;
}

/// The weather at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Irradiance.
    pub sky: Horizontal,
    /// Global horizontal irradiance as recorded, W/m²: not used by the model, kept to check it by.
    pub global: f64,
    /// Air temperature, °C.
    pub air_c: f64,
}

impl Point {
    fn towards(&self, next: &Self, share: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * share;
        Self {
            sky: Horizontal {
                direct_normal: mix(self.sky.direct_normal, next.sky.direct_normal),
                diffuse: mix(self.sky.diffuse, next.sky.diffuse),
            },
            global: mix(self.global, next.global),
            air_c: mix(self.air_c, next.air_c),
        }
    }
}

/// The shipped weather could not be read.
#[derive(Debug, Error)]
pub enum WeatherError {
    /// The file is not whole.
    #[error("the weather data can't be decompressed")]
    Compressed(#[from] std::io::Error),
    /// A line is not five numbers in range.
    #[error("line {0} of the weather data is malformed")]
    Line(usize),
    /// The year is not whole.
    #[error("the weather data has {0} points instead of a year of half hours")]
    Length(usize),
}

/// A year of weather.
#[derive(Debug, Clone)]
pub struct Weather {
    /// By half hour from 1 January, 00:00 standard time.
    points: Vec<Point>,
    site: Site,
}

impl Weather {
    /// The shipped year.
    ///
    /// # Errors
    /// [`WeatherError`] when the data in the program is damaged.
    pub fn colorado_2023() -> Result<Self, WeatherError> {
        let mut text = String::new();
        GzDecoder::new(COLORADO_2023).read_to_string(&mut text)?;
        Self::parse(&text, Site::COLORADO)
    }

    /// Where it was recorded.
    pub fn site(&self) -> Site {
        self.site
    }

    /// The weather at this moment.
    pub fn at(&self, at: UtcMs) -> Point {
        let before = at.0.div_euclid(PERIOD_MS) * PERIOD_MS;
        let share = (at.0 - before) as f64 / PERIOD_MS as f64;
        self.recorded(before).towards(&self.recorded(before + PERIOD_MS), share)
    }

    fn parse(text: &str, site: Site) -> Result<Self, WeatherError> {
        let mut points = Vec::with_capacity(DAYS * POINTS_A_DAY);
        for (index, line) in text.lines().enumerate().skip(1) {
            points.push(parse_line(line).ok_or(WeatherError::Line(index + 1))?);
        }
        if points.len() == DAYS * POINTS_A_DAY {
            Ok(Self { points, site })
        } else {
            Err(WeatherError::Length(points.len()))
        }
    }

    fn recorded(&self, utc_ms: i64) -> Point {
        let (day, in_day_ms) = self.site.civil(UtcMs(utc_ms));
        let slot = day_of_common_year(day) * POINTS_A_DAY + (in_day_ms / PERIOD_MS) as usize;
        self.points.get(slot).copied().unwrap_or_default()
    }
}

/// The day's index (0–364) in a year without 29 February, which counts as the 28th.
fn day_of_common_year(days_since_1970: i64) -> usize {
    let Some(date) = DateTime::from_timestamp(days_since_1970.saturating_mul(DAY_MS / 1000), 0) else {
        return 0;
    };
    let in_leap_year = date.date_naive().leap_year();
    let after_february_28 = date.ordinal0() >= 59;
    date.ordinal0() as usize - usize::from(in_leap_year && after_february_28)
}

fn parse_line(line: &str) -> Option<Point> {
    let mut fields = line.split(',').skip(1).map(|field| field.parse::<f64>().ok().filter(|v| v.is_finite()));
    let mut irradiance = || fields.next().flatten().filter(|v| (0.0..=1500.0).contains(v));
    let (global, direct_normal, diffuse) = (irradiance()?, irradiance()?, irradiance()?);
    let air_c = fields.next().flatten().filter(|v| (-90.0..=60.0).contains(v))?;
    Some(Point { sky: Horizontal { direct_normal, diffuse }, global, air_c })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::sun;

    fn utc(text: &str) -> UtcMs {
        UtcMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn check(when: &str, direct_normal: f64, diffuse: f64, air_c: f64) {
        let point = Weather::colorado_2023().unwrap().at(utc(when));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(point.sky.direct_normal, direct_normal), "{when}: {point:?}");
        assert!(near(point.sky.diffuse, diffuse) && near(point.air_c, air_c), "{when}: {point:?}");
    }

    #[test]
    fn any_year_maps_on_to_the_recorded_one() {
        check("2023-06-21T19:30:00Z", 1003.0, 78.0, 26.9);
        check("2031-06-21T19:30:00Z", 1003.0, 78.0, 26.9);
        check("2024-06-21T19:30:00Z", 1003.0, 78.0, 26.9);
        check("1999-06-21T19:30:00Z", 1003.0, 78.0, 26.9);
        check("2023-06-21T19:45:00Z", 1002.0, 78.0, 27.05);
    }

    #[test]
    fn the_leap_day_repeats_the_day_before() {
        let weather = Weather::colorado_2023().unwrap();
        assert_eq!(weather.at(utc("2024-02-29T20:00:00Z")), weather.at(utc("2023-02-28T20:00:00Z")));
        assert_eq!(weather.at(utc("2024-03-01T20:00:00Z")), weather.at(utc("2023-03-01T20:00:00Z")));
        assert_eq!(weather.at(utc("2024-12-31T20:00:00Z")), weather.at(utc("2023-12-31T20:00:00Z")));
    }

    #[test]
    fn the_year_closes_on_itself() {
        check("2024-01-01T06:45:00Z", 0.0, 0.0, -1.3);
        assert_eq!(
            Weather::colorado_2023().unwrap().at(utc("2024-01-01T07:00:00Z")),
            Weather::colorado_2023().unwrap().at(utc("2023-01-01T07:00:00Z"))
        );
    }

    /// Direct light times the sine of the sun's altitude, plus diffuse, must be the recorded global irradiance:
    /// a year of measurements against the sun's formula.
    #[test]
    fn the_suns_position_agrees_with_the_recorded_year() {
        let weather = Weather::colorado_2023().unwrap();
        let start = utc("2023-01-01T07:00:00Z").0;
        let (mut worst, mut sum, mut n) = (0.0_f64, 0.0, 0.0);
        for slot in 0..(DAYS * POINTS_A_DAY) as i64 {
            let at = UtcMs(start + slot * PERIOD_MS);
            let point = weather.at(at);
            let up = sun::position(at, weather.site().latitude, weather.site().longitude).up;
            if up > 0.1 && point.global > 0.0 {
                let error = point.sky.direct_normal * up + point.sky.diffuse - point.global;
                worst = worst.max(error.abs());
                sum += error * error;
                n += 1.0;
            }
        }
        let rms = f64::sqrt(sum / n);
        assert!(n > 7000.0 && rms < 2.0 && worst < 10.0, "rms {rms} W/m², worst {worst} W/m² of {n} points");
    }

    #[test]
    fn damaged_data_is_named() {
        let header = "time_utc,ghi_w_m2,dni_w_m2,dhi_w_m2,air_temp_c\n";
        let parse = |lines: &str| Weather::parse(&format!("{header}{lines}"), Site::COLORADO).unwrap_err();
        assert!(matches!(parse("x,1,2,3,4\nx,1,2,NaN,4\n"), WeatherError::Line(3)));
        assert!(matches!(parse("x,1,2,3\n"), WeatherError::Line(2)));
        assert!(matches!(parse("x,1,2,3,4\n"), WeatherError::Length(1)));
    }
}
