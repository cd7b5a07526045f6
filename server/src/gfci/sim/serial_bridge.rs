//! The simulated panel's side of `serial-bridge`: the bridge, and the microcontroller behind it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::inputs::CircuitId;
use serde::Deserialize;

use crate::gfci::ResetOutcome;
use crate::gfci::sim::SimPanel;
use crate::gfci::sim::device::Settings;

/// The bridge: its panel, and whether and at what speed its line is open.
#[derive(Clone)]
struct Bridge {
    panel: SimPanel,
    baud: Arc<Mutex<Option<u32>>>,
}

#[derive(Deserialize)]
struct Start {
    baud: u32,
}

#[derive(Deserialize)]
struct Send {
    timeout: u64,
}

#[derive(Deserialize)]
struct Gpio {
    pin: u8,
    state: u8,
}

/// The dialect's routes.
pub(super) fn router(panel: SimPanel) -> Router {
    Router::new()
        .route("/start", post(start))
        .route("/end", post(end))
        .route("/send_sync", post(send_sync))
        .route("/send_async", post(send_async))
        .route("/gpio", post(gpio))
        .with_state(Bridge { panel, baud: Arc::default() })
}

impl Bridge {
    fn line(&self) -> std::sync::MutexGuard<'_, Option<u32>> {
        self.baud.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn start(State(bridge): State<Bridge>, Query(start): Query<Start>) -> &'static str {
    *bridge.line() = Some(start.baud);
    "OK\n"
}

async fn end(State(bridge): State<Bridge>) -> &'static str {
    *bridge.line() = None;
    "OK\n"
}

/// One command, one answer. A microcontroller that doesn't know the command is silent, and the bridge's patience
/// of `timeout` ms ends.
async fn send_sync(State(bridge): State<Bridge>, Query(send): Query<Send>, command: String) -> Response {
    if bridge.line().is_none() {
        return closed();
    }
    match obey(&bridge.panel, command.trim_end()) {
        Some(answer) => format!("{answer}\r\n").into_response(),
        None => {
            tokio::time::sleep(std::time::Duration::from_millis(send.timeout.min(10_000))).await;
            (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT\n").into_response()
        }
    }
}

async fn send_async(State(bridge): State<Bridge>, command: String) -> Response {
    if bridge.line().is_none() {
        return closed();
    }
    obey(&bridge.panel, command.trim_end());
    "OK\n".into_response()
}

/// The pins lead nowhere in this panel.
async fn gpio(Query(gpio): Query<Gpio>) -> Response {
    if gpio.pin < 40 && gpio.state < 2 { "OK\n".into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

fn closed() -> Response {
    (StatusCode::CONFLICT, "NOT STARTED\n").into_response()
}

/// What the microcontroller does and answers.
fn obey(panel: &SimPanel, command: &str) -> Option<String> {
    if let Some(threshold) = command.strip_prefix("S_T") {
        return set_threshold(panel, threshold.trim_start());
    }
    if let Some((word, circuit)) = numbered(command) {
        return panel.with(|device| match word {
            "ST" => Some(if device.breakers[circuit.index()].tripped { "TRIPPED".into() } else { "OK".into() }),
            "ON" => Some(device.set_relay(circuit, true, None).map_or("TRIPPED", |()| "OK").into()),
            "OFF" => Some(device.set_relay(circuit, false, None).map_or("ERROR", |()| "OK").into()),
            _ => None,
        });
    }
    panel.with(|device| match command {
        "G_T" => Some(device.breakers[0].settings.leakage_trip_ma.to_string()),
        "D_Q" => Some(
            CircuitId::ALL
                .map(|id| {
                    format!(
                        "{}:{:.1}mA,{}",
                        id.number(),
                        device.worlds[id.index()].leakage_ma,
                        device.breakers[id.index()].trip_count
                    )
                })
                .join(" "),
        ),
        "RST" => {
            let results = CircuitId::ALL.map(|id| device.close(id));
            let closed = |result: &Result<ResetOutcome, _>| result.is_ok();
            Some(if results.iter().all(closed) { "OK".into() } else { "FAULT".into() })
        }
        _ => None,
    })
}

/// A command for one breaker: its word and its number.
fn numbered(command: &str) -> Option<(&str, CircuitId)> {
    let (word, number) = command.split_at_checked(command.len().checked_sub(1)?)?;
    Some((word, CircuitId::from_number(number.parse().ok()?)?))
}

/// One threshold for both breakers.
fn set_threshold(panel: &SimPanel, text: &str) -> Option<String> {
    let leakage_trip_ma: f64 = text.parse().ok()?;
    panel.with(|device| {
        let changed = CircuitId::ALL.map(|id| {
            let old = device.breakers[id.index()].settings;
            let leakage_warn_ma = old.leakage_warn_ma.min(leakage_trip_ma * 0.9);
            device.configure(id, old.revision, Settings { leakage_trip_ma, leakage_warn_ma, ..old })
        });
        Some(if changed.iter().all(Result::is_ok) { "OK".into() } else { "ERROR".into() })
    })
}
