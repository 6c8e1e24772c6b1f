//! What must hold however the network, the disks and the clocks behave: one property, or one family, a file.

pub mod figure3;
pub mod read_index;
