//! Experimental flags, and the names that etcd 3.6 gave them.

use super::{Flag, Kind, empty, ignored, off, only};

const NO_CHECK: &str = "checks for corruption are not supported yet";
const NO_CHECKPOINT: &str = "leases are not served yet";
const NO_COMPACTION: &str = "compaction is not served yet";
const NO_TLS: &str = "TLS is not supported yet";
const NO_FILE: &str = "there is no database file to defragment";
const NO_DOWNGRADE: &str = "downgrades are not served yet";
const NO_TRACING: &str = "distributed tracing is not supported";
const NO_SLOW_LOG: &str = "slow requests are not logged yet";
const NO_WAIT: &str = "clients are served as soon as they can be answered";

/// The old name, then the new one.
pub(super) const TABLE: &[Flag] = &[
    off("experimental-initial-corrupt-check", NO_CHECK),
    off("initial-corrupt-check", NO_CHECK),
    only(
        "experimental-corrupt-check-time",
        Kind::Interval,
        &["0s"],
        NO_CHECK,
    ),
    only("corrupt-check-time", Kind::Interval, &["0s"], NO_CHECK),
    off("experimental-compact-hash-check-enabled", NO_CHECK),
    off("compact-hash-check-enabled", NO_CHECK),
    ignored("experimental-compact-hash-check-time", Kind::Interval, NO_CHECK),
    ignored("compact-hash-check-time", Kind::Interval, NO_CHECK),
    off("experimental-enable-lease-checkpoint", NO_CHECKPOINT),
    off("enable-lease-checkpoint", NO_CHECKPOINT),
    off("experimental-enable-lease-checkpoint-persist", NO_CHECKPOINT),
    off("enable-lease-checkpoint-persist", NO_CHECKPOINT),
    ignored("experimental-compaction-batch-limit", Kind::Count, NO_COMPACTION),
    ignored("compaction-batch-limit", Kind::Count, NO_COMPACTION),
    ignored(
        "experimental-compaction-sleep-interval",
        Kind::Interval,
        NO_COMPACTION,
    ),
    ignored("compaction-sleep-interval", Kind::Interval, NO_COMPACTION),
    off("experimental-peer-skip-client-san-verification", NO_TLS),
    off("peer-skip-client-san-verification", NO_TLS),
    ignored(
        "experimental-txn-mode-write-with-shared-buffer",
        Kind::Switch,
        "there are no transaction buffers to share",
    ),
    ignored(
        "experimental-bootstrap-defrag-threshold-megabytes",
        Kind::Count,
        NO_FILE,
    ),
    ignored("bootstrap-defrag-threshold-megabytes", Kind::Count, NO_FILE),
    off("experimental-memory-mlock", "memory is not locked"),
    off("memory-mlock", "memory is not locked"),
    ignored("experimental-stop-grpc-service-on-defrag", Kind::Switch, NO_FILE),
    ignored("stop-grpc-service-on-defrag", Kind::Switch, NO_FILE),
    empty(
        "experimental-enable-v2v3",
        "the v2 keys have a store of their own",
    ),
    ignored("experimental-downgrade-check-time", Kind::Interval, NO_DOWNGRADE),
    ignored("downgrade-check-time", Kind::Interval, NO_DOWNGRADE),
    off("experimental-enable-distributed-tracing", NO_TRACING),
    off("enable-distributed-tracing", NO_TRACING),
    ignored("experimental-distributed-tracing-address", Kind::Text, NO_TRACING),
    ignored("distributed-tracing-address", Kind::Text, NO_TRACING),
    ignored(
        "experimental-distributed-tracing-service-name",
        Kind::Text,
        NO_TRACING,
    ),
    ignored("distributed-tracing-service-name", Kind::Text, NO_TRACING),
    ignored(
        "experimental-distributed-tracing-instance-id",
        Kind::Text,
        NO_TRACING,
    ),
    ignored("distributed-tracing-instance-id", Kind::Text, NO_TRACING),
    ignored(
        "experimental-distributed-tracing-sampling-rate",
        Kind::Count,
        NO_TRACING,
    ),
    ignored("distributed-tracing-sampling-rate", Kind::Count, NO_TRACING),
    only(
        "experimental-warning-unary-request-duration",
        Kind::Interval,
        &["300ms"],
        NO_SLOW_LOG,
    ),
    only(
        "experimental-warning-apply-duration",
        Kind::Interval,
        &["100ms"],
        NO_SLOW_LOG,
    ),
    only(
        "experimental-max-learners",
        Kind::Count,
        &["1"],
        "learners are not supported yet",
    ),
    ignored(
        "experimental-snapshot-catchup-entries",
        Kind::Count,
        "the journal is kept whole, and entries are not counted",
    ),
    ignored(
        "experimental-backend-bbolt-freelist-type",
        Kind::Text,
        "there is no bbolt file",
    ),
    ignored("experimental-wait-cluster-ready-timeout", Kind::Interval, NO_WAIT),
    empty("feature-gates", "there are no features to switch"),
];
