//! The plain simulated world: everything that happens in it is data, and nothing in it reads a clock, a file or a
//! random device.
#![forbid(unsafe_code)]

pub mod agenda;
pub mod check;
pub mod choices;
pub mod client;
pub mod clock;
pub mod dialect;
pub mod disk;
pub mod faults;
pub mod member;
pub mod network;
pub mod operation;
pub mod report;
pub mod run;
pub mod script;
mod seat;
mod served;
pub mod settings;
mod storm;
mod stream;
pub mod trace;
pub mod world;
