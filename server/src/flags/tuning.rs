//! Flags about members, clusters, proxies and monitoring that do not work: most tune machinery that Balsa does not have.

use super::{Flag, Kind, empty, ignored, off, only};

const NO_GRPC: &str = "gRPC is not served yet";
const NO_PROXY: &str = "the proxy mode is not supported yet";
const NO_DISCOVERY: &str = "discovery is not supported yet: name the members with --initial-cluster";
const ONE_SYNC_A_TURN: &str = "all that waits is written and synced together, without a timer or a limit";
const TWO_KEPT: &str = "the last two snapshots are kept, and the journal back to the older";
const BY_BYTES: &str =
    "what slow followers may need stays in memory by its bytes: 16 MiB after a snapshot, 64 MiB at most";
const NO_SLOW_LOG: &str = "slow requests are not logged yet";

/// In the order of etcd's documentation.
pub(super) const TABLE: &[Flag] = &[
    empty(
        "config-file",
        "configuration files are not supported yet: use flags or ETCD_ variables",
    ),
    empty("wal-dir", "the journal stands in the data directory"),
    ignored("snapshot-catchup-entries", Kind::Count, BY_BYTES),
    ignored("max-snapshots", Kind::Count, TWO_KEPT),
    ignored("max-wals", Kind::Count, TWO_KEPT),
    ignored(
        "initial-election-tick-advance",
        Kind::Switch,
        "elections have deadlines, not ticks that could be advanced",
    ),
    empty(
        "listen-client-http-urls",
        "all clients share --listen-client-urls",
    ),
    ignored("backend-batch-interval", Kind::Interval, ONE_SYNC_A_TURN),
    ignored("backend-batch-limit", Kind::Number, ONE_SYNC_A_TURN),
    ignored(
        "backend-bbolt-freelist-type",
        Kind::Text,
        "there is no bbolt file",
    ),
    only("max-txn-ops", Kind::Count, &["128"], "the limit is fixed so far"),
    only(
        "max-request-bytes",
        Kind::Count,
        &["1572864"],
        "the limit cannot be changed yet",
    ),
    ignored("max-concurrent-streams", Kind::Count, NO_GRPC),
    ignored("grpc-keepalive-min-time", Kind::Interval, NO_GRPC),
    ignored("grpc-keepalive-interval", Kind::Interval, NO_GRPC),
    ignored("grpc-keepalive-timeout", Kind::Interval, NO_GRPC),
    off("socket-reuse-port", "a port is never shared between processes"),
    ignored(
        "socket-reuse-address",
        Kind::Switch,
        "listeners always reuse addresses of closed connections",
    ),
    only(
        "max-learners",
        Kind::Count,
        &["1"],
        "learners are not supported yet",
    ),
    empty("discovery", NO_DISCOVERY),
    empty("discovery-token", NO_DISCOVERY),
    empty("discovery-endpoints", NO_DISCOVERY),
    empty("discovery-proxy", NO_DISCOVERY),
    ignored(
        "discovery-fallback",
        Kind::Choice(&["exit", "proxy"]),
        NO_DISCOVERY,
    ),
    empty("discovery-srv", NO_DISCOVERY),
    empty("discovery-srv-name", NO_DISCOVERY),
    ignored(
        "strict-reconfig-check",
        Kind::Switch,
        "members cannot be changed yet",
    ),
    only(
        "enable-v2",
        Kind::Switch,
        &["true"],
        "the v2 API is always served",
    ),
    only(
        "v2-deprecation",
        Kind::Text,
        &["not-yet"],
        "the v2 API is always served",
    ),
    only(
        "enable-grpc-gateway",
        Kind::Switch,
        &["true"],
        "the v3 JSON API is always served",
    ),
    off("unsafe-no-fsync", "nothing is acknowledged before it is synced"),
    only(
        "proxy",
        Kind::Choice(&["off", "readonly", "on"]),
        &["off"],
        NO_PROXY,
    ),
    ignored("proxy-failure-wait", Kind::Count, NO_PROXY),
    ignored("proxy-refresh-interval", Kind::Count, NO_PROXY),
    ignored("proxy-dial-timeout", Kind::Count, NO_PROXY),
    ignored("proxy-write-timeout", Kind::Count, NO_PROXY),
    ignored("proxy-read-timeout", Kind::Count, NO_PROXY),
    only(
        "metrics",
        Kind::Text,
        &["basic"],
        "extensive metrics are not supported yet",
    ),
    empty(
        "listen-metrics-urls",
        "metrics are at /metrics of --listen-client-urls",
    ),
    off("enable-pprof", "profiles are not served"),
    only("log-format", Kind::Text, &["json"], "log lines are JSON"),
    off(
        "enable-log-rotation",
        "logs are not rotated: let the system do that, or log to stderr",
    ),
    ignored("log-rotation-config-json", Kind::Text, "logs are not rotated"),
    empty(
        "log-package-levels",
        "there is one log level for all: see --log-level",
    ),
    only(
        "warning-unary-request-duration",
        Kind::Interval,
        &["300ms"],
        NO_SLOW_LOG,
    ),
    only("warning-apply-duration", Kind::Interval, &["100ms"], NO_SLOW_LOG),
];
