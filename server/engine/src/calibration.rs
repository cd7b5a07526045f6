//! From what a sensor says to what is true: straight lines between measured points.
//!
//! No point is the identity, one an offset, two or more are joined by lines whose end segments extend outwards.
//! A calibration can't blind the watchdog: slopes stay within 0.5–2 and a temperature is moved by at most 15 °F,
//! beyond the outermost points too.

use crate::inputs::Quantity;

/// The flattest a segment may be.
pub const MIN_SLOPE: f64 = 0.5;
/// The steepest a segment may be.
pub const MAX_SLOPE: f64 = 2.0;
/// The furthest a temperature may be moved, in °F.
pub const MAX_TEMPERATURE_CORRECTION_F: f64 = 15.0;
/// The most points one sensor may have.
pub const MAX_POINTS: usize = 100;

/// One comparison with a trusted instrument, both in the sensor's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// What the sensor said.
    pub measured: f64,
    /// What was true.
    pub actual: f64,
}

/// A checked set of points, sorted by what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    points: Vec<Point>,
    /// `None` for the identity, which suits any sensor.
    quantity: Option<Quantity>,
}

/// Why a set of points was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// A number is NaN or infinite.
    #[error("a calibration point must be a finite number")]
    NotFinite,
    /// More than [`MAX_POINTS`].
    #[error("{0} calibration points are too many, at most {MAX_POINTS} are kept")]
    TooMany(usize),
    /// Two points share a measured value, so the line between them is undefined.
    #[error("the measured value {0} occurs twice")]
    Duplicate(f64),
    /// A segment is flatter than [`MIN_SLOPE`] or steeper than [`MAX_SLOPE`].
    #[error("the slope {slope:.3} from {from} on is outside {MIN_SLOPE} to {MAX_SLOPE}")]
    Slope {
        /// The measured value where the segment begins.
        from: f64,
        /// Its slope.
        slope: f64,
    },
    /// A temperature is moved by more than [`MAX_TEMPERATURE_CORRECTION_F`].
    #[error("a correction of {0:.1} °F is more than {MAX_TEMPERATURE_CORRECTION_F} °F")]
    Correction(f64),
}

impl Calibration {
    /// Leaves every value as it is.
    pub const fn identity() -> Self {
        Self { points: Vec::new(), quantity: None }
    }

    /// Checks the points and puts them in order.
    ///
    /// # Errors
    /// [`CalibrationError`] when the points are not a function, or one that could hide a danger.
    pub fn new(mut points: Vec<Point>, quantity: Quantity) -> Result<Self, CalibrationError> {
        if points.len() > MAX_POINTS {
            return Err(CalibrationError::TooMany(points.len()));
        }
        if points.iter().any(|p| !p.measured.is_finite() || !p.actual.is_finite()) {
            return Err(CalibrationError::NotFinite);
        }
        points.sort_by(|a, b| a.measured.total_cmp(&b.measured));
        for pair in points.windows(2) {
            check_segment(pair[0], pair[1])?;
        }
        if quantity == Quantity::Temperature {
            points.iter().try_for_each(|p| check_correction(*p))?;
        }
        Ok(Self { points, quantity: Some(quantity) })
    }

    /// The true value for a raw one, both in the sensor's unit.
    pub fn apply(&self, raw: f64) -> f64 {
        let corrected = match self.points.as_slice() {
            [] => return raw,
            [only] => raw + (only.actual - only.measured),
            points => {
                let right = points.partition_point(|p| p.measured < raw).clamp(1, points.len() - 1);
                let (a, b) = (points[right - 1], points[right]);
                a.actual + (raw - a.measured) * slope(a, b)
            }
        };
        match self.quantity {
            Some(Quantity::Temperature) => {
                corrected.clamp(raw - MAX_TEMPERATURE_CORRECTION_F, raw + MAX_TEMPERATURE_CORRECTION_F)
            }
            _ => corrected,
        }
    }

    /// The points, sorted by their measured value.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// What it was made for; `None` for the identity.
    pub const fn quantity(&self) -> Option<Quantity> {
        self.quantity
    }
}

impl Default for Calibration {
    fn default() -> Self {
        Self::identity()
    }
}

fn check_segment(a: Point, b: Point) -> Result<(), CalibrationError> {
    if a.measured == b.measured {
        return Err(CalibrationError::Duplicate(a.measured));
    }
    let slope = slope(a, b);
    // Written so that a slope that overflowed to NaN or infinity is refused too.
    if (MIN_SLOPE..=MAX_SLOPE).contains(&slope) {
        Ok(())
    } else {
        Err(CalibrationError::Slope { from: a.measured, slope })
    }
}

fn check_correction(point: Point) -> Result<(), CalibrationError> {
    let correction = point.actual - point.measured;
    if correction.abs() <= MAX_TEMPERATURE_CORRECTION_F {
        Ok(())
    } else {
        Err(CalibrationError::Correction(correction))
    }
}

