//! The nightly zeroing of a voltmeter or an ammeter: with both contacts open at night there is nothing to measure,
//! so what the meter says is its offset.
//!
//! Promises: an offset is taken from ten minutes of samples, only while both contacts have been open for a minute in
//! the closed window, and only if it is small (2 V, 0.15 A); a larger one is a fault to be seen, not an offset to be
//! hidden. It holds for a day and a quarter. A circuit without an outside relay keeps its string on the voltmeter
//! until it is really dark; until then it simply finds no small offset.

use crate::readings::Sighting;

/// b of meters that nobody zeroed, and the largest offset that is believed.
pub(crate) const UNZEROED: Offsets = Offsets { volts: 2.0, amps: 0.15 };
/// b of zeroed meters: what is left is the night's average's error and the day's walk.
pub(crate) const ZEROED: Offsets = Offsets { volts: 0.5, amps: 0.03 };
const AVERAGE_MS: u64 = 600_000;
const VALID_MS: u64 = 30 * 3_600_000;
/// Fewer samples than this in ten minutes are no average.
const LEAST_SAMPLES: u32 = 300;

/// Volts and amperes by which meters may be wrong for good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Offsets {
    pub(crate) volts: f64,
    pub(crate) amps: f64,
}

/// One meter's zero.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Zero {
    found: Option<(f64, u64)>,
    began_ms: Option<u64>,
    sum: f64,
    count: u32,
}

impl Zero {
    /// What to take off every calibrated value now.
    pub(crate) fn offset(&self, now_ms: u64) -> f64 {
        self.valid(now_ms).unwrap_or(0.0)
    }

    pub(crate) fn is_found(&self, now_ms: u64) -> bool {
        self.valid(now_ms).is_some()
    }

    fn valid(&self, now_ms: u64) -> Option<f64> {
        self.found.filter(|(_, at)| now_ms.saturating_sub(*at) <= VALID_MS).map(|(offset, _)| offset)
    }

    /// Takes in a sample while there is nothing to measure. `most` is the largest offset that is believed, `band` how
    /// far a single honest sample may lie from it.
    pub(crate) fn rest(&mut self, sample: &Sighting, most: f64, band: f64) {
        // The value has the present zero taken off already.
        let value = sample.value + self.offset(sample.taken_ms);
        let began_ms = *self.began_ms.get_or_insert(sample.taken_ms);
        if value.abs() <= most + band {
            self.sum += value;
            self.count += 1;
        }
        if sample.taken_ms.saturating_sub(began_ms) < AVERAGE_MS {
            return;
        }
        let mean = self.sum / f64::from(self.count.max(1));
        if self.count >= LEAST_SAMPLES && mean.abs() <= most {
            self.found = Some((mean, sample.taken_ms));
        }
        self.interrupt();
    }

    /// There may be something to measure: the average begins anew.
    pub(crate) const fn interrupt(&mut self) {
        (self.began_ms, self.sum, self.count) = (None, 0.0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAND: f64 = 12.0;

    /// Feeds samples every 100 ms from `from_ms` on, as the sensor would deliver them.
    fn rest(zero: &mut Zero, from_ms: u64, samples: u64, volts: impl Fn(u64) -> f64) {
        for n in 0..samples {
            let taken_ms = from_ms + n * 100;
            let raw = volts(n);
            let sample = Sighting { raw, value: raw - zero.offset(taken_ms), taken_ms, plausible: true };
            zero.rest(&sample, UNZEROED.volts, BAND);
        }
    }

    #[test]
    fn s12_ten_minutes_of_rest_show_a_small_offset() {
        let mut zero = Zero::default();
        rest(&mut zero, 0, 6_000, |_| 1.5);
        assert!(!zero.is_found(600_000), "not yet ten minutes");
        rest(&mut zero, 600_000, 1, |_| 1.5);
        assert!((zero.offset(600_000) - 1.5).abs() < 1e-9);
        // The next ten minutes find the same again, and not what is left of it.
        rest(&mut zero, 600_100, 6_001, |_| 1.6);
        assert!((zero.offset(1_300_000) - 1.6).abs() < 1e-9);
        assert!(zero.is_found(1_200_100 + VALID_MS) && !zero.is_found(1_200_101 + VALID_MS));
        assert_eq!(zero.offset(1_200_101 + VALID_MS), 0.0);
    }

    #[test]
    fn s12_a_large_offset_is_no_offset() {
        for volts in [2.1, -2.1, 40.0] {
            let mut zero = Zero::default();
            rest(&mut zero, 0, 20_000, |_| volts);
            assert!(!zero.is_found(2_000_000), "{volts}");
        }
    }

    #[test]
    fn s12_spikes_and_interruptions_do_not_count() {
        let mut zero = Zero::default();
        rest(&mut zero, 0, 6_001, |n| if n % 60 == 7 { 300.0 } else { -1.0 });
        assert!((zero.offset(600_000) + 1.0).abs() < 1e-9);
        let mut zero = Zero::default();
        rest(&mut zero, 0, 5_000, |_| 1.0);
        zero.interrupt();
        rest(&mut zero, 500_000, 5_000, |_| 1.0);
        assert!(!zero.is_found(1_000_000));
    }
}
