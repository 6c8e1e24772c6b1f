//! The v3 keyspace: a map from key to all its versions, under one counter.

mod history;
mod keys;
mod range;

pub(super) use keys::Keyspace;

#[cfg(test)]
mod tests;
