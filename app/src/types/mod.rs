//! Plain data on the wire, one file an area. Browser, server functions and REST all speak these types.
//!
//! Units stand in the names (`power_w`, `temperature_f`, `remaining_ms`); times are RFC 3339 in UTC.

pub mod control;
pub mod problem;
pub mod series;
pub mod session;
pub mod settings;
pub mod status;
