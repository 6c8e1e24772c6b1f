//! The paths of nodes, and their order.

use std::cmp::Ordering;
use std::ops::Bound::{self, Excluded, Unbounded};

use bytes::Bytes;

use crate::store::TREE_DEPTH_MAX;

/// A clean absolute path.
///
/// The order is that of the bytes, but with the slash below all others: `/a`, `/a/b`, `/a/b/c`, `/a-b`. So a node is
/// followed by all that is below it before anything else comes, and siblings come in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Bytes);

impl Path {
    /// The path, if it is clean: it starts with a slash, has no empty, `.` or `..` component, no slash at the end but
    /// for the root, and at most [`TREE_DEPTH_MAX`] components.
    pub(super) fn parse(bytes: Bytes) -> Option<Path> {
        let names = bytes.strip_prefix(b"/")?;
        let mut parts = names.split(|&byte| byte == b'/');
        let clean = names.is_empty() || parts.all(|part| !matches!(part, b"" | b"." | b".."));
        let depth = names.split(|&byte| byte == b'/').count();
        (clean && depth <= TREE_DEPTH_MAX).then_some(Path(bytes))
    }

    /// The path of the child of a directory that is named by an index, in 20 digits; None if it lies too deep.
    pub(super) fn in_order(&self, index: u64) -> Option<Path> {
        let child = format!("/{index:020}");
        let parent = if self.is_root() { &b""[..] } else { &self.0 };
        Path::parse([parent, child.as_bytes()].concat().into())
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether the last component is hidden from listings of what is above.
    pub(super) fn is_hidden(&self) -> bool {
        let name = self.0.rsplit(|&byte| byte == b'/').next();
        name.is_some_and(|name| name.starts_with(b"_"))
    }

    /// The directories this path lies in, from the top, without the root.
    pub(super) fn ancestors(&self) -> impl DoubleEndedIterator<Item = Path> {
        let slashes = self
            .0
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, byte)| **byte == b'/');
        slashes.map(|(place, _)| Path(self.0.slice(..place)))
    }

    /// Whether another path lies below this one.
    pub(super) fn holds(&self, other: &Path) -> bool {
        below(&self.0, &other.0).is_some()
    }

    /// Where the paths below this one begin.
    pub(super) fn start_below(&self) -> Bound<&Path> {
        if self.is_root() { Unbounded } else { Excluded(self) }
    }

    /// A path after everything that lies below this one and not after anything else: the zero byte follows the slash.
    pub(super) fn after_all_below(&self) -> Path {
        Path([&self.0[..], b"\0"].concat().into())
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (&self.0[..], &other.0[..]);
        let same = common(left, right);
        // The end comes before everything, the slash before every other byte.
        let rank = |path: &[u8]| path.get(same).map(|&byte| (byte != b'/', byte));
        rank(left).cmp(&rank(right))
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The way from a directory down to what lies below it, without a slash before it; both clean. None if it lies elsewhere.
pub(super) fn below<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let way = match directory {
        b"/" => path.strip_prefix(b"/"),
        _ => path.strip_prefix(directory)?.strip_prefix(b"/"),
    };
    way.filter(|way| !way.is_empty())
}

/// Whether a way goes through something that is hidden.
pub(super) fn has_hidden(way: &[u8]) -> bool {
    way.split(|&byte| byte == b'/').any(|name| name.starts_with(b"_"))
}

/// How many bytes two paths begin with alike. Paths often share long beginnings, so words are compared first.
fn common(left: &[u8], right: &[u8]) -> usize {
    let (left_words, _) = left.as_chunks::<8>();
    let (right_words, _) = right.as_chunks::<8>();
    let pairs = left_words.iter().zip(right_words);
    let whole = pairs.take_while(|(left, right)| left == right).count() * 8;
    let pairs = left[whole..].iter().zip(&right[whole..]);
    whole + pairs.take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(Bytes::copy_from_slice(text.as_bytes())).expect("a clean path")
    }

    #[test]
    fn only_clean_absolute_paths_are_paths() {
        for clean in ["/", "/a", "/a/b", "/...", "/a b/\0", "/_h/.x"] {
            assert!(
                Path::parse(Bytes::from_static(clean.as_bytes())).is_some(),
                "{clean}"
            );
        }
        for unclean in [
            "", "a", "a/b", "//", "/a/", "//a", "/a//b", "/.", "/..", "/a/./b", "/a/../b", "/a/..",
        ] {
            assert!(
                Path::parse(Bytes::from_static(unclean.as_bytes())).is_none(),
                "{unclean}"
            );
        }
    }

    #[test]
    fn a_path_has_at_most_depth_max_components() {
        assert!(Path::parse("/a".repeat(TREE_DEPTH_MAX).into()).is_some());
        assert!(Path::parse("/a".repeat(TREE_DEPTH_MAX + 1).into()).is_none());
        assert!(path(&"/a".repeat(TREE_DEPTH_MAX)).in_order(1).is_none());
    }

    #[test]
    fn a_child_in_order_is_named_by_20_digits() {
        assert_eq!(path("/q").in_order(21), Some(path("/q/00000000000000000021")));
        assert_eq!(path("/").in_order(u64::MAX), Some(path("/18446744073709551615")));
    }

    #[test]
    fn what_is_below_a_directory_follows_it_at_once() {
        let ordered = [
            "/", "/a", "/a/b", "/a/b/c", "/a/b-c", "/a\0", "/a!", "/a-b", "/a-b/c", "/a.", "/a0", "/ab",
        ];
        for pair in ordered.windows(2) {
            assert!(path(pair[0]) < path(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn hidden_is_what_has_an_underscore_first_in_its_last_component() {
        assert!(path("/_a").is_hidden());
        assert!(path("/a/_b").is_hidden());
        assert!(!path("/_a/b").is_hidden());
        assert!(!path("/a_b").is_hidden());
        assert!(!path("/").is_hidden());
    }

    #[test]
    fn ancestors_come_from_the_top_without_the_root() {
        let ancestors: Vec<Path> = path("/a/b/c").ancestors().collect();
        assert_eq!(ancestors, [path("/a"), path("/a/b")]);
        assert_eq!(path("/a").ancestors().count(), 0);
        assert_eq!(path("/").ancestors().count(), 0);
    }

    /// Short names of bytes around the slash, so that beginnings are often alike.
    fn arbitrary_path() -> impl Strategy<Value = Path> {
        let byte = prop::sample::select(b"\0-.0a\xff".to_vec());
        let name = prop::collection::vec(byte, 1..10);
        prop::collection::vec(name, 1..4).prop_filter_map("unclean", |names| {
            let bytes: Vec<u8> = names
                .into_iter()
                .flat_map(|name| [b"/".to_vec(), name].concat())
                .collect();
            Path::parse(bytes.into())
        })
    }

    proptest! {
        #[test]
        fn the_order_is_by_names_from_the_top(left in arbitrary_path(), right in arbitrary_path()) {
            let names = |path: &Path| path.as_slice().split(|b| *b == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
            prop_assert_eq!(left.cmp(&right), names(&left).cmp(&names(&right)));
        }

        #[test]
        fn after_all_below_parts_what_is_below_from_the_rest(directory in arbitrary_path(), other in arbitrary_path()) {
            let inside = other > directory && other < directory.after_all_below();
            prop_assert_eq!(inside, directory.holds(&other));
        }
    }
}
