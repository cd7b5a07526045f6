//! The dialect `json`: the contract of `openapi/gfci-panel.yaml`, from the host's side.
//!
//! Strict where it matters: each field that is needed must be there once, of its type and in its range, for exactly
//! two breakers. Fields the contract does not know are passed over, so that a newer panel can be read.

use ::http::{Method, StatusCode, header};
use async_trait::async_trait;
use engine::inputs::CircuitId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::gfci::http::{Answer, Http};
use crate::gfci::{
    Abilities, Boot, Breaker, BreakerConfig, BreakerState, Info, LEASE, Network, NetworkChange, Panel, PanelError,
    Poll, Reset, ResetOutcome, Trip,
};

/// What this dialect can do: everything.
pub const ABILITIES: Abilities = Abilities { lease: true, request_ids: true, response_factor: true, network: true };
/// The contract's version this speaks.
const API: u32 = 1;
/// Longest identifier or word that is taken over from the panel, bytes.
const WORD_LIMIT: usize = 64;
/// Longest sentence that is taken over from the panel, characters.
const MESSAGE_LIMIT: usize = 200;

/// A panel that speaks `json`.
#[derive(Debug, Clone)]
pub struct JsonPanel {
    http: Http,
    token: String,
}

impl JsonPanel {
    /// A panel at the end of this client, which wants this token.
    pub fn new(http: Http, token: impl Into<String>) -> Self {
        Self { http, token: token.into() }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, PanelError> {
        parse(&self.call(Method::GET, path, None, &()).await?)
    }

    /// Sends a request and gives its answer, if that is a success.
    async fn call(
        &self,
        method: Method,
        path: &str,
        revision: Option<u64>,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PanelError> {
        let mut request = self.http.request(method.clone(), &format!("/api/v1{path}")).bearer_auth(&self.token);
        if let Some(revision) = revision {
            request = request.header(header::IF_MATCH, revision);
        }
        if method != Method::GET {
            let text = serde_json::to_vec(body)
                .map_err(|error| PanelError::Unreachable(format!("the request can't be written: {error}")))?;
            request = request.header(header::CONTENT_TYPE, "application/json").body(text);
        }
        let answer = self.http.send(request).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
    }
}

#[async_trait]
impl Panel for JsonPanel {
    async fn poll(&self) -> Result<Poll, PanelError> {
        let answer = self.call(Method::GET, "/status", None, &()).await?;
        poll(&answer)
    }

    async fn info(&self) -> Result<Info, PanelError> {
        let answer = self.call(Method::GET, "/info", None, &()).await?;
        let info: Info = parse(&answer)?;
        let words = [&info.device_id, &info.model, &info.firmware];
        if info.api != API || info.breakers != 2 || words.iter().any(|word| word.len() > WORD_LIMIT) {
            return Err(answer.garbage("not a panel with two breakers of this contract"));
        }
        Ok(info)
    }

    async fn set_relay(&self, circuit: CircuitId, on: bool) -> Result<(), PanelError> {
        let expires_in_ms = if on { LEASE.as_millis() } else { 0 };
        let body = serde_json::json!({ "on": on, "expires_in_ms": expires_in_ms as u64 });
        let path = format!("/breakers/{}/relay", circuit.number());
        self.call(Method::PUT, &path, None, &body).await.map(drop)
    }

    async fn reset(&self, circuit: CircuitId, reset: &Reset) -> Result<ResetOutcome, PanelError> {
        #[derive(Deserialize)]
        struct Outcome {
            result: ResetOutcome,
        }
        let path = format!("/breakers/{}/reset", circuit.number());
        let outcome: Outcome = parse(&self.call(Method::POST, &path, None, reset).await?)?;
        Ok(outcome.result)
    }

    async fn breaker_config(&self, circuit: CircuitId) -> Result<BreakerConfig, PanelError> {
        let path = format!("/breakers/{}/config", circuit.number());
        breaker_config(&self.call(Method::GET, &path, None, &()).await?)
    }

    async fn set_breaker_config(
        &self,
        circuit: CircuitId,
        config: &BreakerConfig,
    ) -> Result<BreakerConfig, PanelError> {
        let path = format!("/breakers/{}/config", circuit.number());
        let body = WireConfig::try_from(config)?;
        breaker_config(&self.call(Method::PUT, &path, Some(body.revision), &body).await?)
    }

    async fn network(&self) -> Result<Network, PanelError> {
        self.get("/network").await
    }

    async fn set_network(&self, network: &Network) -> Result<NetworkChange, PanelError> {
        let answer = self.call(Method::PUT, "/network", Some(network.revision), network).await?;
        if answer.status != StatusCode::ACCEPTED {
            return Err(answer.garbage("status 202 is what accepts a network"));
        }
        parse(&answer)
    }

    async fn confirm_network(&self) -> Result<Network, PanelError> {
        parse(&self.call(Method::POST, "/network/confirm", None, &serde_json::json!({})).await?)
    }
}

/// The status as it is on the wire.
#[derive(Deserialize)]
struct WireStatus {
    boot_id: String,
    uptime_s: u64,
    seq: u64,
    breakers: [WireBreaker; 2],
}

#[derive(Deserialize)]
struct WireBreaker {
    id: u8,
    state: BreakerState,
    tripped: bool,
    latched: bool,
    relay_on: bool,
    leakage_ma: f64,
    leakage_valid: bool,
    leakage_peak_ma: f64,
    trip_count: u64,
    #[serde(deserialize_with = "present")]
    last_trip: Option<Trip>,
}

/// The settings as they are on the wire.
#[derive(Serialize, Deserialize)]
struct WireConfig {
    revision: u64,
    leakage_trip_ma: f64,
    leakage_warn_ma: f64,
    overcurrent_trip_a: f64,
    response_speed_factor: f64,
    auto_reset: bool,
}

/// A field that may be null, but not absent.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, PanelError> {
    serde_json::from_slice(&answer.body).map_err(|error| answer.garbage(error))
}

/// Reads a status.
fn poll(answer: &Answer) -> Result<Poll, PanelError> {
    let status: WireStatus = parse(answer)?;
    if status.boot_id.is_empty() || status.boot_id.len() > WORD_LIMIT {
        return Err(answer.garbage("boot_id has a strange length"));
    }
    let numbers = CircuitId::ALL.map(CircuitId::number);
    if status.breakers.each_ref().map(|breaker| breaker.id) != numbers {
        return Err(answer.garbage("breakers must be 1 and 2, in order"));
    }
    if !status.breakers.iter().all(WireBreaker::is_plausible) {
        return Err(answer.garbage("a breaker contradicts itself"));
    }
    Ok(Poll {
        boot: Some(Boot { id: status.boot_id, uptime_s: status.uptime_s, seq: status.seq }),
        breakers: status.breakers.map(Breaker::from),
    })
}

impl WireBreaker {
    /// Leakage is no negative number, and what has tripped has a last trip.
    fn is_plausible(&self) -> bool {
        let is_leakage = |value: f64| value.is_finite() && value >= 0.0;
        is_leakage(self.leakage_ma)
            && is_leakage(self.leakage_peak_ma)
            && self.last_trip.is_none_or(|trip| is_leakage(trip.leakage_ma))
            && (!self.tripped || self.last_trip.is_some())
            && (self.state != BreakerState::Tripped || self.tripped)
    }
}

impl From<WireBreaker> for Breaker {
    fn from(wire: WireBreaker) -> Self {
        Self {
            tripped: wire.tripped || wire.latched || matches!(wire.state, BreakerState::Tripped | BreakerState::Fault),
            state: Some(wire.state),
            relay_on: Some(wire.relay_on),
            leakage_ma: Some(wire.leakage_ma),
            leakage_peak_ma: Some(wire.leakage_peak_ma),
            leakage_valid: Some(wire.leakage_valid),
            trip_count: Some(wire.trip_count),
            last_trip: wire.last_trip,
        }
    }
}

impl TryFrom<&BreakerConfig> for WireConfig {
    type Error = PanelError;

