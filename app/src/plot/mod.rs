//! What a chart of values over time is made of, and the arithmetic of drawing it: pure, so that it is tested without
//! a browser. [`draw`] puts it on a canvas.

#[cfg(feature = "csr")]
pub(crate) mod draw;
pub mod ticks;

use std::ops::Range;

use crate::types::series::Series;

/// Everything a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The span of time shown, milliseconds since 1970 UTC.
    pub time_ms: Range<i64>,
    /// The span of values shown.
    pub values: Range<f64>,
    /// Start of the first bucket, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// Width of a bucket, milliseconds; at least 1.
    pub bucket_ms: i64,
    /// The lines.
    pub lines: Vec<Line>,
    /// Horizontal bands behind the lines.
    pub bands: Vec<Band>,
}

/// One line; all its arrays have one entry a bucket, `None` where nothing was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Names the line in the legend and the readout.
    pub label: String,
    /// A letter or two that stand at the line's end, so that colour is not its only sign.
    pub mark: &'static str,
    /// The CSS custom property with its colour.
    pub colour: &'static str,
    /// The line itself.
    pub mean: Vec<Option<f64>>,
    /// The lower edge of the envelope.
    pub min: Vec<Option<f64>>,
    /// The upper edge of the envelope.
    pub max: Vec<Option<f64>>,
}

/// A horizontal band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// From this value to that.
    pub values: Range<f64>,
    /// The CSS custom property with its colour.
    pub colour: &'static str,
}

impl Plot {
    /// The middle of a bucket, milliseconds since 1970 UTC.
    pub fn bucket_middle_ms(&self, bucket: usize) -> i64 {
        let bucket = i64::try_from(bucket).unwrap_or(i64::MAX);
        self.start_ms.saturating_add(bucket.saturating_mul(self.bucket_ms)).saturating_add(self.bucket_ms / 2)
    }

    /// The bucket at a moment, if any line reaches so far.
    pub fn bucket_at(&self, time_ms: i64) -> Option<usize> {
        let bucket = usize::try_from((time_ms - self.start_ms).div_euclid(self.bucket_ms)).ok()?;
        (bucket < self.buckets()).then_some(bucket)
    }

    /// How many buckets the longest line has.
    pub fn buckets(&self) -> usize {
        self.lines.iter().map(|l| l.mean.len()).max().unwrap_or(0)
    }
}

/// The stretches without a gap.
pub fn runs(values: &[Option<f64>]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(_), Some(run)) if run.end == index => run.end += 1,
            (Some(_), _) => runs.push(index..index + 1),
            (None, _) => {}
        }
    }
    runs
}

/// Carries a series on to `at_ms` with live values, one a column, until the next reading of the series brings the
/// true means. Skipped buckets stay empty; a moment before the last bucket, or days after it, changes nothing.
pub fn extend(series: &mut Series, at_ms: i64, values: &[Option<f64>]) {
    const MOST_NEW_BUCKETS: i64 = 200;
    let start_ms = series.from.timestamp_millis();
    let length = series.columns.first().map_or(0, |c| c.mean.len());
    let bucket = (at_ms - start_ms).div_euclid(series.bucket_ms.max(1));
    let length_i = i64::try_from(length).unwrap_or(i64::MAX);
    if bucket + 1 < length_i || bucket >= length_i + MOST_NEW_BUCKETS {
        return;
    }
    let Ok(bucket) = usize::try_from(bucket) else {
        return;
    };
    for (column, value) in series.columns.iter_mut().zip(values) {
        for row in [&mut column.min, &mut column.mean, &mut column.max] {
            row.resize(bucket + 1, None);
        }
        let (Some(value), Some(min), Some(mean), Some(max)) =
            (*value, column.min.last_mut(), column.mean.last_mut(), column.max.last_mut())
        else {
            continue;
        };
        *mean = Some(value);
        *min = Some(min.unwrap_or(value).min(value));
        *max = Some(max.unwrap_or(value).max(value));
    }
}

