//! A photovoltaic string by the single-diode equation: a current source with a knee, not a battery.
//!
//! Promises: the operating point on a resistive load, from dead short to open circuit, at any irradiance and
//! cell temperature, by a handful of Newton steps that cannot diverge.
//!
//! The model and its translation to other conditions are those of De Soto, Klein and Beckman, "Improvement and
//! validation of a model for photovoltaic array performance", Solar Energy 80 (2006) 78–88:
//!
//! ```text
//! I = Iph − I0·(exp((V + I·Rs)/a) − 1) − (V + I·Rs)/Rsh
//! ```
//!
//! All modules of a string are equal and equally lit; bypass diodes and partial shade are not modelled.

use thiserror::Error;

/// Irradiance at standard test conditions, W/m².
pub const STC_IRRADIANCE: f64 = 1000.0;
/// Cell temperature at standard test conditions, °C.
pub const STC_CELL_C: f64 = 25.0;

/// 0 °C in kelvin.
const KELVIN: f64 = 273.15;
/// Standard cell temperature in kelvin.
const STC_K: f64 = STC_CELL_C + KELVIN;
/// Boltzmann's constant in eV/K (CODATA 2018).
const BOLTZMANN_EV: f64 = 8.617_333_262e-5;
/// Silicon's band gap at 25 °C in eV and its relative change a kelvin (De Soto et al. 2006, equation 11).
const BAND_GAP_EV: f64 = 1.121;
const BAND_GAP_PER_K: f64 = 0.000_267_7;
/// Below this irradiance the shunt resistance no longer grows as light fades: the open-circuit voltage then
/// collapses in the dark, while twilight (1 W/m²) still gives nearly 300 V on a string of 384 V.
const SHUNT_FLOOR_W_M2: f64 = 1.0;

/// A module's data sheet at standard test conditions (1000 W/m², 25 °C cells).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Module {
    /// Open-circuit voltage, V.
    pub voc_v: f64,
    /// Short-circuit current, A.
    pub isc_a: f64,
    /// Voltage at maximum power, V.
    pub vmp_v: f64,
    /// Current at maximum power, A.
    pub imp_a: f64,
    /// Relative change of the short-circuit current, 1/K.
    pub isc_per_k: f64,
    /// Relative change of the open-circuit voltage, 1/K (negative).
    pub voc_per_k: f64,
    /// Nominal operating cell temperature, °C (800 W/m², 20 °C air, 1 m/s wind).
    pub noct_c: f64,
}

impl Module {
    /// A common 60-cell module of 267 W.
    pub const SIXTY_CELLS: Self =
        Self { voc_v: 38.4, isc_a: 9.0, vmp_v: 31.4, imp_a: 8.5, isc_per_k: 0.000_5, voc_per_k: -0.003, noct_c: 45.0 };
}

/// A data sheet that no single diode can have.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PvError {
    /// A value is not a positive finite number, or the maximum power point lies outside Voc and Isc.
    #[error("the module's Voc, Isc, Vmp and Imp are not those of a solar module")]
    DataSheet,
    /// The temperature coefficients are out of the range of real silicon modules.
    #[error("the module's temperature coefficients are out of range")]
    Coefficients,
    /// The curve through the three points would need a negative series or shunt resistance.
    #[error("no single-diode curve passes through the module's data-sheet points")]
    NoFit,
    /// The string has no module or more than 100.
    #[error("a string has 1 to 100 modules, not {0}")]
    ModuleCount(u32),
}

/// A string of equal modules in series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PvString {
    /// Photocurrent at standard test conditions, A.
    photo_a: f64,
    /// Change of the photocurrent, A/K.
    photo_a_per_k: f64,
    /// Diode saturation current at standard test conditions, A.
    saturation_a: f64,
    /// Modified ideality factor of the whole string at standard test conditions, V.
    ideality_v: f64,
    /// Series resistance, Ω.
    series_ohm: f64,
    /// Shunt conductance at standard test conditions, S.
    shunt_s: f64,
    noct_c: f64,
}

impl PvString {
    /// The string of `in_series` modules whose curve passes through the data sheet's open-circuit,
    /// short-circuit and maximum-power points, is flat in power at the latter, and drifts with temperature as
    /// the sheet says.
    ///
    /// # Errors
    /// [`PvError`] when no such curve exists.
    pub fn new(module: &Module, in_series: u32) -> Result<Self, PvError> {
        check(module)?;
        if !(1..=100).contains(&in_series) {
            return Err(PvError::ModuleCount(in_series));
        }
        let n = f64::from(in_series);
        let sheet = Module { voc_v: module.voc_v * n, vmp_v: module.vmp_v * n, ..*module };
        let ideality_v = ideality(&sheet);
        let series_ohm = series_resistance(&sheet, ideality_v)?;
        let fit = fit(&sheet, ideality_v, series_ohm);
        if !(fit.saturation_a > 0.0 && fit.shunt_s >= 0.0 && fit.photo_a.is_finite()) {
            return Err(PvError::NoFit);
        }
        Ok(Self {
            photo_a: fit.photo_a,
            photo_a_per_k: module.isc_per_k * module.isc_a,
            saturation_a: fit.saturation_a,
            ideality_v,
            series_ohm,
            shunt_s: fit.shunt_s,
            noct_c: module.noct_c,
        })
    }

