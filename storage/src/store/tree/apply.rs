//! Changing the tree. Each change that succeeds takes the next index; one that fails changes nothing.
//!
//! The checks come in etcd's order: the root, what is on the way, whether the node is there, whether it is a directory,
//! and only then any comparison.

use bytes::Bytes;

use super::Tree;
use super::node::Node;
use super::path::Path;
use crate::store::command::{
    ClusterTime, Compare, TreeAction, TreeChange, TreeContent, TreeErrorCode, TreeEvent, TreeFailure,
    TreeWrite,
};

type Result = std::result::Result<TreeEvent, TreeFailure>;

impl Tree {
    /// Carries out a change, to its end. A path that is not clean names nothing and is answered like a key that is not
    /// there.
    pub(in crate::store) fn apply(&mut self, path: Bytes, change: TreeChange, time: ClusterTime) -> Result {
        match change {
            TreeChange::Set(write) => self.set(self.writable(&path)?, write, time),
            TreeChange::Create(write) => self.create(self.writable(&path)?, write, time),
            TreeChange::CreateInOrder(write) => {
                let directory = self.clean(&path)?;
                match directory.in_order(self.index + 1) {
                    Some(child) => self.create(child, write, time),
                    None => Err(self.failure(TreeErrorCode::KeyNotFound, path)),
                }
            }
            TreeChange::Update(write) => self.update(self.writable(&path)?, write, time),
            TreeChange::CompareAndSwap(compare, write) => {
                self.compare_and_swap(self.writable(&path)?, &compare, write, time)
            }
            TreeChange::Delete { dir, recursive } => {
                let removing = self.begin_delete(&path, dir, recursive)?;
                let removed = self.remove_some(&removing, time, usize::MAX);
                Ok(removed.expect("there is no end to the room").0)
            }
            TreeChange::CompareAndDelete(compare) => {
                let path = self.clean(&path)?;
                // Comparing with the root fails as with any directory, but without a cause, since the root has no name
                // there.
                if path.is_root() {
                    return Err(self.failure(TreeErrorCode::NotAFile, Bytes::new()));
                }
                let node = self.find_compared(&path, &compare)?;
                Ok(self.take_out(TreeAction::CompareAndDelete, &path, &node, time))
            }
        }
    }

    fn clean(&self, path: &Bytes) -> std::result::Result<Path, TreeFailure> {
        Path::parse(path.clone()).ok_or_else(|| self.failure(TreeErrorCode::KeyNotFound, path.clone()))
    }

    /// The path, unless it is the root's, which nobody writes.
    pub(super) fn writable(&self, path: &Bytes) -> std::result::Result<Path, TreeFailure> {
        let path = self.clean(path)?;
        if path.is_root() {
            return Err(self.failure(TreeErrorCode::RootReadOnly, path.bytes()));
        }
        Ok(path)
    }

    fn set(&mut self, path: Path, write: TreeWrite, time: ClusterTime) -> Result {
        let before = match self.find(&path) {
            Ok(before) => Some(before),
            Err(failure) if failure.code == TreeErrorCode::KeyNotFound && !write.refresh => None,
            Err(failure) => return Err(failure),
        };
        if before.is_some_and(Node::is_directory) {
            return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
        }
        let kept = before
            .filter(|_| write.refresh)
            .map(|before| before.content.clone());
        let previous = before.map(|before| before.view(&path));
        let content = match (write.content, kept) {
            (TreeContent::File(_), Some(kept)) => kept,
            (given, _) => given,
        };
        // What is set is a new node, even where a file stood before.
        let node = Node::new(content, self.index + 1, expiration(write.ttl, time));
        let event = self.place(TreeAction::Set, path, node, time);
        Ok(self.happened(TreeEvent { previous, ..event }, write.refresh))
    }

    fn create(&mut self, path: Path, write: TreeWrite, time: ClusterTime) -> Result {
        match self.find(&path) {
            Ok(_) => return Err(self.failure(TreeErrorCode::KeyExists, path.bytes())),
            Err(failure) if failure.code == TreeErrorCode::KeyNotFound => {}
            Err(failure) => return Err(failure),
        }
        let node = Node::new(write.content, self.index + 1, expiration(write.ttl, time));
        let event = self.place(TreeAction::Create, path, node, time);
        Ok(self.happened(event, false))
    }

