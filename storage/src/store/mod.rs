//! The replicated state: the v3 keyspace, the v2 tree and what members say of themselves, behind one apply.

pub mod command;
pub mod query;
