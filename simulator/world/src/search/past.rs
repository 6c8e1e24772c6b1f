//! What a run has to be remembered by: who led which term, and what was committed when. With it the properties of
//! Figure 3 can be judged in one state, whatever way led there. (`check::figure3` judges whole runs.)

use raft_core::{Index, Membership, NodeId, Position, Term};
use thiserror::Error;

use super::registry::mix;
use super::seat::Facts;
use crate::check::figure3::Violation;

/// As far back as Figure 3 looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Past {
    /// Who was seen to lead, by term.
    pub(super) reigns: Vec<(Term, NodeId)>,
    /// By index from 1: what was committed, and the term in which it was first seen to be.
    pub(super) committed: Vec<(Position, Term)>,
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Figure3(#[from] Violation),
    #[error("n{node} holds {position} for committed, and no quorum's disks have it")]
    CommittedNotDurable { node: NodeId, position: Position },
    /// An assertion, an alarm or a promise, in words.
    #[error("{0}")]
    Turn(String),
}

impl Broken {
    /// The line that shows it in a script where `actor` had the last turn, if the script would not notice by itself: it
    /// counts no disks, and looks at a leader only when that leader has a turn.
    pub(super) fn expectation(&self, actor: NodeId) -> Option<String> {
        let (node, never) = match self {
            Broken::CommittedNotDurable { node, position } => (*node, position.index),
            Broken::Figure3(Violation::LeaderCompleteness { leader, missing, .. }) if *leader != actor => {
                (actor, missing.index)
            }
            Broken::Figure3(_) | Broken::Turn(_) => return None,
        };
        Some(format!("expect commit({node})<={}", never.previous()))
    }
}

impl Past {
    /// As one number, if each member were called `rename(member)`.
    pub(super) fn fingerprint(&self, rename: &dyn Fn(NodeId) -> NodeId) -> u64 {
        let reigns = self
            .reigns
            .iter()
            .flat_map(|&(term, leader)| [term.0, rename(leader).0]);
        let committed = self.committed.iter();
        let committed = committed.flat_map(|(position, term)| [position.term.0, position.index.0, term.0]);
        reigns.chain([u64::MAX]).chain(committed).fold(0, mix)
    }

    /// Whether this member leads, or holds for committed, what was not seen before.
    pub(super) fn is_news(&self, member: &Facts) -> bool {
        let reign = self.reigns.binary_search_by_key(&member.term, |(term, _)| *term);
        (member.leads && reign.is_err()) || count(member.commit) > self.committed.len()
    }

    /// The member at `changed` looks like this now, among all members.
    ///
    /// # Errors
    /// If what it holds for committed is not on a quorum's disks.
    pub(super) fn remember(&mut self, changed: usize, all: &[&Facts]) -> Result<(), Broken> {
        let member = all[changed];
        if let (true, Err(place)) = (
            member.leads,
            self.reigns.binary_search_by_key(&member.term, |(term, _)| *term),
        ) {
            self.reigns.insert(place, (member.term, member.id));
        }
        let known = self.committed.len();
        for &(position, _) in member.log.iter().take(count(member.commit)).skip(known) {
            if !is_durable(position, &member.membership, all) {
                let node = member.id;
                return Err(Broken::CommittedNotDurable { node, position });
            }
            self.committed.push((position, member.term));
        }
        Ok(())
    }

    /// The member at `changed` looks like this now, among all members, and the past has what is new in it.
    ///
    /// # Errors
    /// What does not hold any more.
    pub(super) fn check(&self, changed: usize, all: &[&Facts]) -> Result<(), Broken> {
        let member = all[changed];
        self.election_safety(member)?;
        let mut others = all.iter().enumerate().filter(|(at, _)| *at != changed);
        others.try_for_each(|(_, other)| log_matching(member, other))?;
        self.commits_agree(member)?;
        Ok(all
            .iter()
            .try_for_each(|member| self.leader_completeness(member))?)
    }

    /// At most one leader can be elected in a given term (Raft 5.2).
    fn election_safety(&self, member: &Facts) -> Result<(), Violation> {
        match self.reigns.binary_search_by_key(&member.term, |(term, _)| *term) {
            Ok(place) if member.leads && self.reigns[place].1 != member.id => {
                Err(Violation::ElectionSafety {
                    term: member.term,
                    first: self.reigns[place].1,
                    second: member.id,
                })
            }
            _ => Ok(()),
        }
    }

