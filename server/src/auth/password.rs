//! Passwords: argon2id, hashed off the web's threads and only a few at a time.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use app::types::problem::{Problem, ProblemKind};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::AuthError;

/// So many hashes run at once, so that a flood of logins can't starve the control loop of cores.
pub const AT_ONCE: usize = 2;

/// Characters a password may have. Nothing is cut off.
pub const LENGTH: RangeInclusive<usize> = 8..=128;

/// OWASP's second-smallest setting for argon2id: 19 MiB, two passes, one lane
/// (Password Storage Cheat Sheet, 2024).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Who waits longer for a turn is sent away.
const TURN: Duration = Duration::from_secs(5);

/// The passwords that are tried first by everyone who guesses; lower case, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Verifies passwords.
pub(super) struct Hasher {
    turns: Arc<Semaphore>,
    /// Verified against when the user does not exist, so that the time is the same.
    nobodys_hash: String,
}

impl Hasher {
    pub(super) fn new() -> Result<Self, AuthError> {
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobodys_hash: hash("nobody has this password")? })
    }

    /// Whether `hash` is this password's; without a hash, the same work for nothing.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let busy = || Problem::new(ProblemKind::Unavailable, "Too many logins wait. Try again.");
        let turn =
            timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys_hash.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let parsed = PasswordHash::new(&hash);
            parsed.is_ok_and(|hash| {
                // The parameters are those in the hash.
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
        });
        let matches =
            work.await.map_err(|_| Problem::new(ProblemKind::Internal, "The password could not be verified."))?;
        Ok(exists && matches)
    }
}

/// A hash in PHC string format, with a random salt. Takes tens of milliseconds.
pub(super) fn hash(password: &str) -> Result<String, AuthError> {
    let fault = |e: &dyn std::fmt::Display| AuthError::Hash(e.to_string());
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| fault(&e))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| fault(&e))
}

/// Whether this user may have this password.
///
/// # Errors
/// What is wrong with it, to follow "the password".
pub fn check_new(name: &str, password: &str) -> Result<(), String> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(length_message());
    }
    let lower = password.to_lowercase();
    if lower.contains(&name.to_lowercase()) {
        return Err("must not hold the user's name".into());
    }
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let is_common = COMMON.lines().any(|common| common == lower || (bare.len() >= 4 && common == bare));
    if is_common || is_a_run(&lower) {
        return Err("is among the first that anyone would guess".into());
    }
    Ok(())
}

pub(super) fn length_message() -> String {
    format!("must have {} to {} characters", LENGTH.start(), LENGTH.end())
}

/// `aaaaaaaa`, `12345678`, `hgfedcba`: each character follows from the one before.
fn is_a_run(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let mut steps = codes.windows(2).map(|pair| pair[1] - pair[0]);
    let Some(first) = steps.next() else {
        return true;
    };
    first.abs() <= 1 && steps.all(|step| step == first)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(password: &str, accepted: bool) {
        assert_eq!(check_new("owner", password).is_ok(), accepted, "{password}");
    }

    #[test]
    fn what_anyone_would_guess_is_refused() {
        check("short", false);
        check("password", false);
        check("Password123!", false);
        check("qwertyuiop", false);
        check("12345678", false);
        check("zzzzzzzz", false);
        check("hgfedcba", false);
        check("theOWNERofit", false);
        check(&"x7".repeat(65), false);
    }

    #[test]
    fn long_and_foreign_ones_are_accepted_whole() {
        check("warm water at noon", true);
        check("wärmepumpe-nein", true);
        check(&"x7".repeat(64), true);
    }

    #[test]
    fn a_hash_has_the_promised_cost_and_fits_only_its_password() {
        let hash = hash("warm water at noon").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let parsed = PasswordHash::new(&hash).unwrap();
        let verify = |text: &str| Argon2::default().verify_password(text.as_bytes(), &parsed);
        assert!(verify("warm water at noon").is_ok());
        assert!(verify("warm water at noon ").is_err());
    }
}
