//! Which member holds another state than the log makes. Each member remembers the fingerprint of its state after entries
//! that all members choose alike (points.rs), and tells its leader with what it says anyway; the leader compares those
//! of the same entry. What a strict majority of the voters holds is what the log makes.
//!
//! A fingerprint is kept up as rows come and go, never by a scan: it shows what was applied otherwise, and what was loaded
//! otherwise, not that memory rots under a row that nobody touches. That shows when the row is touched, and in the next
//! snapshot, which is verified as it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use raft_core::{Index, Membership, Mutant, NodeId, Time};
use serde::{Deserialize, Serialize};

/// So many states are remembered, the newest: how far members may be apart and still be compared.
const KEPT_MAX: usize = 64;

/// The state after an entry, as a number: the same on all members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateHash {
    /// The last entry applied.
    pub index: Index,
    /// The fingerprint of the state then.
    pub fingerprint: u64,
}

/// The states of one member, by index; the newest few.
#[derive(Clone, Debug, Default)]
struct States(BTreeMap<Index, u64>);

impl States {
    fn insert(&mut self, hash: StateHash) {
        self.0.insert(hash.index, hash.fingerprint);
        if self.0.len() > KEPT_MAX {
            self.0.pop_first();
        }
    }
}

/// This member's own states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    states: States,
    /// The newest that the leader was told of, and when.
    told: Option<(Index, Time)>,
}

impl Own {
    /// The state after an entry at which states are compared.
    pub(crate) fn remember(&mut self, hash: StateHash) {
        self.states.insert(hash);
    }

    /// The state became another one.
    pub(crate) fn forget(&mut self) {
        *self = Own::default();
    }

    /// Another leader knows nothing of them.
    pub(crate) fn tell_again(&mut self) {
        self.told = None;
    }

    /// What to tell the leader, if it is to be told now: not twice within `apart`, and all once more after ten times that,
    /// since messages are lost.
    pub(crate) fn take_news(&mut self, now: Time, apart: Duration) -> Vec<StateHash> {
        let (newest, at) = self.told.unwrap_or_default();
        let is_first = self.told.is_none();
        if !is_first && now < at.after(apart) {
            return Vec::new();
        }
        let again = is_first || now >= at.after(apart * 10);
        let known = self.states.0.iter();
        let news = known.filter(|(index, _)| again || **index > newest);
        let news: Vec<StateHash> = news
            .map(|(&index, &fingerprint)| StateHash { index, fingerprint })
            .collect();
        if let Some(last) = news.last() {
            self.told = Some((last.index, now));
        }
        news
    }

    /// Whether the state after this entry is remembered.
    pub(crate) fn knows(&self, index: Index) -> bool {
        self.states.0.contains_key(&index)
    }
}

/// What a leader finds when it compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whose state is that of a majority, and as of when.
    pub(crate) sound: BTreeMap<NodeId, Index>,
    /// Whose is not.
    pub(crate) diverged: BTreeMap<NodeId, Index>,
    /// The newest index at which states differ and none is that of a majority, after all at which one is.
    pub(crate) undecided: Option<Index>,
}

/// What a leader was told by its followers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    states: BTreeMap<NodeId, States>,
}

impl Heard {
    /// A member told of its states. Those before `since` are of a state that it has no longer.
    pub(crate) fn hear(&mut self, from: NodeId, told: Vec<StateHash>, since: Index) {
        let states = self.states.entry(from).or_default();
        for hash in told.into_iter().rev().take(KEPT_MAX) {
            if hash.index >= since {
                states.insert(hash);
            }
        }
    }

    /// What a member told is no more so.
    pub(crate) fn forget(&mut self, member: NodeId) {
        self.states.remove(&member);
    }

    /// Compares, at each index that this member knows itself: the newest at which a majority agrees decides about a member.
    pub(crate) fn compare(
        &self,
        id: NodeId,
        own: &Own,
        membership: &Membership,
        mutant: Option<Mutant>,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        for (&index, &fingerprint) in own.states.0.iter().rev() {
            let mut states = if Mutant::StatesComparedApart.is(mutant) {
                self.newest(membership)
            } else {
                self.at(index, membership)
            };
            states.insert(id, fingerprint);
            let Some(sound) = held_by_majority(&states, membership) else {
                let differ = states.values().any(|other| *other != fingerprint);
                if differ && verdict.sound.is_empty() {
                    verdict.undecided.get_or_insert(index);
                }
                continue;
            };
            for (member, fingerprint) in states {
                if verdict.sound.contains_key(&member) || verdict.diverged.contains_key(&member) {
                    continue;
                }
                let is_sound = (fingerprint == sound) != Mutant::MajorityNamed.is(mutant);
                let group = if is_sound {
                    &mut verdict.sound
                } else {
                    &mut verdict.diverged
                };
                group.insert(member, index);
            }
        }
        verdict
    }

    /// Whether a majority, this member among them, holds the state with this fingerprint at an index.
    pub(crate) fn is_confirmed(&self, id: NodeId, hash: StateHash, membership: &Membership) -> bool {
        let mut states = self.at(hash.index, membership);
        states.insert(id, hash.fingerprint);
        held_by_majority(&states, membership) == Some(hash.fingerprint)
    }

    /// What each told last.
    fn newest(&self, membership: &Membership) -> BTreeMap<NodeId, u64> {
        let told = self.states.iter();
        let told = told.filter(|(member, _)| membership.contains(**member));
        told.filter_map(|(&member, states)| Some((member, *states.0.last_key_value()?.1)))
            .collect()
    }

