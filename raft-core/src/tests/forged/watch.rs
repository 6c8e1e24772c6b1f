//! What no lie can change: a member's terms, votes and what it knows to be committed only go forward; who raised an alarm
//! is silent; what makes no sense changes nothing; and what a member promises is on its disk.

use super::Cluster;
use super::steps::{Step, What};
use crate::*;

/// A member before something happens to it.
pub(super) struct Watch {
    id: NodeId,
    /// None if it is down, or if more than one thing is to happen.
    before: Option<Raft>,
    sent: u64,
    is_nonsense: bool,
}

impl Watch {
    /// `step` is what is to happen.
    pub(super) fn of(cluster: &Cluster, step: &Step) -> Watch {
        let is_nonsense = match &step.what {
            What::Forge(Envelope { term, message, .. }) => !message.is_well_formed(*term),
            _ => false,
        };
        let member = cluster.members.get(&step.at).filter(|_| !step.is_long());
        Watch {
            id: step.at,
            before: member.and_then(|member| member.raft.clone()),
            sent: cluster.sent,
            is_nonsense,
        }
    }

    pub(super) fn check(&self, cluster: &Cluster) {
        let Some(before) = &self.before else { return };
        let sent = (cluster.sent - self.sent) as usize;
        for envelope in &cluster.wire[cluster.wire.len() - sent..] {
            assert_eq!(envelope.from, self.id, "only this member did anything");
            check_promise(cluster, envelope);
        }
        let after = cluster.raft(self.id).expect("nothing stopped it");
        self.check_forward(before, after);
        if before.is_halted() {
            assert!(after.is_halted(), "{}: it takes part no more", self.id);
            assert_eq!(sent, 0, "{}: it is silent", self.id);
        }
        // If time has passed meanwhile, that may be heeded.
        if self.is_nonsense && before.now == after.now {
            assert_eq!(sent, 0, "{}: nonsense has no answer", self.id);
            let state = |raft: &Raft| (raft.ballot(), raft.last(), raft.commit_index(), raft.deadline());
            assert_eq!(
                state(before),
                state(after),
                "{}: nonsense changes nothing",
                self.id
            );
        }
    }

    fn check_forward(&self, before: &Raft, after: &Raft) {
        let id = self.id;
        let (old, new) = (before.ballot(), after.ballot());
        assert!(new.term >= old.term, "{id}: the term goes back");
        assert!(
            new.term > old.term || old.voted_for.is_none() || new.voted_for == old.voted_for,
            "{id}: two votes in a term"
        );
        assert!(after.last_applied() >= before.last_applied(), "{id}: unapplied");
        assert!(after.commit_index() >= before.commit_index(), "{id}: uncommitted");
        let committed = before.entries().map(|entry| entry.position);
        for position in committed.take_while(|position| position.index <= before.commit_index()) {
            if position.index >= after.mark().position.index {
                let now = after.mark_at(position.index).map(|mark| mark.position);
                assert_eq!(now, Some(position), "{id}: what is committed stays");
            }
        }
    }
}

/// What others may count on outlives a crash.
fn check_promise(cluster: &Cluster, envelope: &Envelope) {
    let disk = &cluster.members[&envelope.from].disk;
    let last = disk.entries.last().map(|entry| entry.position);
    let last = last.unwrap_or(disk.snapshot.position).index;
    let votes = |candidate: NodeId| {
        let vote = Ballot {
            term: envelope.term,
            voted_for: Some(candidate),
        };
        assert!(
            disk.ballot.term > vote.term || disk.ballot == vote,
            "a vote is durable: {envelope:?}, {:?}",
            disk.ballot
        );
    };
    match &envelope.message {
        Message::RequestVote { .. } => votes(envelope.from),
        Message::RequestVoteReply(VoteAnswer::Granted) => votes(envelope.to),
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => {
            assert!(*index <= last, "durable up to {last}: {envelope:?}");
        }
        Message::InstallSnapshotReply {
            mark,
            outcome: InstallOutcome::Installed,
        } => assert!(mark.index <= last, "durable up to {last}: {envelope:?}"),
        _ => {}
    }
}
