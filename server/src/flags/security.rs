//! Flags about TLS, users and origins: all of them promise something, so none is ignored that asks for protection. Those
//! about origins work.

use super::{Flag, Group, Kind, empty, ignored, off, only, works};

const NO_TLS: &str = "TLS is not supported yet";
const NO_AUTH: &str = "users and tokens are not supported yet";

/// In the order of etcd's documentation, a peer's twin after each.
pub(super) const TABLE: &[Flag] = &[
    empty("cert-file", NO_TLS),
    empty("peer-cert-file", NO_TLS),
    empty("key-file", NO_TLS),
    empty("peer-key-file", NO_TLS),
    empty("trusted-ca-file", NO_TLS),
    empty("peer-trusted-ca-file", NO_TLS),
    empty("ca-file", NO_TLS),
    empty("peer-ca-file", NO_TLS),
    off("client-cert-auth", NO_TLS),
    off("peer-client-cert-auth", NO_TLS),
    empty("client-crl-file", NO_TLS),
    empty("peer-crl-file", NO_TLS),
    empty("client-cert-allowed-hostname", NO_TLS),
    empty("peer-cert-allowed-cn", NO_TLS),
    empty("peer-cert-allowed-hostname", NO_TLS),
    empty("client-cert-file", NO_TLS),
    empty("peer-client-cert-file", NO_TLS),
    empty("client-key-file", NO_TLS),
    empty("peer-client-key-file", NO_TLS),
    off("auto-tls", NO_TLS),
    off("peer-auto-tls", NO_TLS),
    ignored("self-signed-cert-validity", Kind::Count, "no certificate is made"),
    empty("cipher-suites", NO_TLS),
    only("tls-min-version", Kind::Text, &["", "TLS1.2"], NO_TLS),
    empty("tls-max-version", NO_TLS),
    works(
        "cors",
        Kind::Text,
        Group::Member,
        "*",
        "pages of which origins may read answers: scheme://host:port with commas between, or * for all",
    ),
    works(
        "host-whitelist",
        Kind::Text,
        Group::Member,
        "*",
        "names, with commas between, by which clients may call this server; * for any",
    ),
    only("auth-token", Kind::Text, &["simple"], NO_AUTH),
    ignored("auth-token-ttl", Kind::Count, NO_AUTH),
    ignored("bcrypt-cost", Kind::Count, NO_AUTH),
];
