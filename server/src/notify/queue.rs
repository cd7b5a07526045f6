//! What one recipient still has to be told, and when to try: the core of the notifications, without clocks, files
//! or sockets.
//!
//! It promises: a cause is told at once, and after that at most once per [`Pace::quiet`], with the number of times
//! it happened meanwhile; what could not be delivered is tried again, ever more seldom, until [`Pace::keep`] is
//! over; what an image of it ([`Queue::save`]) holds outlives a restart; and it holds [`CAUSES`] causes at the most.
//! A delivery that is taken and neither confirmed nor refused counts as not delivered: better told twice than never.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::message::Notice;

/// So many causes one recipient's queue holds. There are some ten triggers for each of two circuits.
pub(super) const CAUSES: usize = 64;

/// How fast people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// At least this long between two messages about one cause to one recipient.
    pub quiet: Duration,
    /// The first retry comes after this; each further one after twice the time of the one before.
    pub first_retry: Duration,
    /// No retry waits longer than this.
    pub longest_retry: Duration,
    /// A single try takes no longer than this.
    pub attempt: Duration,
    /// What could not be delivered for so long is given up.
    pub keep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(15 * 60),
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_secs(5 * 60),
            attempt: Duration::from_secs(60),
            keep: Duration::from_secs(3 * 24 * 3600),
        }
    }
}

/// What to tell now: the newest notice of a cause, and how often it came since the cause was last told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Telling {
    /// The newest.
    pub(super) notice: Notice,
    /// How often, with the newest: 1 or more.
    pub(super) times: u32,
    /// When the first of them was, if the clock was believable.
    pub(super) since: Option<DateTime<Utc>>,
}

/// One cause as it is kept in a file, its times as spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedCause {
    notice: Notice,
    untold: u32,
    since: Option<DateTime<Utc>>,
    give_up_ms: u64,
    quiet_ms: u64,
    retry_ms: u64,
    failures: u32,
}

/// One cause. It leaves the queue when it has been told and its quiet time is over.
#[derive(Debug)]
struct Cause {
    newest: Notice,
    /// How often it happened since it was last told.
    untold: u32,
    since: Option<DateTime<Utc>>,
    give_up_at: Duration,
    quiet_until: Duration,
    retry_at: Duration,
    failures: u32,
}

/// One recipient's causes. Times are counted from any fixed moment on a clock that never steps.
#[derive(Debug)]
pub(super) struct Queue {
    pace: Pace,
    causes: Vec<Cause>,
    /// The cause that is being delivered, and how many of its notices the message counts.
    in_flight: Option<(String, u32)>,
}

impl Queue {
    /// The queue that [`Queue::save`] saw, `elapsed` later; an empty one of nothing saved.
    pub(super) fn restore(pace: Pace, saved: Vec<SavedCause>, elapsed: Duration, now: Duration) -> Self {
        let left = |ms: u64, most: Duration| now + Duration::from_millis(ms).min(most).saturating_sub(elapsed);
        let cause = |saved: SavedCause| Cause {
            newest: saved.notice,
            untold: saved.untold,
            since: saved.since,
            give_up_at: left(saved.give_up_ms, pace.keep),
            quiet_until: left(saved.quiet_ms, pace.quiet),
            retry_at: left(saved.retry_ms, pace.longest_retry),
            failures: saved.failures,
        };
        Self { pace, causes: saved.into_iter().take(CAUSES).map(cause).collect(), in_flight: None }
    }

    /// An image for [`Queue::restore`].
    pub(super) fn save(&self, now: Duration) -> Vec<SavedCause> {
        self.causes
            .iter()
            .map(|cause| SavedCause {
                notice: cause.newest.clone(),
                untold: cause.untold,
                since: cause.since,
                give_up_ms: ms(cause.give_up_at.saturating_sub(now)),
                quiet_ms: ms(cause.quiet_until.saturating_sub(now)),
                retry_ms: ms(cause.retry_at.saturating_sub(now)),
                failures: cause.failures,
            })
            .collect()
    }

    /// Takes a notice in; the same one twice, as after a restart, is one. False when it is lost, because [`CAUSES`]
    /// others wait.
    pub(super) fn offer(&mut self, now: Duration, notice: Notice) -> bool {
        let pace = self.pace;
        self.forget_told(now);
        let key = notice.cause();
        if let Some(cause) = self.causes.iter_mut().find(|cause| cause.newest.cause() == key) {
            cause.take(now + pace.keep, notice);
            return true;
        }
        if self.causes.len() == CAUSES {
            return false;
        }
        self.causes.push(Cause {
            since: notice.at(),
            newest: notice,
            untold: 1,
            give_up_at: now + pace.keep,
            quiet_until: now,
            retry_at: now,
            failures: 0,
        });
        true
    }

