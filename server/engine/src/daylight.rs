//! The day/night window: from a while after sunrise to a while before sunset at the configured place.
//!
//! Time zones don't matter here: the window that counts now is the union of the windows of the neighbouring
//! solar days. A polar day is open all day, a polar night never opens, and a moment without a believable clock
//! is neither (the arbiter then keeps the relays open).

use chrono::{DateTime, Days, NaiveDate, NaiveTime};
use sunrise::{Coordinates, SolarDay, SolarEvent};

use crate::config::{Place, Window};
use crate::units::UtcMs;

const DAY_MS: i64 = 86_400_000;
/// The next change is looked for this far ahead: the longest polar night ends well within it.
const HORIZON_DAYS: u64 = 366;
/// Civil times outside 1970–2199 are not believed: the calendar formulas hold for the decades around now.
const BELIEVED: std::ops::Range<i64> = 0..7_258_118_400_000;

/// When heating is allowed on one solar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayWindow {
    /// Between these moments.
    Open {
        /// Sunrise plus the morning's offset.
        from: UtcMs,
        /// Sunset minus the evening's offset.
        to: UtcMs,
    },
    /// The sun doesn't rise, or not for long enough to leave anything between the offsets.
    NeverOpens,
    /// The sun doesn't set.
    AlwaysOpen,
}

/// The window of the solar day whose noon falls on `date` at that longitude: in all but the oddest time zones
/// the civil day of the same name.
///
/// A place off the globe never opens.
pub fn window(place: Place, date: NaiveDate, window: Window) -> DayWindow {
    let Some(coordinates) = Coordinates::new(place.latitude, place.longitude) else {
        return DayWindow::NeverOpens;
    };
    let Some((rise, set)) = sun(coordinates, date) else {
        return if is_polar_day(place, date) { DayWindow::AlwaysOpen } else { DayWindow::NeverOpens };
    };
    let from = rise + i64::from(window.after_sunrise_min) * 60_000;
    let to = set - i64::from(window.before_sunset_min) * 60_000;
    if from < to { DayWindow::Open { from: UtcMs(from), to: UtcMs(to) } } else { DayWindow::NeverOpens }
}

/// Sunrise and sunset in UTC milliseconds, or `None` when the sun stays above or below the horizon.
fn sun(coordinates: Coordinates, date: NaiveDate) -> Option<(i64, i64)> {
    let day = SolarDay::new(coordinates, date);
    let rise = day.event_time(SolarEvent::Sunrise)?;
    let set = day.event_time(SolarEvent::Sunset)?;
    Some((rise.timestamp_millis(), set.timestamp_millis()))
}

/// Where the sun neither rises nor sets it is up exactly when it is the bright half of the year: when the same
/// date, at 60° in the same hemisphere, has more than twelve hours of sun.
fn is_polar_day(place: Place, date: NaiveDate) -> bool {
    Coordinates::new(60.0_f64.copysign(place.latitude), place.longitude)
        .and_then(|c| sun(c, date))
        .is_some_and(|(rise, set)| set - rise > DAY_MS / 2)
}

/// What the window says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Light {
    /// No believable clock.
    NoClock,
    /// Heating is allowed until then (`None`: for a year at least).
    Open(Option<UtcMs>),
    /// Heating waits until then (`None`: for a year at least).
    Closed(Option<UtcMs>),
}

/// Remembers the answer until it changes, the clock steps back or the settings move.
#[derive(Debug, Clone, Default)]
pub(crate) struct Daylight {
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    place: Place,
    window: Window,
    /// The answer holds from here …
    from: i64,
    /// … until here.
    to: i64,
    light: Light,
}

impl Daylight {
    /// What the window says at `wall`.
    pub(crate) fn at(&mut self, wall: Option<UtcMs>, place: Place, window: Window) -> Light {
        let Some(UtcMs(wall)) = wall.filter(|w| BELIEVED.contains(&w.0)) else {
            return Light::NoClock;
        };
        match self.known {
            Some(k) if k.place == place && k.window == window && (k.from..k.to).contains(&wall) => k.light,
            _ => {
                let known = look_up(wall, place, window);
                self.known = Some(known);
                known.light
            }
        }
    }
}

