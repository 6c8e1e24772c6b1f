//! How many descriptors this process may have, and how many of them are for clients.

use std::fs;

/// Client connections served at once, if descriptors allow it; more wait in the kernel's queue.
const CLIENTS_MAX: usize = 20_000;
/// Descriptors that clients never get: for peers, the journal and the rest, without which a member cannot go on.
const RESERVED: usize = 64;

/// How many client connections each of `listeners` may have at once.
pub(crate) fn clients_max(listeners: usize) -> usize {
    let for_clients = limit().map_or(CLIENTS_MAX, |limit| for_clients(limit).min(CLIENTS_MAX));
    (for_clients / listeners.max(1)).max(1)
}

/// How many this process may have; None where the system does not say, or sets no limit.
pub(crate) fn limit() -> Option<usize> {
    soft_limit(&fs::read_to_string("/proc/self/limits").unwrap_or_default())
}

/// A small allowance is shared by halves.
fn for_clients(limit: usize) -> usize {
    limit - RESERVED.min(limit / 2)
}

/// None where the system does not say, or sets none.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number_of_its_line() {
        let limits = "Limit            Soft Limit  Hard Limit  Units\n\
                      Max processes    95          95          processes\n\
                      Max open files   1024        524288      files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(
            soft_limit("Max open files   unlimited   unlimited   files\n"),
            None
        );
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn clients_leave_some_for_the_member() {
        assert_eq!(for_clients(1024), 960);
        assert_eq!(for_clients(64), 32);
    }
}
