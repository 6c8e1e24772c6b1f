//! The journal: Raft's persistent state as a list of [`raft_core::Save`]s on disk.
//!
//! A journal is a sequence of *segments*, files of a fixed size that are filled with zeros once and overwritten from
//! then on, so that a sync has no file size or block map to write. Each Save is one *record*. Records form a chain:
//! each names the checksum of the one before it, across segments, so that none can be lost, moved or exchanged
//! unnoticed.
//!
//! | file | what it knows |
//! |---|---|
//! | `record` | the bytes of one record |
//! | `close` | the record that closes a segment, so that the next one is missed if it is gone |
//! | `segment` | the bytes of a segment's header, and the names of segments |
//! | `standing` | what the Saves amount to, but for the entries: for segment headers |
//! | `write` | the [`Writer`] |
//! | `seal` | when nothing may stay in doubt |
//! | `spare` | the next segment's file, made ahead of need, and old ones that go |
//! | `scan` | reading one segment; telling an interrupted write from damage |
//! | `reader` | reading all segments in order |
//! | `replay` | Saves into an [`raft_core::Image`] |
//! | `recover` | [`recover()`]: all segments in order |
//! | `inspect` | [`inspect()`]: the same, changing nothing |
//! | `salvage` | what is sound of a journal that is not |
//! | `settle` | making the end fit to write on |

mod close;
#[cfg(test)]
mod history;
mod inspect;
mod reader;
mod record;
mod recover;
mod replay;
mod salvage;
mod scan;
mod seal;
mod segment;
mod settle;
mod spare;
mod standing;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use segment::{is_file, is_segment};

pub use inspect::{Inspected, Line, SegmentFound, inspect};
pub use record::BODY_MAX;
pub use recover::{RecoverError, Recovered, recover};
pub use salvage::salvage;
pub use scan::Damage;
pub use seal::{Idle, SEAL_AFTER};
pub use settle::Cut;
pub use spare::{FilledOrder, SpareOrder};
pub use write::{WriteError, Writer};

/// Bytes of a segment, unless the host asks for another size. The first ones are shorter.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes of the first segment: a new member waits for no more zeros than these.
const FIRST_SEGMENT_BYTES: u64 = 4 << 20;

/// How many times as long as the one before a segment is, until they have the size asked for.
const SEGMENT_GROWTH: u64 = 4;

/// The least size of a segment: its header and room for a few records.
pub const SEGMENT_BYTES_MIN: u64 = 2 * segment::BLOCK as u64;
