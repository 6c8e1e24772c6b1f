//! `--quota-backend-bytes`: how large the replicated state may become, in bytes of memory. What the disk holds is bounded
//! by a multiple of it, which the node derives.

mod memory;

use std::path::Path;

/// etcd's default, and the most that Balsa takes unasked.
const DEFAULT_MAX: u64 = 2 << 30;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quota {
    /// Whatever suits the machine.
    Default,
    /// No limit.
    None,
    /// So many bytes.
    Bytes(u64),
}

impl Quota {
    /// As the flag has it: 0 is the default, and what is negative is no limit, as in etcd.
    pub(crate) fn of_flag(number: i64) -> Quota {
        match u64::try_from(number) {
            Ok(0) => Quota::Default,
            Ok(bytes) => Quota::Bytes(bytes),
            Err(_) => Quota::None,
        }
    }

    /// The bytes on this machine; logs what follows from it.
    pub(crate) fn resolve(self) -> u64 {
        let memory = memory::limit(Path::new("/"));
        let bytes = self.bytes(memory);
        match memory {
            Some(memory) if bytes > memory => log::warn!(
                "quota-bytes" = bytes, "memory-bytes" = memory;
                "the quota is more than the memory there is: the system may end this process before the quota is reached"
            ),
            _ => log::info!(
                "quota-bytes" = bytes, "memory-bytes" = memory.unwrap_or_default();
                "the state may become so large before writes are refused"
            ),
        }
        bytes
    }

    fn bytes(self, memory: Option<u64>) -> u64 {
        match self {
            Quota::Default => memory.map_or(DEFAULT_MAX, |memory| DEFAULT_MAX.min(memory / 2)),
            Quota::None => u64::MAX,
            Quota::Bytes(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_leaves_half_of_the_memory_to_others() {
        let quota = Quota::of_flag(0);
        assert_eq!(quota.bytes(Some(64 << 30)), 2 << 30);
        assert_eq!(quota.bytes(Some(512 << 20)), 256 << 20);
        assert_eq!(quota.bytes(None), 2 << 30);
    }

    #[test]
    fn what_is_asked_for_is_taken() {
        assert_eq!(Quota::of_flag(8 << 30).bytes(Some(1 << 30)), 8 << 30);
        assert_eq!(Quota::of_flag(-1).bytes(Some(1 << 30)), u64::MAX);
        assert_eq!(Quota::of_flag(1).bytes(None), 1);
    }
}
