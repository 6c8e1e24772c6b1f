//! Storage: what a member keeps on its disk, and what the cluster's replicated state is.
//!
//! Four rooms:
//!
//! * [`disk`] is the door to the file system: the trait [`disk::Disk`], which says what each operation promises after
//!   a crash, and [`disk::FileDisk`], the one place that touches files. The simulator brings a disk of its own, which
//!   keeps exactly those promises and breaks everything else.
//! * [`data_dir`] says whose directory it is: cluster, member, a random id of the directory, and how often it was
//!   booted. [`journal`] is what makes Raft's promises true: each [`raft_core::Save`] is one record, one write, one
//!   fdatasync.
//! * [`snapshot`] is the state at a mark as one stream of bytes, the same from every member: in a file of its own, on
//!   its way to another member, or as a backup.
//! * [`store`] is the replicated state: pure, deterministic, without any file.
//!
//! # Rules
//!
//! 1. **Write-only while running.** [`journal::recover`] reads everything once, at boot; afterwards nothing is read, so
//!    consensus never waits for, or fails on, a read.
//! 2. **A Save is on disk when its sync has returned, not before.** The next one is written only after that, so only
//!    the last record can be in doubt after a crash; and none once a Seal follows it, a second later or at a clean stop.
//! 3. **A failed write or sync is final.** The journal's [`journal::Writer`] refuses everything afterwards, and the
//!    member stops: a sync that is tried again may succeed without having written what the first one lost. Running
//!    out of space is met when a file is *made*, before anything depends on it, and is not a failure.
//! 4. **Damage is never repaired by forgetting.** Recovery cuts the last record if an interrupted write explains what
//!    is there. Anything else stops the member with the file, the offset and the reason, and changes nothing: a
//!    member that votes with a shortened log can undo what the cluster acknowledged.
//! 5. **Every byte read is checked**, and the checksum covers where it stands and whose it is, not only what it says:
//!    a sector that was written to the wrong place, or a segment of another directory, is damage too.
//!
//! `FORMAT.md` beside this crate draws every byte; a format changes there first. `FAULTS.md` says what becomes of each
//! fault in each place, and is checked by a test.
//!
//! A damaged directory comes back as another member's, with the others' consent: [`repair`] is the files' share of that.
//! [`start`] is a boot up to where the node begins: what all hosts do with a directory, in one order.
#![forbid(unsafe_code)]

pub mod data_dir;
pub mod disk;
mod fields;
pub mod journal;
pub mod repair;
pub mod snapshot;
pub mod start;
pub mod store;

/// The version of all formats in `FORMAT.md`. Readers accept this one; a later one is refused by name.
pub const FORMAT_VERSION: u32 = 1;
