//! The tree against a plain model: directories as maps of children, walked component by component as etcd does it.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::Tree;
use crate::store::command::{
    Compare, TreeAction, TreeChange, TreeContent, TreeErrorCode, TreeEvent, TreeFailure,
};
use crate::store::query::TreeNode;

type Names = Vec<Vec<u8>>;
type Answer = Result<TreeEvent, (TreeErrorCode, Vec<u8>)>;

#[derive(Clone, Debug)]
enum Kind {
    File(Bytes),
    Directory(BTreeMap<Vec<u8>, Entry>),
}

#[derive(Clone, Debug)]
struct Entry {
    kind: Kind,
    created: u64,
    modified: u64,
}

struct Model {
    root: Entry,
    index: u64,
}

fn path_of(names: &[Vec<u8>]) -> Vec<u8> {
    let joined = names
        .iter()
        .flat_map(|name| [b"/", &name[..]].concat())
        .collect::<Vec<u8>>();
    if joined.is_empty() { b"/".to_vec() } else { joined }
}

impl Entry {
    fn new(content: &TreeContent, index: u64) -> Entry {
        Entry {
            kind: match content {
                TreeContent::File(value) => Kind::File(value.clone()),
                TreeContent::Directory => Kind::Directory(BTreeMap::new()),
            },
            created: index,
            modified: index,
        }
    }

    fn children(&mut self) -> Option<&mut BTreeMap<Vec<u8>, Entry>> {
        match &mut self.kind {
            Kind::File(_) => None,
            Kind::Directory(children) => Some(children),
        }
    }

    /// As clients see it, with so many levels of children.
    fn view(&self, names: &[Vec<u8>], levels: usize) -> TreeNode {
        let mut view = TreeNode {
            key: path_of(names).into(),
            value: None,
            dir: false,
            nodes: Vec::new(),
            modified_index: self.modified,
            created_index: self.created,
        };
        match &self.kind {
            Kind::File(value) => view.value = Some(value.clone()),
            Kind::Directory(children) => {
                view.dir = true;
                let visible = children.iter().filter(|(name, _)| name[0] != b'_' && levels > 0);
                let nodes = visible.map(|(name, child)| {
                    child.view(&[names, std::slice::from_ref(name)].concat(), levels - 1)
                });
                view.nodes = nodes.collect();
            }
        }
        view
    }
}

impl Model {
    fn find(&mut self, names: &[Vec<u8>]) -> Result<&mut Entry, (TreeErrorCode, Vec<u8>)> {
        let mut entry = &mut self.root;
        for depth in 0..names.len() {
            let Some(children) = entry.children() else {
                return Err((TreeErrorCode::NotADirectory, path_of(&names[..depth])));
            };
            let Some(child) = children.get_mut(&names[depth]) else {
                return Err((TreeErrorCode::KeyNotFound, path_of(&names[..=depth])));
            };
            entry = child;
        }
        Ok(entry)
    }

    /// Puts an entry in its place, making the directories on the way.
    fn place(&mut self, names: &[Vec<u8>], content: &TreeContent) -> TreeNode {
        self.index += 1;
        let index = self.index;
        let (last, on_the_way) = names.split_last().expect("not the root");
        let mut entry = &mut self.root;
        for name in on_the_way {
            let children = entry.children().expect("checked before");
            entry = children
                .entry(name.clone())
                .or_insert_with(|| Entry::new(&TreeContent::Directory, index));
        }
        let new = Entry::new(content, index);
        let view = new.view(names, 0);
        entry
            .children()
            .expect("checked before")
            .insert(last.clone(), new);
        view
    }

    fn take_out(&mut self, names: &[Vec<u8>], action: TreeAction) -> Answer {
        self.index += 1;
        let index = self.index;
        let previous = self.find(names)?.view(names, 0);
        let (last, parent) = names.split_last().expect("not the root");
        self.find(parent)?
            .children()
            .expect("it has a child")
            .remove(last);
        let node = TreeNode {
            value: None,
            modified_index: index,
            ..previous.clone()
        };
        Ok(TreeEvent {
            action,
            node,
            previous: Some(previous),
        })
    }

    fn rewrite(&mut self, names: &[Vec<u8>], action: TreeAction, content: &TreeContent) -> Answer {
        self.index += 1;
        let index = self.index;
        let entry = self.find(names)?;
        let previous = Some(entry.view(names, 0));
        let mut after = Entry {
            modified: index,
            ..entry.clone()
        };
        if let Kind::File(value) = &mut after.kind {
            *value = match content {
                TreeContent::File(value) => value.clone(),
                TreeContent::Directory => Bytes::new(),
            };
            *entry = after.clone();
        }
        let node = after.view(names, 0);
        Ok(TreeEvent {
            action,
            node,
            previous,
        })
    }

