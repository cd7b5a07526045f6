//! The shell's clock: the only place that asks what time it is, and hands it to the engine as an argument.
//!
//! On hardware it is the host's. A demo has its own, which begins where it is told and advances by whole steps,
//! so that a faster demo skips nothing and timers mean what they say.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::units::{Now, UtcMs};

/// The length of a control step.
pub const STEP: Duration = Duration::from_millis(100);
/// [`STEP`] in milliseconds.
pub const STEP_MS: u64 = STEP.as_millis() as u64;

/// No clock that shows a time before this release (2026-11-01) is believable: a Pi without a real-time clock
/// wakes in the past.
const EARLIEST_BELIEVABLE: UtcMs = UtcMs(1_793_491_200_000);

/// Where steps get their time from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The host's monotonic and civil clocks; monotonic time counts from this moment.
    Host(Instant),
    /// A simulated one: the time of the newest step.
    Simulated(Now),
}

impl Clock {
    /// The host's.
    pub fn host() -> Self {
        Self::Host(Instant::now())
    }

    /// A simulated one, whose first step comes [`STEP`] after `start`.
    pub const fn simulated(start: Now) -> Self {
        Self::Simulated(start)
    }

    /// The time now, without beginning a step.
    pub fn now(&self) -> Now {
        match self {
            Self::Host(start) => {
                let wall = host_utc();
                let mono_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                Now { mono_ms, wall: (wall >= EARLIEST_BELIEVABLE).then_some(wall) }
            }
            Self::Simulated(now) => *now,
        }
    }

    /// Begins a step and gives its time.
    pub fn step(&mut self) -> Now {
        if let Self::Simulated(now) = self {
            now.mono_ms += STEP_MS;
            now.wall = now.wall.map(|UtcMs(ms)| UtcMs(ms + STEP_MS as i64));
        }
        self.now()
    }
}

/// The host's civil time, believable or not: for sessions, throttles and the first moment of a demo.
pub fn host_utc() -> UtcMs {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_clock_advances_by_whole_steps() {
        let mut clock = Clock::simulated(Now { mono_ms: 5_000, wall: Some(UtcMs(1_000_000)) });
        assert_eq!(clock.step(), Now { mono_ms: 5_100, wall: Some(UtcMs(1_000_100)) });
        assert_eq!(clock.step(), Now { mono_ms: 5_200, wall: Some(UtcMs(1_000_200)) });
        assert_eq!(clock.now(), Now { mono_ms: 5_200, wall: Some(UtcMs(1_000_200)) });
    }

    #[test]
    fn the_hosts_clock_never_goes_back() {
        let mut clock = Clock::host();
        let first = clock.step();
        assert!(clock.step().mono_ms >= first.mono_ms);
    }
}
