//! The process's side of the guard: a thread that keeps a guard running, and the loop's end of the line to it.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::GuardOptions;
use super::{SILENCE, word};
use crate::faults::{Faults, Place};

/// The loop beats at most this often, however fast its steps are.
const BEAT: Duration = Duration::from_millis(50);
/// How often the keeper looks after the guard.
const LOOK: Duration = Duration::from_millis(50);
/// Between two guards: this long at first, twice as long each time, …
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// … up to this; …
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// … and from the beginning after a guard that lived this long.
const LIVED_WELL: Duration = Duration::from_secs(60);

/// What loop and keeper tell each other.
#[derive(Debug, Default)]
struct Shared {
    /// The loop has given the guard up: replace it.
    lost: AtomicBool,
    /// The program ends: start no other.
    ending: AtomicBool,
}

/// The loop's end of the line. Nothing in here waits.
#[derive(Debug)]
pub struct Line {
    lines: Receiver<UnixStream>,
    current: Option<Current>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Current {
    stream: UnixStream,
    /// The last beat, and what it said.
    beat: Option<(Instant, u8)>,
    heard: Instant,
}

/// The thread that keeps a guard running.
#[derive(Debug)]
pub struct Keeper {
    thread: JoinHandle<()>,
}

/// Starts the keeper, which starts a guard at once.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start(options: GuardOptions, faults: Faults) -> std::io::Result<(Keeper, Line)> {
    let (hand_over, lines) = sync_channel(1);
    let shared = Arc::new(Shared::default());
    let ours = Arc::clone(&shared);
    let thread =
        thread::Builder::new().name("guard keeper".into()).spawn(move || keep(&options, &faults, &ours, &hand_over))?;
    Ok((Keeper { thread }, Line { lines, current: None, shared }))
}

impl Keeper {
    /// Waits until the guard has ended. Call it after [`Line::goodbye`].
    pub fn join(self) {
        // A panic there has ended the process.
        let _ = self.thread.join();
    }
}

impl Line {
    /// A line that no guard will ever hear: the relays stay open.
    pub fn unheard() -> Self {
        let (_, lines) = sync_channel(0);
        Self { lines, current: None, shared: Arc::default() }
    }

