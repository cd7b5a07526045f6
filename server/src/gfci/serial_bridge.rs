//! The dialect `serial-bridge`, for panels in the field: an ESP32 that passes lines to a microcontroller.
//!
//! Every call is a POST that answers in `text/plain`. A command's answer may come too late and then stands for the
//! next command: after anything unexpected the line is closed and opened anew before it is used again. There is no
//! lease, no start's identifier, no trip number, no response factor and no network; what can't be told is `None`,
//! what can't be done is [`PanelError::NotSupported`].

use ::http::Method;
use async_trait::async_trait;
use engine::inputs::CircuitId;
use tokio::sync::Mutex;

use crate::gfci::http::{Answer, Http};
use crate::gfci::{
    Abilities, Breaker, BreakerConfig, Info, Network, NetworkChange, Panel, PanelError, Poll, Reset, ResetOutcome,
};

/// What this dialect can do beside the calls that all have: nothing.
pub const ABILITIES: Abilities = Abilities { lease: false, request_ids: false, response_factor: false, network: false };
/// How long the bridge waits for the microcontroller, ms. Two commands fit into one poll.
const ANSWER_WITHIN_MS: u32 = 150;
/// The line speed of the panels in the field.
pub const DEFAULT_BAUD: u32 = 115_200;

/// A panel that speaks `serial-bridge`.
#[derive(Debug)]
pub struct SerialBridgePanel {
    http: Http,
    baud: u32,
    line: Mutex<Line>,
}

/// What this side knows of the line, and of the relays behind it, which can't be asked.
#[derive(Debug, Default)]
struct Line {
    open: bool,
    relay_on: [Option<bool>; 2],
}

impl SerialBridgePanel {
    /// A panel at the end of this client, whose microcontroller listens at this speed.
    pub fn new(http: Http, baud: u32) -> Self {
        Self { http, baud, line: Mutex::new(Line::default()) }
    }

    /// Sends one command and gives its answer without the line's end.
    async fn command(&self, line: &mut Line, command: &str) -> Result<String, PanelError> {
        self.open(line).await?;
        // Closed in this side's mind until the answer is in: the call may end anywhere, even by being dropped.
        line.open = false;
        let path = format!("/send_sync?timeout={ANSWER_WITHIN_MS}");
        let answer = self.post(&path, command).await?;
        let text = text(&answer)?;
        line.open = true;
        Ok(text)
    }

    async fn open(&self, line: &mut Line) -> Result<(), PanelError> {
        if !line.open {
            self.post("/end", "").await?;
            self.post(&format!("/start?baud={}", self.baud), "").await?;
            line.open = true;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: &str) -> Result<Answer, PanelError> {
        let answer = self.http.send(self.http.request(Method::POST, path).body(body.to_owned())).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(answer.failed()) }
    }

    /// Sends a command whose only good answer is `OK`.
    async fn order(&self, line: &mut Line, command: &str) -> Result<(), PanelError> {
        match self.command(line, command).await?.as_str() {
            "OK" => Ok(()),
            other => Err(unexpected(line, "OK is what confirms a command", other)),
        }
    }

    async fn breaker(&self, line: &mut Line, circuit: CircuitId) -> Result<Breaker, PanelError> {
        let tripped = match self.command(line, &format!("ST{}", circuit.number())).await?.as_str() {
            "OK" => false,
            "TRIPPED" => true,
            other => return Err(unexpected(line, "a state is OK or TRIPPED", other)),
        };
        Ok(Breaker { tripped, relay_on: line.relay_on[circuit.index()], ..Breaker::default() })
    }
}

#[async_trait]
impl Panel for SerialBridgePanel {
    async fn poll(&self) -> Result<Poll, PanelError> {
        let mut line = self.line.lock().await;
        let first = self.breaker(&mut line, CircuitId::One).await?;
        let second = self.breaker(&mut line, CircuitId::Two).await?;
        Ok(Poll { boot: None, breakers: [first, second] })
    }

    async fn info(&self) -> Result<Info, PanelError> {
        Err(PanelError::NotSupported("a description of itself"))
    }

    async fn set_relay(&self, circuit: CircuitId, on: bool) -> Result<(), PanelError> {
        let mut line = self.line.lock().await;
        line.relay_on[circuit.index()] = None;
        let word = if on { "ON" } else { "OFF" };
        self.order(&mut line, &format!("{word}{}", circuit.number())).await?;
        line.relay_on[circuit.index()] = Some(on);
        Ok(())
    }

