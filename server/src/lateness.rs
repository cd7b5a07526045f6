//! How late the control loop's ticks begin, counted as they come and said at the end.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Microseconds up to a minute; what is later than that counts as a minute.
const LONGEST_US: u64 = 60_000_000;

/// A histogram of delays. Its memory is taken once, at the start.
#[derive(Debug)]
pub(crate) struct Lateness(Option<Histogram<u32>>);

impl Default for Lateness {
    fn default() -> Self {
        // The bounds are constants that the histogram accepts; without one, nothing is counted.
        Self(Histogram::new_with_bounds(1, LONGEST_US, 2).ok())
    }
}

impl Lateness {
    /// Counts a tick that began this much after its time.
    pub(crate) fn record(&mut self, late: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(late.as_micros()).unwrap_or(LONGEST_US));
        }
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(histogram) = &self.0 else { return write!(f, "not counted") };
        let [p50, p999] = [0.5, 0.999].map(|quantile| histogram.value_at_quantile(quantile));
        write!(f, "{} ticks, late by {p50} µs p50, {p999} µs p99.9, {} µs max", histogram.len(), histogram.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_counted() {
        let mut lateness = Lateness::default();
        for ms in 1..=1_000 {
            lateness.record(Duration::from_millis(ms));
        }
        lateness.record(Duration::from_secs(3_600));
        let text = lateness.to_string();
        assert!(text.starts_with("1001 ticks, late by 50"), "{text}");
        assert!(text.ends_with("µs max") && text.contains("60"), "{text}");
    }
}
