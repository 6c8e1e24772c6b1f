//! The flags that work.

use super::{Flag, Group, Kind, works};

/// The words that `--log-level` takes.
pub(super) const LOG_LEVELS: &[&str] = &["debug", "info", "warn", "error", "dpanic", "panic", "fatal"];

/// In the order of the help text.
pub(super) const TABLE: &[Flag] = &[
    works(
        "name",
        Kind::Text,
        Group::Member,
        "default",
        "this member's name, as in --initial-cluster",
    ),
    works(
        "data-dir",
        Kind::Text,
        Group::Member,
        "",
        "where this member keeps its data (default: <name>.balsa)",
    ),
    works(
        "listen-client-urls",
        Kind::Urls,
        Group::Member,
        "http://localhost:2379",
        "where to listen for clients",
    ),
    works(
        "advertise-client-urls",
        Kind::Urls,
        Group::Member,
        "http://localhost:2379",
        "where clients reach this member; needed with --listen-client-urls",
    ),
    works(
        "listen-peer-urls",
        Kind::Urls,
        Group::Member,
        "http://localhost:2380",
        "where to listen for the other members",
    ),
    works(
        "heartbeat-interval",
        Kind::Count,
        Group::Member,
        "100",
        "milliseconds between a leader's heartbeats",
    ),
    works(
        "election-timeout",
        Kind::Count,
        Group::Member,
        "1000",
        "milliseconds without a leader before an election; at least 5 heartbeats, at most 50000",
    ),
    works(
        "pre-vote",
        Kind::Switch,
        Group::Member,
        "true",
        "ask who would vote before an election, so that a member that was cut off disturbs nobody",
    ),
    works(
        "snapshot-count",
        Kind::Count,
        Group::Member,
        "0",
        "most entries between snapshots (default 0: by their bytes)",
    ),
    works(
        "quota-backend-bytes",
        Kind::Number,
        Group::Member,
        "0",
        "most bytes of data in memory (default 0: half of the memory, 2 GiB at most; -1: no limit)",
    ),
    works(
        "auto-compaction-mode",
        Kind::Text,
        Group::Member,
        "periodic",
        "what the retention means: periodic (a time) or revision (a number of revisions)",
    ),
    works(
        "auto-compaction-retention",
        Kind::Text,
        Group::Member,
        "0",
        "history of v3 keys to keep: hours, 30m or the like, or revisions (default 0: all)",
    ),
    works(
        "client-threads",
        Kind::Text,
        Group::Member,
        "auto",
        "threads of their own for clients: 0 to 64, or auto (by the number of processors)",
    ),
    works(
        "force-new-cluster",
        Kind::Switch,
        Group::Member,
        "false",
        "most members are lost: go on alone with the data there is; the others are refused",
    ),
    works(
        "initial-advertise-peer-urls",
        Kind::Urls,
        Group::Cluster,
        "http://localhost:2380",
        "where the other members reach this one",
    ),
    works(
        "initial-cluster",
        Kind::Text,
        Group::Cluster,
        "",
        "all members: name=url,name=url (default: this member alone)",
    ),
    works(
        "initial-cluster-state",
        Kind::Choice(&["new", "existing"]),
        Group::Cluster,
        "new",
        "new; existing is refused until members can be added",
    ),
    works(
        "initial-cluster-token",
        Kind::Text,
        Group::Cluster,
        "etcd-cluster",
        "keeps clusters with equal addresses apart",
    ),
    works(
        "log-level",
        Kind::Choice(LOG_LEVELS),
        Group::Logging,
        "info",
        "the least that is logged: debug, info, warn, error, panic or fatal",
    ),
    works(
        "log-outputs",
        Kind::Text,
        Group::Logging,
        "default",
        "stderr (the default), stdout or files, with commas between",
    ),
    works(
        "logger",
        Kind::Text,
        Group::Logging,
        "zap",
        "the form of log lines: zap's JSON is the only one",
    ),
    works(
        "debug",
        Kind::Switch,
        Group::Logging,
        "false",
        "etcd 3.4's short form of --log-level=debug",
    ),
];
