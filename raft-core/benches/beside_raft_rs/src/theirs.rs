//! Three members of raft-rs, with the storage in memory that comes with it.

use std::collections::VecDeque;

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};

use crate::Trio;

const LEADER: usize = 0;

pub(crate) struct Theirs {
    members: Vec<RawNode<MemStorage>>,
    wire: VecDeque<Message>,
    applied: u64,
}

impl Theirs {
    fn take(&mut self, entries: &[Entry]) {
        let commands = entries
            .iter()
            .filter(|entry| entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty());
        self.applied += commands.count() as u64;
    }

    fn poll(&mut self, member: usize) {
        while self.members[member].has_ready() {
            let node = &mut self.members[member];
            let store = node.raft.raft_log.store.clone();
            let mut ready = node.ready();
            self.wire.extend(ready.take_messages());
            let committed = ready.take_committed_entries();
            if !ready.entries().is_empty() {
                store.wl().append(ready.entries()).expect("entries follow each other");
            }
            if let Some(state) = ready.hs() {
                store.wl().set_hardstate(state.clone());
            }
            self.wire.extend(ready.take_persisted_messages());
            let mut light = node.advance(ready);
            if let Some(commit) = light.commit_index() {
                store.wl().mut_hard_state().set_commit(commit);
            }
            self.wire.extend(light.take_messages());
            let more = light.take_committed_entries();
            node.advance_apply();
            self.take(&committed);
            self.take(&more);
        }
    }
}

impl Trio for Theirs {
    fn formed() -> Theirs {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let boot = |id| {
            let store = MemStorage::new_with_conf_state(ConfState::from((vec![1, 2, 3], vec![])));
            let config = Config {
                id,
                election_tick: 10,
                heartbeat_tick: 1,
                max_size_per_msg: 1 << 20,
                max_inflight_msgs: 256,
                check_quorum: true,
                pre_vote: true,
                ..Config::default()
            };
            RawNode::new(&config, store, &logger).expect("a sound configuration")
        };
        let members = (1..=3).map(boot).collect();
        let mut trio = Theirs { members, wire: VecDeque::new(), applied: 0 };
        trio.members[LEADER].campaign().expect("it may stand");
        trio.settle();
        assert!(trio.members[LEADER].raft.leader_id == 1, "it was alone in standing");
        trio
    }

    fn propose(&mut self, payload: &Bytes, count: usize) {
        for _ in 0..count {
            self.members[LEADER].propose(vec![], payload.to_vec()).expect("a leader with room");
        }
    }

    fn settle(&mut self) {
        loop {
            for member in 0..self.members.len() {
                self.poll(member);
            }
            if self.wire.is_empty() {
                return;
            }
            while let Some(message) = self.wire.pop_front() {
                let to = usize::try_from(message.to - 1).expect("three members");
                self.members[to].step(message).expect("a sound message");
            }
        }
    }

    fn tick(&mut self) {
        self.members[LEADER].tick();
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn compact(&mut self) {
        for member in &self.members {
            let applied = member.raft.raft_log.applied;
            member.raft.raft_log.store.wl().compact(applied).expect("what is applied may go");
        }
    }
}
