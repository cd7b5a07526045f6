//! The task that tells people: takes notices in, keeps them in a file, and delivers them, each channel at its own
//! pace, so that a dead mail server does not hold up a push message.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};

use super::channel::{Channel, SendError};
use super::message::{Message, Notice, Reader};
use super::queue::{Pace, Queue};
use super::store::{self, Saved};
use crate::clock;

/// All channels, before they start.
pub struct Worker {
    pub(super) inbox: mpsc::Receiver<Notice>,
    pub(super) lost: Arc<AtomicU64>,
    pub(super) channels: Vec<Arc<dyn Channel>>,
    pub(super) pace: Pace,
}

/// A channel and what it still has to tell.
struct Line {
    channel: Arc<dyn Channel>,
    queue: Queue,
}

/// All channels while they run.
struct Running<R> {
    inbox: mpsc::Receiver<Notice>,
    lost: Arc<AtomicU64>,
    reader: R,
    pace: Pace,
    file: PathBuf,
    started: Instant,
    lines: Vec<Line>,
    /// What is being delivered, by the line's place.
    deliveries: JoinSet<(usize, Result<(), SendError>)>,
}

impl Worker {
    /// Starts on the present runtime with what `file` says is still to be told. Ends when every
    /// [`Notifier`](super::Notifier) is dropped, with all that is still to be told in the file.
    pub fn start<R>(self, file: PathBuf, reader: R) -> JoinHandle<()>
    where
        R: Fn() -> Reader + Send + Sync + 'static,
    {
        tokio::spawn(async move {
            let saved = restore(file.clone()).await;
            let running = Running {
                lines: lines(self.channels, self.pace, saved),
                inbox: self.inbox,
                lost: self.lost,
                reader,
                pace: self.pace,
                file,
                started: Instant::now(),
                deliveries: JoinSet::new(),
            };
            running.run().await;
        })
    }
}

async fn restore(file: PathBuf) -> Saved {
    let path = file.display().to_string();
    match spawn_blocking(move || store::read(&file)).await {
        Ok(Ok(saved)) => saved,
        Ok(Err(error)) => {
            tracing::error!(%error, path, "what was still to be told can't be read, and is lost");
            Saved::default()
        }
        Err(_) => Saved::default(),
    }
}

fn lines(channels: Vec<Arc<dyn Channel>>, pace: Pace, mut saved: Saved) -> Vec<Line> {
    // A clock that stepped back makes people wait no longer than without a restart.
    let elapsed_ms = u64::try_from(clock::host_utc().0 - saved.saved_ms).unwrap_or(0);
    let elapsed = Duration::from_millis(elapsed_ms);
    let line = |channel: Arc<dyn Channel>| {
        let causes = saved.channels.remove(channel.name()).unwrap_or_default();
        Line { channel, queue: Queue::restore(pace, causes, elapsed, Duration::ZERO) }
    };
    channels.into_iter().map(line).collect()
}

impl<R: Fn() -> Reader + Sync> Running<R> {
    async fn run(mut self) {
        loop {
            self.deliver();
            let wake_at = self.lines.iter().filter_map(|line| line.queue.wake_at()).min();
            let wake_at = wake_at.map(|wake_at| self.started + wake_at);
            tokio::select! {
                notice = self.inbox.recv() => match notice {
                    Some(notice) => self.take(&notice),
                    None => return,
                },
                // A delivery that panics ends the process.
                Some(Ok((line, result))) = self.deliveries.join_next() => self.settle(line, result),
                () = sleep_until(wake_at.unwrap_or(self.started)), if wake_at.is_some() => continue,
            }
            self.save().await;
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn take(&mut self, notice: &Notice) {
        let now = self.now();
        for line in &mut self.lines {
            if !line.queue.offer(now, notice.clone()) {
                tracing::error!(channel = line.channel.name(), ?notice, "too much is still to be told; this is lost");
            }
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(lost, "so many notices came too fast and are lost");
        }
    }

    /// Begins whatever is due.
    fn deliver(&mut self) {
        let now = self.now();
        for (place, line) in self.lines.iter_mut().enumerate() {
            let Some(telling) = line.queue.next(now) else { continue };
            let message = Message::of(&telling, (self.reader)());
            let (channel, attempt) = (Arc::clone(&line.channel), self.pace.attempt);
            self.deliveries.spawn(async move {
                let late = |_| Err(SendError(format!("no answer within {} s", attempt.as_secs_f64())));
                (place, timeout(attempt, channel.send(&message)).await.unwrap_or_else(late))
            });
        }
    }

    fn settle(&mut self, place: usize, result: Result<(), SendError>) {
        let now = self.now();
        let Line { channel, queue } = &mut self.lines[place];
        let channel = channel.name();
        match result {
            Ok(()) => {
                queue.delivered(now);
                tracing::info!(channel, "somebody was told");
            }
            Err(error) => match queue.failed(now) {
                None => tracing::warn!(channel, %error, "nobody could be told; trying again later"),
                Some(notice) => tracing::error!(channel, %error, ?notice, "nobody could be told; giving up"),
            },
        }
    }

    /// Keeps what is still to be told. A disk that fails costs the memory over a restart, and nothing else.
    async fn save(&self) {
        if self.lines.is_empty() {
            return;
        }
        let now = self.now();
        let causes = |line: &Line| (line.channel.name().to_owned(), line.queue.save(now));
        let saved = Saved { saved_ms: clock::host_utc().0, channels: self.lines.iter().map(causes).collect() };
        let file = self.file.clone();
        if let Ok(Err(error)) = spawn_blocking(move || store::write(&file, &saved)).await {
            tracing::error!(%error, path = %self.file.display(), "what is still to be told can't be kept");
        }
    }
}
