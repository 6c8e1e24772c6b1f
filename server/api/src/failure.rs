//! etcd's words for why there is no answer. Clients match on them, in both APIs.

use node::Failure;
use storage::store::command::Failure as StoreFailure;

/// The text of a failure. The v2 tree's failures have a form of their own, see `v2/error.rs`.
pub(crate) fn text(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout => "etcdserver: request timed out",
        Failure::NoLeader => "etcdserver: no leader",
        Failure::TooLarge => "etcdserver: request is too large",
        Failure::TooManyRequests => "etcdserver: too many requests",
        Failure::Alarm(_) => unreachable!("an alarm outside /health"),
        Failure::Corrupt => "etcdserver: corrupt cluster",
        Failure::Stopped => "etcdserver: server stopped",
        Failure::Repairing => {
            "etcdserver: data directory is damaged and being repaired from the other members"
        }
        Failure::Store(StoreFailure::KeyNotFound) => "etcdserver: key not found",
        Failure::Store(StoreFailure::FutureRevision) => {
            "etcdserver: mvcc: required revision is a future revision"
        }
        Failure::Store(StoreFailure::Compacted(_)) => {
            "etcdserver: mvcc: required revision has been compacted"
        }
        Failure::Store(StoreFailure::LeaseNotFound) => "etcdserver: requested lease not found",
        Failure::Store(StoreFailure::LeaseExists) => "etcdserver: lease already exists",
        Failure::Store(StoreFailure::LeaseTtlTooLarge) => "etcdserver: too large lease TTL",
        Failure::Store(StoreFailure::NoSpace) => "etcdserver: mvcc: database space exceeded",
        Failure::SessionExpired => "mutex: session is expired",
        Failure::NotElected => "election: not leader",
        Failure::NotLeader => "etcdserver: not leader",
        Failure::BadTransferee => "etcdserver: bad leader transferee",
        Failure::Store(StoreFailure::StillCompacting) => {
            "etcdserver: mvcc: a compaction is going on, ask for the hash again later"
        }
        Failure::Store(StoreFailure::HashTooFarBack) => {
            "etcdserver: mvcc: required revision is too many changes ago for a hash"
        }
        Failure::Store(StoreFailure::EmptyKey) => "etcdserver: key is not provided",
        Failure::Store(StoreFailure::DuplicateKey) => "etcdserver: duplicate key given in txn request",
        Failure::Store(StoreFailure::TooManyOperations) => "etcdserver: too many operations in txn request",
        Failure::Store(StoreFailure::IllFormed) => "etcdserver: ill-formed txn request",
        Failure::Store(StoreFailure::OtherRequest) => {
            "etcdserver: the Idempotency-Key was used for another request"
        }
        Failure::Store(StoreFailure::Tree(_)) => unreachable!("a failure of the v2 tree outside /v2/keys"),
    }
}