fn slope(a: Point, b: Point) -> f64 {
    (b.actual - a.actual) / (b.measured - a.measured)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn points(pairs: &[(f64, f64)]) -> Vec<Point> {
        pairs.iter().map(|&(measured, actual)| Point { measured, actual }).collect()
    }

    #[test]
    fn none_one_and_many_points() {
        type Pairs = &'static [(f64, f64)];
        let rows: [(Pairs, Pairs); 4] = [
            (&[], &[(-7.5, -7.5), (0.0, 0.0), (1e6, 1e6)]),
            (&[(100.0, 102.0)], &[(0.0, 2.0), (100.0, 102.0), (300.0, 302.0)]),
            (&[(0.0, 1.0), (100.0, 111.0)], &[(-10.0, -10.0), (0.0, 1.0), (50.0, 56.0), (200.0, 221.0)]),
            (&[(0.0, 0.0), (10.0, 10.0), (20.0, 30.0)], &[(5.0, 5.0), (10.0, 10.0), (15.0, 20.0), (30.0, 50.0)]),
        ];
        for (given, expected) in rows {
            let calibration = Calibration::new(points(given), Quantity::Voltage).unwrap();
            for (raw, actual) in expected {
                assert!((calibration.apply(*raw) - actual).abs() < 1e-9, "{given:?} at {raw}");
            }
        }
        assert_eq!(Calibration::identity().apply(12.5), 12.5);
    }

    #[test]
    fn s27_what_could_blind_the_watchdog_is_refused() {
        let check = |pairs: &[(f64, f64)], quantity| Calibration::new(points(pairs), quantity).unwrap_err();
        let (v, t) = (Quantity::Voltage, Quantity::Temperature);
        assert_eq!(check(&[(f64::NAN, 1.0)], v), CalibrationError::NotFinite);
        assert_eq!(check(&[(1.0, f64::INFINITY)], v), CalibrationError::NotFinite);
        assert_eq!(check(&[(1.0, 1.0), (2.0, 2.0), (1.0, 1.5)], v), CalibrationError::Duplicate(1.0));
        assert_eq!(check(&[(0.0, 0.0), (10.0, 4.0)], v), CalibrationError::Slope { from: 0.0, slope: 0.4 });
        assert_eq!(check(&[(0.0, 0.0), (10.0, 21.0)], v), CalibrationError::Slope { from: 0.0, slope: 2.1 });
        assert_eq!(check(&[(0.0, 10.0), (10.0, 0.0)], v), CalibrationError::Slope { from: 0.0, slope: -1.0 });
        assert_eq!(check(&[(100.0, 115.5)], t), CalibrationError::Correction(15.5));
        let many: Vec<_> = (0..=MAX_POINTS).map(|n| (n as f64, n as f64)).collect();
        assert_eq!(check(&many, v), CalibrationError::TooMany(101));
    }

    #[test]
    fn s27_beyond_the_points_a_temperature_moves_by_15_at_most() {
        let steep = Calibration::new(points(&[(100.0, 100.0), (110.0, 120.0)]), Quantity::Temperature).unwrap();
        assert_eq!(steep.apply(160.0), 175.0);
        assert_eq!(steep.apply(50.0), 35.0);
    }

    /// Sorted points with legal slopes, as a start and steps of (width, slope).
    fn any_points() -> impl Strategy<Value = Vec<Point>> {
        (-50.0..50.0, -10.0..10.0, prop::collection::vec((0.5..40.0, 0.55..1.9), 0..8)).prop_map(
            |(measured, offset, steps)| {
                let mut points = vec![Point { measured, actual: measured + offset }];
                for (width, slope) in steps {
                    let last = points[points.len() - 1];
                    points.push(Point { measured: last.measured + width, actual: last.actual + width * slope });
                }
                points
            },
        )
    }

    proptest! {
        #![proptest_config(crate::repeatable())]

        #[test]
        fn the_order_of_the_points_is_irrelevant(sorted in any_points(), seed in any::<u64>(), raw in -200.0..400.0) {
            let mut shuffled = sorted.clone();
            shuffled.sort_by_key(|p| p.measured.to_bits().wrapping_mul(seed | 1));
            let a = Calibration::new(sorted, Quantity::Voltage).unwrap();
            let b = Calibration::new(shuffled, Quantity::Voltage).unwrap();
            prop_assert_eq!(a.apply(raw), b.apply(raw));
            prop_assert_eq!(a, b);
        }

        #[test]
        fn it_goes_through_its_points(points in any_points()) {
            let calibration = Calibration::new(points.clone(), Quantity::Current).unwrap();
            for p in points {
                prop_assert!((calibration.apply(p.measured) - p.actual).abs() < 1e-9);
            }
        }

        #[test]
        fn more_is_more(points in any_points(), a in -200.0..400.0, b in -200.0..400.0) {
            for quantity in [Quantity::Voltage, Quantity::Temperature] {
                if let Ok(calibration) = Calibration::new(points.clone(), quantity) {
                    let (low, high): (f64, f64) = if a < b { (a, b) } else { (b, a) };
                    prop_assert!(calibration.apply(low) <= calibration.apply(high));
                }
            }
        }

        #[test]
        fn a_temperature_never_moves_by_more_than_15(points in any_points(), raw in -1e6..1e6) {
            if let Ok(calibration) = Calibration::new(points, Quantity::Temperature) {
                prop_assert!((calibration.apply(raw) - raw).abs() <= MAX_TEMPERATURE_CORRECTION_F + 1e-9);
            }
        }
    }
}