    /// The string with its cells at `cell_c` °C: the part of the model that changes slowly.
    pub fn at(&self, cell_c: f64) -> HeatedString {
        let delta = cell_c - STC_CELL_C;
        let kelvin = cell_c + KELVIN;
        let ratio = kelvin / STC_K;
        let gap = BAND_GAP_EV * (1.0 - BAND_GAP_PER_K * delta);
        let exponent = BAND_GAP_EV / (BOLTZMANN_EV * STC_K) - gap / (BOLTZMANN_EV * kelvin);
        HeatedString {
            photo_a_per_w: (self.photo_a + self.photo_a_per_k * delta) / STC_IRRADIANCE,
            saturation_a: self.saturation_a * ratio.powi(3) * exponent.exp(),
            ideality_v: self.ideality_v * ratio,
            series_ohm: self.series_ohm,
            shunt_s_per_w: self.shunt_s / STC_IRRADIANCE,
        }
    }

    /// Where the cells' temperature settles, °C, in air of `air_c` °C under `irradiance` W/m²: the NOCT model
    /// (Ross 1976), `Tc = Ta + G·(NOCT − 20)/800`.
    pub fn steady_cell_c(&self, air_c: f64, irradiance: f64) -> f64 {
        air_c + irradiance * (self.noct_c - 20.0) / 800.0
    }
}

/// A string at a known cell temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatedString {
    photo_a_per_w: f64,
    saturation_a: f64,
    ideality_v: f64,
    series_ohm: f64,
    shunt_s_per_w: f64,
}

impl HeatedString {
    /// The I–V curve under `irradiance` W/m² (negative counts as darkness).
    pub fn lit(&self, irradiance: f64) -> Curve {
        let light = irradiance.max(0.0);
        Curve {
            photo_a: self.photo_a_per_w * light,
            saturation_a: self.saturation_a,
            ideality_v: self.ideality_v,
            series_ohm: self.series_ohm,
            shunt_s: self.shunt_s_per_w * light.max(SHUNT_FLOOR_W_M2),
        }
    }
}

/// Volts and amperes at a string's terminals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OperatingPoint {
    /// Volts.
    pub volts: f64,
    /// Amperes, positive out of the string.
    pub amps: f64,
}

/// One I–V curve: a string at one irradiance and one temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    photo_a: f64,
    saturation_a: f64,
    ideality_v: f64,
    series_ohm: f64,
    shunt_s: f64,
}

impl Curve {
    /// Where the curve meets a load of `ohms` Ω: 0 is a dead short, infinity an open circuit.
    ///
    /// With the diode's voltage `u = V + I·Rs` as the unknown, the load line is `I = u/(R + Rs)` and
    /// `f(u) = Iph − I0·(exp(u/a) − 1) − u·(Gsh + 1/(R + Rs))` falls and is concave. So Newton's method from any
    /// point right of the root walks to it monotonically. Two such points are the load line without diode and
    /// the diode without load; the nearer is the start.
    pub fn on_load(&self, ohms: f64) -> OperatingPoint {
        if self.photo_a <= 0.0 {
            return OperatingPoint::default();
        }
        let load_s = 1.0 / (ohms.max(0.0) + self.series_ohm);
        let linear_s = load_s + self.shunt_s;
        let diode_only = self.ideality_v * (self.photo_a / self.saturation_a).ln_1p();
        let mut u = diode_only.min(self.photo_a / linear_s);
        for _ in 0..MAX_NEWTON_STEPS {
            let diode_a = self.saturation_a * (u / self.ideality_v).exp();
            let excess = self.photo_a + self.saturation_a - diode_a - u * linear_s;
            let step = excess / (diode_a / self.ideality_v + linear_s);
            u += step;
            if step.abs() < NEWTON_TOLERANCE_V {
                break;
            }
        }
        let amps = u * load_s;
        OperatingPoint { volts: u - amps * self.series_ohm, amps }
    }

    /// What the diode equation lacks of balance at `point`, in amperes: zero on the curve.
    pub fn residual_a(&self, point: OperatingPoint) -> f64 {
        let u = point.volts + point.amps * self.series_ohm;
        let diode_a = self.saturation_a * (u / self.ideality_v).exp_m1();
        self.photo_a - diode_a - u * self.shunt_s - point.amps
    }
}

