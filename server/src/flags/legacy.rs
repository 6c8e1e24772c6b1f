//! Flags of etcd 0.4, which 2.x still knew: it mapped the addresses to URL flags and passed over the rest.

use super::{Flag, Kind, empty, ignored};

const FORGOTTEN: &str = "it belongs to etcd 0.4, and etcd has passed over it since 2.0";

/// Addresses first.
pub(super) const TABLE: &[Flag] = &[
    empty("addr", "it belongs to etcd 0.4: use --advertise-client-urls"),
    empty("bind-addr", "it belongs to etcd 0.4: use --listen-client-urls"),
    empty(
        "peer-addr",
        "it belongs to etcd 0.4: use --initial-advertise-peer-urls",
    ),
    empty("peer-bind-addr", "it belongs to etcd 0.4: use --listen-peer-urls"),
    empty("peers", "it belongs to etcd 0.4: use --initial-cluster"),
    empty("peers-file", "it belongs to etcd 0.4: use --initial-cluster"),
    ignored("f", Kind::Relic, FORGOTTEN),
    ignored("force", Kind::Relic, FORGOTTEN),
    ignored("v", Kind::Relic, FORGOTTEN),
    ignored("vv", Kind::Relic, FORGOTTEN),
    ignored("vvv", Kind::Relic, FORGOTTEN),
    ignored("snapshot", Kind::Relic, FORGOTTEN),
    ignored("cluster-active-size", Kind::Relic, FORGOTTEN),
    ignored("cluster-remove-delay", Kind::Relic, FORGOTTEN),
    ignored("cluster-sync-interval", Kind::Relic, FORGOTTEN),
    ignored("max-result-buffer", Kind::Relic, FORGOTTEN),
    ignored("max-retry-attempts", Kind::Relic, FORGOTTEN),
    ignored("peer-heartbeat-interval", Kind::Relic, FORGOTTEN),
    ignored("peer-election-timeout", Kind::Relic, FORGOTTEN),
    ignored("retry-interval", Kind::Relic, FORGOTTEN),
];
