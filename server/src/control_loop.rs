//! The loop that everything hangs on: read, step, write, publish, ten times a second, on its own OS thread.
//!
//! It never waits for the web, the database, the network or the disk: commands come in by a bounded queue at
//! the start of a step, and what it has to say goes out by channels that drop rather than block. When it ends,
//! in whatever way, its drivers are dropped and the relays are open.
//!
//! In each step it shows the supervisor that it goes on and the guard that it lives. Without a guard that hears it
//! the relays are open: nobody would open them if this process died.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use drivers::DriverSet;
use engine::Engine;
use engine::inputs::{CircuitId, Inputs};
use engine::outputs::{Outputs, Step};
use storage::Recorder;

use crate::clock::{Clock, STEP};
use crate::faults::{Faults, Place};
use crate::gfci::link::LoopEnd;
use crate::guard::Line;
use crate::latch::{LatchFile, Latched};
use crate::lateness::Lateness;
use crate::loop_handle::{LoopCommand, LoopSide, Picture};
use crate::notify::Notifier;
use crate::supervisor::{self, Progress};
use crate::{convert, realtime};

/// A tick that comes this much late is not made up for; time that was lost stays lost.
const GIVE_UP_AFTER: u32 = 10;

/// All that the loop owns.
pub struct ControlLoop {
    /// The decisions.
    pub engine: Engine,
    /// Sensors and relays.
    pub drivers: DriverSet,
    /// The time of each step.
    pub clock: Clock,
    /// Steps in each tick of 100 ms: 1 on hardware, the demo's speed otherwise.
    pub steps_per_tick: u32,
    /// Commands in, pictures out.
    pub side: LoopSide,
    /// The external breaker panel, where there is one.
    pub panel: Option<LoopEnd>,
    /// Records and events out.
    pub recorder: Recorder,
    /// Trips out to people.
    pub notifier: Notifier,
    /// What stands beside it in case it fails.
    pub safeguards: Safeguards,
}

/// What stands beside the loop in case it fails.
pub struct Safeguards {
    /// Trips out to the disk.
    pub latch: LatchFile,
    /// The line to the guard.
    pub guard: Line,
    /// Take real-time priority.
    pub real_time: bool,
    /// For tests from outside.
    pub faults: Faults,
}

impl Safeguards {
    /// Without a guard: no relay closes. For whoever wants the loop's decisions alone.
    ///
    /// # Errors
    /// When the operating system gives no thread for the latch file.
    pub fn unguarded(state: &Path) -> std::io::Result<Self> {
        let latch = LatchFile::start(state, Latched::default(), Faults::none())?;
        Ok(Self { latch, guard: Line::unheard(), real_time: false, faults: Faults::none() })
    }
}

/// The loop while it runs. Dropping it does not stop it; [`RunningLoop::stop`] does.
pub struct RunningLoop {
    thread: JoinHandle<()>,
    supervisor: JoinHandle<()>,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
}

impl RunningLoop {
    /// Ends the loop after its present step, relays open, and waits for that.
    ///
    /// # Errors
    /// When its thread had panicked.
    pub fn stop(self) -> thread::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join()?;
        self.supervisor.join()
    }

    /// What the loop shows of itself.
    pub const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl ControlLoop {
    /// Starts the loop on a thread of its own, and the supervisor on another.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn spawn(self) -> std::io::Result<RunningLoop> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let progress = Progress::new();
        let supervisor =
            supervisor::watch(Arc::clone(&progress), self.safeguards.real_time, self.safeguards.faults.clone())?;
        let shown = Arc::clone(&progress);
        let thread = thread::Builder::new().name("control".into()).spawn(move || self.run(&asked, &shown))?;
        Ok(RunningLoop { thread, supervisor, progress, stop })
    }

    fn run(mut self, stop: &AtomicBool, progress: &Progress) {
        if self.safeguards.real_time {
            realtime::raise(realtime::CONTROL);
        }
        let mut next_tick = Instant::now();
        let mut lateness = Lateness::default();
        let mut sequence = 0;
        while !stop.load(Ordering::SeqCst) {
            lateness.record(next_tick.elapsed());
            self.obey();
            for _ in 0..self.steps_per_tick {
                self.step(progress);
                progress.step();
            }
            self.beat();
            sequence += 1;
            self.side.publish(Picture { snapshot: self.engine.snapshot(), sequence });

            next_tick += STEP;
            let now = Instant::now();
            match next_tick.checked_duration_since(now) {
                Some(left) => thread::sleep(left),
                None if now - next_tick > STEP * GIVE_UP_AFTER => next_tick = now,
                None => {}
            }
        }
        self.write(&Outputs::OFF, progress);
        // The last trip is on the disk before the guard is let go.
        let Safeguards { latch, guard, .. } = self.safeguards;
        drop(latch);
        guard.goodbye();
        progress.end();
        tracing::info!("control loop: {lateness}");
    }

    /// Takes what people want, in the order in which they said it; all-off goes before everything.
    fn obey(&mut self) {
        let now = self.clock.now();
        if self.side.take_all_off_request() {
            // All-off can't be refused; the type has no way to say so.
            let _ = self.engine.command(now, engine::Command::AllOff);
        }
        while let Some(command) = self.side.next_command() {
            match command {
                LoopCommand::Engine { command, answer } => {
                    // Nobody waits any more if the answer can't be given.
                    let _ = answer.send(self.engine.command(now, command));
                }
                LoopCommand::Configure { config, answer } => {
                    let _ = answer.send(self.engine.configure(*config));
                }
            }
        }
    }

    fn step(&mut self, progress: &Progress) {
        self.safeguards.faults.at(Place::Control);
        let guarded = self.tell_guard();
        let now = self.clock.step();
        let inputs = self.drivers.inputs(now);
        let panel = self.panel.as_ref().map(|panel| panel.inputs(now));
        let inputs = Inputs { unguarded: !guarded, panel, ..inputs };
        let Step { outputs, events, record } = self.engine.step(now, &inputs);
        self.write(&outputs, progress);
        self.safeguards.latch.note(&events, self.engine.is_all_off());
        if !self.safeguards.latch.is_saved() {
            self.tell_guard();
        }
        // What the recorder can't take it counts; the loop goes on.
        for event in &events {
            let _ = self.recorder.event(convert::event(now, event));
            self.notifier.event(event);
        }
        if let Some(record) = self.engine.take_trip_record() {
            let _ = self.recorder.event(convert::trip_record(now, &record));
        }
        if let Some(record) = &record {
            let _ = self.recorder.record(convert::measurement(record));
        }
    }

    /// A write that does not come back, or that no relay acknowledges, is for the supervisor to end.
    fn write(&mut self, outputs: &Outputs, progress: &Progress) {
        progress.write_begins();
        self.safeguards.faults.at(Place::Write);
        match self.drivers.write(outputs) {
            Ok(()) => progress.write_acknowledged(),
            Err((relay, fault)) => {
                tracing::error!(relay = relay.name(), %fault, "a relay did not take its state");
            }
        }
        if let Some(panel) = &self.panel {
            panel.want(CircuitId::ALL.map(|id| outputs.is_closed(id.outside())));
        }
    }

    /// False when no guard hears.
    fn tell_guard(&mut self) -> bool {
        let unsaved = !self.safeguards.latch.is_saved();
        self.safeguards.guard.beat(Instant::now(), unsaved)
    }

    fn beat(&mut self) {
        if let Err(fault) = self.drivers.beat() {
            tracing::error!(%fault, "the heartbeat output failed");
        }
    }
}
