//! Settings, in sections that are read and saved whole.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::types::problem::FieldError;

/// A section with its revision; send the revision back with a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Revised<T> {
    /// Counts up with each change; also the ETag.
    pub revision: i64,
    /// The section.
    pub value: T,
}

/// Section `regulation`: when to heat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct RegulationSettings {
    /// Exactly two, circuit 1 and circuit 2.
    pub circuits: Vec<CircuitRegulation>,
    /// A decision needs this many agreeing samples: 1 to 60.
    pub agreeing_samples: u32,
    /// Off from this many minutes before sunset: 0 to 240.
    pub before_sunset_min: u32,
    /// … until this many minutes after sunrise: 0 to 240.
    pub after_sunrise_min: u32,
}

/// One circuit's regulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CircuitRegulation {
    /// Heat up to this, °F: 60 to 155.
    pub target_f: f64,
    /// Start again this far below, °F: 0.5 to 20.
    pub hysteresis_f: f64,
    /// The owner confirms a mixing valve; needed above 120 °F.
    pub mixing_valve_confirmed: bool,
}

/// Section `site`: where it stands, how it records. Administrators only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SiteSettings {
    /// Degrees north: −90 to 90.
    pub latitude: f64,
    /// Degrees east: −180 to 180.
    pub longitude: f64,
    /// IANA time zone, e.g. `America/Denver`.
    pub time_zone: String,
    /// Recording interval in seconds: 1 to 60.
    pub polling_s: u32,
}

/// The names of the sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum SettingsSection {
    /// [`RegulationSettings`].
    Regulation,
    /// [`SiteSettings`].
    Site,
}

/// What a target may be, °F. The upper end stands 10 °F below the over-temperature trip.
pub const TARGET_RANGE_F: RangeInclusive<f64> = 60.0..=155.0;
/// What a hysteresis may be, °F.
pub const HYSTERESIS_RANGE_F: RangeInclusive<f64> = 0.5..=20.0;
/// How many agreeing samples may be asked for.
pub const AGREEING_SAMPLES_RANGE: RangeInclusive<u32> = 1..=60;
/// How far the window may be drawn in from sunrise and sunset, minutes.
pub const WINDOW_OFFSET_RANGE_MIN: RangeInclusive<u32> = 0..=240;
/// How often may be recorded, seconds.
pub const POLLING_RANGE_S: RangeInclusive<u32> = 1..=60;
/// Above this target, °F, water scalds within minutes, and a mixing valve has to be confirmed.
pub const MIXING_VALVE_ABOVE_F: f64 = 120.0;

impl RegulationSettings {
    /// Every field that can't be taken; empty when all is well. Browser and server ask the same.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.circuits.len() != 2 {
            errors.push(error("circuits", "There are exactly two circuits.".into()));
        }
        for (index, circuit) in self.circuits.iter().enumerate() {
            circuit.check(&format!("circuits[{index}]"), &mut errors);
        }
        within(&mut errors, "agreeing_samples", self.agreeing_samples, &AGREEING_SAMPLES_RANGE, "");
        let offsets = [("before_sunset_min", self.before_sunset_min), ("after_sunrise_min", self.after_sunrise_min)];
        for (field, minutes) in offsets {
            within(&mut errors, field, minutes, &WINDOW_OFFSET_RANGE_MIN, " minutes");
        }
        errors
    }
}

impl CircuitRegulation {
    /// Adds what is wrong with this circuit, whose fields stand under `path`.
    fn check(&self, path: &str, errors: &mut Vec<FieldError>) {
        within(errors, &format!("{path}.target_f"), self.target_f, &TARGET_RANGE_F, " °F");
        within(errors, &format!("{path}.hysteresis_f"), self.hysteresis_f, &HYSTERESIS_RANGE_F, " °F");
        if self.target_f > MIXING_VALVE_ABOVE_F && !self.mixing_valve_confirmed {
            errors.push(error(
                &format!("{path}.mixing_valve_confirmed"),
                format!("Above {MIXING_VALVE_ABOVE_F} °F, confirm that a mixing valve is fitted."),
            ));
        }
    }
}

impl SiteSettings {
    /// Every field that can't be taken, save a time zone that does not exist: the server alone knows them all.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        within(&mut errors, "latitude", self.latitude, &(-90.0..=90.0), " degrees north");
        within(&mut errors, "longitude", self.longitude, &(-180.0..=180.0), " degrees east");
        if self.time_zone.is_empty() || self.time_zone.len() > 64 {
            errors.push(error("time_zone", "Name a time zone, such as America/Denver.".into()));
        }
        within(&mut errors, "polling_s", self.polling_s, &POLLING_RANGE_S, " s");
        errors
    }
}

