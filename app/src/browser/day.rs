//! The last 24 hours for the plots: fetched now and then, carried on by the live picture in between.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::VisibilityState;

use super::live::monotonic_ms;
use super::{Ui, rest};
use crate::plot::extend;
use crate::types::series::{Series, SeriesQuantity};
use crate::types::status::{Reading, Status, Validity};

/// What is fetched, in this order.
pub(crate) const QUANTITIES: [SeriesQuantity; 4] =
    [SeriesQuantity::Power1W, SeriesQuantity::Power2W, SeriesQuantity::T1F, SeriesQuantity::T2F];

/// Two-minute buckets: finer than a phone's pixels.
const POINTS: u32 = 720;
const REFRESH_MS: f64 = 30_000.0;
/// A fast demo runs away from its plot, so it is fetched more often, but never in a stream.
const REFRESH_FAST_MS: f64 = 5_000.0;
/// The live picture is drawn into the plots no more often than this.
const EXTEND_MS: f64 = 2_000.0;

/// How fetching goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DayState {
    /// Nothing fetched yet.
    Loading,
    /// Here they are.
    Ready,
    /// The newest try failed; what is there is older.
    Failed,
}

/// The last 24 hours, for as long as the page that started it is shown.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    /// What was fetched last, carried on since.
    pub(crate) series: RwSignal<Option<Series>>,
    /// How fetching goes.
    pub(crate) state: RwSignal<DayState>,
}

impl Day {
    /// Fetches now, and again for as long as the page lives.
    pub(crate) fn start(ui: Ui) -> Self {
        let day = Self { series: RwSignal::new(None), state: RwSignal::new(DayState::Loading) };
        day.refresh_repeatedly(ui);
        day.follow(ui);
        day
    }

    fn refresh_repeatedly(self, ui: Ui) {
        let fetched_ms = StoredValue::new(monotonic_ms());
        self.refresh();
        let tick = move || {
            let fast = ui.live.status.with_untracked(|status| {
                let demo = status.as_ref().and_then(|s| s.demo);
                demo.is_some_and(|demo| demo.speed > 1)
            });
            let every_ms = if fast { REFRESH_FAST_MS } else { REFRESH_MS };
            let due = monotonic_ms() - fetched_ms.get_value() >= every_ms;
            if due && document().visibility_state() == VisibilityState::Visible {
                fetched_ms.set_value(monotonic_ms());
                self.refresh();
            }
        };
        if let Ok(handle) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || handle.clear());
        }
    }

    fn refresh(self) {
        spawn_local(async move {
            let answer = rest::series(&QUANTITIES, POINTS).await;
            // The page may be gone by now, and its signals with it.
            match answer {
                Ok(series) => {
                    self.series.try_set(Some(series));
                    self.state.try_set(DayState::Ready);
                }
                Err(_) => {
                    self.state.try_set(DayState::Failed);
                }
            }
        });
    }

    fn follow(self, ui: Ui) {
        let drawn_ms = StoredValue::new(0.0);
        Effect::new(move || {
            ui.live.status.with(|status| {
                let Some((now, values)) = status.as_ref().and_then(newest) else {
                    return;
                };
                if monotonic_ms() - drawn_ms.get_value() < EXTEND_MS {
                    return;
                }
                drawn_ms.set_value(monotonic_ms());
                self.series.update(|series| {
                    if let Some(series) = series {
                        extend(series, now, &values);
                    }
                });
            });
        });
    }
}

/// The live values in the order of [`QUANTITIES`].
fn newest(status: &Status) -> Option<(i64, [Option<f64>; 4])> {
    let valid = |reading: &Reading| match reading.validity {
        Validity::Valid => reading.value,
        _ => None,
    };
    let [one, two] = status.circuits.as_slice() else {
        return None;
    };
    let values = [one.power_w, two.power_w, valid(&one.tank_temp_f), valid(&two.tank_temp_f)];
    Some((status.now?.timestamp_millis(), values))
}
