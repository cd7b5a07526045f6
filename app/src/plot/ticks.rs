//! Where a chart's axes are labelled: whole hours of the owner's day, round values.

use std::ops::Range;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: u32 = 24 * 60;
/// Time zones stand on quarters of an hour.
const QUARTER_MS: i64 = 15 * MINUTE_MS;

/// Moments that are whole hours on the owner's clock, on every 1st, 2nd, 3rd, 4th, 6th, 8th or 12th hour, so many
/// that there are at most `most`. `minute_of_day` tells a moment's minute on the owner's clock, 0 to 1439; so days of
/// 23 and 25 hours and zones of half hours come out right.
pub fn hours(time_ms: Range<i64>, most: usize, minute_of_day: impl Fn(i64) -> u32) -> Vec<i64> {
    let span_hours = (time_ms.end - time_ms.start).max(0) / (60 * MINUTE_MS);
    let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
    let step_minutes = [1, 2, 3, 4, 6, 8, 12]
        .into_iter()
        .find(|hours| span_hours / hours <= most)
        .map_or(DAY_MINUTES, |hours: i64| u32::try_from(hours * 60).unwrap_or(DAY_MINUTES));
    let first = -(-time_ms.start).div_euclid(QUARTER_MS);
    (first..)
        .map(|quarter| quarter * QUARTER_MS)
        .take_while(|&ms| ms <= time_ms.end)
        .filter(|&ms| minute_of_day(ms).is_multiple_of(step_minutes))
        .collect()
}

/// Round values inside `values`, 1, 2 or 5 times a power of ten apart, at most about `most` of them.
pub fn round(values: Range<f64>, most: usize) -> Vec<f64> {
    let width = values.end - values.start;
    if !(width > 0.0 && width.is_finite() && most > 0) {
        return Vec::new();
    }
    let rough = width / most as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (values.start / step - 1e-9).ceil();
    let last = (values.end / step + 1e-9).floor();
    (0..=(last - first).max(-1.0) as i64).map(|n| (first + n as f64) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn zone(offset_minutes: i64) -> impl Fn(i64) -> u32 {
        move |ms| ((ms / MINUTE_MS + offset_minutes).rem_euclid(1440)) as u32
    }

    #[test]
    fn a_day_is_labelled_on_whole_local_hours() {
        let denver = hours(0..24 * HOUR_MS, 8, zone(-7 * 60));
        assert_eq!(denver.first(), Some(&HOUR_MS));
        assert_eq!(denver.len(), 8);
        assert!(denver.windows(2).all(|w| w[1] - w[0] == 3 * HOUR_MS));
    }

    #[test]
    fn half_hour_zones_are_labelled_on_their_own_hours() {
        let india = hours(0..24 * HOUR_MS, 4, zone(330));
        assert_eq!(india.first(), Some(&(HOUR_MS / 2)));
        assert!(india.len() <= 5, "{india:?}");
    }

    #[test]
    fn a_start_between_quarters_is_rounded_up() {
        assert_eq!(hours(1..HOUR_MS, 8, zone(0)), [HOUR_MS]);
        assert_eq!(hours(-1..1, 8, zone(0)), [0]);
    }

    #[test]
    fn a_clock_put_forward_skips_no_later_label() {
        // From 8:00 UTC on, the clock is an hour further: 2:00 to 3:00 does not exist.
        let spring = |ms: i64| zone(if ms < 9 * HOUR_MS { -7 * 60 } else { -6 * 60 })(ms);
        let labels = hours(0..24 * HOUR_MS, 8, spring);
        let local: Vec<_> = labels.iter().map(|&ms| spring(ms) / 60).collect();
        assert_eq!(local, [18, 21, 0, 3, 6, 9, 12, 15, 18]);
    }

    #[test]
    fn values_are_labelled_round() {
        assert_eq!(round(0.0..3000.0, 4), [0.0, 1000.0, 2000.0, 3000.0]);
        assert_eq!(round(70.0..140.0, 4), [80.0, 100.0, 120.0, 140.0]);
        assert_eq!(round(0.0..500.0, 5), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
        assert_eq!(round(5.0..5.0, 5), Vec::<f64>::new());
        assert_eq!(round(0.0..f64::NAN, 5), Vec::<f64>::new());
    }
}