fn look_up(wall: i64, place: Place, window: Window) -> Known {
    let (open, change) = state_at(wall, place, window);
    let until = change.map(UtcMs);
    Known {
        place,
        window,
        from: wall,
        to: change.unwrap_or(wall + DAY_MS),
        light: if open { Light::Open(until) } else { Light::Closed(until) },
    }
}

/// Whether `wall` lies in the union of the days' windows, and when that changes next.
fn state_at(wall: i64, place: Place, window: Window) -> (bool, Option<i64>) {
    let Some(first) = DateTime::from_timestamp_millis(wall).and_then(|t| t.date_naive().checked_sub_days(Days::new(2)))
    else {
        return (false, None);
    };
    // The end of the stretch of open time that contains `wall`, as far as it has been followed.
    let mut open_to: Option<i64> = None;
    for ahead in 0..HORIZON_DAYS {
        let Some(date) = first.checked_add_days(Days::new(ahead)) else {
            break;
        };
        let Some((from, to)) = span(place, date, window) else {
            continue;
        };
        match open_to {
            None if to <= wall => {}
            None if from <= wall => open_to = Some(to),
            None => return (false, Some(from)),
            Some(end) if from <= end => open_to = Some(end.max(to)),
            Some(end) => return (true, Some(end)),
        }
    }
    (open_to.is_some(), None)
}

