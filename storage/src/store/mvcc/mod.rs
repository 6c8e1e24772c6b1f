//! The v3 keyspace: a map from key to all its versions, under one counter.

mod changes;
mod compact;
mod delete;
mod events;
mod hash;
mod history;
mod keys;
mod packed;
mod range;
mod rows;
mod transaction;
mod version;

pub use rows::{ChangeRow, KeyRow, KeyspaceRow};
pub use version::{Life, Version};

pub(super) use delete::Deleting;
pub(super) use keys::Keyspace;
pub(super) use transaction::Transacting;

#[cfg(test)]
mod tests;
