//! Real-time priority for the few threads that must not wait, and memory that is never swapped out. Where the
//! system does not allow it, Suntank says so once and runs without.

use std::sync::Once;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, setrlimit};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// The control thread's priority under `SCHED_FIFO`: below the kernel's interrupt threads (50).
pub const CONTROL: u8 = 40;
/// The supervisor's: above what it watches.
pub const SUPERVISOR: u8 = 41;
/// The guard's: the same, in its own process.
pub const GUARD: u8 = 41;

/// Gives the calling thread this priority under `SCHED_FIFO`.
pub fn raise(priority: u8) {
    static WARNED: Once = Once::new();
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let raised = ThreadPriorityValue::try_from(priority).map_err(|error| error.to_string()).and_then(|value| {
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy)
            .map_err(|error| format!("{error:?}"))
    });
    if let Err(error) = raised {
        WARNED.call_once(|| tracing::warn!(error, "no real-time priority; the loop may be late on a busy machine"));
    }
}

/// Writes no core when the process crashes: that may take seconds, in which its line to the guard stays open.
pub fn no_core_dump() {
    // One byte is less than any core needs, and unlike 0 it also holds for a core that is piped to a program: see
    // the kernel's fs/coredump.c.
    let limit = Rlimit { current: Some(1), maximum: Some(1) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!(%error, "core dumps can't be turned off");
    }
}

/// Keeps in memory what is there and what will be touched: a page fault may take as long as a slow memory card.
pub fn lock_memory() {
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = mlockall(flags) {
        tracing::warn!(%error, "memory can't be locked; the loop may wait for the swap");
    }
}
