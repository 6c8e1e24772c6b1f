//! The tree against a plain model: directories as maps of children, walked component by component as etcd does it.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{Expiring, Tree};
use crate::store::command::{
    ClusterTime, Compare, TreeAction, TreeChange, TreeContent, TreeErrorCode, TreeEvent, TreeFailure,
    TreeWrite,
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
    expiration: Option<ClusterTime>,
}

struct Model {
    root: Entry,
    index: u64,
    time: ClusterTime,
    /// What happened, with whether watchers are told.
    events: Vec<(TreeEvent, bool)>,
}

fn path_of(names: &[Vec<u8>]) -> Vec<u8> {
    let joined = names
        .iter()
        .flat_map(|name| [b"/", &name[..]].concat())
        .collect::<Vec<u8>>();
    if joined.is_empty() { b"/".to_vec() } else { joined }
}

impl Entry {
    fn new(write: &TreeWrite, index: u64, time: ClusterTime) -> Entry {
        Entry {
            kind: match &write.content {
                TreeContent::File(value) => Kind::File(value.clone()),
                TreeContent::Directory => Kind::Directory(BTreeMap::new()),
            },
            created: index,
            modified: index,
            expiration: end(write.ttl, time),
        }
    }

    /// The paths of what is over at a time, with when it was.
    fn due(&self, names: &[Vec<u8>], time: ClusterTime, found: &mut Vec<(ClusterTime, Names)>) {
        if let Some(end) = self.expiration.filter(|end| *end <= time) {
            found.push((end, names.to_vec()));
        }
        if let Kind::Directory(children) = &self.kind {
            for (name, child) in children {
                child.due(&[names, std::slice::from_ref(name)].concat(), time, found);
            }
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
            expiration: self.expiration,
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

fn end(ttl: Option<u64>, time: ClusterTime) -> Option<ClusterTime> {
    let end = u128::from(time.0) + u128::from(ttl?) * 1_000_000_000;
    Some(ClusterTime(u64::try_from(end).unwrap_or(u64::MAX)))
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
    fn place(&mut self, names: &[Vec<u8>], write: &TreeWrite) -> TreeNode {
        self.index += 1;
        let (index, time) = (self.index, self.time);
        let (last, on_the_way) = names.split_last().expect("not the root");
        let mut entry = &mut self.root;
        for name in on_the_way {
            let children = entry.children().expect("checked before");
            entry = children
                .entry(name.clone())
                .or_insert_with(|| Entry::new(&TreeContent::Directory.into(), index, time));
        }
        let new = Entry::new(write, index, time);
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
            expiration: None,
            modified_index: index,
            ..previous.clone()
        };
        Ok(TreeEvent {
            action,
            time: self.time,
            node,
            previous: Some(previous),
        })
    }

    fn rewrite(&mut self, names: &[Vec<u8>], action: TreeAction, write: &TreeWrite) -> Answer {
        self.index += 1;
        let (index, time) = (self.index, self.time);
        let entry = self.find(names)?;
        let previous = Some(entry.view(names, 0));
        let mut after = Entry {
            modified: index,
            expiration: end(write.ttl, time),
            ..entry.clone()
        };
        if let Kind::File(value) = &mut after.kind {
            *value = match &write.content {
                _ if write.refresh => value.clone(),
                TreeContent::File(value) => value.clone(),
                TreeContent::Directory => Bytes::new(),
            };
            *entry = after.clone();
        } else {
            entry.expiration = after.expiration;
        }
        let node = after.view(names, 0);
        Ok(TreeEvent {
            action,
            time,
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

    /// What happens is remembered.
    fn take(&mut self, names: &[Vec<u8>], change: &TreeChange) -> Answer {
        let event = self.apply(names, change)?;
        let refresh = matches!(change, TreeChange::Set(write) | TreeChange::Update(write) | TreeChange::CompareAndSwap(_, write) if write.refresh);
        self.events.push((event.clone(), !refresh));
        Ok(event)
    }

    fn expire(&mut self) {
        loop {
            let mut due = Vec::new();
            self.root.due(&[], self.time, &mut due);
            let Some((_, names)) = due.into_iter().min() else {
                return;
            };
            let event = self.take_out(&names, TreeAction::Expire).expect("it is there");
            self.events.push((event, true));
        }
    }

    /// The first event that a watch is told, by the reference: hidden is what lies behind an underscore on the way down.
    fn watch(&self, from: u64, names: &[Vec<u8>], recursive: bool) -> Option<&TreeEvent> {
        let told = |event: &TreeEvent| {
            let key = names_of(&event.node.key);
            let gone = matches!(event.action, TreeAction::Delete | TreeAction::Expire) && event.node.dir;
            let below = key.strip_prefix(names);
            let visible = below.is_some_and(|below| below.iter().all(|name| name[0] != b'_'));
            key == names || (recursive && visible) || (gone && names.starts_with(&key))
        };
        let mut events = self.events.iter().filter(|(_, is_told)| *is_told);
        let found = events.find(|(event, _)| event.node.modified_index >= from && told(event));
        found.map(|(event, _)| event)
    }

    fn apply(&mut self, names: &[Vec<u8>], change: &TreeChange) -> Answer {
        let root: Answer = Err((TreeErrorCode::RootReadOnly, b"/".to_vec()));
        match change {
            TreeChange::CompareAndDelete(_) if names.is_empty() => Err((TreeErrorCode::NotAFile, Vec::new())),
            TreeChange::CreateInOrder(write) => {
                let name = format!("{:020}", self.index + 1).into_bytes();
                let names = [names, &[name]].concat();
                self.apply(&names, &TreeChange::Create(write.clone()))
            }
            _ if names.is_empty() => root,
            TreeChange::Set(write) => {
                let mut write = write.clone();
                let previous = match self.find(names) {
                    Ok(entry) => Some(entry.view(names, 0)),
                    Err((TreeErrorCode::KeyNotFound, _)) if !write.refresh => None,
                    Err(failure) => return Err(failure),
                };
                if previous.as_ref().is_some_and(|previous| previous.dir) {
                    return Err((TreeErrorCode::NotAFile, path_of(names)));
                }
                if let (TreeContent::File(value), true) = (&mut write.content, write.refresh) {
                    *value = previous
                        .clone()
                        .and_then(|previous| previous.value)
                        .expect("a file");
                }
                Ok(TreeEvent {
                    action: TreeAction::Set,
                    time: self.time,
                    node: self.place(names, &write),
                    previous,
                })
            }
            TreeChange::Create(write) => match self.find(names) {
                Ok(_) => Err((TreeErrorCode::KeyExists, path_of(names))),
                Err((TreeErrorCode::KeyNotFound, _)) => Ok(TreeEvent {
                    action: TreeAction::Create,
                    time: self.time,
                    node: self.place(names, write),
                    previous: None,
                }),
                Err(failure) => Err(failure),
            },
            TreeChange::Update(write) => {
                let is_directory = self.find(names)?.children().is_some();
                if is_directory && matches!(&write.content, TreeContent::File(value) if !value.is_empty()) {
                    return Err((TreeErrorCode::NotAFile, path_of(names)));
                }
                self.rewrite(names, TreeAction::Update, write)
            }
            TreeChange::CompareAndSwap(compare, write) => {
                self.compare(names, compare)?;
                self.rewrite(names, TreeAction::CompareAndSwap, write)
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
            time: self.time,
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

fn names_of(path: &[u8]) -> Names {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    names.map(<[u8]>::to_vec).collect()
}

fn content() -> impl Strategy<Value = TreeWrite> {
    let value = prop::sample::select(vec!["", "x", "y"]).prop_map(|value| TreeContent::File(value.into()));
    let content = prop_oneof![3 => value, 1 => Just(TreeContent::Directory)];
    let ttl = prop_oneof![10 => 0..6u64, 1 => any::<u64>()];
    let refresh = prop::bool::weighted(0.2);
    (content, prop::option::of(ttl), refresh).prop_map(|(content, ttl, refresh)| TreeWrite {
        content,
        ttl,
        refresh,
    })
}

#[derive(Clone, Debug)]
enum Step {
    Change(Names, TreeChange),
    /// So much time passes, and what is over then goes.
    Expire(u64),
    /// An index is used up elsewhere.
    Skip,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (names(), change()).prop_map(|(names, change)| Step::Change(names, change)),
        1 => (0..3_000_000_000u64).prop_map(Step::Expire),
        1 => Just(Step::Skip),
    ]
}

/// As the store does it: what may be large in slices of so many rows.
fn apply_in_slices(
    tree: &mut Tree,
    names: &[Vec<u8>],
    change: &TreeChange,
    time: ClusterTime,
    rows: usize,
) -> Answer {
    let path = path_of(names).into();
    let answer = match change {
        TreeChange::Delete { dir, recursive } => tree.begin_delete(&path, *dir, *recursive).map(|removing| {
            loop {
                if let Some((event, _)) = tree.remove_some(&removing, time, rows) {
                    return event;
                }
            }
        }),
        small => tree.apply(path, small.clone(), time),
    };
    plain(answer, tree.index())
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
        steps in prop::collection::vec(step(), 1..120),
        asked in prop::collection::vec((names(), any::<bool>(), 0u64..100), 1..20),
        rows in 1usize..5,
    ) {
        let mut tree = Tree::new(2);
        let root = Entry::new(&TreeContent::Directory.into(), 0, ClusterTime(0));
        let mut model = Model { root, index: 2, time: ClusterTime(0), events: Vec::new() };
        let mut views = Vec::new();
        for step in &steps {
            views.push((tree.clone(), tree.totals()));
            match step {
                Step::Change(names, change) => {
                    let answer = apply_in_slices(&mut tree, names, change, model.time, rows);
                    prop_assert_eq!(answer, model.take(names, change));
                }
                Step::Expire(nanoseconds) => {
                    model.time.0 += nanoseconds;
                    let mut expiring = Expiring::new();
                    while !tree.expire_some(&mut expiring, model.time, rows) {}
                    model.expire();
                    prop_assert!(tree.next_expiration().is_none_or(|next| next > model.time));
                }
                Step::Skip => {
                    tree.skip_index();
                    model.index += 1;
                }
            }
            prop_assert_eq!(tree.index(), model.index);
            prop_assert_eq!(tree.recount(), tree.totals());
        }
        for (names, recursive, from) in asked.iter().chain(&[(Vec::new(), true, 1), (Vec::new(), false, 1)]) {
            let answer = tree.get(&path_of(names).into(), *recursive, model.time);
            prop_assert_eq!(plain(answer, tree.index()), model.get(names, *recursive));
            let path = path_of(names);
            let mut events = tree.events((*from).max(1)).expect("it is all there");
            let told = events.find(|event| event.concerns(&path, *recursive));
            prop_assert_eq!(told, model.watch(*from, names, *recursive));
        }
        for (view, totals) in &views {
            prop_assert_eq!(view.recount(), *totals, "a view changed");
        }
    }
}