    fn at(&self, index: Index, membership: &Membership) -> BTreeMap<NodeId, u64> {
        let told = self.states.iter();
        let told = told.filter(|(member, _)| membership.contains(**member));
        told.filter_map(|(&member, states)| Some((member, *states.0.get(&index)?)))
            .collect()
    }
}

/// The state that a strict majority of all voters holds; while joint, one of the old voters and one of the new.
fn held_by_majority(states: &BTreeMap<NodeId, u64>, membership: &Membership) -> Option<u64> {
    let kinds: BTreeSet<u64> = states.values().copied().collect();
    let is_majority = |voters: &BTreeSet<NodeId>, kind: u64| {
        let held = voters.iter().filter(|voter| states.get(voter) == Some(&kind));
        voters.is_empty() || held.count() * 2 > voters.len()
    };
    let mut majorities = kinds
        .into_iter()
        .filter(|kind| is_majority(&membership.voters, *kind) && is_majority(&membership.outgoing, *kind));
    majorities.next().filter(|_| !membership.voters.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(count: u64) -> Membership {
        Membership::of_voters((1..=count).map(|id| (NodeId(id), vec![])))
    }

    fn hash(index: u64, fingerprint: u64) -> StateHash {
        StateHash {
            index: Index(index),
            fingerprint,
        }
    }

    /// The first leads and holds 7 at 256; the others hold these there.
    fn compared(others: &[u64]) -> Verdict {
        let mut own = Own::default();
        own.remember(hash(256, 7));
        let mut heard = Heard::default();
        for (id, &fingerprint) in (2..).zip(others) {
            heard.hear(NodeId(id), vec![hash(256, fingerprint)], Index(0));
        }
        heard.compare(NodeId(1), &own, &voters(3), None)
    }

    #[test]
    fn a_majority_of_all_voters_names_the_rest() {
        assert_eq!(compared(&[7, 7]).sound.len(), 3);
        let verdict = compared(&[7, 8]);
        assert_eq!(verdict.diverged, [(NodeId(3), Index(256))].into());
        assert_eq!(verdict.undecided, None);
        let verdict = compared(&[8, 8]);
        assert_eq!(
            verdict.diverged,
            [(NodeId(1), Index(256))].into(),
            "the leader itself"
        );
    }

    #[test]
    fn without_a_majority_nobody_is_named() {
        for others in [&[8][..], &[8, 9]] {
            let verdict = compared(others);
            assert!(verdict.diverged.is_empty() && verdict.sound.is_empty());
            assert_eq!(verdict.undecided, Some(Index(256)));
        }
        assert_eq!(compared(&[]), Verdict::default());
    }

    #[test]
    fn what_a_member_told_of_a_former_state_does_not_count() {
        let mut heard = Heard::default();
        heard.hear(NodeId(3), vec![hash(256, 8), hash(512, 7)], Index(300));
        let mut own = Own::default();
        own.remember(hash(256, 7));
        own.remember(hash(512, 7));
        let verdict = heard.compare(NodeId(1), &own, &voters(3), None);
        assert!(verdict.diverged.is_empty());
        assert_eq!(
            verdict.sound,
            [(NodeId(1), Index(512)), (NodeId(3), Index(512))].into()
        );
    }

    #[test]
    fn the_newest_entry_that_a_majority_knows_decides() {
        let mut own = Own::default();
        own.remember(hash(256, 7));
        own.remember(hash(512, 9));
        let mut heard = Heard::default();
        // 2 differed and has the state again; 3 has not told of it yet.
        heard.hear(NodeId(2), vec![hash(256, 8), hash(512, 9)], Index(0));
        heard.hear(NodeId(3), vec![hash(256, 7)], Index(0));
        let verdict = heard.compare(NodeId(1), &own, &voters(3), None);
        assert!(verdict.diverged.is_empty() && verdict.undecided.is_none());
        // What only one other told, and otherwise, is not decided yet, nor does it undo what is.
        own.remember(hash(600, 1));
        heard.hear(NodeId(2), vec![hash(600, 2)], Index(0));
        let verdict = heard.compare(NodeId(1), &own, &voters(3), None);
        assert_eq!(verdict.undecided, Some(Index(600)));
        assert_eq!(verdict.sound.len(), 3);
    }

    #[test]
    fn while_joint_both_halves_confirm() {
        let mut heard = Heard::default();
        heard.hear(NodeId(2), vec![hash(256, 7)], Index(0));
        let mut membership = voters(3);
        assert!(heard.is_confirmed(NodeId(1), hash(256, 7), &membership));
        assert!(!heard.is_confirmed(NodeId(1), hash(256, 8), &membership));
        assert!(
            !heard.is_confirmed(NodeId(1), hash(257, 7), &membership),
            "another entry"
        );
        membership.outgoing = [NodeId(1), NodeId(8), NodeId(9)].into();
        assert!(!heard.is_confirmed(NodeId(1), hash(256, 7), &membership));
    }

    #[test]
    fn the_leader_is_told_each_state_once_and_once_more_if_nothing_is_new() {
        let apart = Duration::from_millis(100);
        let mut own = Own::default();
        assert_eq!(own.take_news(Time(1), apart), []);
        own.remember(hash(256, 7));
        assert_eq!(own.take_news(Time(1), apart), [hash(256, 7)]);
        own.remember(hash(300, 8));
        assert_eq!(own.take_news(Time(2), apart), [], "too soon");
        assert_eq!(own.take_news(Time(200_000), apart), [hash(300, 8)]);
        assert_eq!(own.take_news(Time(400_000), apart), []);
        assert_eq!(
            own.take_news(Time(1_200_000), apart),
            [hash(256, 7), hash(300, 8)],
            "it may be lost"
        );
    }
}
