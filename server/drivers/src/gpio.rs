//! A relay on a pin of the Raspberry Pi's header. The only file that names `rppal`.
//!
//! The pin is taken at its off level, and is off again when the driver is dropped. A pin keeps its level when
//! the process is killed: that is for the guard and for the pull resistor, not for this file.

use embedded_hal::digital::{OutputPin, PinState};

use crate::DriverError;
use crate::config::GpioRelay;
use crate::hal::{OutputFault, Relay};

/// Takes the pin, open.
pub(crate) fn open(config: GpioRelay) -> Result<Box<dyn Relay>, DriverError> {
    let unavailable = |error: rppal::gpio::Error| DriverError::Unavailable(format!("GPIO pin {}: {error}", config.pin));
    let pin = rppal::gpio::Gpio::new().and_then(|gpio| gpio.get(config.pin)).map_err(unavailable)?;
    // The level goes out together with the direction, so that the contact never closes in between.
    let mut pin = if config.active_low { pin.into_output_high() } else { pin.into_output_low() };
    pin.set_reset_on_drop(false);
    Ok(Box::new(PinRelay::new(pin, config.active_low)))
}

/// A relay on any output pin of `embedded-hal`.
struct PinRelay<P: OutputPin> {
    pin: P,
    active_low: bool,
}

impl<P: OutputPin> PinRelay<P> {
    const fn new(pin: P, active_low: bool) -> Self {
        Self { pin, active_low }
    }

    fn set(&mut self, closed: bool) -> Result<(), P::Error> {
        self.pin.set_state(PinState::from(closed != self.active_low))
    }
}

impl<P: OutputPin + Send> Relay for PinRelay<P> {
    fn write(&mut self, closed: bool) -> Result<(), OutputFault> {
        self.set(closed).map_err(|error| OutputFault(format!("{error:?}")))
    }
}

impl<P: OutputPin> Drop for PinRelay<P> {
    fn drop(&mut self) {
        // Nobody is left to tell; the guard opens it again.
        let _ = self.set(false);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;

    /// Writes on, then off, then drops the driver, and checks the levels on the pin.
    fn check(active_low: bool, levels: [State; 3]) {
        let mut pin = Mock::new(&levels.map(Transaction::set));
        let mut relay = PinRelay::new(pin.clone(), active_low);
        relay.write(true).unwrap();
        relay.write(false).unwrap();
        drop(relay);
        pin.done();
    }

    #[test]
    fn closes_by_the_boards_polarity_and_is_off_after_the_driver() {
        check(false, [State::High, State::Low, State::Low]);
        check(true, [State::Low, State::High, State::High]);
    }

    #[test]
    fn a_pin_that_fails_is_a_fault() {
        let broken = Transaction::set(State::High)
            .with_error(embedded_hal_mock::eh1::MockError::Io(std::io::ErrorKind::NotConnected));
        let mut pin = Mock::new(&[broken, Transaction::set(State::Low)]);
        let mut relay = PinRelay::new(pin.clone(), false);
        assert!(relay.write(true).is_err());
        drop(relay);
        pin.done();
    }

    #[test]
    fn without_a_pi_it_says_so() {
        if std::path::Path::new("/proc/device-tree/model").exists() {
            return; // On a board the pin really opens, which a unit test must not do.
        }
        let error = open(GpioRelay { pin: 17, active_low: false }).err().unwrap();
        assert!(error.to_string().contains("GPIO pin 17"), "{error}");
    }
}
