//! The only random device of the server: ids of data directories and seeds of election deadlines.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A random number. The standard library keys a thread's first `RandomState` from the operating system's random device, and
/// later ones differ from it: all that is needed here, numbers that differ between machines and boots.
pub(crate) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
