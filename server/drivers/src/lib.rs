//! Sensors and outputs. [`hal`] has one trait a class; a driver is one file: [`dummy`], [`simulated`] and, on a
//! Raspberry Pi, [`gpio`]. Configuration ([`config`]) chooses one for each sensor and each relay, and
//! [`DriverSet`] holds those that are chosen. [`mirror`] shows the relays' states to who watches from outside;
//! [`open_all`] opens every output when the process that held them is gone.
//!
//! Promises: reading never blocks the control loop; every relay is opened when its driver starts and when it
//! is dropped; simulated and real outputs never load together; a real relay is accepted only where its
//! circuit's sensors are real too. Absent here: decisions, calibration, retries.

pub mod config;
pub mod dummy;
pub mod gpio;
pub mod hal;
pub mod mirror;
mod set;
pub mod simulated;

pub use set::{DriverError, DriverSet, open_all};