/// Newton needs at most about ten steps (at the knee); the bound only guards the loop.
const MAX_NEWTON_STEPS: u32 = 40;
/// The last step's size; convergence is quadratic, so the error left is far smaller.
const NEWTON_TOLERANCE_V: f64 = 1e-6;

fn check(module: &Module) -> Result<(), PvError> {
    let Module { voc_v, isc_a, vmp_v, imp_a, isc_per_k, voc_per_k, noct_c } = *module;
    let ordered = |low: f64, high: f64| low > 0.0 && high > low && high.is_finite();
    if !(ordered(vmp_v, voc_v) && ordered(imp_a, isc_a)) {
        return Err(PvError::DataSheet);
    }
    let real =
        (-0.01..0.01).contains(&isc_per_k) && (-0.006..=-0.001).contains(&voc_per_k) && (20.0..80.0).contains(&noct_c);
    if real { Ok(()) } else { Err(PvError::Coefficients) }
}

/// The modified ideality factor, V, that gives the sheet's temperature coefficient of Voc: the derivative of
/// `Voc = a·ln(Iph/I0)` with De Soto's `a(T)`, `I0(T)` and `Iph(T)`, solved for `a`.
fn ideality(sheet: &Module) -> f64 {
    let gap = BAND_GAP_EV / (BOLTZMANN_EV * STC_K) * (1.0 + BAND_GAP_PER_K * STC_K);
    let voc_change = sheet.voc_per_k * sheet.voc_v * STC_K;
    (sheet.voc_v - voc_change) / (3.0 + gap - sheet.isc_per_k * STC_K)
}

/// Photocurrent, saturation current and shunt conductance that put three points on the curve.
struct Fit {
    photo_a: f64,
    saturation_a: f64,
    shunt_s: f64,
}

/// For a given series resistance the three data-sheet points are linear in the three unknowns.
fn fit(sheet: &Module, ideality_v: f64, series_ohm: f64) -> Fit {
    let diode = |u: f64| (u / ideality_v).exp_m1();
    let u_sc = sheet.isc_a * series_ohm;
    let u_mp = sheet.vmp_v + sheet.imp_a * series_ohm;
    let u_oc = sheet.voc_v;
    let (a, b) = (diode(u_oc) - diode(u_sc), u_oc - u_sc);
    let (c, d) = (diode(u_oc) - diode(u_mp), u_oc - u_mp);
    let determinant = a * d - b * c;
    let saturation_a = (sheet.isc_a * d - b * sheet.imp_a) / determinant;
    let shunt_s = (a * sheet.imp_a - c * sheet.isc_a) / determinant;
    Fit { photo_a: saturation_a * diode(u_oc) + shunt_s * u_oc, saturation_a, shunt_s }
}