/// Adds an error unless `value` lies in `range`; NaN lies in no range.
fn within<T: PartialOrd + Display>(
    errors: &mut Vec<FieldError>,
    field: &str,
    value: T,
    range: &RangeInclusive<T>,
    unit: &str,
) {
    if !range.contains(&value) {
        let (low, high) = (range.start(), range.end());
        errors.push(error(field, format!("Must be {low} to {high}{unit}.")));
    }
}

fn error(field: &str, message: String) -> FieldError {
    FieldError { field: field.into(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good settings, spoiled by `spoil`: exactly these fields are refused.
    #[track_caller]
    fn check(spoil: impl Fn(&mut RegulationSettings), refused: &[&str]) {
        let mut settings = RegulationSettings {
            circuits: vec![CircuitRegulation { target_f: 120.0, hysteresis_f: 2.0, mixing_valve_confirmed: false }; 2],
            agreeing_samples: 3,
            before_sunset_min: 30,
            after_sunrise_min: 30,
        };
        spoil(&mut settings);
        let fields: Vec<_> = settings.check().into_iter().map(|e| e.field).collect();
        assert_eq!(fields, refused);
    }

    #[track_caller]
    fn check_site(spoil: impl Fn(&mut SiteSettings), refused: &[&str]) {
        let mut settings =
            SiteSettings { latitude: 40.5, longitude: -108.5, time_zone: "America/Denver".into(), polling_s: 5 };
        spoil(&mut settings);
        let fields: Vec<_> = settings.check().into_iter().map(|e| e.field).collect();
        assert_eq!(fields, refused);
    }

    #[test]
    fn good_regulation_passes() {
        check(|_| (), &[]);
        check(|s| s.circuits[0].target_f = 60.0, &[]);
        check(
            |s| {
                s.circuits[1].target_f = 155.0;
                s.circuits[1].mixing_valve_confirmed = true;
            },
            &[],
        );
        check(|s| s.circuits[0].hysteresis_f = 0.5, &[]);
        check(|s| s.circuits[0].hysteresis_f = 20.0, &[]);
        check(|s| s.before_sunset_min = 0, &[]);
        check(|s| s.after_sunrise_min = 240, &[]);
    }

    #[test]
    fn each_field_is_refused_by_its_path() {
        check(|s| s.circuits[0].target_f = 59.9, &["circuits[0].target_f"]);
        check(
            |s| {
                s.circuits[1].target_f = 155.1;
                s.circuits[1].mixing_valve_confirmed = true;
            },
            &["circuits[1].target_f"],
        );
        check(|s| s.circuits[0].hysteresis_f = 0.4, &["circuits[0].hysteresis_f"]);
        check(|s| s.circuits[1].hysteresis_f = 20.5, &["circuits[1].hysteresis_f"]);
        check(|s| s.agreeing_samples = 0, &["agreeing_samples"]);
        check(|s| s.agreeing_samples = 61, &["agreeing_samples"]);
        check(|s| s.before_sunset_min = 241, &["before_sunset_min"]);
        check(|s| s.after_sunrise_min = 241, &["after_sunrise_min"]);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            check(|s| s.circuits[0].hysteresis_f = wrong, &["circuits[0].hysteresis_f"]);
            check(
                |s| {
                    s.circuits[0].target_f = wrong;
                    s.circuits[0].mixing_valve_confirmed = true;
                },
                &["circuits[0].target_f"],
            );
        }
    }

    #[test]
    fn there_are_two_circuits() {
        check(|s| s.circuits.truncate(1), &["circuits"]);
        check(|s| s.circuits.clear(), &["circuits"]);
        check(|s| s.circuits.extend_from_within(..1), &["circuits"]);
    }

    #[test]
    fn hot_water_needs_a_mixing_valve() {
        check(|s| s.circuits[1].target_f = 120.1, &["circuits[1].mixing_valve_confirmed"]);
    }

    #[test]
    fn a_place_lies_on_earth() {
        check_site(|_| (), &[]);
        check_site(|s| s.latitude = 90.5, &["latitude"]);
        check_site(|s| s.longitude = f64::NAN, &["longitude"]);
        check_site(|s| s.time_zone.clear(), &["time_zone"]);
        check_site(|s| s.polling_s = 0, &["polling_s"]);
        check_site(|s| s.polling_s = 61, &["polling_s"]);
    }
}