    async fn reset(&self, _: CircuitId, _: &Reset) -> Result<ResetOutcome, PanelError> {
        self.order(&mut *self.line.lock().await, "RST").await.map(|()| ResetOutcome::Reset)
    }

    async fn breaker_config(&self, _: CircuitId) -> Result<BreakerConfig, PanelError> {
        let mut line = self.line.lock().await;
        let threshold = self.command(&mut line, "G_T").await?;
        match milliamperes(&threshold) {
            Some(leakage_trip_ma) => Ok(BreakerConfig {
                revision: None,
                leakage_trip_ma,
                leakage_warn_ma: None,
                overcurrent_trip_a: None,
                response_speed_factor: None,
            }),
            None => Err(unexpected(&mut line, "a threshold is a number of milliamperes", &threshold)),
        }
    }

    async fn set_breaker_config(
        &self,
        circuit: CircuitId,
        config: &BreakerConfig,
    ) -> Result<BreakerConfig, PanelError> {
        for (entry, name) in [
            (config.leakage_warn_ma, "a warning threshold"),
            (config.overcurrent_trip_a, "an overcurrent limit"),
            (config.response_speed_factor, "a response factor"),
        ] {
            if entry.is_some() {
                return Err(PanelError::NotSupported(name));
            }
        }
        let command = format!("S_T {}", config.leakage_trip_ma);
        self.order(&mut *self.line.lock().await, &command).await?;
        self.breaker_config(circuit).await
    }

    async fn network(&self) -> Result<Network, PanelError> {
        Err(PanelError::NotSupported("network settings"))
    }

    async fn set_network(&self, _: &Network) -> Result<NetworkChange, PanelError> {
        Err(PanelError::NotSupported("network settings"))
    }

    async fn confirm_network(&self) -> Result<Network, PanelError> {
        Err(PanelError::NotSupported("network settings"))
    }
}

impl SerialBridgePanel {
    /// The microcontroller's own words about its condition, for people: one line of printable ASCII.
    ///
    /// # Errors
    /// [`PanelError`].
    pub async fn diagnostics(&self) -> Result<String, PanelError> {
        self.command(&mut *self.line.lock().await, "D_Q").await
    }
}

/// One line of printable ASCII, without its end.
fn text(answer: &Answer) -> Result<String, PanelError> {
    let line = answer.body.strip_suffix(b"\n").unwrap_or(&answer.body);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(answer.garbage("an answer is one line of printable ASCII"));
    }
    String::from_utf8(line.to_vec()).map_err(|error| answer.garbage(error))
}

/// Whole or decimal milliamperes above zero; neither signs nor exponents.
fn milliamperes(text: &str) -> Option<f64> {
    let plain = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|value: &f64| plain && *value > 0.0)
}

/// An answer to another question, perhaps: the line is to be opened anew.
fn unexpected(line: &mut Line, reason: &str, answer: &str) -> PanelError {
    line.open = false;
    PanelError::Garbage { reason: reason.into(), first: crate::gfci::Excerpt::of(answer.as_bytes()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ::http::StatusCode;

    use super::*;

    #[test]
    fn an_answer_is_one_printable_line() {
        let read = |body: &str| text(&Answer { status: StatusCode::OK, body: body.as_bytes().to_vec() }).ok();
        for (body, expected) in [
            ("OK", Some("OK")),
            ("OK\n", Some("OK")),
            ("TRIPPED\r\n", Some("TRIPPED")),
            ("", None),
            ("\n", None),
            ("OK\nTRIPPED\n", None),
            ("OK\0", None),
            ("ÖK", None),
        ] {
            assert_eq!(read(body).as_deref(), expected, "{body:?}");
        }
    }

    #[test]
    fn a_threshold_is_a_plain_number() {
        for (text, expected) in [
            ("5", Some(5.0)),
            ("4.5", Some(4.5)),
            ("0", None),
            ("-5", None),
            ("5e3", None),
            ("inf", None),
            ("NaN", None),
            ("5 mA", None),
            ("999999999999", None),
        ] {
            assert_eq!(milliamperes(text), expected, "{text}");
        }
    }
}
