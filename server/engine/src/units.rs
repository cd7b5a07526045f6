//! Physical quantities as types, so that a volt is never handed where an ampere is wanted.
//!
//! Each wraps one `f64` in the unit in which Suntank stores it: °F, V, A, W, Wh, Ω. Conversions exist only
//! where physics has one (`Volts * Amperes = Watts`). The wire and the database use bare doubles with the
//! unit in the name (`tank_temp_f`, `power_w`).

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(pub f64);

        impl $name {
            /// The bare number.
            pub const fn get(self) -> f64 {
                self.0
            }
            /// True when the number is neither NaN nor infinite.
            pub const fn is_finite(self) -> bool {
                self.0.is_finite()
            }
            /// The magnitude.
            pub const fn abs(self) -> Self {
                Self(self.0.abs())
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }
    };
}

unit!(
    /// Temperature, or a difference of temperatures, in degrees Fahrenheit.
    Fahrenheit
);
unit!(
    /// Electric potential in volts.
    Volts
);
unit!(
    /// Electric current in amperes.
    Amperes
);
unit!(
    /// Power in watts.
    Watts
);
unit!(
    /// Energy in watt-hours.
    WattHours
);
unit!(
    /// Resistance in ohms.
    Ohms
);

impl Fahrenheit {
    /// The same temperature, given in degrees Celsius.
    pub fn from_celsius(celsius: f64) -> Self {
        Self(celsius * 1.8 + 32.0)
    }
    /// The same temperature in degrees Celsius.
    pub fn to_celsius(self) -> f64 {
        (self.0 - 32.0) / 1.8
    }
}

impl Mul<Amperes> for Volts {
    type Output = Watts;
    fn mul(self, current: Amperes) -> Watts {
        Watts(self.0 * current.0)
    }
}

impl Div<Amperes> for Volts {
    type Output = Ohms;
    fn div(self, current: Amperes) -> Ohms {
        Ohms(self.0 / current.0)
    }
}

impl Watts {
    /// The energy of this power held for `ms` milliseconds.
    pub fn over_ms(self, ms: u64) -> WattHours {
        WattHours(self.0 * ms as f64 / 3_600_000.0)
    }
}

/// A moment of civil time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMs(pub i64);

/// The time of a step, handed in by whoever runs the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic milliseconds since an arbitrary start. All safety timers run on this alone.
    pub mono_ms: u64,
    /// Civil time, or `None` while the clock is not believable (a Pi without a real-time clock at boot).
    pub wall: Option<UtcMs>,
}

impl Now {
    /// Milliseconds since `earlier_mono_ms`; zero when that lies in the future.
    pub const fn since(self, earlier_mono_ms: u64) -> u64 {
        self.mono_ms.saturating_sub(earlier_mono_ms)
    }
}