    /// What to tell now, if anything: the gravest that is due, of those the one that has waited longest. Nothing
    /// while a delivery is under way; say how it ended by [`Queue::delivered`] or [`Queue::failed`].
    pub(super) fn next(&mut self, now: Duration) -> Option<Telling> {
        if self.in_flight.is_some() {
            return None;
        }
        let due = self.causes.iter().filter(|cause| cause.due().is_some_and(|due| due <= now));
        let cause = due.min_by_key(|cause| (std::cmp::Reverse(cause.newest.severity()), cause.give_up_at))?;
        self.in_flight = Some((cause.newest.cause(), cause.untold));
        Some(Telling { notice: cause.newest.clone(), times: cause.untold, since: cause.since })
    }

    /// The delivery under way has succeeded: its cause is quiet for a while.
    pub(super) fn delivered(&mut self, now: Duration) {
        let pace = self.pace;
        if let Some((cause, told)) = self.end_delivery() {
            cause.untold = cause.untold.saturating_sub(told);
            // Whatever came while the message was on its way came just now.
            cause.since = cause.newest.at();
            cause.give_up_at = now + pace.keep;
            cause.quiet_until = now + pace.quiet;
            cause.retry_at = now;
            cause.failures = 0;
        }
        self.forget_told(now);
    }

    /// The delivery under way has failed: it is due again later. Gives the notice when this was its last try.
    pub(super) fn failed(&mut self, now: Duration) -> Option<Notice> {
        let pace = self.pace;
        let (cause, _) = self.end_delivery()?;
        let doublings = 2_u32.saturating_pow(cause.failures.min(16));
        cause.retry_at = now + pace.first_retry.saturating_mul(doublings).min(pace.longest_retry);
        cause.failures = cause.failures.saturating_add(1);
        if now < cause.give_up_at {
            return None;
        }
        let given_up = cause.newest.clone();
        self.causes.retain(|cause| cause.newest.cause() != given_up.cause());
        Some(given_up)
    }

    /// When [`Queue::next`] will have something, as far as is known.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        if self.in_flight.is_some() {
            return None;
        }
        self.causes.iter().filter_map(Cause::due).min()
    }

    fn end_delivery(&mut self) -> Option<(&mut Cause, u32)> {
        let (key, told) = self.in_flight.take()?;
        let cause = self.causes.iter_mut().find(|cause| cause.newest.cause() == key)?;
        Some((cause, told))
    }

    fn forget_told(&mut self, now: Duration) {
        self.causes.retain(|cause| cause.untold > 0 || cause.quiet_until > now);
    }
}

impl Cause {
    fn due(&self) -> Option<Duration> {
        (self.untold > 0).then(|| self.quiet_until.max(self.retry_at))
    }

