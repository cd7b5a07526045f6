//! The breaker panel as the engine sees it: known while its polls are fresh. Losing it holds heating off.
//!
//! Promises: unknown from 4.5 s without a good poll on, and at once when the panel restarted itself; heating comes
//! back after 30 s of health. What it last said about a tripped breaker counts even while it is unknown.

use crate::inputs::{CircuitId, Panel};
use crate::units::Now;

/// A panel is unknown when its newest good poll is older than this: before its 8 s lease lapses, so that the outside
/// relay opens without load.
pub(crate) const UNKNOWN_MS: u64 = 4_500;
/// Heating waits until it has been known for this long.
pub(crate) const HEALTH_MS: u64 = 30_000;
/// As many losses …
pub(crate) const MAX_LOSSES: u32 = 3;
/// … within this long latch.
const LOSSES_WINDOW_MS: u64 = 600_000;

/// What the triggers of one circuit see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelView {
    pub(crate) tripped: bool,
    /// `None` while it is not known.
    pub(crate) known_since_ms: Option<u64>,
    /// Within the last ten minutes.
    pub(crate) losses: u32,
    /// It was lost in this step.
    pub(crate) lost_now: bool,
}

/// Follows the panel from step to step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PanelWatch {
    panel: Option<Panel>,
    known_since_ms: Option<u64>,
    lost_now: bool,
    /// When it was lost the last times.
    lost_ms: [Option<u64>; MAX_LOSSES as usize],
    losses: u32,
}

impl PanelWatch {
    /// Takes in what was published in this step.
    pub(crate) fn update(&mut self, now: Now, panel: Option<Panel>) {
        self.panel = panel;
        let seen_ms = panel.and_then(|p| p.seen_ms).filter(|seen| now.since(*seen) <= UNKNOWN_MS);
        self.lost_now = panel.is_some() && seen_ms.is_none() && self.known_since_ms.is_some();
        if self.lost_now {
            self.lost_ms.rotate_left(1);
            self.lost_ms[MAX_LOSSES as usize - 1] = Some(now.mono_ms);
        }
        self.known_since_ms = seen_ms.and(self.known_since_ms.or(Some(now.mono_ms)));
        let recent = self.lost_ms.iter().flatten().filter(|at| now.since(**at) <= LOSSES_WINDOW_MS).count();
        self.losses = recent as u32;
    }

    /// What the circuit's triggers see; `None` without a panel.
    pub(crate) fn view(&self, circuit: CircuitId) -> Option<PanelView> {
        let panel = self.panel?;
        Some(PanelView {
            tripped: panel.tripped[circuit.index()],
            known_since_ms: self.known_since_ms,
            losses: self.losses,
            lost_now: self.lost_now,
        })
    }

    /// Heating has to wait: `Some(None)` while it is unknown, then with the milliseconds of health that are missing.
    pub(crate) fn hold(&self, now: Now) -> Option<Option<u64>> {
        self.panel?;
        let remaining_ms = self.known_since_ms.map(|since| HEALTH_MS.saturating_sub(now.since(since)));
        (remaining_ms != Some(0)).then_some(remaining_ms)
    }

    /// The panel's last word, and whether it is known.
    pub(crate) fn said(&self) -> Option<(Panel, bool)> {
        self.panel.map(|panel| (panel, self.known_since_ms.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of 100 ms in which the newest poll is as old as given; yields hold and losses after the last.
    fn after(ages: &[(u64, Option<u64>)]) -> (Option<Option<u64>>, u32) {
        let mut watch = PanelWatch::default();
        let mut now = Now { mono_ms: 1_000_000, wall: None };
        for &(steps, age_ms) in ages {
            for _ in 0..steps {
                now.mono_ms += 100;
                let seen_ms = age_ms.map(|age| now.mono_ms - age);
                watch.update(now, Some(Panel { seen_ms, ..Panel::default() }));
            }
        }
        (watch.hold(now), watch.losses)
    }

    #[test]
    fn s16_unknown_after_four_and_a_half_seconds_and_back_after_thirty() {
        assert_eq!(PanelWatch::default().hold(Now { mono_ms: 5, wall: None }), None, "no panel, no hold");
        assert_eq!(after(&[(1, None)]), (Some(None), 0));
        assert_eq!(after(&[(1, Some(0))]), (Some(Some(30_000)), 0));
        assert_eq!(after(&[(301, Some(0))]), (None, 0));
        assert_eq!(after(&[(301, Some(0)), (1, Some(4_500))]), (None, 0));
        assert_eq!(after(&[(301, Some(0)), (1, Some(4_501))]), (Some(None), 1));
        assert_eq!(after(&[(301, Some(0)), (1, None)]), (Some(None), 1), "it restarted itself");
        assert_eq!(after(&[(301, Some(0)), (50, Some(5_000)), (300, Some(0))]), (Some(Some(100)), 1));
        assert_eq!(after(&[(301, Some(0)), (50, Some(5_000)), (301, Some(0))]), (None, 1));
    }

    #[test]
    fn s16_losses_count_within_ten_minutes() {
        let blink = [(10, Some(0)), (10, None)];
        assert_eq!(after(&blink.repeat(3)).1, 3);
        assert_eq!(after(&[&blink.repeat(2)[..], &[(5_950, Some(0))], &blink].concat()).1, 3);
        assert_eq!(after(&[&blink.repeat(2)[..], &[(6_030, Some(0))], &blink].concat()).1, 1);
    }
}
