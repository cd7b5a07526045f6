//! What the screen makes of stored numbers: degrees of the reader's choice, and digits that are worth reading.
//! Stored and sent are °F, watts and watt-hours, whatever is shown.

/// Fahrenheit or Celsius, as the reader likes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TemperatureUnit {
    /// °F, as stored.
    #[default]
    Fahrenheit,
    /// °C.
    Celsius,
}

impl TemperatureUnit {
    /// The unit's sign.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Fahrenheit => "°F",
            Self::Celsius => "°C",
        }
    }

    /// A temperature in °F, in this unit.
    pub fn of_f(self, temperature_f: f64) -> f64 {
        match self {
            Self::Fahrenheit => temperature_f,
            Self::Celsius => (temperature_f - 32.0) / 1.8,
        }
    }

    /// A temperature in this unit, in °F.
    pub fn to_f(self, temperature: f64) -> f64 {
        match self {
            Self::Fahrenheit => temperature,
            Self::Celsius => temperature * 1.8 + 32.0,
        }
    }

    /// A difference in °F, in this unit.
    pub fn of_step_f(self, step_f: f64) -> f64 {
        match self {
            Self::Fahrenheit => step_f,
            Self::Celsius => step_f / 1.8,
        }
    }

    /// A difference in this unit, in °F.
    pub fn to_step_f(self, step: f64) -> f64 {
        match self {
            Self::Fahrenheit => step,
            Self::Celsius => step * 1.8,
        }
    }
}

/// `value` with at most so many decimals, without idle zeros: 120, 121.3; never "-0".
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text.as_str(),
    };
    match text {
        "-0" => "0".into(),
        _ => text.into(),
    }
}

/// `value` with exactly so many decimals, so that a changing number keeps its width; never "-0".
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.into(),
        _ => text,
    }
}

/// Powers smaller than this are what the meters' noise and offsets make of nothing, W.
const NOTHING_W: f64 = 5.0;

/// The power without the meters' noise around nothing.
pub fn without_noise(power_w: f64) -> f64 {
    if power_w.abs() < NOTHING_W { 0.0 } else { power_w }
}

/// Watts for the eye: "840 W", "2.67 kW"; noise around nothing is "0 W".
pub fn watts(power_w: f64) -> String {
    let power_w = without_noise(power_w);
    match power_w.abs() < 999.5 {
        true => format!("{} W", fixed(power_w, 0)),
        false => format!("{} kW", fixed(power_w / 1000.0, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_go_both_ways() {
        let c = TemperatureUnit::Celsius;
        assert_eq!(c.of_f(212.0), 100.0);
        assert_eq!(c.of_f(-40.0), -40.0);
        assert_eq!(c.to_f(100.0), 212.0);
        assert!((c.of_step_f(9.0) - 5.0).abs() < 1e-12);
        assert_eq!(c.to_step_f(5.0), 9.0);
        assert_eq!(TemperatureUnit::Fahrenheit.of_f(121.3), 121.3);
    }

    #[test]
    fn digits_worth_reading() {
        assert_eq!(trimmed(120.0, 1), "120");
        assert_eq!(trimmed(121.34, 1), "121.3");
        assert_eq!(trimmed(-0.04, 1), "0");
        assert_eq!(trimmed(100.0, 0), "100");
        assert_eq!(fixed(-0.04, 1), "0.0");
        assert_eq!(fixed(-0.06, 1), "-0.1");
        assert_eq!(fixed(7.0, 2), "7.00");
    }

    #[test]
    fn watts_change_to_kilowatts() {
        assert_eq!(watts(0.0), "0 W");
        assert_eq!(watts(999.4), "999 W");
        assert_eq!(watts(999.6), "1.00 kW");
        assert_eq!(watts(2667.0), "2.67 kW");
        assert_eq!(watts(-3.2), "0 W");
        assert_eq!(watts(-40.0), "-40 W");
    }
}
