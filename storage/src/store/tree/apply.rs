//! Changing the tree. Each change that succeeds takes the next index; one that fails changes nothing.
//!
//! The checks come in etcd's order: the root, what is on the way, whether the node is there, whether it is a directory,
//! and only then any comparison.

use bytes::Bytes;

use super::Tree;
use super::node::Node;
use super::path::Path;
use crate::store::command::{
    Compare, TreeAction, TreeChange, TreeContent, TreeErrorCode, TreeEvent, TreeFailure,
};

type Result = std::result::Result<TreeEvent, TreeFailure>;

impl Tree {
    /// Carries out a change. A path that is not clean names nothing and is answered like a key that is not there.
    pub(in crate::store) fn apply(&mut self, path: Bytes, change: TreeChange) -> Result {
        let Some(path) = Path::parse(path.clone()) else {
            return Err(self.failure(TreeErrorCode::KeyNotFound, path));
        };
        // Comparing with the root fails as with any directory, but without a cause, since the root has no name there.
        if path.is_root() && matches!(change, TreeChange::CompareAndDelete(_)) {
            return Err(self.failure(TreeErrorCode::NotAFile, Bytes::new()));
        }
        if path.is_root() && !matches!(change, TreeChange::CreateInOrder(_)) {
            return Err(self.failure(TreeErrorCode::RootReadOnly, path.bytes()));
        }
        match change {
            TreeChange::Set(content) => self.set(path, content),
            TreeChange::Create(content) => self.create(path, content),
            TreeChange::CreateInOrder(content) => match path.in_order(self.index + 1) {
                Some(child) => self.create(child, content),
                None => Err(self.failure(TreeErrorCode::KeyNotFound, path.bytes())),
            },
            TreeChange::Update(content) => self.update(path, content),
            TreeChange::CompareAndSwap(compare, content) => self.compare_and_swap(path, &compare, content),
            TreeChange::Delete { dir, recursive } => self.delete(path, dir, recursive),
            TreeChange::CompareAndDelete(compare) => self.compare_and_delete(path, &compare),
        }
    }

    fn set(&mut self, path: Path, content: TreeContent) -> Result {
        let previous = self.find_or_none(&path)?;
        if previous.is_some_and(Node::is_directory) {
            return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
        }
        let previous = previous.map(|node| node.view(&path));
        // What is set is a new node, even where a file stood before.
        let node = Node::new(content, self.index + 1);
        Ok(TreeEvent {
            previous,
            ..self.place(TreeAction::Set, path, node)
        })
    }

    fn create(&mut self, path: Path, content: TreeContent) -> Result {
        if self.find_or_none(&path)?.is_some() {
            return Err(self.failure(TreeErrorCode::KeyExists, path.bytes()));
        }
        let node = Node::new(content, self.index + 1);
        Ok(self.place(TreeAction::Create, path, node))
    }

    fn update(&mut self, path: Path, content: TreeContent) -> Result {
        let before = self.find(&path)?.clone();
        let value = value_of(content);
        if !before.is_directory() {
            return Ok(self.rewrite(TreeAction::Update, path, before, value));
        }
        if !value.is_empty() {
            return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
        }
        // The event tells of the new index, but the directory keeps its old one, as in etcd.
        self.index += 1;
        let mut node = before.view(&path);
        node.modified_index = self.index;
        Ok(TreeEvent {
            action: TreeAction::Update,
            node,
            previous: Some(before.view(&path)),
        })
    }

    fn compare_and_swap(&mut self, path: Path, compare: &Compare, content: TreeContent) -> Result {
        let before = self.find_compared(&path, compare)?;
        Ok(self.rewrite(TreeAction::CompareAndSwap, path, before, value_of(content)))
    }

    fn delete(&mut self, path: Path, dir: bool, recursive: bool) -> Result {
        let node = self.find(&path)?.clone();
        if node.is_directory() {
            if !dir && !recursive {
                return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
            }
            if !recursive && !self.is_empty(&path) {
                return Err(self.failure(TreeErrorCode::DirectoryNotEmpty, path.bytes()));
            }
            let after = self.nodes_from(path.start_below()).map(|(after, _)| after);
            let doomed: Vec<Path> = after.take_while(|after| path.holds(after)).cloned().collect();
            doomed.iter().for_each(|doomed| self.remove(doomed));
        }
        Ok(self.take_out(TreeAction::Delete, &path, &node))
    }

    fn compare_and_delete(&mut self, path: Path, compare: &Compare) -> Result {
        let node = self.find_compared(&path, compare)?;
        Ok(self.take_out(TreeAction::CompareAndDelete, &path, &node))
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
    fn place(&mut self, action: TreeAction, path: Path, node: Node) -> TreeEvent {
        self.index += 1;
        let ancestors = path.ancestors().rev();
        let missing = ancestors.take_while(|ancestor| !self.nodes.contains_key(ancestor));
        for directory in missing.collect::<Vec<_>>() {
            self.insert(directory, Node::new(TreeContent::Directory, self.index));
        }
        let view = node.view(&path);
        self.insert(path, node);
        TreeEvent {
            action,
            node: view,
            previous: None,
        }
    }

    /// Writes a file that is there; its life goes on.
    fn rewrite(&mut self, action: TreeAction, path: Path, before: Node, value: Bytes) -> TreeEvent {
        self.index += 1;
        let node = Node {
            content: TreeContent::File(value),
            created: before.created,
            modified: self.index,
        };
        let event = TreeEvent {
            action,
            node: node.view(&path),
            previous: Some(before.view(&path)),
        };
        self.insert(path, node);
        event
    }

    /// Removes a node below which nothing is left.
    fn take_out(&mut self, action: TreeAction, path: &Path, node: &Node) -> TreeEvent {
        self.index += 1;
        self.remove(path);
        TreeEvent {
            action,
            node: node.remains(path, self.index),
            previous: Some(node.view(path)),
        }
    }
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
