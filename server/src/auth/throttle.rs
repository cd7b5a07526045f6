//! The brake on guessing passwords: by account and by address, growing with each failure, never for good.
//!
//! Every attempt counts as failed when it begins, so that many at once get no further than many in turn. A
//! device from which someone has logged in is not slowed by what strangers do to the account.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures cost nothing: people mistype.
const FREE: u32 = 5;
/// The wait after the next one; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// It grows no longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Failures this old are forgotten.
const FORGET: Duration = Duration::from_secs(3600);
/// So many accounts, addresses and devices are remembered; then the oldest go.
const REMEMBERED: usize = 4096;

/// Who failed how often.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<String, Failures>,
    addresses: HashMap<String, Failures>,
    /// Account and address of past logins.
    trusted: HashMap<(String, String), Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// An attempt that may go on.
#[derive(Debug)]
pub(super) struct Attempt {
    account: String,
    address: String,
}

impl Throttle {
    /// Lets an attempt begin, or says how long to wait.
    pub(super) fn attempt(&self, now: Instant, name: &str, address: &str) -> Result<Attempt, Duration> {
        let mut state = self.state();
        let (account, address) = (name.to_lowercase(), address.to_owned());
        let device = (account.clone(), address.clone());
        let trusted = state.trusted.contains_key(&device);
        let by_account =
            if trusted { wait(&state.trusted, &device, now) } else { wait(&state.accounts, &account, now) };
        let left = by_account.max(wait(&state.addresses, &address, now));
        if !left.is_zero() {
            return Err(left);
        }
        if trusted {
            count(&mut state.trusted, device, now);
        } else {
            count(&mut state.accounts, account.clone(), now);
        }
        count(&mut state.addresses, address.clone(), now);
        Ok(Attempt { account, address })
    }

    /// The password was right: the attempt was no failure, nor do earlier ones matter any more.
    pub(super) fn succeeded(&self, now: Instant, attempt: Attempt) {
        let mut state = self.state();
        state.accounts.remove(&attempt.account);
        state.addresses.remove(&attempt.address);
        make_room(&mut state.trusted);
        let clean = Failures { count: 0, last: now };
        state.trusted.insert((attempt.account, attempt.address), clean);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left to wait.
fn wait<K: Eq + Hash>(failures: &HashMap<K, Failures>, key: &K, now: Instant) -> Duration {
    let Some(failures) = failures.get(key) else {
        return Duration::ZERO;
    };
    let since = now.saturating_duration_since(failures.last);
    match failures.count.checked_sub(FREE) {
        Some(beyond) if since < FORGET => {
            let doubled = FIRST_WAIT.saturating_mul(1 << beyond.min(16));
            doubled.min(LONGEST_WAIT).saturating_sub(since)
        }
        _ => Duration::ZERO,
    }
}

fn count<K: Eq + Hash + Clone>(failures: &mut HashMap<K, Failures>, key: K, now: Instant) {
    if !failures.contains_key(&key) {
        make_room(failures);
    }
    let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
    if now.saturating_duration_since(entry.last) >= FORGET {
        entry.count = 0;
    }
    entry.count = entry.count.saturating_add(1);
    entry.last = now;
}

/// The oldest entry goes when there is no room for one more.
fn make_room<K: Eq + Hash + Clone>(entries: &mut HashMap<K, Failures>) {
    if entries.len() < REMEMBERED {
        return;
    }
    let oldest = entries.iter().min_by_key(|(_, failures)| failures.last);
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        entries.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Fails as often as is free.
    fn tire(throttle: &Throttle, now: Instant, name: &str, address: &str) {
        for _ in 0..FREE {
            throttle.attempt(now, name, address).unwrap();
        }
    }

    #[test]
    fn the_wait_doubles_up_to_five_minutes_and_ends() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        tire(&throttle, now, "owner", "1");
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = throttle.attempt(now, "owner", "1").unwrap_err();
            assert_eq!(wait, SECOND * expected);
            now += wait;
            throttle.attempt(now, "owner", "1").unwrap();
        }
        assert!(throttle.attempt(now + FORGET, "owner", "1").is_ok());
    }

    #[test]
    fn accounts_and_addresses_are_braked_each() {
        let throttle = Throttle::default();
        let now = Instant::now();
        tire(&throttle, now, "owner", "1");
        assert!(throttle.attempt(now, "OWNER", "2").is_err());
        assert!(throttle.attempt(now, "other", "1").is_err());
        assert!(throttle.attempt(now, "other", "2").is_ok());
    }

    #[test]
    fn a_success_clears_and_strangers_cant_brake_a_known_device() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let attempt = throttle.attempt(now, "owner", "home").unwrap();
        throttle.succeeded(now, attempt);
        tire(&throttle, now, "owner", "stranger");
        assert!(throttle.attempt(now, "owner", "third").is_err());
        assert!(throttle.attempt(now, "owner", "home").is_ok());
        tire(&throttle, now + FORGET, "owner", "home");
        assert!(throttle.attempt(now + FORGET, "owner", "home").is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..REMEMBERED + 100 {
            throttle.attempt(now, &n.to_string(), &n.to_string()).unwrap();
        }
        let state = throttle.state();
        assert_eq!(state.accounts.len(), REMEMBERED);
        assert_eq!(state.addresses.len(), REMEMBERED);
    }
}
