//! The latch file could not be read at the start: whether something was tripped is not known, so it counts as
//! tripped (S17). It never trips by itself; the shell restores it, and a person clears it like any other trip.

use super::{Trigger, Verdict, View};
use crate::outputs::TriggerId;

#[derive(Debug, Default)]
pub(super) struct LatchUnreadable;

impl Trigger for LatchUnreadable {
    fn id(&self) -> TriggerId {
        TriggerId::LatchUnreadable
    }

    fn judge(&mut self, _view: &View<'_>) -> Option<Verdict> {
        // The cause lies before the start, so it is absent from then on.
        Some(Verdict::default())
    }
}
