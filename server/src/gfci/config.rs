//! The panel's part of the configuration file.
//!
//! ```toml
//! [gfci]
//! protocol = "json"
//! address = "192.168.1.40:80"
//! token = "…"
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::gfci::address::{Address, AddressError};
use crate::gfci::http::Http;
use crate::gfci::json::JsonPanel;
use crate::gfci::serial_bridge::{DEFAULT_BAUD, SerialBridgePanel};
use crate::gfci::{Abilities, Panel, PanelError, json, serial_bridge};

/// Which panel there is, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GfciConfig {
    /// The dialect.
    pub protocol: Protocol,
    /// `host:port`; port 80 when absent.
    #[serde(deserialize_with = "address")]
    pub address: Address,
    /// The bearer token of `json`. The serial bridge knows none.
    #[serde(default)]
    pub token: Token,
    /// The line speed of `serial-bridge`.
    #[serde(default = "default_baud")]
    pub baud: u32,
    /// Lets the panel be on this very host: for simulated ones.
    #[serde(default)]
    pub allow_loopback: bool,
}

/// The dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `openapi/gfci-panel.yaml`.
    Json,
    /// Lines through an ESP32 to a microcontroller.
    SerialBridge,
}

/// A secret that shows in no log.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl Token {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Protocol {
    /// What the dialect can do.
    pub const fn abilities(self) -> Abilities {
        match self {
            Self::Json => json::ABILITIES,
            Self::SerialBridge => serial_bridge::ABILITIES,
        }
    }
}

impl GfciConfig {
    /// Checks what can be checked without the network.
    ///
    /// # Errors
    /// [`AddressError::Forbidden`] for a number that is this host.
    pub fn check(&self) -> Result<(), AddressError> {
        self.address.check(self.allow_loopback)
    }

    /// The panel at this address, each of whose requests ends within `timeout`.
    ///
    /// # Errors
    /// When the system gives no client.
    pub fn panel(&self, address: SocketAddr, timeout: Duration) -> Result<Arc<dyn Panel>, PanelError> {
        let http = Http::new(address, timeout)?;
        Ok(match self.protocol {
            Protocol::Json => Arc::new(JsonPanel::new(http, self.token.expose())),
            Protocol::SerialBridge => Arc::new(SerialBridgePanel::new(http, self.baud)),
        })
    }
}

const fn default_baud() -> u32 {
    DEFAULT_BAUD
}

fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