    /// Tells the guard that the loop is alive, and whether a trip is not on the disk yet: at once when that has
    /// changed, otherwise twenty times a second at most. False when there is no guard that hears it: the relays must
    /// be open then.
    pub fn beat(&mut self, now: Instant, unsaved: bool) -> bool {
        if let Ok(stream) = self.lines.try_recv() {
            self.current = Some(Current { stream, beat: None, heard: now });
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        if current.talk(now, unsaved) {
            return true;
        }
        self.current = None;
        self.shared.lost.store(true, Ordering::Release);
        false
    }

    /// Tells the guard that the relays are open and the program ends.
    pub fn goodbye(mut self) {
        self.shared.ending.store(true, Ordering::Release);
        if let Some(current) = &mut self.current {
            // A guard that does not hear it opens the relays once more.
            let _ = current.stream.write_all(&[word::GOODBYE]);
        }
    }
}

impl Current {
    /// True while the guard is there and hears.
    fn talk(&mut self, now: Instant, unsaved: bool) -> bool {
        let mut words = [0; 64];
        match self.stream.read(&mut words) {
            Ok(0) => return false,
            Ok(_) => self.heard = now,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        if now.duration_since(self.heard) >= SILENCE {
            return false;
        }
        let word = if unsaved { word::UNSAVED } else { word::ALIVE };
        if self.beat.is_some_and(|(beat, said)| said == word && now.duration_since(beat) < BEAT) {
            return true;
        }
        self.beat = Some((now, word));
        match self.stream.write_all(&[word]) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn keep(options: &GuardOptions, faults: &Faults, shared: &Shared, hand_over: &SyncSender<UnixStream>) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let began = Instant::now();
        match begin(options) {
            Ok((guard, line)) => {
                shared.lost.store(false, Ordering::Release);
                // Full only when the loop never took the last one, and then it does not matter any more.
                let _ = hand_over.try_send(line);
                attend(guard, faults, shared);
            }
            Err(error) => tracing::error!(%error, "the guard does not start; the relays stay open"),
        }
        if shared.ending.load(Ordering::Acquire) {
            return;
        }
        tracing::error!("the guard is gone; the relays stay open until there is another");
        if began.elapsed() >= LIVED_WELL {
            backoff = FIRST_BACKOFF;
        }
        let waiting = Instant::now();
        while waiting.elapsed() < backoff && !shared.ending.load(Ordering::Acquire) {
            thread::sleep(LOOK.min(backoff));
        }
        backoff = (backoff * 2).min(LAST_BACKOFF);
    }
}

/// Starts a guard and waits until it is ready.
fn begin(options: &GuardOptions) -> std::io::Result<(Child, UnixStream)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    // The very program that runs, even if its file has been replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("suntank").arg("guard").arg("--state").arg(&options.state);
    if let Some(device) = &options.hardware_watchdog {
        command.arg("--hardware-watchdog").arg(device);
    }
    if options.real_time {
        command.arg("--real-time");
    }
    let mut guard = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    // The command holds the other end too, and the line must end when the guard does.
    drop(command);
    ours.set_read_timeout(Some(SILENCE))?;
    let mut word = [0];
    if let Err(error) = ours.read_exact(&mut word) {
        end(&mut guard);
        return Err(error);
    }
    debug_assert_eq!(word[0], word::READY);
    ours.set_nonblocking(true)?;
    Ok((guard, ours))
}

/// Returns when the guard is gone.
fn attend(mut guard: Child, faults: &Faults, shared: &Shared) {
    let mut ending: Option<Instant> = None;
    while matches!(guard.try_wait(), Ok(None)) {
        faults.at(Place::Keeper);
        if shared.ending.load(Ordering::Acquire) {
            ending.get_or_insert_with(Instant::now);
        }
        if shared.lost.load(Ordering::Acquire) || ending.is_some_and(|since| since.elapsed() >= SILENCE) {
            break;
        }
        thread::sleep(LOOK);
    }
    end(&mut guard);
}

/// Kills the guard if it is still there: one that hangs must not wake up later and open relays that another guards.
fn end(guard: &mut Child) {
    // It fails only when it is gone already.
    let _ = guard.kill();
    let _ = guard.wait();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line() -> (SyncSender<UnixStream>, UnixStream, Line) {
        let (hand_over, lines) = sync_channel(1);
        let (guard, stream) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        hand_over.send(stream).unwrap();
        (hand_over, guard, Line { lines, current: None, shared: Arc::default() })
    }

    #[test]
    fn a_beat_tells_what_is_unsaved_and_no_more_often_than_needed() {
        let (_hand_over, mut guard, mut line) = line();
        let start = Instant::now();
        for ms in 0..120 {
            assert!(line.beat(start + Duration::from_millis(ms), ms < 20));
        }
        let mut words = [0; 16];
        let length = guard.read(&mut words).unwrap();
        assert_eq!(words[..length], [word::UNSAVED, word::ALIVE, word::ALIVE]);
    }

    #[test]
    fn a_guard_that_died_or_gives_no_echo_is_lost() {
        let (_hand_over, guard, mut line_to_dead) = line();
        assert!(line_to_dead.beat(Instant::now(), false));
        drop(guard);
        assert!(!line_to_dead.beat(Instant::now(), false));
        assert!(line_to_dead.shared.lost.load(Ordering::Acquire));

        let (_hand_over, mut guard, mut line) = line();
        let start = Instant::now();
        assert!(line.beat(start, false));
        guard.write_all(&[word::HEARD]).unwrap();
        assert!(line.beat(start + Duration::from_millis(1_900), false));
        assert!(line.beat(start + Duration::from_millis(3_800), false));
        assert!(!line.beat(start + Duration::from_millis(3_900), false));
    }

    #[test]
    fn a_goodbye_is_heard_and_no_other_guard_is_wanted() {
        let (_hand_over, mut guard, mut line) = line();
        line.beat(Instant::now(), false);
        let shared = Arc::clone(&line.shared);
        line.goodbye();
        let mut words = Vec::new();
        guard.read_to_end(&mut words).unwrap();
        assert_eq!(words, [word::ALIVE, word::GOODBYE]);
        assert!(shared.ending.load(Ordering::Acquire));
    }
}
