//! One trait a class of device. The rest of Suntank knows devices by these alone.

use engine::inputs::Channel;

/// Something that measures one value.
pub trait Sensor: Send {
    /// The newest sample and, if the newest attempt failed, its fault.
    ///
    /// Returns at once: a device that takes time is read elsewhere, and this hands out what came of it. `now_ms`
    /// is the monotonic time of the asking; the sample carries the time at which it was taken.
    fn channel(&mut self, now_ms: u64) -> Channel;
}

/// Something that closes and opens one contact.
pub trait Relay: Send {
    /// Closes (`true`) or opens the contact. Called in every step, so that an output which lost its state gets
    /// it again.
    ///
    /// # Errors
    /// [`OutputFault`] when the device did not take the state; the contact may then be in either.
    fn write(&mut self, closed: bool) -> Result<(), OutputFault>;
}

/// An output that did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the output did not take its state: {0}")]
pub struct OutputFault(pub String);
