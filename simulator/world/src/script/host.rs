//! What a host does with a node's outputs: here it shows them, and does them at once unless a line says otherwise.

use raft_core::{Entry, Envelope, Membership, NodeId, Output, Save};

use super::cluster::Cluster;
use super::disk::Manner;
use super::error::Problem;
use super::print;
use crate::check::promise::Promise;

impl Cluster {
    /// All outputs of the node, until there are none or it is down.
    pub(super) fn poll(&mut self, id: NodeId) -> Result<(), Problem> {
        let mark_of = |cluster: &Cluster| cluster.raft(id).map(|raft| raft.mark().position).ok();
        let before = mark_of(self);
        while let Some(output) = self.next_output(id)? {
            self.perform(id, output)?;
        }
        if let Some(mark) = mark_of(self).filter(|mark| before.is_some_and(|before| before != *mark)) {
            self.say(id, format!("log begins after {mark}"))?;
        }
        self.check(id)
    }

    fn next_output(&mut self, id: NodeId) -> Result<Option<Output>, Problem> {
        let raft = self.member_mut(id)?.raft.as_mut();
        Ok(raft.and_then(raft_core::Raft::poll))
    }

    fn perform(&mut self, id: NodeId, output: Output) -> Result<(), Problem> {
        match output {
            Output::Save(save) => self.begin_save(id, save),
            Output::Send(envelope) => self.send(id, envelope),
            Output::Apply(entry) => self.apply(id, &entry),
            Output::ReadReady { id: read, index } => {
                self.member_mut(id)?.reads.push(read);
                self.say(id, format!("read {read} may be answered at {index}"))?;
                Ok(self.read_index.ready(id, read, index)?)
            }
            Output::Peers(membership) => self.peers(id, *membership),
            Output::NeedSnapshot { peer } => self.offer_snapshot(id, peer),
            Output::NeedChunk {
                peer,
                mark,
                offset,
                bytes_max,
            } => self.supply_chunk(id, peer, (mark, offset), bytes_max),
            Output::ReceivedChunk {
                mark,
                offset,
                data,
                last,
            } => self.received_chunk(id, *mark, (offset, data), last),
            Output::Restore(mark) => self.restore(id, &mark),
            Output::Removed => {
                self.member_mut(id)?.removed = true;
                self.say(id, "removed: takes part no more")
            }
            Output::Why(why) => {
                let line = self.links.line;
                self.member_mut(id)?.explained(line, why);
                if !self.trace.quiet {
                    self.met.insert(why.name());
                }
                self.say(id, format!("why: {why}"))
            }
            Output::ReadDropped { id: read } => self.say(id, format!("read {read} is given up")),
            Output::Alarm(alarm) => self.say(id, format!("ALARM: {alarm}")),
        }
    }

    fn begin_save(&mut self, id: NodeId, save: Save) -> Result<(), Problem> {
        let term = self.raft(id)?.term();
        let member = self.member_mut(id)?;
        assert!(member.saving.is_none(), "at most one Save is in flight");
        let text = print::save(&save, term, member.disk.image.commit);
        member.saving = Some(save);
        let manner = member.disk.manner;
        self.say(id, text)?;
        match manner {
            Manner::Auto => self.complete_save(id),
            Manner::Manual | Manner::Stalled => Ok(()),
            Manner::Failing => self.fail(id),
        }
    }

    /// The Save in flight is on disk, and its node learns of it.
    pub(crate) fn saved(&mut self, id: NodeId) -> Result<(), Problem> {
        let Some(save) = &self.member(id)?.saving else {
            return Err(Problem::NoSave(id));
        };
        let stamp = save.stamp;
        self.say(id, format!("saved #{stamp}"))?;
        self.complete_save(id)?;
        self.poll(id)
    }

    /// From now on the disk does this with what it is given, and with what it was given before.
    pub(crate) fn set_disk(&mut self, id: NodeId, manner: Manner) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        member.disk.manner = manner;
        let (waits, snapshots) = (member.saving.is_some(), member.saving_snapshots.len());
        match manner {
            Manner::Auto => {
                if waits {
                    self.saved(id)?;
                }
                (0..snapshots).try_for_each(|_| self.saved_snapshot(id))
            }
            Manner::Failing if waits || snapshots > 0 => self.fail(id),
            _ => Ok(()),
        }
    }

    /// A node does not outlive a failed write: nothing of it is tried again.
    pub(super) fn fail(&mut self, id: NodeId) -> Result<(), Problem> {
        let line = self.links.line;
        self.member_mut(id)?.crash(line);
        self.trace.down(id, ": its disk failed, so it stops");
        Ok(())
    }

    fn complete_save(&mut self, id: NodeId) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        let save = member.saving.take().ok_or(Problem::NoSave(id))?;
        member.disk.write(&save);
        self.input(id, |raft, _| raft.saved(save.stamp).expect("it is in flight"))
    }

    fn send(&mut self, id: NodeId, envelope: Envelope) -> Result<(), Problem> {
        assert!(envelope.from == id, "a node speaks for itself");
        let (to, text) = (envelope.to, print::message(&envelope));
        let kept = self.promises(&envelope);
        let voted = self.votes.sends(&envelope);
        let (number, arrives) = self.links.send(envelope);
        let lost = if arrives { "" } else { " (lost: the link is cut)" };
        self.say(id, format!("-> n{to}#{number} {text}{lost}"))?;
        voted?;
        kept
    }

    /// What a message promises is on its sender's disk when it is sent.
    fn promises(&self, envelope: &Envelope) -> Result<(), Problem> {
        let Envelope {
            from,
            term,
            ref message,
            ..
        } = *envelope;
        let disk = &self.member(from)?.disk;
        let (ballot, last) = (disk.ballot_at_boot(), disk.last());
        if Promise::of(envelope).is_kept(term, ballot, last) {
            return Ok(());
        }
        let message = message.name();
        Err(Problem::NotDurable {
            from,
            message,
            term,
            ballot,
            last,
        })
    }

    fn apply(&mut self, id: NodeId, entry: &Entry) -> Result<(), Problem> {
        let index = entry.position.index;
        self.say(id, format!("apply {index} {}", print::body(&entry.body)))?;
        self.figure3.applied(id, entry)?;
        self.member_mut(id)?.state.apply(entry);
        self.compare_state(id)
    }

    /// Whoever has applied the same has the same state.
    pub(super) fn compare_state(&mut self, id: NodeId) -> Result<(), Problem> {
        let state = &self.member(id)?.state;
        let (index, digest) = (state.mark.position.index, state.digest());
        Ok(self.replicas.compare(id, index, digest.into())?)
    }

    fn peers(&mut self, id: NodeId, membership: Membership) -> Result<(), Problem> {
        let member = self.member_mut(id)?;
        if member.peers == membership {
            return Ok(());
        }
        let text = print::membership(&membership);
        member.peers = membership;
        self.say(id, format!("peers {text}"))
    }
}
