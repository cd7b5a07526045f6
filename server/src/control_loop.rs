//! The loop that everything hangs on: read, step, write, publish, ten times a second, on its own OS thread.
//!
//! It never waits for the web, the database, the network or the disk: commands come in by a bounded queue at
//! the start of a step, and what it has to say goes out by channels that drop rather than block. When it ends,
//! in whatever way, its drivers are dropped and the relays are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use drivers::DriverSet;
use engine::Engine;
use engine::outputs::{Outputs, Step};
use storage::Recorder;

use crate::clock::{Clock, STEP};
use crate::convert;
use crate::loop_handle::{LoopCommand, LoopSide, Picture};

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
    /// Records and events out.
    pub recorder: Recorder,
}

/// The loop while it runs. Dropping it does not stop it; [`RunningLoop::stop`] does.
pub struct RunningLoop {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl RunningLoop {
    /// Ends the loop after its present step, relays open, and waits for that.
    ///
    /// # Errors
    /// When its thread had panicked.
    pub fn stop(self) -> thread::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join()
    }
}

impl ControlLoop {
    /// Starts the loop on a thread of its own.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn spawn(self) -> std::io::Result<RunningLoop> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::Builder::new().name("control".into()).spawn(move || self.run(&asked))?;
        Ok(RunningLoop { thread, stop })
    }

    fn run(mut self, stop: &AtomicBool) {
        let mut next_tick = Instant::now();
        let mut sequence = 0;
        while !stop.load(Ordering::SeqCst) {
            self.obey();
            for _ in 0..self.steps_per_tick {
                self.step();
            }
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
        self.write(&Outputs::OFF);
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

    fn step(&mut self) {
        let now = self.clock.step();
        let inputs = self.drivers.inputs(now);
        let Step { outputs, events, record } = self.engine.step(now, &inputs);
        self.write(&outputs);
        // What the recorder can't take it counts; the loop goes on.
        for event in &events {
            let _ = self.recorder.event(convert::event(now, event));
        }
        if let Some(record) = &record {
            let _ = self.recorder.record(convert::measurement(record));
        }
    }

    fn write(&mut self, outputs: &Outputs) {
        if let Err((relay, fault)) = self.drivers.write(outputs) {
            tracing::error!(relay = relay.name(), %fault, "a relay did not take its state");
        }
    }
}
