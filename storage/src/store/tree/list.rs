//! Reading the tree.

use std::ops::Bound::Included;

use bytes::Bytes;

use super::Tree;
use super::path::Path;
use crate::store::command::{ClusterTime, TreeAction, TreeErrorCode, TreeEvent, TreeFailure};
use crate::store::query::TreeNode;

impl Tree {
    /// The node at a path; of a directory its children too and, if asked for, theirs. Hidden ones are left out, but what
    /// lies in a hidden directory is listed when that directory itself is asked for.
    pub(in crate::store) fn get(
        &self,
        path: &Bytes,
        recursive: bool,
        time: ClusterTime,
    ) -> Result<TreeEvent, TreeFailure> {
        let Some(path) = Path::parse(path.clone()) else {
            return Err(self.failure(TreeErrorCode::KeyNotFound, path.clone()));
        };
        let node = self.find(&path)?;
        let mut view = node.view(&path);
        if node.is_directory() {
            view.nodes = self.list(path, recursive);
        }
        Ok(TreeEvent {
            action: TreeAction::Get,
            time,
            node: view,
            previous: None,
        })
    }

    /// What is in a directory. The map yields parents before their children, so one pass with the directories that are
    /// still open at hand puts everything in its place; what is left out is jumped over, not walked.
    fn list(&self, directory: Path, recursive: bool) -> Vec<TreeNode> {
        let mut open: Vec<(Path, TreeNode)> = Vec::new();
        let mut listed: Vec<TreeNode> = Vec::new();
        let mut nodes = self.nodes_from(directory.start_below());
        while let Some((path, node)) = nodes.next() {
            if !directory.holds(path) {
                break;
            }
            while open.last().is_some_and(|(last, _)| !last.holds(path)) {
                close(&mut open, &mut listed);
            }
            let enter = recursive && !path.is_hidden();
            if node.is_directory() && !enter {
                nodes = self.nodes_from(Included(&path.after_all_below()));
            }
            if path.is_hidden() {
                continue;
            }
            open.push((path.clone(), node.view(path)));
        }
        while !open.is_empty() {
            close(&mut open, &mut listed);
        }
        listed
    }
}

/// Hands the innermost open node, now complete, to the one that holds it.
fn close(open: &mut Vec<(Path, TreeNode)>, listed: &mut Vec<TreeNode>) {
    let Some((_, complete)) = open.pop() else { return };
    let holder = open.last_mut().map_or(listed, |(_, holder)| &mut holder.nodes);
    holder.push(complete);
}