/// The span that holds all of `values`, widened to at least `least`, its ends on whole `step`s.
pub fn span(values: impl Iterator<Item = f64>, least: Range<f64>, step: f64) -> Range<f64> {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((least.start, least.end), |(low, high), v| (low.min(v), high.max(v)));
    (low / step).floor() * step..(high / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::series::{SeriesColumn, SeriesQuantity};
    use chrono::DateTime;

    fn series(mean: &[Option<f64>]) -> Series {
        Series {
            from: DateTime::UNIX_EPOCH,
            to: DateTime::UNIX_EPOCH,
            bucket_ms: 1000,
            columns: vec![SeriesColumn {
                quantity: SeriesQuantity::Power1W,
                min: mean.to_vec(),
                mean: mean.to_vec(),
                max: mean.to_vec(),
            }],
        }
    }

    #[test]
    fn gaps_part_the_runs() {
        let s = Some(1.0);
        assert!(runs(&[]).is_empty());
        assert!(runs(&[None, None]).is_empty());
        assert_eq!(runs(&[s, s, None, s]), vec![0..2, 3..4]);
        assert_eq!(runs(&[None, s, s]), vec![1..3]);
    }

    /// A series of three buckets, carried on to `at_ms` with 9: its means, then min and max of the last bucket.
    #[track_caller]
    fn check_extend(at_ms: i64, mean: &[Option<f64>], last: (Option<f64>, Option<f64>)) {
        let mut series = series(&[Some(1.0), Some(2.0), Some(3.0)]);
        extend(&mut series, at_ms, &[Some(9.0)]);
        let column = &series.columns[0];
        assert_eq!(column.mean, mean);
        assert_eq!((column.min[mean.len() - 1], column.max[mean.len() - 1]), last);
    }

    #[test]
    fn a_live_value_carries_the_series_on() {
        let (a, b, c, n) = (Some(1.0), Some(2.0), Some(3.0), Some(9.0));
        check_extend(2999, &[a, b, n], (c, n));
        check_extend(3000, &[a, b, c, n], (n, n));
        check_extend(5500, &[a, b, c, None, None, n], (n, n));
    }

    #[test]
    fn the_past_and_the_far_future_change_nothing() {
        let unchanged = [Some(1.0), Some(2.0), Some(3.0)];
        check_extend(1999, &unchanged, (Some(3.0), Some(3.0)));
        check_extend(-5, &unchanged, (Some(3.0), Some(3.0)));
        check_extend(1_000_000_000, &unchanged, (Some(3.0), Some(3.0)));
    }

    #[test]
    fn an_unknown_live_value_leaves_a_gap() {
        let mut series = series(&[Some(1.0)]);
        extend(&mut series, 1500, &[None]);
        assert_eq!(series.columns[0].mean, [Some(1.0), None]);
    }

    #[test]
    fn a_span_ends_on_whole_steps() {
        assert_eq!(span([72.0, 131.0].into_iter(), 80.0..120.0, 10.0), 70.0..140.0);
        assert_eq!(span([f64::NAN].into_iter(), 0.0..500.0, 500.0), 0.0..500.0);
    }

    #[test]
    fn a_moment_finds_its_bucket() {
        let plot = Plot {
            time_ms: 0..3000,
            values: 0.0..1.0,
            start_ms: 0,
            bucket_ms: 1000,
            bands: vec![],
            lines: vec![Line {
                label: String::new(),
                mark: "",
                colour: "",
                mean: vec![None; 3],
                min: vec![],
                max: vec![],
            }],
        };
        assert_eq!(plot.bucket_at(-1), None);
        assert_eq!(plot.bucket_at(0), Some(0));
        assert_eq!(plot.bucket_at(2999), Some(2));
        assert_eq!(plot.bucket_at(3000), None);
        assert_eq!(plot.bucket_middle_ms(2), 2500);
    }
}
