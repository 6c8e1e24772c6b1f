//! Three members of raft-core.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::{Body, Config, Envelope, Image, Membership, NodeId, Output, Raft, SnapshotMark, Time};

use crate::Trio;

const LEADER: usize = 0;

pub(crate) struct Ours {
    members: Vec<Raft>,
    wire: VecDeque<Envelope>,
    now: Time,
    applied: u64,
}

impl Ours {
    fn poll(&mut self, member: usize) {
        let raft = &mut self.members[member];
        while let Some(output) = raft.poll() {
            match output {
                Output::Save(save) => raft.saved(save.stamp).expect("it is in flight"),
                Output::Send(envelope) => self.wire.push_back(envelope),
                Output::Apply(entry) => self.applied += u64::from(matches!(entry.body, Body::Command(_))),
                _ => {}
            }
        }
    }
}

impl Trio for Ours {
    fn formed() -> Ours {
        let membership = Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])));
        let boot = |id| {
            let snapshot = SnapshotMark { membership: membership.clone(), ..SnapshotMark::default() };
            let image = Image { snapshot, ..Image::default() };
            let mut config = Config::new(NodeId(id), id);
            // Compaction leaves nothing for slow followers, as theirs does.
            config.limits.tail_bytes_max = 0;
            Raft::boot(config, image, Time(0))
        };
        let members: Vec<Raft> = (1..=3).map(boot).collect();
        let now = members[LEADER].deadline();
        let mut trio = Ours { members, wire: VecDeque::new(), now, applied: 0 };
        trio.members[LEADER].tick(now);
        trio.settle();
        assert!(trio.members[LEADER].is_leader(), "it was alone in standing");
        trio
    }

    fn propose(&mut self, payload: &Bytes, count: usize) {
        for _ in 0..count {
            self.members[LEADER].propose(payload.clone()).expect("a leader with room");
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
            while let Some(envelope) = self.wire.pop_front() {
                let to = usize::try_from(envelope.to.0 - 1).expect("three members");
                self.members[to].receive(self.now, envelope);
            }
        }
    }

    fn tick(&mut self) {
        self.now = self.members[LEADER].deadline();
        self.members[LEADER].tick(self.now);
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn compact(&mut self) {
        for raft in &mut self.members {
            raft.compact(raft.last_applied());
        }
    }
}
