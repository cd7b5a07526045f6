//! The panel's ground-fault breaker of this circuit has tripped: somewhere current leaks to earth. One report is
//! enough. Reset the breaker first, then the watchdog.

use super::{Trigger, Verdict, View};
use crate::outputs::TriggerId;

#[derive(Debug, Default)]
pub(super) struct GfciTrip;

impl Trigger for GfciTrip {
    fn id(&self) -> TriggerId {
        TriggerId::GfciTrip
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let Some(panel) = view.panel else {
            return Some(Verdict::default());
        };
        // A panel that is not known has not been seen without a trip.
        if !panel.tripped && panel.known_since_ms.is_none() {
            return None;
        }
        let value = Some(f64::from(u8::from(panel.tripped)));
        Some(Verdict { value, limit: Some(1.0), warning: false, cause: panel.tripped, trip: panel.tripped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::panel::PanelView;
    use crate::watchdog::bench::{OPEN, view};

    #[test]
    fn s16_one_report_trips_and_only_a_known_panel_shows_that_it_is_over() {
        let config = CircuitConfig::default();
        let judge = |panel| GfciTrip.judge(&View { panel, ..view(&config, 1_000_000, OPEN) });
        let panel = |tripped, known| {
            Some(PanelView { tripped, known_since_ms: if known { Some(5) } else { None }, losses: 0, lost_now: false })
        };
        assert!(judge(panel(true, true)).is_some_and(|v| v.trip && v.cause));
        assert!(judge(panel(true, false)).is_some_and(|v| v.trip), "the last word counts");
        assert!(judge(panel(false, true)).is_some_and(|v| !v.trip && !v.cause));
        assert_eq!(judge(panel(false, false)), None);
        assert_eq!(judge(None), Some(Verdict::default()), "no panel");
    }
}
