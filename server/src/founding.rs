//! How a cluster is founded: who its members are, by `--initial-cluster`, and which of them this one is.
//!
//! All of this matters only while the data directory is empty. Afterwards ids, members and their peer URLs come from
//! there, and a stale or wrong `--initial-...` flag does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs};

use raft_core::NodeId;

use crate::exit::{Origin, Stop};
use crate::ids;
use crate::urls::{self, Scheme, Url};

/// What the `--initial-...` flags say, not yet held against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Initial {
    /// Where the other members reach this one; at least one.
    pub(crate) advertise_peers: Vec<Url>,
    /// `name=url,name=url`; this member alone if not given.
    pub(crate) cluster: Option<String>,
    /// Whether to join a running cluster.
    pub(crate) existing: bool,
    /// The salt of all ids.
    pub(crate) token: String,
}

/// A cluster about to be founded. Every founder derives the same one from its own flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Founding {
    /// The cluster's id.
    pub(crate) cluster_id: u64,
    /// This member's id; one of `members`.
    pub(crate) member_id: NodeId,
    /// All founders.
    pub(crate) members: BTreeMap<NodeId, Founder>,
}

/// One founder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Founder {
    /// Its name.
    pub(crate) name: String,
    /// Where its peers reach it: sorted, at least one, none shared with another founder.
    pub(crate) peer_urls: Vec<String>,
}

impl Initial {
    /// What `--initial-cluster` says, or would have to say.
    pub(crate) fn cluster_text(&self, name: &str) -> String {
        self.cluster.clone().unwrap_or_else(|| {
            let urls: Vec<String> = self
                .advertise_peers
                .iter()
                .map(|url| format!("{name}={url}"))
                .collect();
            urls.join(",")
        })
    }

    /// The cluster that the member of this name is to found, once its data directory is known to be empty.
    pub(crate) fn found(&self, name: &str) -> Result<Founding, Stop> {
        self.found_resolving(name, &resolve)
    }

    fn found_resolving(&self, name: &str, resolve: &Resolve<'_>) -> Result<Founding, Stop> {
        if self.existing {
            return Err(Stop::Existing);
        }
        let founders = match &self.cluster {
            Some(text) => parse(text)?,
            None => BTreeMap::from([(name.to_owned(), self.advertise_peers.clone())]),
        };
        let own = founders
            .get(name)
            .ok_or_else(|| Stop::NotAMember(name.to_owned()))?;
        let urls: Vec<&Url> = founders.values().flatten().collect();
        if urls.iter().copied().collect::<BTreeSet<_>>().len() < urls.len() {
            return Err(Stop::DuplicateUrl(self.cluster_text(name)));
        }
        if !same(own, &self.advertise_peers, resolve) {
            return Err(Stop::AdvertiseMismatch {
                name: name.to_owned(),
                cluster: urls::joined(own),
                advertised: urls::joined(&self.advertise_peers),
            });
        }
        Ok(self.identify(name, founders))
    }

    fn identify(&self, name: &str, founders: BTreeMap<String, Vec<Url>>) -> Founding {
        let id_of = |urls: &[Url]| ids::member_id(urls.iter().map(Url::as_str), &self.token);
        let member_id = id_of(&founders[name]);
        let founders_count = founders.len();
        let members: BTreeMap<NodeId, Founder> = founders
            .into_iter()
            .map(|(name, urls)| {
                let peer_urls = urls.iter().map(Url::to_string).collect();
                (id_of(&urls), Founder { name, peer_urls })
            })
            .collect();
        assert_eq!(
            members.len(),
            founders_count,
            "two founders with different URLs have the same id"
        );
        Founding {
            cluster_id: ids::cluster_id(&members.keys().copied().collect()),
            member_id,
            members,
        }
    }
}

/// Reads `name=url,name=url`: a repeated name adds a URL, empty parts do not count.
fn parse(text: &str) -> Result<BTreeMap<String, Vec<Url>>, Stop> {
    let mut founders: BTreeMap<String, Vec<Url>> = BTreeMap::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (name, url) = part.split_once('=').unwrap_or((part, ""));
        let url = Url::parse(url).map_err(Stop::BadCluster)?;
        if url.scheme() != Scheme::Http {
            return Err(Stop::Refused {
                origin: Origin::Flag("initial-cluster"),
                value: url.to_string(),
                why: "peers are reached over http only, as yet".to_owned(),
            });
        }
        founders.entry(name.trim().to_owned()).or_default().push(url);
    }
    for urls in founders.values_mut() {
        urls.sort();
    }
    Ok(founders)
}

/// The addresses behind a host and port; empty if nobody knows.
type Resolve<'a> = dyn Fn(&Url) -> Vec<SocketAddr> + 'a;

fn resolve(url: &Url) -> Vec<SocketAddr> {
    (url.host(), url.port())
        .to_socket_addrs()
        .map(Iterator::collect)
        .unwrap_or_default()
}

