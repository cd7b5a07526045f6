//! The heating element: a resistance that drifts a little with heat, and breaks.

/// How much the resistance grows for each watt it carries: 1 % a kilowatt, so a few per cent at full power
/// (nichrome's 1.7·10⁻⁴/K over a sheath some 60 K hotter a kilowatt).
const DRIFT_PER_W: f64 = 1e-5;
/// How long an element takes to warm through, s.
const WARM_UP_S: f64 = 30.0;
/// What is left of an element whose ends touch, Ω.
const SHORT_OHM: f64 = 0.05;

/// What can be wrong with an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ElementFault {
    /// Burnt through: no current.
    Open,
    /// A dead short at the element's terminals.
    Short,
    /// Its resistance is this multiple of what it should be: 0.5 for a half short, 2 with one of two parallel
    /// halves gone, 0.75 or 1.25 for drift. 0.01 to 100.
    Scaled(f64),
}

/// An element.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    cold_ohm: f64,
    warm_w: f64,
    fault: Option<ElementFault>,
}

impl Element {
    /// A cold element of `cold_ohm` Ω.
    pub fn new(cold_ohm: f64) -> Self {
        Self { cold_ohm, warm_w: 0.0, fault: None }
    }

    /// Its resistance now, Ω.
    pub fn ohms(&self) -> f64 {
        let whole = self.cold_ohm * (1.0 + DRIFT_PER_W * self.warm_w);
        match self.fault {
            None => whole,
            Some(ElementFault::Open) => f64::INFINITY,
            Some(ElementFault::Short) => SHORT_OHM,
            Some(ElementFault::Scaled(factor)) => whole * factor,
        }
    }

    /// Lets it warm or cool for `dt_s` seconds at `watts`.
    pub fn warm(&mut self, dt_s: f64, watts: f64) {
        self.warm_w += (watts - self.warm_w) * (dt_s / WARM_UP_S).min(1.0);
    }

    /// Sets or clears the fault.
    pub fn set_fault(&mut self, fault: Option<ElementFault>) {
        self.fault = fault;
    }

    /// The present fault.
    pub fn fault(&self) -> Option<ElementFault> {
        self.fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drifts_a_few_per_cent_with_heat() {
        let mut element = Element::new(36.9);
        assert_eq!(element.ohms(), 36.9);
        for _ in 0..600 {
            element.warm(1.0, 2600.0);
        }
        let drift = element.ohms() / 36.9 - 1.0;
        assert!((0.02..0.04).contains(&drift), "{drift}");
    }

    #[test]
    fn breaks_in_four_ways() {
        let ohms = |fault| {
            let mut element = Element::new(20.0);
            element.set_fault(Some(fault));
            element.ohms()
        };
        assert!(ohms(ElementFault::Open).is_infinite());
        assert_eq!(ohms(ElementFault::Short), SHORT_OHM);
        assert_eq!(ohms(ElementFault::Scaled(0.5)), 10.0);
        assert_eq!(ohms(ElementFault::Scaled(1.25)), 25.0);
    }
}
