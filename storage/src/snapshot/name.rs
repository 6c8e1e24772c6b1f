//! The names of the files.

use raft_core::Index;

/// A member's own snapshot while it is written.
pub(super) const MAKING: &str = "snapshot.making";
/// A snapshot while it comes from another member.
pub(super) const INCOMING: &str = "snapshot.incoming";

const PREFIX: &str = "snapshot-";

/// The name of the whole snapshot at an index.
#[must_use]
pub fn file_name(index: Index) -> String {
    format!("{PREFIX}{:016x}", index.0)
}

/// The index in a snapshot's name; None if it is not one.
#[must_use]
pub fn index_of(file_name: &str) -> Option<Index> {
    let index = u64::from_str_radix(file_name.strip_prefix(PREFIX)?, 16).ok()?;
    // Only the one spelling: `+1` and `1` are numbers too.
    (self::file_name(Index(index)) == file_name).then_some(Index(index))
}

/// Whether it is a snapshot that is not whole: of no use after a crash.
#[must_use]
pub fn is_leftover(file_name: &str) -> bool {
    matches!(file_name, MAKING | INCOMING)
}

/// Whether a file is a snapshot, or was to be one.
pub(crate) fn is_file(file_name: &str) -> bool {
    index_of(file_name).is_some() || is_leftover(file_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(file_name(Index(0x2a)), "snapshot-000000000000002a");
        assert_eq!(index_of("snapshot-000000000000002a"), Some(Index(0x2a)));
        for other in [
            "snapshot-2a",
            "snapshot-000000000000002A",
            "snapshot-+00000000000002a",
            "snapshot-0000000000000002a",
            "snapshot.making",
            "journal-000000000000002a",
        ] {
            assert_eq!(index_of(other), None, "{other}");
        }
        assert!(is_leftover("snapshot.making") && is_leftover("snapshot.incoming"));
        assert!(!is_leftover("snapshot-000000000000002a"));
    }
}
