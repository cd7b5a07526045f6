//! The simulated panel's side of `openapi/gfci-panel.yaml`.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use engine::inputs::CircuitId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gfci::sim::SimPanel;
use crate::gfci::sim::device::{Device, Refusal, Settings};
use crate::gfci::{BreakerState, Info, Network, NetworkChange, Reset};

/// The dialect's routes.
pub(super) fn router(panel: SimPanel) -> Router {
    let guarded = Router::new()
        .route("/status", get(status))
        .route("/breakers/{n}", get(breaker))
        .route("/breakers/{n}/relay", put(relay))
        .route("/breakers/{n}/reset", post(reset))
        .route("/breakers/{n}/config", get(config).put(set_config))
        .route("/network", get(network).put(set_network))
        .route("/network/confirm", post(confirm_network))
        .layer(middleware::from_fn_with_state(panel.clone(), authenticate));
    Router::new().nest("/api/v1", guarded.route("/info", get(info))).fallback(no_such_path).with_state(panel)
}

/// An error of the contract.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    field: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl Problem {
    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, field: None, retry_after_s: None }
    }

    const fn malformed(field: Option<&'static str>) -> Self {
        Self { field, ..Self::new(StatusCode::BAD_REQUEST, "malformed", "the request can't be read") }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::FaultPresent => {
                Self::new(StatusCode::CONFLICT, "fault_present", "what tripped the breaker is still there")
            }
            Refusal::TripChanged => Self::new(StatusCode::CONFLICT, "trip_changed", "another trip is the newest"),
            Refusal::RevisionMismatch => {
                Self::new(StatusCode::PRECONDITION_FAILED, "revision_mismatch", "the settings have changed")
            }
            Refusal::OutOfRange(field) => Self {
                field: Some(field),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", "a value is out of its range")
            },
            Refusal::ResetLockout(seconds) => Self {
                retry_after_s: Some(seconds),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "reset_lockout", "too many resets")
            },
            Refusal::Busy(seconds) => Self {
                retry_after_s: Some(seconds),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "another change is under way")
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(field) = self.field {
            error["field"] = field.into();
        }
        if let Some(seconds) = self.retry_after_s {
            error["retry_after_s"] = seconds.into();
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

async fn authenticate(State(panel): State<SimPanel>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|text| text.strip_prefix("Bearer ")) == Some(&panel.token) {
        next.run(request).await
    } else {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid bearer token is needed").into_response()
    }
}

async fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such path")
}

fn circuit(number: &str) -> Result<CircuitId, Problem> {
    let id = number.parse().ok().and_then(CircuitId::from_number);
    id.ok_or(Problem::new(StatusCode::NOT_FOUND, "no_such_breaker", "breakers are 1 and 2"))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::malformed(None))
}

/// The revision in `If-Match`, bare or as an entity tag.
fn revision(headers: &HeaderMap) -> Result<u64, Problem> {
    let text = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.trim_matches('"').parse().ok()).ok_or(Problem::malformed(Some("If-Match")))
}

async fn info() -> Json<Info> {
    Json(Info {
        device_id: "simulated-panel-1".into(),
        model: "Simulated GFCI panel".into(),
        firmware: env!("CARGO_PKG_VERSION").into(),
        api: 1,
        breakers: 2,
    })
}

async fn status(State(panel): State<SimPanel>) -> Json<Value> {
    panel.with(|device| {
        Json(json!({
            "boot_id": device.boot_id(),
            "uptime_s": device.uptime_s(),
            "seq": device.seq(),
            "breakers": CircuitId::ALL.map(|id| breaker_json(device, id)),
        }))
    })
}

async fn breaker(State(panel): State<SimPanel>, Path(n): Path<String>) -> Result<Json<Value>, Problem> {
    let id = circuit(&n)?;
    Ok(Json(panel.with(|device| breaker_json(device, id))))
}