    fn try_from(config: &BreakerConfig) -> Result<Self, PanelError> {
        let missing = |field: &str| PanelError::Refused {
            code: "malformed".into(),
            message: format!("{field} is missing"),
            field: Some(field.into()),
            retry_after_s: None,
        };
        Ok(Self {
            revision: config.revision.ok_or_else(|| missing("revision"))?,
            leakage_trip_ma: config.leakage_trip_ma,
            leakage_warn_ma: config.leakage_warn_ma.ok_or_else(|| missing("leakage_warn_ma"))?,
            overcurrent_trip_a: config.overcurrent_trip_a.ok_or_else(|| missing("overcurrent_trip_a"))?,
            response_speed_factor: config.response_speed_factor.ok_or_else(|| missing("response_speed_factor"))?,
            auto_reset: false,
        })
    }
}

/// Reads a breaker's settings. A panel that resets by itself is not one this host works with.
fn breaker_config(answer: &Answer) -> Result<BreakerConfig, PanelError> {
    let wire: WireConfig = parse(answer)?;
    if wire.auto_reset {
        return Err(answer.garbage("auto_reset must be false"));
    }
    let numbers = [wire.leakage_trip_ma, wire.leakage_warn_ma, wire.overcurrent_trip_a, wire.response_speed_factor];
    if !numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
        return Err(answer.garbage("a setting is not above zero"));
    }
    Ok(BreakerConfig {
        revision: Some(wire.revision),
        leakage_trip_ma: wire.leakage_trip_ma,
        leakage_warn_ma: Some(wire.leakage_warn_ma),
        overcurrent_trip_a: Some(wire.overcurrent_trip_a),
        response_speed_factor: Some(wire.response_speed_factor),
    })
}

