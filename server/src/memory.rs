//! The allocator. A store of a million keys is millions of small pieces, and deleting them frees all at once. glibc's
//! allocator then takes hundreds of milliseconds inside some later call, and gives nothing back to the system; mimalloc
//! does neither. See ARCHITECTURE.md for what was measured.
#![allow(unsafe_code, reason = "the allocator's options are a C function's")]

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

/// `mi_option_purge_delay`: how long, in ms, a page that has become free stays with the process. The bindings do not name
/// it; `settings_are_taken` checks that it is this one.
const PURGE_DELAY: mi_option_t = 15;

/// What is free goes back to the system at once. With any delay it waits for a later call to look at it, and when clients
/// are silent none comes.
pub(crate) fn give_back_at_once() {
    // SAFETY: the function takes two numbers and stores one in a table of its own, after checking that the other is an
    // index into it. It may be called at any time; no other thread runs yet.
    unsafe { mi_option_set(PURGE_DELAY, 0) };
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    fn settings_are_taken() {
        // SAFETY: as above; it only reads.
        let get = || unsafe { mi_option_get(PURGE_DELAY) };
        // The delay is the one option near that number whose default is a second.
        assert_eq!(
            get(),
            1000,
            "another version of mimalloc has another order of options"
        );
        give_back_at_once();
        assert_eq!(get(), 0);
    }
}
