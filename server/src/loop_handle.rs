//! The seam between the web and the control loop: the latest picture one way, commands the other.
//!
//! The loop never waits here: it publishes into a cell that holds only the latest picture, and it takes
//! commands from a bounded queue. All-off does not go through the queue at all, so that it works while the
//! queue is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::config::{Config, ConfigError};
use engine::outputs::Snapshot;
use engine::{Command, Refused};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// So many commands may wait; one more is turned away.
const QUEUE: usize = 32;
/// A loop that steps every 100 ms answers long before this.
const ANSWER: Duration = Duration::from_secs(2);
/// A picture that shows a command's effect follows within a step or two.
const NEXT_PICTURE: Duration = Duration::from_millis(500);

/// What the loop saw and decided in its latest step.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The engine's own picture.
    pub snapshot: Snapshot,
    /// Counts up with each picture.
    pub sequence: u64,
}

/// Why the loop gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoopGone {
    /// As many commands wait as may.
    #[error("the control loop has too many commands waiting")]
    Full,
    /// The loop has ended.
    #[error("the control loop has ended")]
    Ended,
    /// The command was handed over, and no answer came in time.
    #[error("the control loop does not answer")]
    Late,
}

/// What the web asks of the loop; each carries the way back for its answer.
#[derive(Debug)]
pub enum LoopCommand {
    /// For [`engine::Engine::command`].
    Engine {
        /// What a person wants.
        command: Command,
        /// The way back.
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// For [`engine::Engine::configure`].
    Configure {
        /// The whole new configuration.
        config: Box<Config>,
        /// The way back.
        answer: oneshot::Sender<Result<(), ConfigError>>,
    },
}

/// What both sides see besides the queue and the picture.
#[derive(Debug)]
struct Shared {
    all_off: AtomicBool,
    started: Instant,
    published_ms: AtomicU64,
}

/// The web's side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LoopHandle {
    pictures: watch::Receiver<Arc<Picture>>,
    commands: mpsc::Sender<LoopCommand>,
    shared: Arc<Shared>,
}

/// The loop's side.
#[derive(Debug)]
pub struct LoopSide {
    commands: mpsc::Receiver<LoopCommand>,
    pictures: watch::Sender<Arc<Picture>>,
    shared: Arc<Shared>,
}

/// A place in the queue, kept free until it is used or dropped.
#[derive(Debug)]
pub struct Slot<'a>(mpsc::Permit<'a, LoopCommand>);

impl LoopHandle {
    /// Both sides, with the picture to show until the loop's first step.
    pub fn pair(first: Picture) -> (Self, LoopSide) {
        let (picture_sender, pictures) = watch::channel(Arc::new(first));
        let (commands, command_receiver) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            all_off: AtomicBool::new(false),
            started: Instant::now(),
            published_ms: AtomicU64::new(0),
        });
        let side = LoopSide { commands: command_receiver, pictures: picture_sender, shared: Arc::clone(&shared) };
        let handle = Self { pictures, commands, shared };
        (handle, side)
    }

    /// The latest picture.
    pub fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.pictures.borrow())
    }

    /// Follows the pictures; whoever is slow misses some and always gets the latest.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Picture>> {
        self.pictures.clone()
    }

    /// How long ago the loop published, on the host's clock.
    pub fn picture_age(&self) -> Duration {
        let published = Duration::from_millis(self.shared.published_ms.load(Ordering::Relaxed));
        self.shared.started.elapsed().saturating_sub(published)
    }

    /// Hands a command to the engine and waits for its answer and for a picture that shows the effect.
    ///
    /// # Errors
    /// Outside, that the loop gave no answer; inside, that the engine refused.
    pub async fn command(&self, command: Command) -> Result<Result<(), Refused>, LoopGone> {
        self.reserve()?.command(self, command).await
    }

    /// Hands a new configuration to the engine and waits for its answer.
    ///
    /// # Errors
    /// Outside, that the loop gave no answer; inside, what is wrong with the configuration.
    pub async fn configure(&self, config: Config) -> Result<Result<(), ConfigError>, LoopGone> {
        self.reserve()?.configure(self, config).await
    }

    /// Keeps a place in the queue, for who must do something else before the loop may know.
    ///
    /// # Errors
    /// [`LoopGone::Full`] or [`LoopGone::Ended`].
    pub fn reserve(&self) -> Result<Slot<'_>, LoopGone> {
        self.commands.try_reserve().map(Slot).map_err(|e| match e {
            mpsc::error::TrySendError::Full(()) => LoopGone::Full,
            mpsc::error::TrySendError::Closed(()) => LoopGone::Ended,
        })
    }

    /// Everything off, past the queue. The request stands even when this gives up waiting for the loop.
    ///
    /// # Errors
    /// [`LoopGone::Late`] or [`LoopGone::Ended`]: nobody has confirmed that the relays are open.
    pub async fn all_off(&self) -> Result<(), LoopGone> {
        self.shared.all_off.store(true, Ordering::Release);
        let mut pictures = self.subscribe();
        let shown =
            pictures.wait_for(|picture| picture.snapshot.all_off && !self.shared.all_off.load(Ordering::Acquire));
        match timeout(ANSWER, shown).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(LoopGone::Ended),
            Err(_) => Err(LoopGone::Late),
        }
    }

    /// The answer, then a picture newer than it.
    async fn answer<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, LoopGone> {
        let result = match timeout(ANSWER, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => return Err(LoopGone::Ended),
            Err(_) => return Err(LoopGone::Late),
        };
        let mut pictures = self.subscribe();
        pictures.mark_unchanged();
        // Without a newer picture the answer still stands; the caller shows the latest there is.
        let _ = timeout(NEXT_PICTURE, pictures.changed()).await;
        Ok(result)
    }
}

impl Slot<'_> {
    /// See [`LoopHandle::command`].
    ///
    /// # Errors
    /// As there.
    pub async fn command(self, handle: &LoopHandle, command: Command) -> Result<Result<(), Refused>, LoopGone> {
        let (answer, answered) = oneshot::channel();
        self.0.send(LoopCommand::Engine { command, answer });
        handle.answer(answered).await
    }

    /// See [`LoopHandle::configure`].
    ///
    /// # Errors
    /// As there.
    pub async fn configure(self, handle: &LoopHandle, config: Config) -> Result<Result<(), ConfigError>, LoopGone> {
        let (answer, answered) = oneshot::channel();
        let config = Box::new(config);
        self.0.send(LoopCommand::Configure { config, answer });
        handle.answer(answered).await
    }
}

impl LoopSide {
    /// Shows this picture from now on.
    pub fn publish(&self, picture: Picture) {
        let elapsed = self.shared.started.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.shared.published_ms.store(elapsed, Ordering::Relaxed);
        self.pictures.send_replace(Arc::new(picture));
    }

    /// The next command that waits, if one does; never blocks. Ask after [`LoopSide::take_all_off_request`].
    pub fn next_command(&mut self) -> Option<LoopCommand> {
        self.commands.try_recv().ok()
    }

    /// True once after each all-off; ask first in every step.
    pub fn take_all_off_request(&self) -> bool {
        self.shared.all_off.swap(false, Ordering::AcqRel)
    }
}
