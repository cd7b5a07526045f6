//! Overrides: a person takes a circuit or a relay in hand for a while.

use serde::{Deserialize, Serialize};

/// Force an output on or off for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct OverrideRequest {
    /// On (`true`) or off.
    pub on: bool,
    /// For how long, in seconds: 10 to 86,400.
    pub for_s: u32,
}

/// Which output an override is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum OverrideTarget {
    /// A circuit: 1 or 2.
    Circuit(u8),
    /// A relay: `inside1`, `outside1`, `inside2` or `outside2`.
    Relay(String),
}

/// An output and what a person wants of it; `null` hands it back to automatic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct OverrideOrder {
    /// Which output.
    pub target: OverrideTarget,
    /// What it shall do; `null` is automatic.
    #[serde(rename = "override")]
    pub forced: Option<OverrideRequest>,
}
