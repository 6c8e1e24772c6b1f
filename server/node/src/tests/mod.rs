//! Whole clusters of nodes under faults and lies, and a run replayed from its record.

mod cluster;
mod forged;
mod random;
mod repair;
mod tape;
