//! The breaker panel was lost three times within 10 minutes: a link that comes and goes protects nobody.

use super::{Trigger, Verdict, View};
use crate::outputs::TriggerId;
use crate::panel::MAX_LOSSES;

#[derive(Debug, Default)]
pub(super) struct GfciLost;

impl Trigger for GfciLost {
    fn id(&self) -> TriggerId {
        TriggerId::GfciLost
    }

    fn judge(&mut self, view: &View<'_>) -> Option<Verdict> {
        let Some(panel) = view.panel else {
            return Some(Verdict::default());
        };
        Some(Verdict {
            value: Some(f64::from(panel.losses)),
            limit: Some(f64::from(MAX_LOSSES)),
            warning: false,
            cause: panel.known_since_ms.is_none(),
            // Only a loss trips: what was counted before a person cleared the latch does not by itself.
            trip: panel.lost_now && panel.losses >= MAX_LOSSES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CircuitConfig;
    use crate::panel::PanelView;
    use crate::watchdog::bench::{OPEN, view};

    #[test]
    fn s16_the_third_loss_trips_and_presence_is_the_absence_of_the_cause() {
        let config = CircuitConfig::default();
        let judge = |losses, lost_now, known_since_ms| {
            let panel = Some(PanelView { tripped: false, known_since_ms, losses, lost_now });
            let verdict = GfciLost.judge(&View { panel, ..view(&config, 1_000_000, OPEN) });
            verdict.map(|v| (v.trip, v.cause))
        };
        assert_eq!(judge(2, true, None), Some((false, true)));
        assert_eq!(judge(3, true, None), Some((true, true)));
        assert_eq!(judge(3, false, Some(7)), Some((false, false)));
    }
}