/// The series resistance, Ω, at which power is flat at the maximum power point: bisection on `dP/dV`.
fn series_resistance(sheet: &Module, ideality_v: f64) -> Result<f64, PvError> {
    let power_slope = |series_ohm: f64| {
        let fit = fit(sheet, ideality_v, series_ohm);
        let u = sheet.vmp_v + sheet.imp_a * series_ohm;
        let slope_s = fit.saturation_a / ideality_v * (u / ideality_v).exp() + fit.shunt_s;
        sheet.imp_a - sheet.vmp_v * slope_s / (1.0 + slope_s * series_ohm)
    };
    let (mut low, mut high) = (0.0, 0.99 * (sheet.voc_v - sheet.vmp_v) / sheet.imp_a);
    if !(power_slope(low) > 0.0 && power_slope(high) < 0.0) {
        return Err(PvError::NoFit);
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if power_slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn ten() -> PvString {
        PvString::new(&Module::SIXTY_CELLS, 10).unwrap()
    }

    fn power(irradiance: f64, cell_c: f64, ohms: f64) -> f64 {
        let point = ten().at(cell_c).lit(irradiance).on_load(ohms);
        point.volts * point.amps
    }

    fn near(actual: f64, expected: f64, relative: f64) {
        assert!((actual - expected).abs() <= relative * expected, "{actual} is not within {relative} of {expected}");
    }

    #[test]
    fn gives_the_reference_powers_of_ten_modules() {
        near(power(1000.0, 25.0, 36.9), 2670.0, 0.03);
        near(power(500.0, 25.0, 36.9), 745.0, 0.03);
        near(power(1000.0, 25.0, 12.8), 1030.0, 0.03);
        near(power(500.0, 25.0, 12.8), 259.0, 0.03);
        near(power(1000.0, 60.0, 36.9), 2240.0, 0.03);
        near(ten().at(25.0).lit(1000.0).on_load(12.8).volts, 115.0, 0.03);
    }

    #[test]
    fn passes_through_the_data_sheet() {
        let curve = ten().at(25.0).lit(1000.0);
        near(curve.on_load(f64::INFINITY).volts, 384.0, 1e-6);
        near(curve.on_load(0.0).amps, 9.0, 1e-6);
        let best = curve.on_load(314.0 / 8.5);
        near(best.volts, 314.0, 1e-6);
        for ohms in [30.0, 35.0, 38.0, 45.0] {
            let other = curve.on_load(ohms);
            assert!(other.volts * other.amps < best.volts * best.amps, "{ohms} Ω beats the maximum");
        }
    }

    #[test]
    fn drifts_with_temperature_as_the_data_sheet_says() {
        let voc = |cell_c: f64| ten().at(cell_c).lit(1000.0).on_load(f64::INFINITY).volts;
        near((voc(20.0) - voc(30.0)) / 10.0 / 384.0, 0.003, 0.02);
        let isc = |cell_c: f64| ten().at(cell_c).lit(1000.0).on_load(0.0).amps;
        near(isc(65.0) / isc(25.0), 1.02, 0.001);
        assert!((430.0..460.0).contains(&voc(-30.0)), "{}", voc(-30.0));
    }

    #[test]
    fn dawn_gives_nearly_full_voltage_and_darkness_none() {
        let voc = |irradiance: f64| ten().at(25.0).lit(irradiance).on_load(f64::INFINITY).volts;
        assert!((280.0..310.0).contains(&voc(1.0)), "{}", voc(1.0));
        assert!(voc(0.0001) < 10.0, "{}", voc(0.0001));
        assert_eq!(voc(0.0), 0.0);
    }

    #[test]
    fn a_dead_short_gives_isc_at_no_volts() {
        let point = ten().at(25.0).lit(1000.0).on_load(0.0);
        near(point.amps, 9.0, 1e-6);
        assert!(point.volts.abs() < 1e-9);
    }

    #[test]
    fn is_a_current_source_with_a_knee() {
        let curve = ten().at(25.0).lit(1000.0);
        let at = |ohms: f64| curve.on_load(ohms);
        // To the left of the knee: the current falls by less than 1 % over the first half of the voltage.
        let half = at(192.0 / 8.9);
        assert!(half.amps > 0.99 * at(0.0).amps, "{half:?}");
        // To its right: the last tenth of the voltage takes more than half of the current.
        let late = at(0.95 * 384.0 / 3.5);
        assert!(late.volts > 0.9 * 384.0 && late.amps < 0.5 * at(0.0).amps, "{late:?}");
    }

    #[test]
    fn refuses_impossible_modules() {
        let good = Module::SIXTY_CELLS;
        let check = |module: Module, error: PvError| assert_eq!(PvString::new(&module, 10), Err(error));
        check(Module { vmp_v: 39.0, ..good }, PvError::DataSheet);
        check(Module { isc_a: f64::NAN, ..good }, PvError::DataSheet);
        check(Module { voc_per_k: 0.003, ..good }, PvError::Coefficients);
        check(Module { vmp_v: 38.3, imp_a: 8.99, ..good }, PvError::NoFit);
        assert_eq!(PvString::new(&good, 0), Err(PvError::ModuleCount(0)));
    }

    proptest! {
        #[test]
        fn every_operating_point_is_on_curve_and_load(
            irradiance in 0.0..1600.0_f64, cell_c in -40.0..90.0_f64, ohms in 0.0..2000.0_f64,
        ) {
            let curve = ten().at(cell_c).lit(irradiance);
            let point = curve.on_load(ohms);
            prop_assert!((point.volts - point.amps * ohms).abs() < 1e-6, "{point:?}");
            prop_assert!(curve.residual_a(point).abs() < 1e-6, "{point:?}");
            prop_assert!(point.volts >= -1e-9 && point.amps >= 0.0, "{point:?}");
        }

        #[test]
        fn the_curve_falls(irradiance in 1.0..1600.0_f64, cell_c in -40.0..90.0_f64, ohms in 0.0..500.0_f64) {
            let curve = ten().at(cell_c).lit(irradiance);
            let (low, high) = (curve.on_load(ohms), curve.on_load(ohms + 1.0));
            prop_assert!(high.volts > low.volts && high.amps < low.amps, "{low:?} {high:?}");
        }

        #[test]
        fn more_light_is_more_current(irradiance in 0.0..1500.0_f64, ohms in 0.0..200.0_f64) {
            let at = |w: f64| ten().at(25.0).lit(w).on_load(ohms).amps;
            prop_assert!(at(irradiance + 10.0) > at(irradiance));
        }
    }
}
