//! What a core wants done: its Saves, messages and entries, and what the judge says of each.

use raft_core::{Entry, Envelope, NodeId, Output, Raft, Save};

use super::cluster::{Cluster, Event};
use super::met;
use super::snapshots::Piece;
use super::wire::{self, slot};
use crate::check::Violation;
use crate::script::print;

impl Cluster {
    pub(crate) fn perform(&mut self, id: NodeId, raft: &Raft, output: Output) {
        self.trace_output(id, raft, &output);
        match output {
            Output::Save(save) => self.begin_save(id, save),
            Output::Send(envelope) => self.send(raft, envelope),
            Output::Apply(entry) => self.apply(id, &entry),
            Output::ReadReady { id: read, index } => {
                let verdict = self.judge.read_ready(id, read, index);
                self.hold(verdict);
            }
            Output::ReadDropped { id: read } => self.judge.read_given_up(id, read),
            Output::Why(why) => self.met.count(why.name()),
            Output::Alarm(alarm) => self.broken(Violation::new("nobody lies", format!("n{id}: {alarm}"))),
            Output::Peers(peers) => self.seats[slot(id)].peers = Some(*peers),
            Output::NeedSnapshot { peer } => self.need_snapshot(id, peer),
            Output::NeedChunk {
                peer,
                mark,
                offset,
                bytes_max,
            } => {
                let piece = Piece {
                    peer,
                    mark,
                    offset,
                    bytes_max,
                };
                self.need_chunk(id, piece);
            }
            Output::ReceivedChunk {
                mark,
                offset,
                data,
                last,
            } => self.received(id, *mark, offset, &data, last),
            Output::Restore(mark) => self.restore(id, &mark),
            Output::Removed => {}
        }
    }

    fn begin_save(&mut self, id: NodeId, save: Save) {
        let delay = self.swarm.sync.draw(&mut self.choices);
        let seat = &mut self.seats[slot(id)];
        let delay = delay + self.choices.below(seat.disk_delay + 1);
        assert!(
            seat.saving.replace(save).is_none(),
            "at most one Save is in flight"
        );
        let (life, stalls) = (seat.life, seat.disk_stalls);
        if std::mem::take(&mut seat.doomed) {
            let after = self.choices.below(delay + 1);
            self.later(after, Event::Strike(id, life));
        }
        if !stalls {
            self.later(delay, Event::Synced(id, life));
        }
    }

    fn send(&mut self, raft: &Raft, mut envelope: Envelope) {
        self.met.count(met::message(&envelope.message));
        let verdict = self
            .judge
            .sends(&envelope, raft, &self.seats[slot(envelope.from)].disk);
        self.hold(verdict);
        let arrivals = self.wire.send(&mut self.choices, self.now, &envelope);
        let (epoch, to, weather) = (self.epoch, envelope.to, self.wire.weather);
        if self.choices.happens(weather.corruption) {
            wire::corrupt(&mut self.choices, &mut envelope);
        }
        if self.choices.happens(weather.misdelivery)
            && let (Some(at), Some(astray)) = (arrivals[0], self.anybody())
        {
            self.timeline
                .add(at, Event::Arrive(epoch, astray, envelope.clone()));
        }
        if let Some(second) = arrivals[1] {
            self.timeline
                .add(second, Event::Arrive(epoch, to, envelope.clone()));
        }
        if let Some(first) = arrivals[0] {
            self.timeline.add(first, Event::Arrive(epoch, to, envelope));
        }
    }

    fn apply(&mut self, id: NodeId, entry: &Entry) {
        let machine = &mut self.seats[slot(id)].machine;
        machine.apply(entry);
        let verdict = self.judge.applied(id, entry, machine);
        if self.hold(verdict) == Some(true) && matches!(entry.body, raft_core::Body::Command(_)) {
            self.tally.committed += 1;
        }
        self.store_now_and_then(id);
    }

    fn trace_output(&mut self, id: NodeId, raft: &Raft, output: &Output) {
        let commit = self.seats[slot(id)].disk.image.commit;
        self.trace.remark(self.now, || {
            let term = raft.term();
            let what = match output {
                Output::Save(save) => print::save(save, term, commit),
                Output::Send(envelope) => format!("-> n{} {}", envelope.to, print::message(envelope)),
                Output::Apply(entry) => format!("apply {}", entry.position),
                Output::ReadReady { id, index } => format!("read {id} may be answered at {index}"),
                Output::Why(why) => format!("why: {why}"),
                Output::Alarm(alarm) => format!("ALARM: {alarm}"),
                Output::Peers(membership) => format!("peers {}", print::membership(membership)),
                other => format!("{other:?}"),
            };
            format!("n{id} t{term} {what}")
        });
    }
}
