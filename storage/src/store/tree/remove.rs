//! What takes many nodes away: a directory that goes with all in it, and nodes whose time is over. In slices; what is
//! gone already is seen by nobody before the command is done.

use super::Tree;
use super::node::Node;
use super::path::Path;
use crate::store::command::{ClusterTime, TreeAction, TreeErrorCode, TreeEvent, TreeFailure};

/// Nodes that end by one command; those in a directory that ends come on top.
const EXPIRED_PER_COMMAND: usize = 250;

/// A node that goes, with all that is below it. Its own turn comes last.
#[derive(Clone, Debug)]
pub(in crate::store) struct Removing {
    action: TreeAction,
    path: Path,
    node: Node,
}

/// Nodes whose time is over go, the earliest first; of equal times in the order of paths.
#[derive(Clone, Debug)]
pub(in crate::store) struct Expiring {
    /// So many more may go.
    left: usize,
    current: Option<Removing>,
}

impl Expiring {
    pub(in crate::store) fn new() -> Expiring {
        Expiring {
            left: EXPIRED_PER_COMMAND,
            current: None,
        }
    }
}

impl Tree {
    /// Whether a node may be deleted, and what is to be done then.
    pub(in crate::store) fn begin_delete(
        &self,
        path: &bytes::Bytes,
        dir: bool,
        recursive: bool,
    ) -> Result<Removing, TreeFailure> {
        let path = self.writable(path)?;
        let node = self.find(&path)?.clone();
        if node.is_directory() {
            if !dir && !recursive {
                return Err(self.failure(TreeErrorCode::NotAFile, path.bytes()));
            }
            if !recursive && !self.is_empty(&path) {
                return Err(self.failure(TreeErrorCode::DirectoryNotEmpty, path.bytes()));
            }
        }
        Ok(Removing {
            action: TreeAction::Delete,
            path,
            node,
        })
    }

    /// How many nodes go, at most so many.
    pub(in crate::store) fn rows_to_remove(&self, removing: &Removing, rows_max: usize) -> usize {
        let below = self.below(&removing.path, &removing.node);
        below.take(rows_max).count().saturating_add(1).min(rows_max)
    }

    /// About how many nodes go because their time is over, at most so many.
    pub(in crate::store) fn rows_to_expire(&self, time: ClusterTime, rows_max: usize) -> usize {
        let due = self.due(time).take(EXPIRED_PER_COMMAND);
        due.fold(0, |rows, path| {
            let below = self.nodes.get(path).map_or(0, |node| {
                self.below(path, node).take(rows_max.saturating_sub(rows)).count()
            });
            (rows + 1 + below).min(rows_max)
        })
    }

    /// Takes so many nodes away at most; there is room for one. Returns what happened, and how many more there was room
    /// for, once the node itself is gone; None as long as it is not.
    pub(in crate::store) fn remove_some(
        &mut self,
        removing: &Removing,
        time: ClusterTime,
        rows_max: usize,
    ) -> Option<(TreeEvent, usize)> {
        let below = self.below(&removing.path, &removing.node);
        let doomed: Vec<Path> = below.take(rows_max).cloned().collect();
        self.effort += doomed.len() as u64;
        doomed.iter().for_each(|path| self.remove(path));
        if doomed.len() == rows_max {
            return None;
        }
        let event = self.take_out(removing.action, &removing.path, &removing.node, time);
        Some((event, rows_max - doomed.len() - 1))
    }

    /// Ends nodes whose time is over. Returns whether that is all that the command does.
    pub(in crate::store) fn expire_some(
        &mut self,
        expiring: &mut Expiring,
        time: ClusterTime,
        rows_max: usize,
    ) -> bool {
        let mut rows_left = rows_max;
        loop {
            if expiring.current.is_none() {
                expiring.current = self.next_due(expiring.left, time);
                expiring.left = expiring.left.saturating_sub(1);
            }
            let Some(removing) = &expiring.current else {
                return true;
            };
            if rows_left == 0 {
                return false;
            }
            let Some((_, left)) = self.remove_some(removing, time, rows_left) else {
                return false;
            };
            rows_left = left;
            expiring.current = None;
        }
    }

    /// When the next node ends.
    pub(in crate::store) fn next_expiration(&self) -> Option<ClusterTime> {
        self.expirations.get_min().map(|(time, _)| *time)
    }

    fn next_due(&self, left: usize, time: ClusterTime) -> Option<Removing> {
        let path = self.due(time).take(left).next()?;
        Some(Removing {
            action: TreeAction::Expire,
            path: path.clone(),
            node: self.nodes.get(path).expect("what ends is there").clone(),
        })
    }

    /// The nodes that have ended at a time, in the order in which they go.
    fn due(&self, time: ClusterTime) -> impl Iterator<Item = &Path> {
        let due = self.expirations.iter().take_while(move |(end, _)| *end <= time);
        due.map(|(_, path)| path)
    }

    /// What lies below a node.
    fn below<'a>(&'a self, path: &'a Path, node: &Node) -> impl Iterator<Item = &'a Path> + use<'a> {
        let after = node.is_directory().then(|| self.nodes_from(path.start_below()));
        let after = after.into_iter().flatten().map(|(after, _)| after);
        after.take_while(|after| path.holds(after))
    }

    /// Removes a node below which nothing is left.
    pub(super) fn take_out(
        &mut self,
        action: TreeAction,
        path: &Path,
        node: &Node,
        time: ClusterTime,
    ) -> TreeEvent {
        self.effort += 1;
        self.index += 1;
        self.remove(path);
        let event = TreeEvent {
            action,
            time,
            node: node.remains(path, self.index),
            previous: Some(node.view(path)),
        };
        self.happened(event, false)
    }
}
