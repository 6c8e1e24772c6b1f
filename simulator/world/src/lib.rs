//! The plain simulated world: everything that happens in it is data, and nothing in it reads a clock, a file or a
//! random device.

pub mod check;
pub mod script;
