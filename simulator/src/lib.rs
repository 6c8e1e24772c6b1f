//! The simulator: the crate `world` driven in two ways, and the command line that does it, `balsa-sim`. Beside it stands
//! `balsa-study`, which drives scripts and needs nothing but `world`.
//!
//! # Two worlds
//! The **plain** world is a loop over one heap of events (`world::run`); it is the fastest, and needs nothing. The
//! **madsim** world ([`madsim_host`]) runs the same members, network, disks, clients, faults and checks as tasks of
//! madsim's runtime: one task per member, which its crash kills, one per client, one for the faults; time and the order of
//! tasks are the runtime's. What is found in one that the other hides is a dependence on the order of events.
//!
//! # What is always true
//! - A seed and a world are a run: the same trace hash every time, on every machine.
//! - A run that shows a violation is printed with the command that shows it again.
//! - Mutants (a rule of Raft taken out on purpose) are honoured only in builds with debug assertions: `--profile sim`.
//!
//! # Files
//! | file | idea |
//! |---|---|
//! | `command.rs` | what the command line asks for |
//! | `many.rs` | many runs on several threads |
//! | `campaign.rs` | seeds of whole members, and their figures |
//! | `core_campaign.rs` | seeds of cores alone, and their figures |
//! | `madsim_host.rs` | the world on madsim |
//! | `search.rs` | an exhaustive search, and what it tells |
//! | `out.rs` | standard output, whose reader may go |
//! | `progress.rs` | how far a campaign has come |
//! | `bin/sim.rs` | `balsa-sim` |
//! | `bin/study/` | `balsa-study`: scripts in columns, step by step, and typed commands |
//!
//! # Left out
//! Shrinking and coverage guidance come with later issues.
#![forbid(unsafe_code)]

#[cfg(not(madsim))]
compile_error!(
    "madsim needs `--cfg madsim`, which .cargo/config.toml gives; RUSTFLAGS in the environment replaces that: unset it"
);

pub mod campaign;
pub mod command;
pub mod core_campaign;
pub mod madsim_host;
pub mod many;
pub mod out;
pub mod progress;
pub mod search;
