//! Buckets of a series: how wide, where they begin, and the statement that fills them.

use std::fmt::Write as _;

use crate::error::{Result, StorageError};
use crate::model::{Column, Series, SeriesColumn, SeriesQuery};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The longest span that can be asked for: a thousand years, far from any overflow.
const MAX_SPAN_MS: i64 = 1000 * 366 * 24 * HOUR_MS;

/// Equal buckets that cover a span.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    pub(crate) first_ms: i64,
    pub(crate) width_ms: i64,
    count: i64,
}

impl Buckets {
    /// # Errors
    ///
    /// [`StorageError::Invalid`] for a query that makes no sense.
    pub(crate) fn new(query: &SeriesQuery) -> Result<Self> {
        if query.columns.is_empty() {
            return Err(StorageError::invalid("a series needs at least one column"));
        }
        if !(1..=SeriesQuery::MAX_POINTS).contains(&query.points) {
            return Err(StorageError::invalid("points must be 1 to 5000"));
        }
        let span_ms = query.to_ms.saturating_sub(query.from_ms);
        if !(1..=MAX_SPAN_MS).contains(&span_ms) {
            return Err(StorageError::invalid("a series must begin before it ends, and span at most a thousand years"));
        }
        let width_ms = width_ms(span_ms, i64::from(query.points));
        let first = query.from_ms.div_euclid(width_ms);
        let last = (query.to_ms - 1).div_euclid(width_ms);
        Ok(Self { first_ms: first * width_ms, width_ms, count: last - first + 1 })
    }

    /// The statement that gives, for each bucket that has rows, its number and each column's
    /// minimum, mean and maximum. Binds: first, width, from, to.
    pub(crate) fn sql(&self, columns: &[Column], divide: &str) -> String {
        let mut sql = format!("SELECT (ts_ms - ?) {divide} ? AS bucket");
        for column in columns {
            let name = column.name();
            // Writing to a String can't fail.
            let _ = write!(sql, ", MIN({name}), AVG({name}), MAX({name})");
        }
        sql + " FROM measurements WHERE ts_ms >= ? AND ts_ms < ? GROUP BY bucket"
    }

    /// The series before any row is known.
    pub(crate) fn empty_series(&self, columns: &[Column]) -> Series {
        let start_ms: Vec<i64> = (0..self.count).map(|bucket| self.first_ms + bucket * self.width_ms).collect();
        let columns = columns
            .iter()
            .map(|&column| SeriesColumn {
                column,
                min: vec![None; start_ms.len()],
                mean: vec![None; start_ms.len()],
                max: vec![None; start_ms.len()],
            })
            .collect();
        Series { bucket_ms: self.width_ms, start_ms, columns }
    }
}

/// The narrowest width that makes about `points` buckets of a span, up to whole seconds, minutes
/// or hours: coarser levels of the same data can then fill the same buckets.
fn width_ms(span_ms: i64, points: i64) -> i64 {
    let least = round_up(span_ms, points) / points;
    let unit = if least <= MINUTE_MS {
        SECOND_MS
    } else if least <= HOUR_MS {
        MINUTE_MS
    } else {
        HOUR_MS
    };
    round_up(least, unit)
}

/// The smallest multiple of `unit` that is not below `value`; both are positive.
fn round_up(value: i64, unit: i64) -> i64 {
    (value + unit - 1) / unit * unit
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn buckets(from_ms: i64, to_ms: i64, points: u32) -> Buckets {
        let query = SeriesQuery { columns: vec![Column::V1], from_ms, to_ms, points };
        Buckets::new(&query).unwrap()
    }

    #[test]
    fn usual_spans_have_round_widths() {
        let check = |span_ms, points, expected_ms| {
            assert_eq!(buckets(0, span_ms, points).width_ms, expected_ms);
        };
        check(1, 5000, SECOND_MS);
        check(24 * HOUR_MS, 1440, MINUTE_MS);
        check(24 * HOUR_MS, 1000, 2 * MINUTE_MS);
        check(30 * 24 * HOUR_MS, 1000, 44 * MINUTE_MS);
        check(365 * 24 * HOUR_MS, 1000, 9 * HOUR_MS);
    }

    proptest! {
        #[test]
        fn every_time_of_the_span_has_a_bucket(
            from_ms in -4_000_000_000_000_i64..4_000_000_000_000,
            span_ms in 1..MAX_SPAN_MS,
            points in 1..=SeriesQuery::MAX_POINTS,
            at in 0.0..1.0_f64,
        ) {
            let to_ms = from_ms + span_ms;
            let buckets = buckets(from_ms, to_ms, points);
            let bucket = |ts_ms: i64| (ts_ms - buckets.first_ms) / buckets.width_ms;
            let somewhere = from_ms + (at * span_ms as f64) as i64;

            prop_assert_eq!(bucket(from_ms), 0);
            prop_assert_eq!(bucket(to_ms - 1), buckets.count - 1);
            prop_assert!((0..buckets.count).contains(&bucket(somewhere.min(to_ms - 1))));
            prop_assert_eq!(buckets.first_ms.rem_euclid(buckets.width_ms), 0);
        }

        #[test]
        fn there_are_about_as_many_buckets_as_asked_for(
            from_ms in -4_000_000_000_000_i64..4_000_000_000_000,
            span_ms in 1..MAX_SPAN_MS,
            points in 1..=SeriesQuery::MAX_POINTS,
        ) {
            let buckets = buckets(from_ms, from_ms + span_ms, points);
            prop_assert!(buckets.count <= i64::from(points) + 1);
            // Rounding up to whole seconds, minutes or hours at most doubles the width.
            let least = span_ms / i64::from(points);
            prop_assert!(buckets.width_ms < 2 * least + 2 * SECOND_MS);
        }
    }
}