    fn update(&mut self, path: Path, write: TreeWrite, time: ClusterTime) -> Result {
        let before = self.find(&path)?.clone();
        if before.is_directory() && matches!(&write.content, TreeContent::File(value) if !value.is_empty()) {
            return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
        }
        Ok(self.rewrite(TreeAction::Update, path, before, write, time))
    }

    fn compare_and_swap(
        &mut self,
        path: Path,
        compare: &Compare,
        write: TreeWrite,
        time: ClusterTime,
    ) -> Result {
        let before = self.find_compared(&path, compare)?;
        Ok(self.rewrite(TreeAction::CompareAndSwap, path, before, write, time))
    }

    /// The file at a path, if it is as compared.
    fn find_compared(&self, path: &Path, compare: &Compare) -> std::result::Result<Node, TreeFailure> {
        let node = self.find(path)?;
        let Some(value) = node.value() else {
            return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
        };
        match mismatch(compare, value, node.modified) {
            Some(cause) => Err(self.failure(TreeErrorCode::CompareFailed, cause)),
            None => Ok(node.clone()),
        }
    }

    /// Puts a new node in its place at the next index, and the directories it lies in where they are not there yet.
    fn place(&mut self, action: TreeAction, path: Path, node: Node, time: ClusterTime) -> TreeEvent {
        self.index += 1;
        let ancestors = path.ancestors().rev();
        let missing = ancestors.take_while(|ancestor| !self.nodes.contains_key(ancestor));
        for directory in missing.collect::<Vec<_>>() {
            self.insert(directory, Node::new(TreeContent::Directory, self.index, None));
        }
        let view = node.view(&path);
        self.insert(path, node);
        TreeEvent {
            action,
            time,
            node: view,
            previous: None,
        }
    }

    /// Writes a node that is there; its life goes on, for as long as is said now.
    fn rewrite(
        &mut self,
        action: TreeAction,
        path: Path,
        before: Node,
        write: TreeWrite,
        time: ClusterTime,
    ) -> TreeEvent {
        self.index += 1;
        let content = if before.is_directory() || write.refresh {
            before.content.clone()
        } else {
            TreeContent::File(value_of(write.content))
        };
        let mut node = Node {
            content,
            created: before.created,
            modified: self.index,
            expiration: expiration(write.ttl, time),
        };
        let event = TreeEvent {
            action,
            time,
            node: node.view(&path),
            previous: Some(before.view(&path)),
        };
        if node.is_directory() {
            // The event tells of the new index, but a directory keeps its old one, as in etcd.
            node.modified = before.modified;
        }
        self.insert(path, node);
        self.happened(event, write.refresh)
    }
}

/// When a node goes that is to live so many seconds from a time on. Times that cannot be counted are the last that can.
fn expiration(ttl: Option<u64>, time: ClusterTime) -> Option<ClusterTime> {
    let nanoseconds = ttl?.saturating_mul(1_000_000_000);
    Some(ClusterTime(time.0.saturating_add(nanoseconds)))
}

/// The value an update or a swap writes. Neither makes a file a directory: one asked for stands for the empty value.
fn value_of(content: TreeContent) -> Bytes {
    match content {
        TreeContent::File(value) => value,
        TreeContent::Directory => Bytes::new(),
    }
}

/// What of a comparison fails, in etcd's words; None if all of it holds.
fn mismatch(compare: &Compare, value: &Bytes, index: u64) -> Option<Bytes> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if let Some(given) = compare.value.as_ref().filter(|given| *given != value) {
        parts.push([b"[", &given[..], b" != ", &value[..], b"]"].concat());
    }
    if let Some(given) = compare.index.filter(|given| *given != index) {
        parts.push(format!("[{given} != {index}]").into_bytes());
    }
    (!parts.is_empty()).then(|| parts.join(&b' ').into())
}