    fn take(&mut self, give_up_at: Duration, notice: Notice) {
        if notice == self.newest {
            return;
        }
        if self.untold == 0 {
            self.since = notice.at();
            self.give_up_at = give_up_at;
        }
        self.untold = self.untold.saturating_add(1);
        self.newest = notice;
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use app::types::status::{TriggerId, Trip};
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const TRIGGERS: [TriggerId; 3] = [TriggerId::OverTemperature, TriggerId::OverCurrent, TriggerId::UnexpectedCurrent];

    /// As [`trip`], told apart from others of the same moment by its value.
    fn numbered(trigger: TriggerId, circuit: u8, now: Duration, number: u32) -> Notice {
        let Notice::Trip(trip) = trip(trigger, circuit, now);
        Notice::Trip(Trip { value: f64::from(number), ..trip })
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn empty() -> Queue {
        Queue::restore(Pace::default(), Vec::new(), Duration::ZERO, Duration::ZERO)
    }

    /// A trip that happens at `now`.
    fn trip(trigger: TriggerId, circuit: u8, now: Duration) -> Notice {
        let at = DateTime::UNIX_EPOCH + TimeDelta::from_std(now).unwrap();
        Notice::Trip(Trip { trigger, circuit, value: 2.0, limit: 1.0, at: Some(at) })
    }

    fn hot(now: Duration) -> Notice {
        trip(TriggerId::OverTemperature, 1, now)
    }

    /// Takes what is due and says that it arrived; how often it happened, or `None` when nothing is due.
    fn deliver(queue: &mut Queue, now: Duration) -> Option<u32> {
        let telling = queue.next(now)?;
        queue.delivered(now);
        Some(telling.times)
    }

    #[test]
    fn a_cause_is_told_at_once_and_then_once_a_quarter_of_an_hour() {
        let mut queue = empty();
        queue.offer(s(10), hot(s(10)));
        assert_eq!(deliver(&mut queue, s(10)), Some(1));
        for second in 11..900 {
            queue.offer(s(second), hot(s(second)));
            assert_eq!(deliver(&mut queue, s(second)), None, "at {second} s");
        }
        assert_eq!(queue.wake_at(), Some(s(910)));
        let summary = queue.next(s(910)).unwrap();
        assert_eq!((summary.times, summary.since), (889, hot(s(11)).at()));
        assert_eq!(summary.notice, hot(s(899)));
        queue.delivered(s(910));
        assert_eq!(queue.wake_at(), None);
        queue.offer(s(1_810), hot(s(1_810)));
        assert_eq!(deliver(&mut queue, s(1_810)), Some(1));
    }

    #[test]
    fn causes_do_not_wait_for_each_other_and_danger_goes_first() {
        let mut queue = empty();
        queue.offer(s(1), hot(s(1)));
        queue.offer(s(2), trip(TriggerId::OverTemperature, 2, s(2)));
        queue.offer(s(3), trip(TriggerId::UnexpectedCurrent, 2, s(3)));
        let mut order = Vec::new();
        while let Some(telling) = queue.next(s(4)) {
            assert_eq!(queue.next(s(4)), None, "one delivery at a time");
            order.push(telling.notice.cause());
            queue.delivered(s(4));
        }
        assert_eq!(order, ["trip.UnexpectedCurrent.2", "trip.OverTemperature.1", "trip.OverTemperature.2"]);
    }

    #[test]
    fn retries_come_ever_more_seldom_and_end() {
        let pace = Pace::default();
        let mut queue = empty();
        queue.offer(s(0), hot(s(0)));
        let mut tries = Vec::new();
        let given_up = loop {
            let now = queue.wake_at().unwrap();
            assert!(queue.next(now).is_some());
            tries.push(now.as_secs());
            if let Some(notice) = queue.failed(now) {
                break notice;
            }
        };
        assert_eq!(tries[..8], [0, 5, 15, 35, 75, 155, 315, 615]);
        assert!(tries.windows(2).all(|pair| pair[1] - pair[0] <= pace.longest_retry.as_secs()));
        assert!(tries.last().unwrap().abs_diff(pace.keep.as_secs()) <= pace.longest_retry.as_secs());
        assert_eq!(given_up, hot(s(0)));
        assert_eq!(queue.wake_at(), None);
    }

    #[test]
    fn what_comes_during_a_delivery_is_told_after_the_quiet_time() {
        let mut queue = empty();
        queue.offer(s(0), hot(s(0)));
        assert_eq!(queue.next(s(0)).unwrap().times, 1);
        queue.offer(s(1), hot(s(1)));
        queue.delivered(s(2));
        assert_eq!(queue.wake_at(), Some(s(902)));
        assert_eq!(deliver(&mut queue, s(902)), Some(1));
    }

    #[test]
    fn one_trip_seen_again_after_a_restart_is_one_trip() {
        let mut queue = empty();
        queue.offer(s(0), hot(s(0)));
        queue.offer(s(1), hot(s(0)));
        assert_eq!(deliver(&mut queue, s(1)), Some(1));
        queue.offer(s(2), hot(s(0)));
        assert_eq!(queue.wake_at(), None);
    }

    #[test]
    fn it_holds_only_so_many_causes_and_makes_room_for_new_ones() {
        let mut queue = empty();
        let of = |circuit: usize| trip(TriggerId::OverCurrent, u8::try_from(circuit).unwrap(), s(0));
        assert!((0..CAUSES).all(|circuit| queue.offer(s(0), of(circuit))));
        assert!(!queue.offer(s(0), of(CAUSES)), "one too many");
        assert!(queue.offer(s(0), of(0)), "a known cause is only counted");
        for _ in 0..CAUSES {
            deliver(&mut queue, s(0)).unwrap();
        }
        assert!(queue.offer(s(900), of(CAUSES)), "told ones have left");
    }

    #[test]
    fn a_restart_keeps_counts_and_quiet_times() {
        let pace = Pace::default();
        let mut queue = empty();
        queue.offer(s(0), hot(s(0)));
        deliver(&mut queue, s(0)).unwrap();
        queue.offer(s(60), hot(s(60)));
        queue.offer(s(60), trip(TriggerId::OverCurrent, 2, s(60)));
        queue.next(s(60)).unwrap();
        let text = serde_json::to_string(&queue.save(s(60))).unwrap();
        let saved = serde_json::from_str(&text).unwrap();

        // Down for 100 s, on a clock that begins anew.
        let mut queue = Queue::restore(pace, saved, s(100), s(5));
        let telling = queue.next(s(5)).unwrap();
        assert_eq!(telling.notice.cause(), "trip.OverCurrent.2", "what was on its way is told again");
        queue.delivered(s(5));
        assert_eq!(queue.wake_at(), Some(s(900 - 60 - 100 + 5)));
    }

    #[test]
    fn a_file_from_a_wrong_clock_makes_nobody_wait_longer() {
        let pace = Pace::default();
        let saved = SavedCause {
            notice: hot(s(0)),
            untold: 1,
            since: None,
            give_up_ms: u64::MAX,
            quiet_ms: u64::MAX,
            retry_ms: u64::MAX,
            failures: u32::MAX,
        };
        let mut queue = Queue::restore(pace, vec![saved; 2 * CAUSES], Duration::ZERO, s(0));
        assert_eq!(queue.causes.len(), CAUSES);
        assert_eq!(queue.wake_at(), Some(pace.quiet));
        queue.next(pace.quiet).unwrap();
        assert_eq!(queue.failed(pace.quiet), None);
        assert!(queue.wake_at().unwrap() <= pace.quiet + pace.longest_retry);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Offer(usize, u8),
        Begin,
        Delivered,
        Failed,
        Restart(u64),
        Wait(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..TRIGGERS.len(), 1..=2_u8).prop_map(|(trigger, circuit)| Act::Offer(trigger, circuit)),
            4 => Just(Act::Begin),
            2 => Just(Act::Delivered),
            2 => Just(Act::Failed),
            1 => (0..2_000_u64).prop_map(Act::Restart),
            3 => (0..1_200_u64).prop_map(Act::Wait),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: never two messages of a cause within the quiet time, and each
        /// notice counted in exactly one of them.
        #[test]
        fn each_notice_is_told_once_and_never_too_soon(acts in prop::collection::vec(act(), 1..200)) {
            let pace = Pace::default();
            let mut queue = empty();
            let mut now = s(0);
            let (mut offered, mut told) = (BTreeMap::<String, u32>::new(), BTreeMap::<String, u32>::new());
            let mut number = 0;
            let mut last = BTreeMap::<String, Duration>::new();
            let mut under_way: Option<Telling> = None;
            let mut arrive = |telling: Telling, now: Duration| {
                let cause = telling.notice.cause();
                *told.entry(cause.clone()).or_default() += telling.times;
                if let Some(before) = last.insert(cause, now) {
                    assert!(now - before >= pace.quiet, "{:?} after {:?}", now, before);
                }
            };
            for act in acts {
                match act {
                    Act::Offer(trigger, circuit) => {
                        number += 1;
                        let notice = numbered(TRIGGERS[trigger], circuit, now, number);
                        *offered.entry(notice.cause()).or_default() += 1;
                        prop_assert!(queue.offer(now, notice));
                    }
                    Act::Begin if under_way.is_none() => under_way = queue.next(now),
                    Act::Delivered => if let Some(telling) = under_way.take() {
                        queue.delivered(now);
                        arrive(telling, now);
                    }
                    Act::Failed => if under_way.take().is_some() {
                        prop_assert_eq!(queue.failed(now), None);
                    }
                    Act::Restart(down) => {
                        under_way = None;
                        let saved = queue.save(now);
                        now += s(down);
                        queue = Queue::restore(pace, saved, s(down), now);
                    }
                    Act::Wait(seconds) => now += s(seconds),
                    Act::Begin => {}
                }
            }
            if under_way.is_some() {
                queue.failed(now);
            }
            while let Some(wake_at) = queue.wake_at() {
                now = now.max(wake_at);
                let telling = queue.next(now).unwrap();
                queue.delivered(now);
                arrive(telling, now);
            }
            prop_assert_eq!(told, offered);
        }
    }
}