fn breaker_json(device: &Device, id: CircuitId) -> Value {
    let breaker = &device.breakers[id.index()];
    let world = device.worlds[id.index()];
    let state = if breaker.tripped { BreakerState::Tripped } else { BreakerState::Closed };
    json!({
        "id": id.number(),
        "state": state,
        "tripped": breaker.tripped,
        "latched": breaker.tripped,
        "relay_on": device.is_relay_on(id),
        "leakage_ma": world.leakage_ma,
        "leakage_valid": world.leakage_valid,
        "leakage_peak_ma": breaker.leakage_peak_ma,
        "trip_count": breaker.trip_count,
        "last_trip": breaker.last_trip,
    })
}

async fn relay(State(panel): State<SimPanel>, Path(n): Path<String>, body: Bytes) -> Result<Json<Value>, Problem> {
    #[derive(Deserialize)]
    struct Order {
        on: bool,
        expires_in_ms: Option<u64>,
    }
    let id = circuit(&n)?;
    let order: Order = read(&body)?;
    if order.on && order.expires_in_ms.is_none() {
        return Err(Problem::malformed(Some("expires_in_ms")));
    }
    panel.with(|device| {
        device.set_relay(id, order.on, order.expires_in_ms)?;
        Ok(Json(breaker_json(device, id)))
    })
}

async fn reset(State(panel): State<SimPanel>, Path(n): Path<String>, body: Bytes) -> Result<Json<Value>, Problem> {
    let id = circuit(&n)?;
    let reset: Reset = read(&body)?;
    if !(1..=64).contains(&reset.request_id.len()) {
        return Err(Problem::malformed(Some("request_id")));
    }
    let result = panel.with(|device| device.reset(id, &reset))?;
    Ok(Json(json!({ "result": result })))
}

/// A breaker's settings on the wire.
#[derive(Serialize, Deserialize)]
struct WireSettings {
    revision: u64,
    leakage_trip_ma: f64,
    leakage_warn_ma: f64,
    overcurrent_trip_a: f64,
    response_speed_factor: f64,
    auto_reset: bool,
}

impl From<Settings> for WireSettings {
    fn from(settings: Settings) -> Self {
        Self {
            revision: settings.revision,
            leakage_trip_ma: settings.leakage_trip_ma,
            leakage_warn_ma: settings.leakage_warn_ma,
            overcurrent_trip_a: settings.overcurrent_trip_a,
            response_speed_factor: settings.response_speed_factor,
            auto_reset: false,
        }
    }
}

async fn config(State(panel): State<SimPanel>, Path(n): Path<String>) -> Result<Json<WireSettings>, Problem> {
    let id = circuit(&n)?;
    Ok(Json(panel.with(|device| device.breakers[id.index()].settings).into()))
}

async fn set_config(
    State(panel): State<SimPanel>,
    Path(n): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<WireSettings>, Problem> {
    let id = circuit(&n)?;
    let revision = revision(&headers)?;
    let wire: WireSettings = read(&body)?;
    if wire.auto_reset {
        return Err(Refusal::OutOfRange("auto_reset").into());
    }
    let new = Settings {
        revision,
        leakage_trip_ma: wire.leakage_trip_ma,
        leakage_warn_ma: wire.leakage_warn_ma,
        overcurrent_trip_a: wire.overcurrent_trip_a,
        response_speed_factor: wire.response_speed_factor,
    };
    Ok(Json(panel.with(|device| device.configure(id, revision, new))?.into()))
}

async fn network(State(panel): State<SimPanel>) -> Json<Network> {
    Json(panel.with(|device| device.network().clone()))
}

async fn set_network(State(panel): State<SimPanel>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let revision = revision(&headers)?;
    let new: Network = read(&body)?;
    let (apply_in_s, confirm_within_s) = panel.with(|device| device.set_network(revision, new))?;
    let change = NetworkChange { restart_required: false, apply_in_s, confirm_within_s };
    Ok((StatusCode::ACCEPTED, Json(change)).into_response())
}

async fn confirm_network(State(panel): State<SimPanel>) -> Json<Network> {
    Json(panel.with(|device| device.confirm_network().clone()))
}
