//! The engine as a whole, on a small ideal world: named invariants by table, and by random driving.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod energy;
mod invariants;
mod people;
mod plausibility;
mod regulation;
mod safety;
