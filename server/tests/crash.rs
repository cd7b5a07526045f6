//! The running program and its death, seen from outside: the real binary on the simulated plant, relays closed, and
//! then whatever can end a process. Which relays are closed is read from the mirror file alone.
//!
//! `SUNTANK_CRASHES` is the number of deaths (13 by default, one of each kind), `SUNTANK_CRASH_SEED` chooses their
//! moments, `SUNTANK_CRASHES_AT_ONCE` how many instances run beside each other.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drivers::mirror::{LENGTH, Writer};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

/// Simulated seconds per second: the boot hold of 30 s is over in a moment.
const SPEED: u32 = 100;
/// A sunny summer morning in Colorado, cold tanks.
const MORNING: &str = "2026-06-21T17:00:00Z";
/// No start, on the busiest machine, takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

const BINARY: &str = env!("CARGO_BIN_EXE_suntank");

/// A running program on a folder of its own.
struct Instance {
    child: Child,
    folder: TempDir,
    /// Where systemd would listen.
    manager: UnixDatagram,
}

/// What the mirror shows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    relays: [u8; 4],
    writer: u8,
    count: u64,
    at_ns: u64,
}

impl Instance {
    fn start(fault: Option<&str>) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), SPEED, fault, "")
    }

    /// On a folder that may have seen other runs; `config` is added to its configuration file.
    fn start_in(folder: TempDir, speed: u32, fault: Option<&str>, config: &str) -> Self {
        let mirror = folder.path().join("mirror");
        let _ = fs::remove_file(&mirror);
        let text = format!("drivers.mirror = {mirror:?}\n{config}");
        fs::write(folder.path().join("suntank.toml"), text).unwrap();
        let notify = folder.path().join("notify");
        let _ = fs::remove_file(&notify);
        let manager = UnixDatagram::bind(&notify).unwrap();
        manager.set_nonblocking(true).unwrap();
        let mut command = run_command(folder.path(), speed, "suntank.toml");
        command.env("NOTIFY_SOCKET", &notify);
        command.envs(fault.map(|fault| ("SUNTANK_FAULT", fault)));
        Self { child: command.spawn().unwrap(), folder, manager }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn guard(&self) -> Pid {
        let id = self.child.id();
        let mut tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
        tasks
            .find_map(|task| {
                let children = fs::read_to_string(task.unwrap().path().join("children")).ok()?;
                Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
            })
            .expect("there is no guard")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn seen(&self) -> Option<Seen> {
        let bytes: [u8; LENGTH] = fs::read(self.folder.path().join("mirror")).ok()?.try_into().ok()?;
        Some(Seen {
            relays: bytes[..4].try_into().unwrap(),
            writer: bytes[4],
            count: u64::from_le_bytes(bytes[8..16].try_into().unwrap()),
            at_ns: u64::from_le_bytes(bytes[16..24].try_into().unwrap()),
        })
    }

    /// Waits until the mirror shows what is wanted. Returns it, and how long the machine kept this thread from
    /// looking.
    fn await_seen(&self, what: &str, at_most: Duration, wanted: impl Fn(&Seen) -> bool) -> (Seen, Duration) {
        let began = Instant::now();
        let mut looked = began;
        let mut kept = Duration::ZERO;
        loop {
            if let Some(seen) = self.seen().filter(&wanted) {
                return (seen, kept);
            }
            assert!(began.elapsed() < at_most + kept, "not {what}: {:?}\n{}", self.seen(), self.log());
            thread::sleep(Duration::from_millis(1));
            kept = kept.max(looked.elapsed().saturating_sub(Duration::from_millis(2)));
            looked = Instant::now();
        }
    }

    fn await_closed(&self) {
        self.await_seen("closed", PATIENCE, |seen| seen.relays == [1; 4]);
    }

    fn await_end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it, orderly or not, and gives its folder to the next.
    fn into_folder(mut self) -> TempDir {
        self.end();
        let Self { folder, .. } = &mut self;
        std::mem::replace(folder, tempfile::tempdir().unwrap())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What systemd was told since the last time.
    fn told(&self) -> String {
        let mut told = String::new();
        let mut words = [0; 256];
        while let Ok(length) = self.manager.recv(&mut words) {
            told.push_str(std::str::from_utf8(&words[..length]).unwrap());
        }
        told
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

fn run_command(folder: &Path, speed: u32, config: &str) -> Command {
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--demo", "--speed", &speed.to_string(), "--start", MORNING, "--listen", "127.0.0.1:0"])
        .arg("--state")
        .arg(folder.join("state"))
        .arg("--config")
        .arg(folder.join(config))
        .env("SUNTANK_LOG", "warn")
        .env_remove("SUNTANK_FAULT")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .stdin(Stdio::null());
    command
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What can end a controller: how it is brought about, and within how many milliseconds the relays must be open.
const DEATHS: [(&str, Cause, u64); 13] = [
    ("SIGKILL", Cause::Signal(Signal::KILL), 1_000),
    ("SIGSEGV", Cause::Signal(Signal::SEGV), 1_000),
    ("SIGABRT", Cause::Signal(Signal::ABORT), 1_000),
    ("SIGSTOP", Cause::Signal(Signal::STOP), 5_000),
    ("panic: control loop", Cause::Fault("panic:control"), 1_000),
    ("panic: supervisor", Cause::Fault("panic:supervisor"), 1_000),
    ("panic: guard keeper", Cause::Fault("panic:keeper"), 1_000),
    ("panic: latch file", Cause::Fault("panic:latch"), 1_000),
    ("panic: notifier", Cause::Fault("panic:notifier"), 1_000),
    ("panic: web and storage", Cause::Fault("panic:worker"), 1_000),
    ("control loop hangs", Cause::Fault("hang:control"), 1_200),
    ("relay write hangs", Cause::Fault("hang:write"), 1_000),
    ("every thread hangs", Cause::Fault("hang:all"), 5_000),
];

#[derive(Debug, Clone, Copy)]
enum Cause {
    Signal(Signal),
    /// By `SUNTANK_FAULT`, at SIGUSR1.
    Fault(&'static str),
}

/// Lets one instance die after `wait` and returns how long its relays stayed closed.
fn reaction(name: &str, cause: Cause, deadline: Duration, wait: Duration) -> Duration {
    let (fault, signal) = match cause {
        Cause::Signal(signal) => (None, signal),
        Cause::Fault(fault) => (Some(fault), Signal::USR1),
    };
    let mut instance = Instance::start(fault);
    instance.await_closed();
    thread::sleep(wait);
    let began = monotonic_ns();
    instance.signal(signal);
    if signal == Signal::SEGV {
        // Rust's runtime takes the first one for a stack overflow that it is not, and returns; a real one comes again.
        while instance.child.try_wait().unwrap().is_none() {
            let _ = kill_process(instance.pid(), signal);
            thread::sleep(Duration::from_millis(1));
        }
    }
    let by_guard = |seen: &Seen| seen.relays == [0; 4] && seen.writer == Writer::Guard as u8;
    let (first, kept) = instance.await_seen(name, deadline, by_guard);
    let reaction = Duration::from_nanos(first.at_ns.saturating_sub(began));
    assert!(reaction <= deadline + kept, "{name}: {reaction:?} > {deadline:?} + {kept:?}\n{}", instance.log());
    instance.await_end();
    // The guard may open them again; nobody closes them.
    thread::sleep(Duration::from_millis(50));
    assert!(by_guard(&instance.seen().unwrap()), "{name}: {:?}", instance.seen());
    reaction
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// S8, S23, and the first rows of the table of faults.
#[test]
fn s23_whatever_ends_the_process_opens_the_relays_in_time() {
    let count = number("SUNTANK_CRASHES", DEATHS.len() as u64) as usize;
    let seed = number("SUNTANK_CRASH_SEED", 1);
    let at_once = number("SUNTANK_CRASHES_AT_ONCE", 3);
    let next = AtomicUsize::new(0);
    let reactions: Mutex<BTreeMap<usize, Vec<Duration>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    let kind = n % DEATHS.len();
                    let (name, cause, deadline_ms) = DEATHS[kind];
                    let wait = StdRng::seed_from_u64(seed * 1_000_000 + n as u64).random_range(0..400);
                    let (deadline, wait) = (Duration::from_millis(deadline_ms), Duration::from_millis(wait));
                    let reaction = reaction(name, cause, deadline, wait);
                    reactions.lock().unwrap().entry(kind).or_default().push(reaction);
                }
            });
        }
    });
    println!("{:24} {:>5} {:>10} {:>10} {:>10}", "death", "times", "median", "longest", "deadline");
    for (kind, mut times) in reactions.into_inner().unwrap() {
        times.sort_unstable();
        let (name, _, deadline_ms) = DEATHS[kind];
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let (median, longest) = (ms(times[times.len() / 2]), ms(times[times.len() - 1]));
        println!("{name:24} {:>5} {median:>10} {longest:>10} {:>10}", times.len(), format!("{deadline_ms} ms"));
    }
}

#[test]
fn an_orderly_end_opens_the_relays_lets_the_guard_go_and_counts_as_no_crash() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut instance = Instance::start(None);
        instance.await_closed();
        let guard = instance.guard();
        instance.signal(signal);
        assert!(instance.await_end().success(), "{}", instance.log());
        let seen = instance.seen().unwrap();
        assert_eq!((seen.relays, seen.writer), ([0; 4], Writer::Loop as u8));
        assert!(rustix::process::test_kill_process(guard).is_err(), "the guard is still there");
        let starts = fs::read_to_string(instance.state().join("starts.json")).unwrap();
        assert!(starts.contains(r#""starts_ms":[]"#), "{starts}");
    }
}

#[test]
fn systemd_is_told_of_the_start_the_loops_progress_and_the_end() {
    let mut instance = Instance::start(None);
    instance.await_closed();
    let mut told = String::new();
    let began = Instant::now();
    while !told.contains("WATCHDOG=1") {
        assert!(began.elapsed() < PATIENCE, "{told}");
        thread::sleep(Duration::from_millis(50));
        told += &instance.told();
    }
    assert!(told.starts_with("READY=1"), "{told}");
    instance.signal(Signal::TERM);
    assert!(instance.await_end().success());
    told += &instance.told();
    assert!(told.contains("STOPPING=1"), "{told}");
}

#[test]
fn s25_a_second_copy_ends_and_touches_nothing() {
    let instance = Instance::start(None);
    instance.await_closed();
    let folder = instance.folder.path();
    let boot = fs::read(instance.state().join("boot.json")).unwrap();
    let starts = fs::read(instance.state().join("starts.json")).unwrap();
    let other_mirror = folder.join("other-mirror");
    fs::write(folder.join("other.toml"), format!("drivers.mirror = {other_mirror:?}")).unwrap();

    let before = instance.seen().unwrap();
    assert!(!run_command(folder, SPEED, "other.toml").status().unwrap().success());
    assert!(instance.log().contains("already runs"), "{}", instance.log());
    assert!(!other_mirror.exists(), "the second copy wrote outputs");
    assert_eq!(fs::read(instance.state().join("boot.json")).unwrap(), boot);
    assert_eq!(fs::read(instance.state().join("starts.json")).unwrap(), starts);
    let (after, _) = instance.await_seen("going on", PATIENCE, |seen| seen.count > before.count);
    assert_eq!((after.relays, after.writer), ([1; 4], Writer::Loop as u8));
}

#[test]
fn s24_the_fifth_restart_brings_up_the_web_and_leaves_heating_locked_out() {
    let mut folder = tempfile::tempdir().unwrap();
    for start in 1..=5 {
        let instance = Instance::start_in(folder, SPEED, None, "");
        instance.await_seen("up", PATIENCE, |seen| seen.count > 0);
        if start == 5 {
            instance.await_closed();
        }
        folder = instance.into_folder();
    }
    fs::remove_file(folder.path().join("log")).unwrap();
    let instance = Instance::start_in(folder, SPEED, None, "");
    let began = Instant::now();
    while !instance.log().contains("Suntank is at http://") {
        assert!(began.elapsed() < PATIENCE, "the web does not come up\n{}", instance.log());
        thread::sleep(Duration::from_millis(10));
    }
    // Two simulated minutes; without the lock they close after half a minute.
    let start = instance.await_seen("up", PATIENCE, |seen| seen.count > 0).0.count;
    let (later, _) =
        instance.await_seen("going on", PATIENCE, |seen| seen.count > start + 1_200 || seen.relays != [0; 4]);
    assert_eq!(later.relays, [0; 4]);
}

#[test]
fn without_a_guard_the_relays_are_open_until_there_is_another() {
    let instance = Instance::start(None);
    for (signal, deadline) in [(Signal::KILL, 500), (Signal::STOP, 3_000)] {
        instance.await_closed();
        let began = monotonic_ns();
        kill_process(instance.guard(), signal).unwrap();
        let deadline = Duration::from_millis(deadline);
        let (seen, kept) = instance.await_seen("open", deadline, |seen| seen.relays == [0; 4]);
        let reaction = Duration::from_nanos(seen.at_ns.saturating_sub(began));
        assert!(reaction <= deadline + kept, "{signal:?}: {reaction:?}");
        println!("guard lost by {signal:?}: open after {reaction:?}");
    }
    instance.await_closed();
}

#[test]
fn s20_relays_off_works_while_program_and_guard_hang() {
    let instance = Instance::start(None);
    instance.await_closed();
    let guard = instance.guard();
    // The guard first, or it would kill the program.
    kill_process(guard, Signal::STOP).unwrap();
    instance.signal(Signal::STOP);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(instance.seen().unwrap().relays, [1; 4]);
    let mut relays_off = Command::new(BINARY);
    let status = relays_off.arg("relays-off").arg("--state").arg(instance.state()).status().unwrap();
    assert!(status.success());
    let seen = instance.seen().unwrap();
    assert_eq!((seen.relays, seen.writer), ([0; 4], Writer::RelaysOff as u8));
    kill_process(guard, Signal::KILL).unwrap();
}

/// S17: killed at any moment from the opening of the relays on, the next start is tripped.
#[test]
fn s17_a_trip_survives_a_kill_while_it_is_written() {
    // The element is not what the configuration says, so that closing trips at once.
    const TRIPS: &str = "[[circuits]]\nelement_ohm = 60.0";
    let mut random = StdRng::seed_from_u64(number("SUNTANK_CRASH_SEED", 1));
    let mut folder = None;
    for _ in 0..3 {
        // Slow enough to be seen closed before it trips.
        let instance = Instance::start_in(tempfile::tempdir().unwrap(), 10, None, TRIPS);
        instance.await_seen("closing", PATIENCE, |seen| seen.relays != [0; 4]);
        instance.await_seen("tripped", PATIENCE, |seen| seen.relays == [0; 4]);
        thread::sleep(Duration::from_micros(random.random_range(0..4_000)));
        instance.signal(Signal::KILL);
        let by_guard = |seen: &Seen| seen.writer == Writer::Guard as u8;
        instance.await_seen("opened by the guard", PATIENCE, by_guard);
        // The guard marks the latch file after it has opened the relays.
        thread::sleep(Duration::from_millis(200));
        let latched = server::latch::restore(&instance.state(), false);
        assert!(!latched.trips.is_empty(), "the trip is lost\n{}", instance.log());
        folder = Some(instance.into_folder());
    }
    let instance = Instance::start_in(folder.unwrap(), SPEED, None, "");
    let start = instance.await_seen("up", PATIENCE, |seen| seen.count > 0).0.count;
    let (later, _) =
        instance.await_seen("going on", PATIENCE, |seen| seen.count > start + 1_200 || seen.relays != [0; 4]);
    assert_eq!(later.relays, [0; 4], "a latched trip heats again after a restart");
}
