//! Why something has not happened: walks the causes back, from what is missing to the line of the script that is behind
//! it. It asks the nodes for their state, the links for what became of each message, and each node for its last reasons.

mod commit;
mod election;
mod read;

pub(crate) use commit::commit;
pub(crate) use election::leader;
pub(crate) use read::read;

use raft_core::{Index, Message, NodeId, Why};

use super::cluster::Cluster;
use super::disk::Manner;
use super::links::{Fate, Link, Sent};

/// Whatever is missing now: a leader, the first entry that is not committed, every read that is not answered.
pub(crate) fn all(cluster: &Cluster) -> Vec<Causes> {
    let mut lines = match cluster.leader().and_then(|id| cluster.raft(id).ok()) {
        None => leader(cluster),
        Some(raft) if raft.commit_index() < raft.last().index => {
            commit(cluster, raft.commit_index().next(), None)
        }
        Some(_) => Vec::new(),
    };
    for (&id, member) in &cluster.members {
        let missing = member.asked.iter().filter(|asked| !member.reads.contains(asked));
        lines.extend(missing.flat_map(|&asked| read(cluster, id, asked)));
    }
    if lines.is_empty() {
        lines.push(Causes::of(
            "nothing is missing: there is a leader, all is committed, all reads are answered",
        ));
    }
    lines
}

/// A line of the answer: one thing that is missing, and its causes, the nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Causes(Vec<String>);

impl Causes {
    fn of(effect: impl Into<String>) -> Causes {
        Causes(vec![effect.into()])
    }

    fn because(mut self, cause: impl Into<String>) -> Causes {
        self.0.push(cause.into());
        self
    }

    fn because_of(mut self, causes: Causes) -> Causes {
        self.0.extend(causes.0);
        self
    }
}

impl std::fmt::Display for Causes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" <- "))
    }
}

impl Cluster {
    /// `line 9 (cut 1->3)`.
    fn line(&self, line: usize) -> String {
        match self.told.get(&line) {
            Some(words) => format!("line {line} ({words})"),
            None => format!("line {line}"),
        }
    }

    /// The newest message on the link that is meant.
    fn newest(&self, link: Link, meant: impl Fn(&Message) -> bool) -> Option<&Sent> {
        self.links
            .sent_on(link)
            .find(|sent| meant(&sent.flight.envelope.message))
    }

    /// What became of a message that did not arrive; None if it did.
    fn not_arrived(&self, sent: &Sent) -> Option<Causes> {
        let flight = &sent.flight;
        let link = Link {
            from: flight.envelope.from,
            to: flight.envelope.to,
        };
        let name = format!("{} {flight}", flight.envelope.message.name());
        let causes = match sent.fate {
            Fate::Delivered { .. } => return None,
            Fate::Dropped { line } => Causes::of(format!("{name} was dropped")).because(self.line(line)),
            Fate::Cut { line } => Causes::of(format!("{name} was lost"))
                .because(format!("the link {link} was cut"))
                .because(self.line(line)),
            Fate::Down { line } => Causes::of(format!("{name} was lost at {}", self.line(line)))
                .because(format!("n{} was down", link.to)),
            Fate::UnderWay => match (self.links.cut_since(link), self.links.held_since(link)) {
                (Some(line), _) => Causes::of(format!("{name} is under way"))
                    .because(format!("the link {link} is cut"))
                    .because(self.line(line)),
                (None, Some(line)) => Causes::of(format!("{name} is held")).because(self.line(line)),
                (None, None) => Causes::of(format!("{name} is under way")).because("no line delivered it"),
            },
        };
        Some(causes)
    }

    /// Why a node says nothing at all, if it does not.
    fn silent(&self, id: NodeId) -> Option<Causes> {
        let Some(member) = self.members.get(&id) else {
            return Some(Causes::of(format!("there is no n{id}")));
        };
        let Some(raft) = &member.raft else {
            let causes = Causes::of(format!("n{id} is down"));
            return Some(match member.down_since {
                Some(line) => causes.because(self.line(line)),
                None => causes,
            });
        };
        let gone = member.removed.then(|| Causes::of(format!("n{id} was removed")));
        gone.or_else(|| {
            raft.is_halted()
                .then(|| Causes::of(format!("n{id} takes part no more")))
        })
    }

    /// Why the disk of `id` does not have what its log has.
    fn unsaved(&self, id: NodeId) -> Causes {
        let Some(member) = self.members.get(&id) else {
            return Causes::of(format!("there is no n{id}"));
        };
        let what = match &member.saving {
            Some(save) => format!("n{id}'s Save #{} is not on its disk", save.stamp),
            None => return Causes::of(format!("n{id} has not handed it to its disk")),
        };
        match member.disk.manner {
            Manner::Stalled => Causes::of(what).because("its disk stalls"),
            _ => Causes::of(what).because(format!("no line says `saved {id}`")),
        }
    }

    /// The last reason that `id` gave, of those that are meant.
    fn last_reason(&self, id: NodeId, meant: impl Fn(&Why) -> bool) -> Option<Causes> {
        let reasons = &self.members.get(&id)?.reasons;
        let (line, why) = reasons.iter().rev().find(|(_, why)| meant(why))?;
        Some(Causes::of(format!("n{id}: {why}")).because(self.line(*line)))
    }
}

/// Whether the message carries the entry at `index`.
fn carries(message: &Message, index: Index) -> bool {
    match message {
        Message::AppendEntries { entries, .. } => entries.iter().any(|entry| entry.position.index == index),
        _ => false,
    }
}
