//! Relay states in a small file, for whoever watches from outside: a test, a commissioning tool, a second computer.
//!
//! The loop, the guard and `suntank relays-off` all write it, each under its own name. Bytes that were written
//! survive their writer: the page cache is the kernel's, so a plain positioned write does what a memory map would.
//! Put the file on a memory file system such as `/run`, so that no disk is ever waited for.
//!
//! | bytes | content |
//! |---|---|
//! | 0–3 | the relays by [`RelayId::index`]: 0 open, 1 closed, 2 unknown (the output did not take its state) |
//! | 4 | who wrote: 1 loop, 2 guard, 3 `relays-off` |
//! | 5 | the heartbeat's level, 0 or 1 |
//! | 8–15 | counts up with each write of that writer, little-endian |
//! | 16–23 | nanoseconds of `CLOCK_MONOTONIC`, little-endian |

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use engine::inputs::RelayId;
use rustix::time::{ClockId, clock_gettime};

use crate::hal::OutputFault;

/// Length of the file.
pub const LENGTH: usize = 24;

/// Who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The control loop.
    Loop = 1,
    /// The guard process.
    Guard = 2,
    /// `suntank relays-off`.
    RelaysOff = 3,
}

/// What a relay is known to have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// To open.
    Open = 0,
    /// To close.
    Closed = 1,
    /// The output did not take its state.
    Unknown = 2,
}

/// The file while somebody writes it.
#[derive(Debug)]
pub struct Mirror {
    file: File,
    writer: Writer,
    contacts: [Contact; 4],
    heartbeat: bool,
    count: u64,
}

impl Mirror {
    /// Opens or makes the file. What stands in it stays until the first write.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(path: &Path, writer: Writer) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o644).open(path)?;
        // Pre-sized, so that no later write needs room.
        file.set_len(LENGTH as u64)?;
        Ok(Self { file, writer, contacts: [Contact::Open; 4], heartbeat: false, count: 0 })
    }

    /// Writes the relays' states.
    ///
    /// # Errors
    /// [`OutputFault`] when the file did not take them.
    pub fn write(&mut self, contacts: [Contact; 4]) -> Result<(), OutputFault> {
        self.contacts = contacts;
        self.store()
    }

    /// Writes the heartbeat's level.
    ///
    /// # Errors
    /// As [`Mirror::write`].
    pub fn beat(&mut self, level: bool) -> Result<(), OutputFault> {
        self.heartbeat = level;
        self.store()
    }

    fn store(&mut self) -> Result<(), OutputFault> {
        self.count += 1;
        let mut bytes = [0; LENGTH];
        for id in RelayId::ALL {
            bytes[id.index()] = self.contacts[id.index()] as u8;
        }
        bytes[4] = self.writer as u8;
        bytes[5] = u8::from(self.heartbeat);
        bytes[8..16].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..24].copy_from_slice(&monotonic_ns().to_le_bytes());
        self.file.write_all_at(&bytes, 0).map_err(|error| OutputFault(format!("the mirror file: {error}")))
    }
}

/// `CLOCK_MONOTONIC`, which all processes of one machine share.
fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_file_shows_who_wrote_what_and_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mirror");
        let mut mirror = Mirror::open(&path, Writer::Loop).unwrap();
        let before = monotonic_ns();
        mirror.write([Contact::Closed, Contact::Open, Contact::Unknown, Contact::Closed]).unwrap();
        mirror.beat(true).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[..8], [1, 0, 2, 1, 1, 1, 0, 0]);
        assert_eq!(bytes[8..16], 2_u64.to_le_bytes());
        let at = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
        assert!((before..=monotonic_ns()).contains(&at));
    }

    #[test]
    fn what_stood_there_stays_until_the_first_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mirror");
        std::fs::write(&path, [1; LENGTH]).unwrap();
        let mut mirror = Mirror::open(&path, Writer::Guard).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [1; LENGTH]);
        mirror.write([Contact::Open; 4]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[..5], [0, 0, 0, 0, 2]);
    }
}