/// Whether two sorted lists name the same places, by their texts or, if those differ, by their addresses.
fn same(left: &[Url], right: &[Url], resolve: &Resolve<'_>) -> bool {
    let addresses = |url: &Url| match url.socket_address() {
        Some(address) => vec![address],
        None => resolve(url),
    };
    let meet = |a: &Url, b: &Url| a == b || addresses(a).iter().any(|address| addresses(b).contains(address));
    let covered = |all: &[Url], by: &[Url]| all.iter().all(|a| by.iter().any(|b| meet(a, b)));
    left == right || (left.len() == right.len() && covered(left, right) && covered(right, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initial(cluster: Option<&str>, advertise: &str) -> Initial {
        Initial {
            advertise_peers: urls::parse_list(advertise).unwrap(),
            cluster: cluster.map(str::to_owned),
            existing: false,
            token: "etcd-cluster".to_owned(),
        }
    }

    fn found(cluster: &str, advertise: &str) -> Result<Founding, Stop> {
        let dns = |url: &Url| match url.host() {
            "node1" => vec![SocketAddr::from(([10, 0, 0, 1], url.port()))],
            _ => Vec::new(),
        };
        initial(Some(cluster), advertise).found_resolving("n1", &dns)
    }

    #[test]
    fn a_member_alone_founds_a_cluster_of_itself() {
        let founding = initial(None, "http://127.0.0.1:21012").found("n1").unwrap();
        assert_eq!(founding.member_id, NodeId(0xef9a_b7b4_6c1d_77c9));
        assert_eq!(founding.cluster_id, 0x1f1f_11d9_018c_d414);
        let alone = Founder {
            name: "n1".into(),
            peer_urls: vec!["http://127.0.0.1:21012".into()],
        };
        assert_eq!(founding.members, BTreeMap::from([(founding.member_id, alone)]));
    }

    #[test]
    fn all_founders_found_the_same_cluster() {
        let cluster = "n1=http://a:1,n2=http://b:1,n1=http://a:2,n3=http://c:1";
        let first = initial(Some(cluster), "http://a:2,http://a:1")
            .found("n1")
            .unwrap();
        let other = "n3=http://c:1,n2=http://b:1,,n1=http://a:2, n1=http://a:1";
        let third = initial(Some(other), "http://c:1").found("n3").unwrap();
        assert_eq!(first.members, third.members);
        assert_eq!(first.cluster_id, third.cluster_id);
        assert_ne!(first.member_id, third.member_id);
        assert_eq!(
            first.members[&first.member_id].peer_urls,
            ["http://a:1", "http://a:2"]
        );
        assert_eq!(first.members[&third.member_id].name, "n3");
    }

    #[test]
    fn urls_are_the_same_if_their_addresses_are() {
        for (cluster, advertise) in [
            ("n1=http://node1:1", "http://10.0.0.1:1"),
            ("n1=http://localhost:1", "http://127.0.0.1:1"),
            (
                "n1=http://node1:1,n1=http://localhost:2",
                "http://127.0.0.1:2,http://10.0.0.1:1",
            ),
        ] {
            assert!(found(cluster, advertise).is_ok(), "{cluster} {advertise}");
        }
    }

    #[test]
    fn refusals_name_the_flag_and_end_with_1() {
        let advertise = "http://a:1";
        let cases = [
            (
                "x=http://a:1",
                "couldn't find local name \"n1\" in the initial cluster configuration (--initial-cluster)",
            ),
            (
                "n1=http://a:2",
                "--initial-cluster has n1=http://a:2 but --initial-advertise-peer-urls has http://a:1: they must be \
                 equal",
            ),
            (
                "n1=http://a:1,n1=http://a:2",
                "--initial-cluster has n1=http://a:1,http://a:2 but --initial-advertise-peer-urls has http://a:1: \
                 they must be equal",
            ),
            (
                "n1=http://a:1,n2=http://a:1",
                "initial cluster n1=http://a:1,n2=http://a:1 has duplicate url (--initial-cluster)",
            ),
            (
                "n1=http://a:1,n1=http://a:1",
                "initial cluster n1=http://a:1,n1=http://a:1 has duplicate url (--initial-cluster)",
            ),
            (
                "n1=foo",
                "error setting up initial cluster (--initial-cluster): URL scheme must be http, https, unix, or \
                 unixs: foo",
            ),
            (
                "n1",
                "error setting up initial cluster (--initial-cluster): URL scheme must be http, https, unix, or \
                 unixs: ",
            ),
            (
                "n1=https://a:1",
                "--initial-cluster=https://a:1 is refused: peers are reached over http only, as yet",
            ),
        ];
        for (cluster, message) in cases {
            let stop = found(cluster, advertise).unwrap_err();
            assert_eq!(
                (stop.to_string().as_str(), stop.code()),
                (message, 1),
                "{cluster}"
            );
        }
    }

    #[test]
    fn joining_a_running_cluster_is_refused() {
        let joining = Initial {
            existing: true,
            ..initial(Some("n1=http://a:1,n2=http://b:1"), "http://a:1")
        };
        let stop = joining.found("n1").unwrap_err();
        let message = "--initial-cluster-state=existing is refused while the data directory is empty: joining a \
                       running cluster is not supported yet";
        assert_eq!((stop.to_string().as_str(), stop.code()), (message, 1));
    }
}
