//! `suntank guard`: what the second process does. It does as little as it can, and holds no lock.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use drivers::mirror::Writer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, setsid};

use super::{SILENCE, word};
use crate::boot::{self, Boot};
use crate::{latch, realtime};

/// Outputs that can't be opened are tried this often, …
const ATTEMPTS: u32 = 50;
/// … this far apart.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
/// After SIGKILL the kernel gets this long to end the process.
const END_OF_KILLED: Duration = Duration::from_secs(2);
/// The hardware watchdog is fed this often; a Pi's resets the board after 15 s.
const FEED: Duration = Duration::from_secs(1);

/// What the guard is told on its command line.
#[derive(Debug, Clone)]
pub struct GuardOptions {
    /// The folder with `boot.json` and the latch file.
    pub state: PathBuf,
    /// The hardware watchdog's device, fed while the control loop beats.
    pub hardware_watchdog: Option<PathBuf>,
    /// Take real-time priority and lock the memory.
    pub real_time: bool,
}

/// How the line to the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It said goodbye.
    Goodbye,
    /// The process is gone.
    Died,
    /// It is there, and silent.
    Silent,
}

/// Guards the parent process over the standard input until it ends.
///
/// # Errors
/// A standard input that is no line to a process, or outputs that could not be opened, in words.
pub fn run(options: &GuardOptions) -> anyhow::Result<()> {
    stand_apart(options.real_time);
    let parent = i32::try_from(parent_id()).ok().and_then(Pid::from_raw).context("There is no process to guard")?;
    // If the process has died by now, this may name another one; then the line is at its end already, and nobody
    // is killed.
    let process = pidfd_open(parent, PidfdFlags::empty());
    let line = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    line.set_nonblocking(true).context("The guard is started by `suntank run` alone")?;
    let known = boot::read(&options.state).ok();

    let mut guard = Guard { line, unsaved: false, hardware: Hardware::new(options.hardware_watchdog.clone()) };
    let _ = guard.line.write_all(&[word::READY]);
    let end = guard.listen();
    if end == End::Goodbye {
        guard.hardware.disarm();
        return Ok(());
    }
    if end == End::Silent {
        kill(process.as_ref().ok());
    }
    let mut opened = open_relays(&options.state, known.as_ref());
    if end == End::Silent {
        // Whatever it wrote before the kernel ended it is undone.
        guard.await_end(END_OF_KILLED);
        opened = open_relays(&options.state, known.as_ref());
    }
    if guard.unsaved
        && let Err(error) = latch::mark_cut_off(&options.state)
    {
        tracing::error!(%error, "a trip could not be kept");
    }
    tracing::error!(?end, "the process is gone; its relays are open");
    opened
}

/// Its own session and deaf ears: what ends the process at a terminal or in a service must not end its guard.
fn stand_apart(real_time: bool) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        // A flag that nobody reads: the signal is taken and nothing comes of it.
        if let Err(error) = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))) {
            tracing::warn!(signal, %error, "the guard can't ignore a signal");
        }
    }
    // It fails only where the session is its own already.
    let _ = setsid();
    if real_time {
        realtime::raise(realtime::GUARD);
        realtime::lock_memory();
    }
}

fn kill(process: Option<&OwnedFd>) {
    let killed = process.map(|process| pidfd_send_signal(process, Signal::KILL));
    if !matches!(killed, Some(Ok(()))) {
        tracing::error!(?killed, "the silent process can't be killed");
    }
}

/// Opens what the newest `boot.json` names, or what it named at the guard's start.
fn open_relays(state: &Path, known: Option<&Boot>) -> anyhow::Result<()> {
    let newest = boot::read(state).ok();
    let boot = newest.as_ref().or(known).context("Which outputs there are is not known")?;
    let mut attempt = 1;
    while let Err(errors) = drivers::open_all(&boot.drivers, Writer::Guard) {
        if attempt == ATTEMPTS {
            anyhow::bail!("Not every output could be opened: {errors:?}");
        }
        attempt += 1;
        thread::sleep(BETWEEN_ATTEMPTS);
    }
    Ok(())
}

struct Guard {
    line: UnixStream,
    /// The process said last that something is not on the disk yet.
    unsaved: bool,
    hardware: Hardware,
}

impl Guard {
    /// Hears the process until that ends in one way or another.
    fn listen(&mut self) -> End {
        let mut heard = Instant::now();
        loop {
            // First hear, then judge: this process may have been stopped itself.
            match self.hear() {
                Ok(Some(end)) => return end,
                Ok(None) => {
                    heard = Instant::now();
                    self.hardware.feed();
                }
                Err(()) if heard.elapsed() >= SILENCE => return End::Silent,
                Err(()) => {}
            }
            self.wait(SILENCE.saturating_sub(heard.elapsed()));
        }
    }

