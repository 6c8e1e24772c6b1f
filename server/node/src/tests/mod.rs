//! Whole clusters of nodes under faults and lies, and a run replayed from its record.

mod cluster;
mod forged;
pub(crate) mod random;
mod repair;
mod tape;
