//! The guard: a second process that opens the relays when the first one dies or hangs.
//!
//! ```text
//!  control loop ──heartbeat──►                    ┌─ end of line: the process died      ─► relays off
//!   (Line)       ◄──echo────── guard process ─────┼─ silent for 2 s: SIGKILL the process ─► relays off
//!  keeper thread ──starts────►  (process.rs)      └─ goodbye: the relays are open already; nothing to do
//! ```
//!
//! Between them is a pair of connected sockets, which the kernel closes when a process dies, however it dies.
//! Neither side ever waits for the other: both ends are non-blocking. The loop in turn watches the guard: without
//! an echo within 2 s it counts as lost, the relays stay open, and the keeper starts another.

mod keeper;
mod process;

use std::time::Duration;

pub use keeper::{Keeper, Line, start};
pub use process::{GuardOptions, run};

/// Without a sign of life for this long the other side is given up.
pub const SILENCE: Duration = Duration::from_secs(2);

/// One byte says it all, so that no message can arrive in part.
mod word {
    /// Loop to guard: alive, and every trip is on the disk.
    pub(super) const ALIVE: u8 = b'a';
    /// Loop to guard: alive, and a trip or its clearing is not on the disk yet.
    pub(super) const UNSAVED: u8 = b'u';
    /// Loop to guard: the relays are open and the program ends.
    pub(super) const GOODBYE: u8 = b'b';
    /// Guard to loop: ready to take over.
    pub(super) const READY: u8 = b'r';
    /// Guard to loop: heard.
    pub(super) const HEARD: u8 = b'h';
}
