//! The live feed: server-sent events, each with the whole picture.
//!
//! Each picture is written as JSON once, whoever many listen, at most two a second. A slow listener misses some
//! and gets the latest; too many listeners are turned away; all are let go at shutdown.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::types::problem::{Problem, ProblemKind};
use app::types::status::Status;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;

use crate::rest::problem::{ApiProblem, OutageProblems};
use crate::services::Services;
use crate::web::AppState;

/// So many may listen at once.
pub(crate) const LISTENERS: usize = 100;
/// Between two pictures at least.
const PACE: Duration = Duration::from_millis(500);
/// A comment this often keeps proxies from hanging up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The feed that listeners hang on.
#[derive(Clone)]
pub(crate) struct Live {
    frames: watch::Sender<Arc<Frame>>,
    seats: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// A picture, ready to be sent.
#[derive(Default)]
struct Frame {
    sequence: u64,
    json: String,
}

impl Live {
    /// Starts to feed, on the present runtime, until shutdown.
    pub(crate) fn start(services: Arc<Services>, shutdown: CancellationToken) -> Self {
        let frames = watch::Sender::new(Arc::new(Frame::default()));
        tokio::spawn(feed(services, frames.clone(), shutdown.clone()));
        Self { frames, seats: Arc::new(Semaphore::new(LISTENERS)), shutdown }
    }
}

async fn feed(services: Arc<Services>, frames: watch::Sender<Arc<Frame>>, shutdown: CancellationToken) {
    let mut pictures = services.control().subscribe();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let feeding = async {
        while pictures.changed().await.is_ok() {
            if frames.receiver_count() > 0 {
                frames.send_replace(Arc::new(Frame::of(&services.live_picture().await)));
            }
            pace.tick().await;
        }
    };
    shutdown.run_until_cancelled(feeding).await;
}

impl Frame {
    fn of(status: &Status) -> Self {
        let json = serde_json::to_string(status);
        let json = json.inspect_err(|error| tracing::error!(%error, "a picture can't be written"));
        Self { sequence: status.sequence, json: json.unwrap_or_default() }
    }

    fn event(&self) -> Event {
        Event::default().id(self.sequence.to_string()).data(&self.json)
    }
}

/// The live feed
///
/// Server-sent events: the data of each is a Status, its id the sequence; at most two a second, the latest first.
/// A comment every 15 s keeps the line open. For anyone.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    responses(
        (status = 200, description = "Events without end", body = Status, content_type = "text/event-stream"),
        OutageProblems,
    )
)]
pub(crate) async fn get_live(
    State(state): State<AppState>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, ApiProblem> {
    let live = state.live;
    let seat = Arc::clone(&live.seats).try_acquire_owned().map_err(|_| {
        let detail = format!("{LISTENERS} listen already. Ask for the status instead.");
        Problem::new(ProblemKind::Unavailable, detail)
    })?;
    let later = WatchStream::from_changes(live.frames.subscribe());
    let first = Arc::new(Frame::of(&state.services.live_picture().await));
    let events = stream::iter([first])
        .chain(later)
        .map(move |frame| {
            // The seat is free again when the stream is dropped.
            let _taken = &seat;
            Ok(frame.event())
        })
        .take_until(live.shutdown.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
