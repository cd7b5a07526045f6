//! The last ten seconds, kept in case of a trip, and the five after one.
//!
//! Promises: one ring of fixed size, written in every step without allocating; one record is made at a time, and kept
//! until somebody takes it or the next trip has one.

use crate::outputs::{Trace, Trip, TripRecord};

/// Steps kept: ten seconds of 100 ms.
const STEPS: usize = 100;
const BEFORE_MS: u64 = 10_000;
const AFTER_MS: u64 = 5_000;
/// With steps shorter than usual the record ends sooner.
const MOST_AFTER: usize = 100;

#[derive(Debug)]
pub(crate) struct Tracer {
    ring: Vec<Trace>,
    /// The oldest one's place, once the ring is full.
    oldest: usize,
    making: Option<TripRecord>,
    done: Option<TripRecord>,
}

impl Tracer {
    pub(crate) fn new() -> Self {
        Self { ring: Vec::with_capacity(STEPS), oldest: 0, making: None, done: None }
    }

    /// Keeps a step; `trip` is the one that this step brought.
    pub(crate) fn step(&mut self, trace: Trace, trip: Option<Trip>) {
        if self.making.is_some() {
            self.continue_record(trace);
        } else if let Some(trip) = trip {
            self.begin_record(trace, trip);
        }
        if self.ring.len() < STEPS {
            self.ring.push(trace);
        } else {
            self.ring[self.oldest] = trace;
            self.oldest = (self.oldest + 1) % STEPS;
        }
    }

    /// The finished record, once.
    pub(crate) const fn take(&mut self) -> Option<TripRecord> {
        self.done.take()
    }

    fn begin_record(&mut self, trace: Trace, trip: Trip) {
        let mut steps = Vec::with_capacity(STEPS + 1 + MOST_AFTER);
        let (newer, older) = self.ring.split_at(self.oldest);
        let recent = |step: &&Trace| trace.mono_ms.saturating_sub(step.mono_ms) <= BEFORE_MS;
        steps.extend(older.iter().chain(newer).filter(recent));
        steps.push(trace);
        self.making = Some(TripRecord { trip, steps });
    }

    fn continue_record(&mut self, trace: Trace) {
        let Some(record) = &mut self.making else {
            return;
        };
        let after_ms = trace.mono_ms.saturating_sub(record.trip.at_mono_ms);
        let is_full = record.steps.len() >= record.steps.capacity();
        if after_ms <= AFTER_MS && !is_full {
            record.steps.push(trace);
        }
        if after_ms >= AFTER_MS || is_full {
            self.done = self.making.take();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::inputs::CircuitId;
    use crate::outputs::TriggerId;

    fn trip(at_mono_ms: u64) -> Trip {
        let (trigger, circuit) = (TriggerId::OverCurrent, CircuitId::One);
        Trip { trigger, circuit, value: 20.0, limit: 18.0, at: None, at_mono_ms }
    }

    /// Steps of so many ms, of which one trips; yields the record's first and last time and its length.
    fn check(step_ms: u64, steps: u64, trips_at: u64) -> Option<(u64, u64, usize)> {
        let mut tracer = Tracer::new();
        for n in 0..steps {
            let mono_ms = 1_000_000 + n * step_ms;
            let trace = Trace { mono_ms, raw: [Some(n as f64); 6], closed: [true; 4] };
            tracer.step(trace, (n == trips_at).then(|| trip(mono_ms)));
        }
        let record = tracer.take()?;
        assert!(tracer.take().is_none(), "once");
        assert!(record.steps.windows(2).all(|w| w[1].mono_ms - w[0].mono_ms == step_ms));
        let at = |trace: &Trace| trace.mono_ms - 1_000_000;
        Some((at(record.steps.first()?), at(record.steps.last()?), record.steps.len()))
    }

    #[test]
    fn ten_seconds_before_and_five_after() {
        assert_eq!(check(100, 400, 250), Some((15_000, 30_000, 151)));
        assert_eq!(check(100, 400, 30), Some((0, 8_000, 81)), "there was not more before");
        assert_eq!(check(100, 300, 250), None, "not yet complete");
        assert_eq!(check(1_000, 400, 250), Some((240_000, 255_000, 16)));
        assert_eq!(check(10, 4_000, 2_500), Some((24_000, 26_000, 201)), "bounded");
    }
}
