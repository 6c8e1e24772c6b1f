//! What happens between lies: whatever a member, its host and its users do, and what they are asked at the wrong time.

use bytes::Bytes;
use proptest::prelude::*;

use super::lies::{anybody, lease, message, number, position};
use super::near::near;
use super::{Cluster, SIZE_MAX};
use crate::*;

/// One thing that happens to one member.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: NodeId,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Forge(Envelope),
    /// A lie that is near the truth.
    ForgeNear(Envelope),
    /// Of what is on the wire, wherever it is sent.
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    /// All that is on the wire arrives and all that is asked of hosts is done, so many times; whatever member it is.
    Flow(usize),
    Saved,
    Tick,
    /// Time passes, and nobody ticks.
    Late(u64),
    Propose(usize),
    Read,
    Change(Vec<Change>),
    Transfer(NodeId),
    HandOver,
    LinkClosed(NodeId),
    SetLimits(Limits),
    Serve,
    Offer(NodeId, Position),
    Supply(NodeId, Position, Chunk),
    BeginSnapshot,
    EndSnapshot,
    SnapshotSaved(Position),
    Compact(Index),
    Unusable(Position),
    /// The Save in flight, and the snapshot, may be on disk.
    Crash(bool, bool),
    Boot,
    Restart(bool, bool),
}

fn chunk() -> impl Strategy<Value = Chunk> {
    (number(), any::<u32>(), 0usize..9).prop_map(|(offset, checksum, len)| Chunk {
        offset,
        checksum_before: if offset == 0 { 0 } else { checksum },
        data: vec![b's'; len].into(),
        last: len == 0,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let addresses = || prop::collection::vec(Just("http://a".to_owned()), 0..3);
    prop_oneof![
        2 => anybody().prop_map(Change::Voter),
        3 => (anybody(), addresses()).prop_map(|(id, addresses)| Change::Learner { id, addresses }),
        2 => anybody().prop_map(Change::Demote),
        2 => anybody().prop_map(Change::Remove),
        1 => (anybody(), addresses()).prop_map(|(id, addresses)| Change::Addresses { id, addresses }),
        1 => (anybody(), any::<u8>()).prop_map(|(id, priority)| Change::Priority { id, priority }),
        1 => prop::option::of(lease()).prop_map(Change::Lease),
    ]
}

/// Small ones, none, and as large as can be.
pub(super) fn limits() -> BoxedStrategy<Limits> {
    let limit = || prop_oneof![Just(0usize), 1usize..200, Just(usize::MAX)];
    let limits = [(); 10].map(|()| limit());
    limits
        .prop_map(|[a, b, c, d, e, f, g, h, i, j]| Limits {
            append_bytes_max: a,
            inflight_messages_max: b,
            inflight_bytes_max: c,
            entry_bytes_max: d,
            uncommitted_bytes_max: e,
            log_bytes_max: f,
            tail_bytes_max: g,
            chunk_bytes_max: h,
            reads_max: i,
            spare_bytes_max: j,
        })
        .boxed()
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (anybody(), 1..=SIZE_MAX, number(), message()).prop_map(|(from, to, term, message)| Envelope {
        from,
        to: NodeId(to),
        term: Term(term),
        message,
    })
}

fn of_members() -> BoxedStrategy<What> {
    prop_oneof![
        9 => any::<usize>().prop_map(What::Deliver),
        1 => any::<usize>().prop_map(What::Repeat),
        1 => any::<usize>().prop_map(What::Lose),
        3 => (1usize..6).prop_map(What::Flow),
        4 => Just(What::Saved),
        3 => Just(What::Tick),
        1 => (0u64..3_000_000).prop_map(What::Late),
        1 => anybody().prop_map(What::LinkClosed),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(save, snapshot)| What::Crash(save, snapshot)),
        2 => Just(What::Boot),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(save, snapshot)| What::Restart(save, snapshot)),
    ]
    .boxed()
}

fn of_users() -> BoxedStrategy<What> {
    prop_oneof![
        3 => (0usize..60).prop_map(What::Propose),
        2 => Just(What::Read),
        2 => prop::collection::vec(change(), 0..4).prop_map(What::Change),
        1 => anybody().prop_map(What::Transfer),
        1 => Just(What::HandOver),
        1 => limits().prop_map(What::SetLimits),
    ]
    .boxed()
}

fn of_hosts() -> BoxedStrategy<What> {
    prop_oneof![
        3 => Just(What::Serve),
        1 => (anybody(), position()).prop_map(|(peer, mark)| What::Offer(peer, mark)),
        1 => (anybody(), position(), chunk()).prop_map(|(peer, mark, chunk)| What::Supply(peer, mark, chunk)),
        2 => Just(What::BeginSnapshot),
        4 => Just(What::EndSnapshot),
        1 => position().prop_map(What::SnapshotSaved),
        2 => number().prop_map(|through| What::Compact(Index(through))),
        1 => position().prop_map(What::Unusable),
    ]
    .boxed()
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        4 => envelope().prop_map(What::Forge),
        8 => envelope().prop_map(What::ForgeNear),
        18 => of_members(),
        7 => of_users(),
        9 => of_hosts(),
    ];
    ((1..=SIZE_MAX).prop_map(NodeId), what).prop_map(|(at, what)| Step { at, what })
}

