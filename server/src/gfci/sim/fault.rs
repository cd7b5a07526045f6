//! What can go wrong between the host and the panel, put in front of either dialect.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::stream;
use rand::Rng as _;
use serde::Deserialize;

/// The oversized answer: 10 MB, in pieces.
const OVERSIZE_PIECES: usize = 160;
const PIECE: &[u8] = &[b' '; 65_536];

/// What goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Requests are neither done nor answered.
    Timeout,
    /// Requests are not done; status 500.
    ServerError,
    /// Requests are done and answered by 10 MB of spaces.
    Oversize,
    /// Requests are done and answered one byte each so many milliseconds.
    Drip(u64),
    /// Requests are not done; the answer points to this address.
    Redirect(String),
    /// Requests are done and answered by noise with status 200.
    Garbage,
    /// Requests are done and not answered.
    Unanswered,
    /// Requests are done and answered late: an exponential tail with this median, ms.
    Latency(u64),
    /// Of each so many requests, the first few are lost, in a burst.
    Loss {
        /// The length of the pattern, requests.
        of: u64,
        /// How many are lost at its beginning.
        lost: u64,
    },
}

/// The fault in force. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    fault: Arc<Mutex<Fault>>,
    requests: Arc<AtomicU64>,
}

impl Faults {
    /// Puts this fault in force.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The fault in force.
    pub fn get(&self) -> Fault {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests came in.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The layer in front of the dialect.
pub(super) async fn apply(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let number = faults.requests.fetch_add(1, Ordering::SeqCst);
    match faults.get() {
        Fault::None => next.run(request).await,
        Fault::Timeout => pending().await,
        Fault::ServerError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::Redirect(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Fault::Loss { of, lost } if number % of.max(1) < lost => pending().await,
        Fault::Loss { .. } => next.run(request).await,
        Fault::Latency(median_ms) => {
            tokio::time::sleep(tail(median_ms)).await;
            next.run(request).await
        }
        Fault::Oversize => {
            next.run(request).await;
            Body::from_stream(stream::iter((0..OVERSIZE_PIECES).map(|_| piece(Bytes::from_static(PIECE)))))
                .into_response()
        }
        Fault::Garbage => {
            next.run(request).await;
            let mut noise = [0; 512];
            rand::rng().fill(&mut noise);
            noise.to_vec().into_response()
        }
        Fault::Drip(pause_ms) => drip(next.run(request).await, Duration::from_millis(pause_ms)).await,
        Fault::Unanswered => {
            next.run(request).await;
            pending().await
        }
    }
}

/// Most answers are about as late as the median, one of a thousand ten times so.
fn tail(median_ms: u64) -> Duration {
    let uniform: f64 = rand::rng().random_range(f64::EPSILON..1.0);
    Duration::from_secs_f64(median_ms as f64 / 1_000.0 * -uniform.ln() / std::f64::consts::LN_2)
}

/// The answer's bytes, one at a time.
async fn drip(answer: Response, pause: Duration) -> Response {
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let slow = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        Some((piece(rest.split_to(1)), rest))
    });
    Response::from_parts(parts, Body::from_stream(slow))
}

const fn piece(bytes: Bytes) -> Result<Bytes, Infallible> {
    Ok(bytes)
}