/// The open span of one solar day, which for a polar day is the whole of it.
fn span(place: Place, date: NaiveDate, offsets: Window) -> Option<(i64, i64)> {
    match window(place, date, offsets) {
        DayWindow::Open { from, to } => Some((from.0, to.0)),
        DayWindow::NeverOpens => None,
        DayWindow::AlwaysOpen => {
            let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
            let from = midnight - (place.longitude / 360.0 * DAY_MS as f64) as i64;
            Some((from, from + DAY_MS))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    const NO_OFFSETS: Window = Window { before_sunset_min: 0, after_sunrise_min: 0 };
    const HALF_HOURS: Window = Window { before_sunset_min: 30, after_sunrise_min: 30 };
    const DENVER: Place = Place { latitude: 39.7392, longitude: -104.9903 };
    const SYDNEY: Place = Place { latitude: -33.8688, longitude: 151.2093 };
    const TROMSO: Place = Place { latitude: 69.6492, longitude: 18.9553 };

    fn at(text: &str) -> UtcMs {
        UtcMs(text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis())
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Published times of sunrise and sunset (NOAA's solar calculator), to two minutes.
    #[test]
    fn sunrise_and_sunset_are_those_of_the_almanac() {
        let rows = [
            (DENVER, "2023-06-21", "2023-06-21T11:32:00Z", "2023-06-22T02:31:00Z"),
            (DENVER, "2023-12-21", "2023-12-21T14:17:00Z", "2023-12-21T23:39:00Z"),
            (SYDNEY, "2023-12-22", "2023-12-21T18:41:00Z", "2023-12-22T09:05:00Z"),
        ];
        for (place, day, rise, set) in rows {
            let DayWindow::Open { from, to } = window(place, date(day), NO_OFFSETS) else {
                unreachable!("{day} has a sunrise")
            };
            assert!((from.0 - at(rise).0).abs() <= 120_000, "{day}: rise {from:?}, not {rise}");
            assert!((to.0 - at(set).0).abs() <= 120_000, "{day}: set {to:?}, not {set}");
        }
    }

    #[test]
    fn offsets_narrow_the_window_until_nothing_is_left() {
        let DayWindow::Open { from, to } = window(DENVER, date("2023-06-21"), NO_OFFSETS) else { unreachable!() };
        let narrowed = DayWindow::Open { from: UtcMs(from.0 + 1_800_000), to: UtcMs(to.0 - 1_800_000) };
        assert_eq!(window(DENVER, date("2023-06-21"), HALF_HOURS), narrowed);
        // Nine hours and a bit of sun at midwinter in Stockholm's latitude less eight hours: nothing in Oslo's.
        let most = Window { before_sunset_min: 240, after_sunrise_min: 240 };
        let oslo = Place { latitude: 59.9, longitude: 10.7 };
        assert_eq!(window(oslo, date("2023-12-21"), most), DayWindow::NeverOpens);
    }

    #[test]
    fn polar_days_and_nights_in_both_hemispheres() {
        let troll = Place { latitude: -72.0, longitude: 2.5 };
        let pole = Place { latitude: 90.0, longitude: 0.0 };
        for (place, summer, winter) in [
            (TROMSO, "2023-06-21", "2023-12-21"),
            (troll, "2023-12-21", "2023-06-21"),
            (pole, "2023-06-21", "2023-12-21"),
        ] {
            assert_eq!(window(place, date(summer), HALF_HOURS), DayWindow::AlwaysOpen);
            assert_eq!(window(place, date(winter), HALF_HOURS), DayWindow::NeverOpens);
        }
        let nowhere = Place { latitude: f64::NAN, longitude: 0.0 };
        assert_eq!(window(nowhere, date("2023-06-21"), HALF_HOURS), DayWindow::NeverOpens);
    }

    fn light(place: Place, wall: UtcMs) -> Light {
        Daylight::default().at(Some(wall), place, HALF_HOURS)
    }

    #[test]
    fn now_knows_the_next_change_across_midnights() {
        let DayWindow::Open { from, to } = window(DENVER, date("2023-06-21"), HALF_HOURS) else { unreachable!() };
        // The evening of the 21st in Denver is the 22nd in UTC.
        assert_eq!(light(DENVER, UtcMs(to.0 - 1)), Light::Open(Some(to)));
        assert_eq!(light(DENVER, UtcMs(from.0 - 1)), Light::Closed(Some(from)));
        assert_eq!(light(DENVER, from), Light::Open(Some(to)));
        let DayWindow::Open { from: next, .. } = window(DENVER, date("2023-06-22"), HALF_HOURS) else { unreachable!() };
        assert_eq!(light(DENVER, to), Light::Closed(Some(next)));
    }

    #[test]
    fn a_polar_night_ends_and_a_polar_day_too() {
        let Light::Closed(Some(spring)) = light(TROMSO, at("2023-12-21T12:00:00Z")) else { unreachable!() };
        assert!((at("2024-01-14T00:00:00Z")..at("2024-01-25T00:00:00Z")).contains(&spring), "{spring:?}");
        let Light::Open(Some(autumn)) = light(TROMSO, at("2023-06-21T00:00:00Z")) else { unreachable!() };
        assert!((at("2023-07-25T00:00:00Z")..at("2023-08-01T00:00:00Z")).contains(&autumn), "{autumn:?}");
    }

    #[test]
    fn unbelievable_clocks_are_no_clocks() {
        for wall in [None, Some(UtcMs(-1)), Some(UtcMs(i64::MAX)), Some(UtcMs(i64::MIN))] {
            assert_eq!(Daylight::default().at(wall, DENVER, HALF_HOURS), Light::NoClock);
        }
    }

    proptest! {
        #![proptest_config(crate::repeatable())]

        /// The remembered answer is the fresh one, however the clock jumps; and it is the union of the days' windows.
        #[test]
        fn memory_never_matters(
            latitude in -90.0..=90.0,
            longitude in -180.0..=180.0,
            walls in prop::collection::vec(0i64..4_000_000_000_000, 1..8),
            steps in prop::collection::vec(-90_000_000i64..90_000_000, 0..30),
        ) {
            let place = Place { latitude, longitude };
            let mut daylight = Daylight::default();
            let nearby = steps.iter().map(|s| (walls[0] + s).max(0));
            for wall in walls.iter().copied().chain(nearby) {
                let remembered = daylight.at(Some(UtcMs(wall)), place, HALF_HOURS);
                let is_open = matches!(remembered, Light::Open(_));
                prop_assert_eq!(is_open, matches!(light(place, UtcMs(wall)), Light::Open(_)));
                prop_assert_eq!(is_open, in_a_window(place, wall));
                if let Light::Open(Some(change)) | Light::Closed(Some(change)) = remembered {
                    prop_assert!(change.0 > wall);
                    prop_assert_eq!(in_a_window(place, change.0 - 1), is_open);
                    prop_assert_eq!(in_a_window(place, change.0), !is_open);
                }
            }
        }
    }

    fn in_a_window(place: Place, wall: i64) -> bool {
        let today = DateTime::from_timestamp_millis(wall).unwrap().date_naive();
        let days = (-2..=2).map(|d| today + chrono::TimeDelta::days(d));
        days.filter_map(|d| span(place, d, HALF_HOURS)).any(|(from, to)| (from..to).contains(&wall))
    }
}