impl Step {
    /// Makes it one of a member that there is, and says which message it is about.
    pub(super) fn fit(&mut self, cluster: &Cluster) {
        let size = cluster.members.len() as u64;
        self.at.0 = (self.at.0 - 1) % size + 1;
        let on_wire = |n: usize| n.checked_rem(cluster.wire.len());
        match &mut self.what {
            What::Forge(envelope) | What::ForgeNear(envelope) => {
                envelope.to.0 = (envelope.to.0 - 1) % size + 1;
                self.at = envelope.to;
                if let What::ForgeNear(envelope) = &self.what
                    && let Some(raft) = cluster.raft(self.at)
                {
                    self.what = What::Forge(near(raft, envelope.clone()));
                }
            }
            What::Deliver(n) | What::Repeat(n) => {
                if let Some(at) = on_wire(*n) {
                    *n = at;
                    self.at = cluster.wire[at].to;
                }
            }
            What::Lose(n) => *n = on_wire(*n).unwrap_or(0),
            _ => {}
        }
    }

    /// To be fitted first.
    pub(super) fn take(self, cluster: &mut Cluster) {
        let id = self.at;
        match self.what {
            What::Forge(envelope) | What::ForgeNear(envelope) => cluster.deliver(envelope),
            What::Deliver(n) if n < cluster.wire.len() => {
                let envelope = cluster.wire.remove(n);
                cluster.deliver(envelope);
            }
            What::Repeat(n) if n < cluster.wire.len() => {
                let envelope = cluster.wire[n].clone();
                cluster.deliver(envelope);
            }
            What::Lose(n) if n < cluster.wire.len() => drop(cluster.wire.remove(n)),
            What::Deliver(_) | What::Repeat(_) | What::Lose(_) => {}
            What::Flow(rounds) => (0..rounds).for_each(|_| flow(cluster)),
            What::Saved => cluster.saved(id),
            What::Tick => cluster.tick(id),
            What::Late(micros) => {
                if let Some(member) = cluster.members.get_mut(&id) {
                    member.now.0 = member.now.0.saturating_add(micros);
                }
            }
            What::Propose(len) => drop(cluster.propose(id, Bytes::from(vec![b'p'; len]))),
            What::Read => drop(cluster.read(id)),
            What::Change(changes) => drop(cluster.input(id, |raft, _| raft.change(&changes))),
            What::Transfer(to) => drop(cluster.input(id, |raft, _| raft.transfer(to))),
            What::HandOver => drop(cluster.input(id, |raft, _| raft.hand_over())),
            What::LinkClosed(peer) => drop(cluster.input(id, |raft, now| raft.link_closed(now, peer))),
            What::SetLimits(limits) => drop(cluster.input(id, |raft, _| raft.set_limits(limits))),
            What::Crash(save, snapshot) => cluster.crash(id, save, snapshot),
            What::Boot if cluster.raft(id).is_none() => cluster.boot(id),
            What::Boot => {}
            What::Restart(save, snapshot) => {
                cluster.crash(id, save, snapshot);
                cluster.boot(id);
            }
            what => of_host(cluster, id, what),
        }
    }

    pub(super) fn is_a_lie(&self) -> bool {
        matches!(self.what, What::Forge(_) | What::ForgeNear(_))
    }

    /// Whether it is more than one input to one member in one life.
    pub(super) fn is_long(&self) -> bool {
        matches!(
            self.what,
            What::Crash(..) | What::Boot | What::Restart(..) | What::Flow(_)
        )
    }
}

fn flow(cluster: &mut Cluster) {
    cluster.ids().into_iter().for_each(|id| cluster.saved(id));
    cluster
        .writing()
        .into_iter()
        .for_each(|id| cluster.end_snapshot(id));
    cluster.asking().into_iter().for_each(|id| cluster.serve(id));
    let wire = std::mem::take(&mut cluster.wire);
    wire.into_iter().for_each(|envelope| cluster.deliver(envelope));
}

fn of_host(cluster: &mut Cluster, id: NodeId, what: What) {
    match what {
        What::Serve => cluster.serve(id),
        What::Offer(peer, mark) => drop(cluster.input(id, |raft, _| raft.offer_snapshot(peer, mark))),
        What::Supply(peer, mark, chunk) => {
            cluster.input(id, |raft, _| raft.supply_chunk(peer, mark, chunk).is_ok());
        }
        What::BeginSnapshot => cluster.begin_snapshot(id),
        What::EndSnapshot => cluster.end_snapshot(id),
        // No host says so of what it is still writing.
        What::SnapshotSaved(mark) if !cluster.writing().contains(&id) => {
            cluster.input(id, |raft, _| raft.snapshot_saved(mark));
        }
        What::Compact(through) => drop(cluster.input(id, |raft, _| raft.compact(through))),
        What::Unusable(mark) => drop(cluster.input(id, |raft, _| raft.snapshot_unusable(mark))),
        _ => {}
    }
}
