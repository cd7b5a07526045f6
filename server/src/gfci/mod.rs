//! The external ground-fault panel: what the host knows of it, asks of it and believes of it.
//!
//! The panel trips by itself, in its own hardware; this side polls it, holds the lease of its two outside relays
//! and lets a person see, reset and configure it. Two dialects are spoken: [`json`], the contract of
//! `openapi/gfci-panel.yaml`, and [`serial_bridge`], for panels in the field. Both are a [`Panel`]; [`poller`]
//! decides when what is asked, without a socket or a clock; [`link`] is the task that does it. [`sim`] holds the
//! panels to try it on.
//!
//! Promises: one request at a time, each at most [`REQUEST_TIMEOUT`]; at most [`http::BODY_LIMIT`] of an answer is
//! read; no redirect is followed; the address is resolved once. The panel speaks plain HTTP, so that its word may
//! add a trip and never remove one: only the engine clears trips.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use engine::inputs::CircuitId;
use serde::{Deserialize, Serialize};

pub mod address;
pub mod config;
pub mod http;
pub mod json;
pub mod link;
pub mod poller;
pub mod serial_bridge;
pub mod sim;

/// The whole time a poll or an order may take, from connecting to the last byte.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(400);
/// An "on" lapses in the panel after this, unless it is renewed.
pub const LEASE: Duration = Duration::from_secs(8);

/// A panel, whatever its dialect. Every call is one attempt: repeating is the caller's affair.
#[async_trait]
pub trait Panel: Send + Sync {
    /// The state of both breakers.
    ///
    /// # Errors
    /// [`PanelError`], as all calls here.
    async fn poll(&self) -> Result<Poll, PanelError>;

    /// Which device answers.
    ///
    /// # Errors
    /// [`PanelError`]; [`PanelError::NotSupported`] where the dialect has no such call.
    async fn info(&self) -> Result<Info, PanelError>;

    /// Closes the circuit's outside relay for [`LEASE`], where the dialect has a lease, or opens it.
    ///
    /// # Errors
    /// [`PanelError`]; the relay may then be in either state.
    async fn set_relay(&self, circuit: CircuitId, on: bool) -> Result<(), PanelError>;

    /// Resets a tripped breaker. The serial bridge resets both and knows neither identifier nor trip.
    ///
    /// # Errors
    /// [`PanelError`]; a refusal is for a person, never to be tried again by itself.
    async fn reset(&self, circuit: CircuitId, reset: &Reset) -> Result<ResetOutcome, PanelError>;

    /// The breaker's settings.
    ///
    /// # Errors
    /// [`PanelError`].
    async fn breaker_config(&self, circuit: CircuitId) -> Result<BreakerConfig, PanelError>;

    /// Replaces the breaker's settings, if they still are of the revision given. The serial bridge has one leakage
    /// threshold for both breakers.
    ///
    /// # Errors
    /// [`PanelError`]; [`PanelError::NotSupported`] names the first entry the dialect has not.
    async fn set_breaker_config(&self, circuit: CircuitId, config: &BreakerConfig)
    -> Result<BreakerConfig, PanelError>;

    /// The panel's network settings in force.
    ///
    /// # Errors
    /// [`PanelError`]; [`PanelError::NotSupported`] where the dialect has none.
    async fn network(&self) -> Result<Network, PanelError>;

    /// Hands over new network settings; they roll back unless confirmed at the new address in time.
    ///
    /// # Errors
    /// As [`Panel::network`].
    async fn set_network(&self, network: &Network) -> Result<NetworkChange, PanelError>;

    /// Keeps the new network settings. Answers those in force, whose revision shows whether it came in time.
    ///
    /// # Errors
    /// As [`Panel::network`].
    async fn confirm_network(&self) -> Result<Network, PanelError>;
}

/// What a dialect can do. The screen shows what is missing rather than pretend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// An "on" lapses by itself, and is to be renewed. Without a lease it is sent once.
    pub lease: bool,
    /// A reset can be repeated without being done twice, and never clears a newer trip.
    pub request_ids: bool,
    /// The response speed can be set.
    pub response_factor: bool,
    /// The network can be set.
    pub network: bool,
}

/// One good poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// What tells one start of the panel from the next; `None` where the dialect has no such thing.
    pub boot: Option<Boot>,
    /// Circuit 1's and circuit 2's breaker.
    pub breakers: [Breaker; 2],
}

/// Which start of the panel speaks, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Differs from start to start.
    pub id: String,
    /// Since that start, s.
    pub uptime_s: u64,
    /// Counts up with each change in the panel.
    pub seq: u64,
}

/// What a panel says of one breaker. What its dialect can't tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Breaker {
    /// Tripped, latched or out of order: the circuit must be off.
    pub tripped: bool,
    /// The state, in the panel's word.
    pub state: Option<BreakerState>,
    /// The outside relay's contact.
    pub relay_on: Option<bool>,
    /// Leakage, mA.
    pub leakage_ma: Option<f64>,
    /// Highest leakage since the last reset, mA.
    pub leakage_peak_ma: Option<f64>,
    /// False: the panel can't measure leakage, so that the circuit is unprotected.
    pub leakage_valid: Option<bool>,
    /// Trips since the panel was made.
    pub trip_count: Option<u64>,
    /// The newest trip.
    pub last_trip: Option<Trip>,
}

