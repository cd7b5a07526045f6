//! The live feed: the newest picture of the plant, how fresh it is, and coming back when the line is lost.
//!
//! Freshness is counted on the browser's monotonic clock; the wall clock of a phone proves nothing.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventSource, MessageEvent, VisibilityState};

use super::rest;
use crate::types::status::Status;

/// How the feed is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// No picture yet.
    Connecting,
    /// Pictures arrive.
    Live,
    /// No picture for a while, or the line broke; trying again.
    Lost,
}

/// One or two pictures a second are sent, so this long a silence means that the line is dead.
const SILENCE_MS: f64 = 5_000.0;
/// A line that has not brought a picture by then is given up.
const ANSWER_MS: f64 = 15_000.0;
/// Waits before the first, second … try.
const WAITS_MS: [f64; 5] = [500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0];

/// The newest picture and its freshness.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// The newest picture.
    pub(crate) status: RwSignal<Option<Status>>,
    /// How the feed is doing.
    pub(crate) link: RwSignal<Link>,
    /// Seconds since the newest picture came.
    pub(crate) age_s: RwSignal<u64>,
    inner: StoredValue<Inner, LocalStorage>,
}

struct Inner {
    feed: Option<Feed>,
    heard_ms: f64,
    failures: usize,
    retry_at_ms: f64,
}

/// An open event source with the functions it calls; closed when dropped.
struct Feed {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.source.set_onmessage(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

impl Live {
    /// Connects, and stays connected for as long as the app runs.
    pub(crate) fn start() -> Self {
        let live = Self {
            status: RwSignal::new(None),
            link: RwSignal::new(Link::Connecting),
            age_s: RwSignal::new(0),
            inner: StoredValue::new_local(Inner {
                feed: None,
                heard_ms: monotonic_ms(),
                failures: 0,
                retry_at_ms: 0.0,
            }),
        };
        live.connect();
        live.fetch_first();
        // The app's root never ends, and so neither do its timer and its listeners.
        let _runs_for_ever = set_interval_with_handle(move || live.tick(), Duration::from_secs(1));
        for woken in ["online", "pageshow", "visibilitychange"] {
            let _listens_for_ever = window_event_listener_untyped(woken, move |_| live.connect_if_lost());
        }
        live
    }

    /// A newer picture has come, from the feed or as the answer to a command.
    pub(crate) fn take(self, status: Status) {
        self.inner.update_value(|inner| {
            inner.heard_ms = monotonic_ms();
            inner.failures = 0;
        });
        self.status.set(Some(status));
        set_if_new(self.link, Link::Live);
        set_if_new(self.age_s, 0);
    }

    /// The first picture need not wait for the feed.
    fn fetch_first(self) {
        spawn_local(async move {
            let first = rest::status().await;
            if let (Ok(status), true) = (first, self.status.with_untracked(Option::is_none)) {
                self.take(status);
            }
        });
    }

    fn connect(self) {
        let Ok(source) = EventSource::new("/api/v1/live") else {
            return self.lose();
        };
        let on_message = Closure::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            match rest::from_json(text.as_bytes()) {
                Ok(status) => self.take(status),
                Err(error) => leptos::logging::warn!("unreadable picture: {error}"),
            }
        });
        let on_error = Closure::new(move |_: Event| self.lose());
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let feed = Feed { source, _on_message: on_message, _on_error: on_error };
        self.inner.update_value(|inner| {
            inner.feed = Some(feed);
            inner.retry_at_ms = monotonic_ms() + ANSWER_MS;
        });
    }

    /// Closes what is left of the line and waits longer with each failure.
    fn lose(self) {
        self.inner.update_value(|inner| {
            if let Some(feed) = &inner.feed {
                feed.source.close();
            }
            let wait_ms = WAITS_MS[inner.failures.min(WAITS_MS.len() - 1)];
            inner.failures += 1;
            inner.retry_at_ms = monotonic_ms() + wait_ms;
        });
        set_if_new(self.link, Link::Lost);
    }

    /// Once a second: counts the picture's age, notices silence, tries again.
    fn tick(self) {
        let now_ms = monotonic_ms();
        let (silent_ms, retry) = self.inner.with_value(|inner| (now_ms - inner.heard_ms, now_ms >= inner.retry_at_ms));
        set_if_new(self.age_s, (silent_ms / 1000.0) as u64);
        match self.link.get_untracked() {
            Link::Live if silent_ms >= SILENCE_MS => self.lose(),
            Link::Connecting | Link::Lost if retry => self.connect(),
            Link::Live | Link::Connecting | Link::Lost => {}
        }
    }

    fn connect_if_lost(self) {
        let hidden = document().visibility_state() == VisibilityState::Hidden;
        if !hidden && self.link.get_untracked() == Link::Lost {
            self.connect();
        }
    }
}

/// Milliseconds on a clock that only goes forward.
pub(crate) fn monotonic_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}
