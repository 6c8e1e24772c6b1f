//! The mio host: sockets become the node's inputs, its outputs become writes. It knows nothing of Raft or of keys; if an
//! `if` about them seems to be needed here, it belongs into the node.

mod alone;
mod boot;
mod client_threads;
mod clients;
mod clock;
mod date;
mod descriptors;
mod desk;
mod disk_thread;
mod front;
mod metrics;
mod pace;
mod peers;
pub(crate) mod random;
mod repair;
mod resolver;
mod retire_thread;
mod run;
mod segment_thread;
mod snapshot_thread;
mod vars;

pub(crate) use boot::BootError;
pub(crate) use front::{CLIENT_THREADS_MAX, threads_by_itself};
pub(crate) use run::{HostError, run};
