//! Suntank's decisions: one pure state machine that turns a frozen image of all sensors into relay commands.
//!
//! ```text
//! Inputs ─► readings ─► thermostats, daylight ─► arbiter (ladder) ─► contactors (order, rest) ─► watchdog ─► Outputs
//! ```
//!
//! What it promises, whatever it is fed:
//! - The same configuration, times, inputs and commands give the same outputs, on any machine, at any speed.
//! - A relay is closed only while every sensor of its circuit has a fresh, believable reading, never during the
//!   first 30 s, never while all-off is pressed, and never while a trip is latched: but for the one self-test that a
//!   person orders so that the latch may be cleared.
//! - The watchdog decides last and can only take away.
//! - Safety timers run on the monotonic clock; civil time moves nothing but the day/night window and time stamps.
//! - A step allocates only when something changed, and nothing in here grows without bound.
//!
//! What is absent: clocks, threads, files, network, serialisation, logging, and any way to close a relay other
//! than through [`Engine::step`]. A closed relay in [`outputs::Outputs`] is a permission until the next step.
//!
//! A step answers little ([`outputs::Step`]); the full picture is made on demand by [`Engine::snapshot`].

pub mod calibration;
pub mod config;
pub mod daylight;
pub mod engine;
pub mod inputs;
pub mod outputs;
pub mod units;

mod arbiter;
mod contactor;
mod heat;
mod panel;
mod readings;
mod record;
mod self_test;
mod thermostat;
mod trace;
mod watchdog;
mod zero;

pub use engine::{Command, DEFAULT_TEST_MS, Engine, MAX_TEST_MS, Refused};

/// Random tests begin with the same seed everywhere; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look further.
#[cfg(test)]
fn repeatable() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..Default::default()
    }
}
