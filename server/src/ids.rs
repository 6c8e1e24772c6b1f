//! The ids of members and clusters: made of addresses and a token exactly as etcd makes them.

use std::collections::BTreeSet;

use raft_core::NodeId;
use sha1::{Digest, Sha1};

/// The id of a member of a cluster's founding: of its peer URLs, in order of their text, and the cluster's token.
///
/// Two clusters founded at equal addresses with different tokens get different ids, so their peers refuse each other.
pub(crate) fn member_id<'a>(peer_urls: impl IntoIterator<Item = &'a str>, token: &str) -> NodeId {
    let mut sorted: Vec<&str> = peer_urls.into_iter().collect();
    sorted.sort_unstable();
    let mut hash = Sha1::new();
    for url in sorted {
        hash.update(url);
    }
    hash.update(token);
    NodeId(first_eight_bytes(hash))
}

/// The id of a cluster: of its founders' ids, ascending. It never changes.
pub(crate) fn cluster_id(founders: &BTreeSet<NodeId>) -> u64 {
    let mut hash = Sha1::new();
    for id in founders {
        hash.update(id.0.to_be_bytes());
    }
    first_eight_bytes(hash)
}

fn first_eight_bytes(hash: Sha1) -> u64 {
    let digest = hash.finalize();
    let first: [u8; 8] = digest[..8].try_into().expect("a SHA-1 has 20 bytes");
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_etcds() {
        // Seen on a real etcd 3.5 with one member.
        let id = member_id(["http://127.0.0.1:21012"], "etcd-cluster");
        assert_eq!(id, NodeId(0xef9a_b7b4_6c1d_77c9));
        assert_eq!(cluster_id(&BTreeSet::from([id])), 0x1f1f_11d9_018c_d414);
        // What every etcd with no flags has.
        let id = member_id(["http://localhost:2380"], "etcd-cluster");
        assert_eq!(id, NodeId(0x8e9e_05c5_2164_694d));
        assert_eq!(cluster_id(&BTreeSet::from([id])), 0xcdf8_1819_4e3a_8c32);
    }

    #[test]
    fn ids_of_several_members_with_several_urls_are_etcds() {
        // As a real etcd 3.5 logs them.
        let of = |urls: &[&'static str]| member_id(urls.iter().copied(), "tok");
        let first = of(&["http://localhost:2380", "http://127.0.0.1:3380"]);
        assert_eq!(first, NodeId(0xf78e_dbb3_7b28_d1cf));
        let both = BTreeSet::from([first, of(&["http://localhost:22380"])]);
        assert_eq!(cluster_id(&both), 0x022e_1725_d82f_fb77);
    }

    #[test]
    fn the_order_of_urls_does_not_count_and_the_token_does() {
        let id = member_id(["http://a:1", "http://b:1"], "t");
        assert_eq!(id, member_id(["http://b:1", "http://a:1"], "t"));
        assert_ne!(id, member_id(["http://a:1", "http://b:1"], "u"));
    }
}
