//! Snapshots: the replicated state at a mark as one stream of bytes, and the files that hold it.
//!
//! The stream is the same from every member that has the same state, so a peer can be sent the rest of it by another
//! member than the one that began. It is cut into chunks, each compressed and with a checksum over its place and all of
//! the past; the end repeats how much there was, and the state's fingerprint.
//!
//! | file | what it knows |
//! |---|---|
//! | `header` | the bytes before the first chunk |
//! | `chunk` | the bytes of one chunk |
//! | `encode` | the [`Encoder`]: from a view to the stream, piece by piece |
//! | `parse` | the [`Parser`]: from the stream to rows |
//! | `decode` | the [`Decoder`]: from the stream to a store |
//! | `name` | the names of the files |
//! | `write` | writing a file, a member's own or one that comes from a peer |
//! | `read` | reading a file, and which one to boot from |
//!
//! LZ4 was chosen over zstd by measurement (a million keys of 64 bytes with values of 256, chunks of 64 KiB, one core):
//! the same size for random values, half as much again to twice as much for text, but it is read two to four times as
//! fast, which a restart waits for, and it needs no C.

mod chunk;
mod damage;
mod decode;
mod encode;
mod header;
mod name;
mod parse;
mod read;
mod write;

pub use damage::{Damage, Flaw};
pub use decode::{Decoder, Snapshot};
pub use encode::{Asked, Encoder, Piece};
pub(crate) use name::is_file;
pub use name::{file_name, index_of, is_leftover};
pub use parse::{End, Parser};
pub use read::{Choice, ReadError, bytes, choose, read, read_any, read_rows, survey};
pub use write::{Incoming, Making, WriteError, clear_leftovers, drop_before, save};

#[cfg(test)]
mod tests;
