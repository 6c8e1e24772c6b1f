//! Storage: what is on disk and what the replicated state is.
#![forbid(unsafe_code)]

pub mod store;