/// Reads an error of the contract, or says how the answer begins.
fn refusal(answer: &Answer) -> PanelError {
    #[derive(Deserialize)]
    struct Wire {
        error: WireError,
    }
    #[derive(Deserialize)]
    struct WireError {
        code: String,
        message: String,
        field: Option<String>,
        retry_after_s: Option<u64>,
    }
    match serde_json::from_slice::<Wire>(&answer.body) {
        Ok(Wire { error }) if is_word(&error.code) => PanelError::Refused {
            code: error.code,
            message: error.message.chars().filter(|c| !c.is_control()).take(MESSAGE_LIMIT).collect(),
            field: error.field.filter(|field| is_word(field)),
            retry_after_s: error.retry_after_s,
        },
        _ => answer.failed(),
    }
}

fn is_word(text: &str) -> bool {
    (1..=WORD_LIMIT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        let breaker = |id: u8| {
            json!({
                "id": id, "state": "closed", "tripped": false, "latched": false, "relay_on": true,
                "leakage_ma": 0.4, "leakage_valid": true, "leakage_peak_ma": 1.0, "trip_count": 0, "last_trip": null,
            })
        };
        json!({ "boot_id": "b1", "uptime_s": 9, "seq": 3, "breakers": [breaker(1), breaker(2)] })
    }

    fn answer(body: impl Into<Vec<u8>>) -> Answer {
        Answer { status: StatusCode::OK, body: body.into() }
    }

    /// The good status with one place changed; `None` removes the field.
    fn changed(pointer: &str, value: Option<Value>) -> Vec<u8> {
        let mut status = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = status.pointer_mut(parent).unwrap();
        match value {
            Some(value) => parent[key] = value,
            None => drop(parent.as_object_mut().unwrap().remove(key)),
        }
        status.to_string().into_bytes()
    }

    #[test]
    fn a_status_is_read_whole_and_more_than_asked_is_passed_over() {
        let read = poll(&answer(changed("/firmware_hint", Some(json!("new"))))).unwrap();
        assert_eq!(read.boot, Some(Boot { id: "b1".into(), uptime_s: 9, seq: 3 }));
        assert!(read.breakers.iter().all(|breaker| !breaker.tripped && breaker.relay_on == Some(true)));
    }

    #[test]
    fn anything_that_speaks_for_a_trip_is_one() {
        let trip = json!({ "seq": 1, "cause": "leakage", "leakage_ma": 9.0, "uptime_s": 4 });
        let mut tripped = good();
        tripped["breakers"][1]["tripped"] = json!(true);
        tripped["breakers"][1]["last_trip"] = trip;
        let latched = changed("/breakers/1/latched", None);
        assert!(poll(&answer(latched)).is_err());
        for text in [
            tripped.to_string(),
            {
                let mut fault = good();
                fault["breakers"][1]["state"] = json!("fault");
                fault.to_string()
            },
            {
                let mut latched = good();
                latched["breakers"][1]["latched"] = json!(true);
                latched.to_string()
            },
        ] {
            let read = poll(&answer(text.clone())).unwrap();
            assert_eq!(read.breakers.map(|breaker| breaker.tripped), [false, true], "{text}");
        }
    }

    #[test]
    fn a_field_that_is_missing_or_wrong_makes_garbage() {
        for field in ["boot_id", "uptime_s", "seq", "breakers"] {
            assert!(poll(&answer(changed(&format!("/{field}"), None))).is_err(), "{field}");
        }
        for field in good()["breakers"][0].as_object().unwrap().keys() {
            assert!(poll(&answer(changed(&format!("/breakers/0/{field}"), None))).is_err(), "{field}");
            let wrong = Some(json!({ "what": 1 }));
            assert!(poll(&answer(changed(&format!("/breakers/0/{field}"), wrong))).is_err(), "{field}");
        }
        for (pointer, value) in [
            ("/boot_id", json!("")),
            ("/boot_id", json!("b".repeat(65))),
            ("/uptime_s", json!(-1)),
            ("/seq", json!(1.5)),
            ("/breakers", json!([])),
            ("/breakers/0/id", json!(2)),
            ("/breakers/0/state", json!("happy")),
            ("/breakers/0/state", json!("tripped")),
            ("/breakers/0/tripped", json!("false")),
            ("/breakers/0/tripped", json!(true)),
            ("/breakers/0/leakage_ma", json!(-0.1)),
            ("/breakers/0/leakage_ma", json!(null)),
        ] {
            let garbage = poll(&answer(changed(pointer, Some(value.clone()))));
            assert!(matches!(garbage, Err(PanelError::Garbage { .. })), "{pointer} {value}");
        }
    }

    #[test]
    fn a_status_cut_anywhere_is_garbage_and_shows_only_its_first_bytes() {
        let whole = good().to_string().into_bytes();
        for end in 0..whole.len() {
            assert!(matches!(poll(&answer(&whole[..end])), Err(PanelError::Garbage { .. })), "cut at {end}");
        }
        let noise = [0x1b, b'[', b'2', b'J', 0xff, b'\n'].repeat(500);
        let said = poll(&answer(noise)).unwrap_err().to_string();
        assert!(said.len() < 400 && said.is_ascii() && !said.contains(['\n', '\x1b']), "{said}");
    }

    #[test]
    fn an_error_keeps_its_code_and_a_strange_one_is_only_quoted() {
        let refuse = |body: &str| refusal(&Answer { status: StatusCode::CONFLICT, body: body.as_bytes().to_vec() });
        assert_eq!(
            refuse(r#"{"error":{"code":"reset_lockout","message":"wait\u0007","retry_after_s":60}}"#),
            PanelError::Refused {
                code: "reset_lockout".into(),
                message: "wait".into(),
                field: None,
                retry_after_s: Some(60),
            }
        );
        for body in ["", "<html>", r#"{"error":{"code":"a b","message":""}}"#, r#"{"error":{"message":""}}"#] {
            assert!(matches!(refuse(body), PanelError::Failed { status: 409, .. }), "{body}");
        }
    }
}