    /// What one holds for committed no other replaces (Raft 5.4.3).
    fn commits_agree(&self, member: &Facts) -> Result<(), Violation> {
        let committed = self.committed.iter().take(count(member.commit));
        let mut differing = committed.zip(&member.log).filter(|(first, own)| first.0 != own.0);
        differing.next().map_or(Ok(()), |(&(first, _), &(second, _))| {
            Err(Violation::StateMachineSafety {
                node: member.id,
                first,
                second,
            })
        })
    }

    /// A leader has whatever was committed in the terms before its own (Raft 5.4.3).
    fn leader_completeness(&self, member: &Facts) -> Result<(), Violation> {
        let missing = |&&(position, term): &&(Position, Term)| {
            term < member.term && at(member, position.index) != Some(position)
        };
        match self.committed.iter().filter(|_| member.leads).find(missing) {
            None => Ok(()),
            Some(&(missing, _)) => Err(Violation::LeaderCompleteness {
                term: member.term,
                leader: member.id,
                missing,
            }),
        }
    }
}

/// A leader never overwrites or deletes entries in its log (Raft 5.3); `before` and `after` are one turn apart.
pub(super) fn leader_append_only(before: &Facts, after: &Facts) -> Result<(), Violation> {
    if !(before.leads && after.leads && before.term == after.term) {
        return Ok(());
    }
    let places = before.log.iter().enumerate();
    let mut lost = places.filter(|&(place, entry)| after.log.get(place) != Some(entry));
    lost.next().map_or(Ok(()), |(_, &(lost, _))| {
        Err(Violation::LeaderAppendOnly {
            term: after.term,
            leader: after.id,
            lost,
        })
    })
}

/// Two logs that share an entry are the same up to it (Raft 5.3).
fn log_matching(member: &Facts, other: &Facts) -> Result<(), Violation> {
    let both = || member.log.iter().zip(&other.log);
    let Some(fork) = both().position(|(ours, theirs)| ours != theirs) else {
        return Ok(());
    };
    let Some(meeting) = (both().skip(fork)).position(|(ours, theirs)| ours.0 == theirs.0) else {
        return Ok(());
    };
    let shared = fork + meeting;
    let before = |log: &[(Position, u64)]| {
        shared
            .checked_sub(1)
            .map_or(Position::default(), |before| log[before].0)
    };
    Err(Violation::LogMatching {
        node: member.id,
        position: member.log[shared].0,
        before: before(&member.log),
        elsewhere: before(&other.log),
    })
}

fn is_durable(position: Position, membership: &Membership, all: &[&Facts]) -> bool {
    [&membership.voters, &membership.outgoing]
        .into_iter()
        .all(|voters| {
            let has = |facts: &&&Facts| {
                voters.contains(&facts.id)
                    && facts.disk.get(count(position.index.previous())) == Some(&position)
            };
            voters.is_empty() || all.iter().filter(has).count() * 2 > voters.len()
        })
}

fn at(member: &Facts, index: Index) -> Option<Position> {
    member
        .log
        .get(count(index.previous()))
        .map(|(position, _)| *position)
}

/// How many entries there are up to `index`.
fn count(index: Index) -> usize {
    usize::try_from(index.0).expect("a small log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_does_not_see_by_itself_is_expected_in_it() {
        let missing = Position {
            term: Term(2),
            index: Index(1),
        };
        let incomplete = Broken::Figure3(Violation::LeaderCompleteness {
            term: Term(3),
            leader: NodeId(1),
            missing,
        });
        // The leader was just elected; or it leads, and another commits what it lacks.
        assert_eq!(incomplete.expectation(NodeId(1)), None);
        let expected = Some("expect commit(2)<=0".to_owned());
        assert_eq!(incomplete.expectation(NodeId(2)), expected);
        let node = NodeId(2);
        let undurable = Broken::CommittedNotDurable {
            node,
            position: missing,
        };
        assert_eq!(undurable.expectation(NodeId(2)), expected);
    }
}
