//! The journal under every fault there is: a recorded run, which each test cuts short, breaks or damages in every place.

mod crash;
mod damage;
mod fuzz;
mod golden;
mod matrix;
mod run;
