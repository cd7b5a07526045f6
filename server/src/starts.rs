//! Starts that had no orderly end. Five restarts in ten minutes are no way to run heating: the sixth start brings
//! up the web and leaves heating locked out, so that a person can look.
//!
//! Moments are counted on `CLOCK_BOOTTIME`, which no clock step moves, and belong to one boot of the machine.

use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::sealed::{self, Unreadable};

/// So many earlier starts without an orderly end lock heating out.
const TOO_MANY: usize = 5;
/// When they lie within this time, ten minutes.
const WITHIN_MS: u64 = 600_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    boot_id: String,
    /// Milliseconds since the machine's boot, oldest first.
    starts_ms: Vec<u64>,
}

/// This start, on record until its orderly end.
#[derive(Debug)]
pub struct Start {
    path: PathBuf,
    record: Record,
    /// Heating stays locked out in this run.
    pub locked_out: bool,
}

impl Start {
    /// Puts this start on record.
    ///
    /// # Errors
    /// The file system's, when the record can't be written.
    pub fn record(state: &Path) -> std::io::Result<Self> {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let now = clock_gettime(ClockId::Boottime);
        let now_ms = u64::try_from(now.tv_sec * 1_000 + now.tv_nsec / 1_000_000).unwrap_or_default();
        Self::record_at(state, boot_id.trim(), now_ms)
    }

    fn record_at(state: &Path, boot_id: &str, now_ms: u64) -> std::io::Result<Self> {
        let path = state.join("starts.json");
        let (mut record, readable) = match sealed::read_present::<Record>(&path) {
            Ok(record) if record.boot_id == boot_id => (record, true),
            Ok(_) | Err(Unreadable::Missing(_)) => (Record::default(), true),
            // Who can't count the restarts must not assume that there were few.
            Err(_) => (Record::default(), false),
        };
        record.boot_id = boot_id.into();
        record.starts_ms.retain(|start_ms| now_ms.saturating_sub(*start_ms) < WITHIN_MS);
        let locked_out = !readable || record.starts_ms.len() >= TOO_MANY;
        record.starts_ms.push(now_ms);
        let surplus = record.starts_ms.len().saturating_sub(TOO_MANY + 1);
        record.starts_ms.drain(..surplus);
        sealed::write(&path, &record)?;
        Ok(Self { path, record, locked_out })
    }

    /// Takes this start off the record: it ended as it should.
    ///
    /// # Errors
    /// The file system's.
    pub fn ended_well(mut self) -> std::io::Result<()> {
        self.record.starts_ms.pop();
        sealed::write(&self.path, &self.record)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn start(folder: &tempfile::TempDir, boot_id: &str, second: u64) -> Start {
        Start::record_at(folder.path(), boot_id, second * 1_000).unwrap()
    }

    #[test]
    fn the_fifth_restart_within_ten_minutes_is_locked_out_until_they_are_past() {
        let folder = tempfile::tempdir().unwrap();
        for second in [0, 100, 200, 300, 400] {
            assert!(!start(&folder, "a", second).locked_out, "{second} s");
        }
        assert!(start(&folder, "a", 599).locked_out);
        assert!(start(&folder, "a", 650).locked_out);
        assert!(!start(&folder, "a", 2_000).locked_out);
    }

    #[test]
    fn slow_restarts_orderly_ends_and_another_boot_lock_nothing_out() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..20 {
            assert!(!start(&folder, "a", n * 121).locked_out, "slow {n}");
        }
        let folder = tempfile::tempdir().unwrap();
        for n in 0..20 {
            let start = start(&folder, "a", n);
            assert!(!start.locked_out, "orderly {n}");
            start.ended_well().unwrap();
        }
        for n in 0..5 {
            start(&folder, "a", 1_000 + n);
        }
        assert!(!start(&folder, "b", 30).locked_out);
    }

    #[test]
    fn a_record_that_cant_be_read_locks_out_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("starts.json"), "{").unwrap();
        assert!(start(&folder, "a", 0).locked_out);
        assert!(!start(&folder, "a", 1).locked_out);
    }
}