/// A breaker's state, in the panel's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Current can flow.
    Closed,
    /// Opened by hand.
    Open,
    /// Opened by a trip.
    Tripped,
    /// Out of order.
    Fault,
}

/// A trip, as the panel remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trip {
    /// Its number, which a reset has to name.
    pub seq: u64,
    /// What it was for.
    pub cause: TripCause,
    /// Leakage at that moment, mA.
    pub leakage_ma: f64,
    /// Moment of the trip since the panel's start, s.
    pub uptime_s: u64,
}

/// What a breaker tripped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TripCause {
    /// Leakage above the threshold.
    Leakage,
    /// Current above the limit.
    Overcurrent,
    /// The panel's test of itself.
    SelfTest,
    /// Asked for from outside.
    Remote,
}

/// What identifies a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Stays with the device.
    pub device_id: String,
    /// The make.
    pub model: String,
    /// Its program's version.
    pub firmware: String,
    /// The contract's version, 1.
    pub api: u32,
    /// How many breakers, 2.
    pub breakers: u32,
}

/// A person's wish to reset a breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The same in each repetition, so that the panel does it once.
    pub request_id: String,
    /// The trip the person saw; a newer one is not cleared by this.
    pub expect_trip_seq: u64,
}

/// What came of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetOutcome {
    /// The breaker is closed again.
    Reset,
    /// It was not tripped.
    AlreadyClosed,
}

/// A breaker's settings. What its dialect has not is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerConfig {
    /// Which version of the settings this is.
    pub revision: Option<u64>,
    /// Trips at this leakage, mA.
    pub leakage_trip_ma: f64,
    /// Warns at this leakage, mA.
    pub leakage_warn_ma: Option<f64>,
    /// Trips at this current, A.
    pub overcurrent_trip_a: Option<f64>,
    /// Stretches (above 1) or shortens the time to a trip.
    pub response_speed_factor: Option<f64>,
}

/// The panel's network settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Which version of the settings this is.
    pub revision: u64,
    /// Where the address comes from.
    pub mode: NetworkMode,
    /// The address, IPv4.
    pub ip: std::net::Ipv4Addr,
    /// Bits of the network's part of the address.
    pub prefix: u8,
    /// The way out, in the same network.
    pub gateway: std::net::Ipv4Addr,
    /// Name servers.
    pub dns: Vec<std::net::Ipv4Addr>,
    /// The panel's own name.
    pub hostname: String,
}

/// Where the panel's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// From the network.
    Dhcp,
    /// From the settings.
    Static,
}

/// What the panel does with new network settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkChange {
    /// The panel starts anew for it, and its relays open.
    pub restart_required: bool,
    /// They are in force after this, s.
    pub apply_in_s: u64,
    /// They roll back unless confirmed within this, s, from then on.
    pub confirm_within_s: u64,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PanelError {
    /// No whole answer in time. The panel may have done what was asked.
    #[error("the panel did not answer in time")]
    Timeout,
    /// No connection, or it broke. The panel may have done what was asked.
    #[error("the panel can't be reached: {0}")]
    Unreachable(String),
    /// More than [`http::BODY_LIMIT`].
    #[error("the panel's answer is too long")]
    TooLong,
    /// It points elsewhere, which nobody follows.
    #[error("the panel points elsewhere (status {0}), which is not followed")]
    Redirected(u16),
    /// An answer that makes no sense.
    #[error("the panel's answer makes no sense ({reason}): {first}")]
    Garbage {
        /// What is wrong.
        reason: String,
        /// How it begins.
        first: Excerpt,
    },
    /// A status that means failure, without an error the contract knows.
    #[error("the panel answered with status {status}: {first}")]
    Failed {
        /// The HTTP status.
        status: u16,
        /// How its body begins.
        first: Excerpt,
    },
    /// The panel says no, and why.
    #[error("the panel refused ({code}): {message}")]
    Refused {
        /// The contract's word, e.g. `fault_present`.
        code: String,
        /// For people.
        message: String,
        /// Which field is meant.
        field: Option<String>,
        /// Worth trying after this, s.
        retry_after_s: Option<u64>,
    },
    /// This dialect has no such thing.
    #[error("this panel does not support {0}")]
    NotSupported(&'static str),
    /// Nobody asks the panel: its address is not known yet, or too many requests wait.
    #[error("the panel is not ready for requests")]
    NotReady,
}

impl PanelError {
    /// True when the panel may have done what was asked although no answer came.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable(_))
    }
}

/// The first bytes of something unwelcome, made harmless for logs: at most [`Excerpt::BYTES`], escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// So much of it is kept.
    pub const BYTES: usize = 48;

    /// How these bytes begin.
    pub fn of(bytes: &[u8]) -> Self {
        let first = &bytes[..bytes.len().min(Self::BYTES)];
        Self(first.escape_ascii().to_string())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