    /// What came since the last time: `None` for a sign of life, an error for nothing.
    fn hear(&mut self) -> Result<Option<End>, ()> {
        let mut words = [0; 256];
        match self.line.read(&mut words) {
            Ok(0) => Ok(Some(End::Died)),
            Ok(length) if words[..length].contains(&word::GOODBYE) => Ok(Some(End::Goodbye)),
            Ok(length) => {
                self.unsaved = words[length - 1] == word::UNSAVED;
                // A process that does not read its echo is as alive as one that does.
                let _ = self.line.write_all(&[word::HEARD]);
                Ok(None)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Err(()),
            Err(_) => Ok(Some(End::Died)),
        }
    }

    fn wait(&self, at_most: Duration) {
        let timeout = Timespec::try_from(at_most).ok();
        // A signal ends the wait early, and that is all.
        let _ = poll(&mut [PollFd::new(&self.line, PollFlags::IN)], timeout.as_ref());
    }

    fn await_end(&mut self, at_most: Duration) {
        let began = Instant::now();
        while began.elapsed() < at_most && self.hear() != Ok(Some(End::Died)) {
            self.wait(Duration::from_millis(20));
        }
    }
}

/// The hardware watchdog: resets the board when nobody feeds it. Once the process has died it is not fed any more,
/// so that a board on which no new process comes up is reset.
struct Hardware {
    path: Option<PathBuf>,
    device: Option<File>,
    fed: Option<Instant>,
}

impl Hardware {
    const fn new(path: Option<PathBuf>) -> Self {
        Self { path, device: None, fed: None }
    }

    fn feed(&mut self) {
        let Some(path) = self.path.as_ref().filter(|_| self.fed.is_none_or(|fed| fed.elapsed() >= FEED)) else {
            return;
        };
        if self.device.is_none() {
            // Busy as long as an earlier guard holds it, so failing is tried again and told once.
            match OpenOptions::new().write(true).open(path) {
                Ok(device) => self.device = Some(device),
                Err(error) if self.fed.is_none() => {
                    tracing::error!(%error, path = %path.display(), "the hardware watchdog can't be had");
                }
                Err(_) => {}
            }
        }
        self.fed = Some(Instant::now());
        if self.device.as_mut().is_some_and(|device| device.write_all(b"\0").is_err()) {
            self.device = None;
        }
    }

    /// An orderly end stops the count: `V` is the kernel's word for it (watchdog-api).
    fn disarm(&mut self) {
        if let Some(device) = &mut self.device {
            let _ = device.write_all(b"V");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn guard() -> (UnixStream, Guard) {
        let (process, line) = UnixStream::pair().unwrap();
        line.set_nonblocking(true).unwrap();
        (process, Guard { line, unsaved: false, hardware: Hardware::new(None) })
    }

    #[test]
    fn the_end_of_the_line_is_a_death_and_a_goodbye_is_none() {
        let (process, mut guard_of_dead) = guard();
        drop(process);
        assert_eq!(guard_of_dead.listen(), End::Died);

        let (mut process, mut guard) = guard();
        process.write_all(&[word::ALIVE, word::GOODBYE]).unwrap();
        drop(process);
        assert_eq!(guard.listen(), End::Goodbye);
    }

    #[test]
    fn silence_is_told_after_two_seconds_and_each_beat_counts_anew() {
        let (mut process, mut guard) = guard();
        let began = Instant::now();
        let beats = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            process.write_all(&[word::UNSAVED]).unwrap();
            process
        });
        assert_eq!(guard.listen(), End::Silent);
        assert!(began.elapsed() >= SILENCE + Duration::from_millis(500), "{:?}", began.elapsed());
        assert!(guard.unsaved);
        let mut echo = [0; 8];
        assert_eq!(beats.join().unwrap().read(&mut echo).unwrap(), 1);
        assert_eq!(echo[0], word::HEARD);
    }

    #[test]
    fn the_hardware_watchdog_is_fed_at_its_pace_and_disarmed_by_an_orderly_end() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("watchdog");
        let mut hardware = Hardware::new(Some(device.clone()));
        hardware.feed();
        std::fs::write(&device, "").unwrap();
        hardware.fed = None;
        hardware.feed();
        hardware.feed();
        hardware.disarm();
        assert_eq!(std::fs::read(&device).unwrap(), b"\0V");
    }
}