    fn compare(&mut self, names: &[Vec<u8>], compare: &Compare) -> Result<(), (TreeErrorCode, Vec<u8>)> {
        let entry = self.find(names)?;
        let modified = entry.modified;
        let Kind::File(value) = &entry.kind else {
            return Err((TreeErrorCode::NotAFile, path_of(names)));
        };
        let mut failed = Vec::new();
        if let Some(given) = compare.value.as_ref().filter(|given| *given != value) {
            failed.push([b"[", &given[..], b" != ", value, b"]"].concat());
        }
        if let Some(given) = compare.index.filter(|given| *given != modified) {
            failed.push(format!("[{given} != {modified}]").into_bytes());
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err((TreeErrorCode::CompareFailed, failed.join(&b' ')))
    }

    fn apply(&mut self, names: &[Vec<u8>], change: &TreeChange) -> Answer {
        let root = Err((TreeErrorCode::RootReadOnly, b"/".to_vec()));
        match change {
            TreeChange::CompareAndDelete(_) if names.is_empty() => Err((TreeErrorCode::NotAFile, Vec::new())),
            TreeChange::CreateInOrder(content) => {
                let name = format!("{:020}", self.index + 1).into_bytes();
                let names = [names, &[name]].concat();
                self.apply(&names, &TreeChange::Create(content.clone()))
            }
            _ if names.is_empty() => root,
            TreeChange::Set(content) => {
                let previous = match self.find(names) {
                    Ok(entry) => Some(entry.view(names, 0)),
                    Err((TreeErrorCode::KeyNotFound, _)) => None,
                    Err(failure) => return Err(failure),
                };
                if previous.as_ref().is_some_and(|previous| previous.dir) {
                    return Err((TreeErrorCode::NotAFile, path_of(names)));
                }
                Ok(TreeEvent {
                    action: TreeAction::Set,
                    node: self.place(names, content),
                    previous,
                })
            }
            TreeChange::Create(content) => match self.find(names) {
                Ok(_) => Err((TreeErrorCode::KeyExists, path_of(names))),
                Err((TreeErrorCode::KeyNotFound, _)) => Ok(TreeEvent {
                    action: TreeAction::Create,
                    node: self.place(names, content),
                    previous: None,
                }),
                Err(failure) => Err(failure),
            },
            TreeChange::Update(content) => {
                let is_directory = self.find(names)?.children().is_some();
                if is_directory && matches!(content, TreeContent::File(value) if !value.is_empty()) {
                    return Err((TreeErrorCode::NotAFile, path_of(names)));
                }
                self.rewrite(names, TreeAction::Update, content)
            }
            TreeChange::CompareAndSwap(compare, content) => {
                self.compare(names, compare)?;
                self.rewrite(names, TreeAction::CompareAndSwap, content)
            }
            TreeChange::CompareAndDelete(compare) => {
                self.compare(names, compare)?;
                self.take_out(names, TreeAction::CompareAndDelete)
            }
            TreeChange::Delete { dir, recursive } => {
                if let Some(children) = self.find(names)?.children() {
                    if !dir && !recursive {
                        return Err((TreeErrorCode::NotAFile, path_of(names)));
                    }
                    if !recursive && !children.is_empty() {
                        return Err((TreeErrorCode::DirectoryNotEmpty, path_of(names)));
                    }
                }
                self.take_out(names, TreeAction::Delete)
            }
        }
    }

    fn get(&mut self, names: &[Vec<u8>], recursive: bool) -> Answer {
        let node = self
            .find(names)?
            .view(names, if recursive { usize::MAX } else { 1 });
        Ok(TreeEvent {
            action: TreeAction::Get,
            node,
            previous: None,
        })
    }
}

/// Names around the slash and hidden ones, few enough that paths meet.
fn names() -> impl Strategy<Value = Names> {
    let name = prop::sample::select(vec!["a", "a-", "a.b", "a0", "_h", "-", "\0", "b"]);
    prop::collection::vec(name.prop_map(|name| name.as_bytes().to_vec()), 0..4)
}

fn content() -> impl Strategy<Value = TreeContent> {
    let value = prop::sample::select(vec!["", "x", "y"]).prop_map(|value| TreeContent::File(value.into()));
    prop_oneof![3 => value, 1 => Just(TreeContent::Directory)]
}

fn compare() -> impl Strategy<Value = Compare> {
    let value = prop::option::of(prop::sample::select(vec!["", "x", "y"]).prop_map(Bytes::from));
    (value, prop::option::of(0u64..60)).prop_map(|(value, index)| Compare { value, index })
}

fn change() -> impl Strategy<Value = TreeChange> {
    prop_oneof![
        4 => content().prop_map(TreeChange::Set),
        2 => content().prop_map(TreeChange::Create),
        1 => content().prop_map(TreeChange::CreateInOrder),
        2 => content().prop_map(TreeChange::Update),
        2 => (compare(), content()).prop_map(|(compare, content)| TreeChange::CompareAndSwap(compare, content)),
        1 => compare().prop_map(TreeChange::CompareAndDelete),
        2 => any::<(bool, bool)>().prop_map(|(dir, recursive)| TreeChange::Delete { dir, recursive }),
    ]
}

fn plain(result: Result<TreeEvent, TreeFailure>, index: u64) -> Answer {
    result.map_err(|failure| {
        assert_eq!(failure.index, index);
        (failure.code, failure.cause.to_vec())
    })
}

proptest! {
    #[test]
    fn the_tree_is_the_model(
        steps in prop::collection::vec((names(), change()), 1..120),
        asked in prop::collection::vec((names(), any::<bool>()), 1..20),
    ) {
        let mut tree = Tree::new(2);
        let root = Entry::new(&TreeContent::Directory, 0);
        let mut model = Model { root, index: 2 };
        let mut views = Vec::new();
        for (names, change) in &steps {
            views.push((tree.clone(), tree.totals()));
            let answer = tree.apply(path_of(names).into(), change.clone());
            prop_assert_eq!(plain(answer, tree.index()), model.apply(names, change));
            prop_assert_eq!(tree.index(), model.index);
            prop_assert_eq!(tree.recount(), tree.totals());
        }
        for (names, recursive) in asked.iter().chain(&[(Vec::new(), true), (Vec::new(), false)]) {
            let answer = tree.get(&path_of(names).into(), *recursive);
            prop_assert_eq!(plain(answer, tree.index()), model.get(names, *recursive));
        }
        for (view, totals) in &views {
            prop_assert_eq!(view.recount(), *totals, "a view changed");
        }
    }
}
