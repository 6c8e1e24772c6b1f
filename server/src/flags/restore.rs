//! The flags of `balsa restore`: some of the server's, and its own.

use super::{Flag, Group, Kind, works};

/// Those that the server has too, and that mean the same.
const SHARED: &[&str] = &[
    "name",
    "data-dir",
    "initial-cluster",
    "initial-cluster-token",
    "initial-advertise-peer-urls",
];

/// Its own.
const OWN: &[Flag] = &[
    works(
        "snapshot",
        Kind::Text,
        Group::Member,
        "",
        "the file to restore from",
    ),
    works(
        "bump-revision",
        Kind::Count,
        Group::Cluster,
        "0",
        "let revisions and v2 indexes go on so much later, so that none is given twice; with --mark-compacted",
    ),
    works(
        "mark-compacted",
        Kind::Switch,
        Group::Cluster,
        "false",
        "nothing before the revision restored can be read or watched; with --bump-revision",
    ),
];

/// All of them, in the order of the help text.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    let shared = SHARED.iter().filter_map(|name| super::find(name));
    OWN.iter().chain(shared)
}

/// The flag of this name.
pub(crate) fn find(name: &str) -> Option<&'static Flag> {
    all().find(|flag| flag.name == name)
}
