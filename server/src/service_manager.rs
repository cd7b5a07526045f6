//! What systemd is told: that Suntank is ready, that the control loop goes on, that it ends. Without systemd all of
//! it is silent.
//!
//! A thread of its own says it, since a full socket would make its caller wait. It vouches for the control loop
//! alone: no steps, no word, and systemd kills the process.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::faults::{Faults, Place};
use crate::supervisor::Progress;

/// Without a wish from systemd the thread looks this often.
const LOOK: Duration = Duration::from_millis(500);

/// Says that Suntank is ready, and from then on that the control loop goes on, as often as systemd wants it.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start(progress: Arc<Progress>, faults: Faults) -> std::io::Result<()> {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return Ok(());
    }
    // A quarter of what systemd allows, so that one late word is not the end.
    let interval = sd_notify::watchdog_enabled().map_or(LOOK, |allowed| allowed / 4);
    thread::Builder::new().name("notifier".into()).spawn(move || {
        tell(&[NotifyState::Ready]);
        let mut vouched = progress.steps();
        while !progress.has_ended() {
            faults.at(Place::Notifier);
            thread::sleep(interval);
            if goes_on(&progress, &mut vouched) {
                tell(&[NotifyState::Watchdog]);
            }
        }
    })?;
    Ok(())
}

/// Says that Suntank is about to end, and does not wait until it is heard.
pub fn stopping() {
    // Without a thread systemd learns it when the process has ended.
    let _ = thread::Builder::new().spawn(|| tell(&[NotifyState::Stopping]));
}

/// True when there were steps since the last time it was.
fn goes_on(progress: &Progress, vouched: &mut u64) -> bool {
    let steps = progress.steps();
    std::mem::replace(vouched, steps) != steps
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s23_without_steps_nobody_vouches_for_the_loop() {
        let progress = Progress::new();
        let mut vouched = progress.steps();
        assert!(!goes_on(&progress, &mut vouched));
        progress.step();
        assert!(goes_on(&progress, &mut vouched));
        assert!(!goes_on(&progress, &mut vouched));
    }
}
