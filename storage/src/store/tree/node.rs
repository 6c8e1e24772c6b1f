//! What stands at a path.

use bytes::Bytes;

use super::path::Path;
use crate::store::command::{ClusterTime, TreeContent};
use crate::store::fingerprint::{Kind, Row};
use crate::store::query::TreeNode;

/// The memory that a node takes beside its path and value, in bytes, as measured.
const NODE_WEIGHT: usize = 264;
/// The memory that it takes more if it ends.
const EXPIRATION_WEIGHT: usize = 72;

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) content: TreeContent,
    /// The index of the command that made it.
    pub(super) created: u64,
    /// The index of the command that last changed it; what happens below a directory does not change it.
    pub(super) modified: u64,
    /// When it goes; None: it stays.
    pub(super) expiration: Option<ClusterTime>,
}

impl Node {
    /// The root, which nothing changes.
    pub(super) const ROOT: Node = Node {
        content: TreeContent::Directory,
        created: 0,
        modified: 0,
        expiration: None,
    };

    /// A node made at an index.
    pub(super) fn new(content: TreeContent, index: u64, expiration: Option<ClusterTime>) -> Node {
        Node {
            content,
            created: index,
            modified: index,
            expiration,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.value().is_none()
    }

    /// The value of a file.
    pub(super) fn value(&self) -> Option<&Bytes> {
        match &self.content {
            TreeContent::File(value) => Some(value),
            TreeContent::Directory => None,
        }
    }

    /// The node as clients see it, without children.
    pub(super) fn view(&self, path: &Path) -> TreeNode {
        TreeNode {
            key: path.bytes(),
            value: self.value().cloned(),
            dir: self.is_directory(),
            expiration: self.expiration,
            nodes: Vec::new(),
            modified_index: self.modified,
            created_index: self.created,
        }
    }

    /// What is left to see of the node when it is deleted at an index.
    pub(super) fn remains(&self, path: &Path, index: u64) -> TreeNode {
        TreeNode {
            value: None,
            expiration: None,
            modified_index: index,
            ..self.view(path)
        }
    }

    /// The hash of this node's row.
    pub(super) fn row(&self, path: &Path) -> u64 {
        let row = Row::new(Kind::Node)
            .bytes(path.as_slice())
            .number(self.created)
            .number(self.modified)
            .optional(self.expiration.map(|time| time.0));
        match self.value() {
            None => row.hash(),
            Some(value) => row.bytes(value).hash(),
        }
    }

    /// The memory that it takes, with its place in the maps.
    pub(super) fn bytes(&self, path: &Path) -> usize {
        let ends = self.expiration.map_or(0, |_| EXPIRATION_WEIGHT);
        NODE_WEIGHT + ends + path.as_slice().len() + self.value().map_or(0, Bytes::len)
    }
}
