//! Which member holds another state than the log makes. Each member remembers the fingerprint of its state at indexes that
//! all members choose alike, and tells its leader with what it says anyway; the leader compares those of the same index. What
//! a strict majority of the voters holds is what the log makes.
//!
//! A fingerprint is kept up as rows come and go, never by a scan: it shows what was applied otherwise, and what was loaded
//! otherwise, not that memory rots under a row that nobody touches. That shows when the row is touched, and in the next
//! snapshot, which is verified as it is read.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Index, Membership, NodeId, Time};
use serde::{Deserialize, Serialize};

/// The state is remembered each time so many entries are applied.
const EVERY: u64 = 256;
/// So many of those are remembered, of the newest: how far members may be apart and still be compared.
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
    regular: States,
    /// The last one with which the log was quiet: all of it was applied.
    quiet: Option<StateHash>,
    /// The newest that the leader was told of, and when.
    told: Option<(Index, Time)>,
    told_quiet: Option<Index>,
}

impl Own {
    /// Whether the state after this entry is remembered, whatever follows.
    pub(crate) fn is_regular(index: Index) -> bool {
        index.0.is_multiple_of(EVERY)
    }

    /// The state after an entry.
    pub(crate) fn remember(&mut self, hash: StateHash) {
        self.regular.insert(hash);
    }

    /// Whether this one is remembered as that of a quiet log.
    pub(crate) fn is_quiet_at(&self, index: Index) -> bool {
        self.quiet.is_some_and(|quiet| quiet.index == index)
    }

    /// The state with which the log is quiet.
    pub(crate) fn is_quiet(&mut self, hash: StateHash) {
        self.quiet = Some(hash);
    }

    /// The state became another one.
    pub(crate) fn forget(&mut self) {
        *self = Own::default();
    }

    /// Another leader knows nothing of them.
    pub(crate) fn tell_again(&mut self) {
        (self.told, self.told_quiet) = (None, None);
    }

    /// What to tell the leader, if it is to be told now: not twice within `apart`, and once more after ten times that,
    /// since messages are lost.
    pub(crate) fn take_news(&mut self, now: Time, apart: std::time::Duration) -> Vec<StateHash> {
        let (newest, at) = self.told.unwrap_or_default();
        let is_first = self.told.is_none();
        if !is_first && now < at.after(apart) {
            return Vec::new();
        }
        let again = is_first || now >= at.after(apart * 10);
        let news = self.regular.0.iter();
        let news = news.filter(|(index, _)| again || **index > newest);
        let mut states: Vec<StateHash> = news
            .map(|(&index, &fingerprint)| StateHash { index, fingerprint })
            .collect();
        let quiet = self.quiet.map(|quiet| quiet.index);
        states.extend(self.quiet.filter(|_| again || quiet != self.told_quiet));
        if !states.is_empty() {
            let newest = self
                .regular
                .0
                .last_key_value()
                .map_or(newest, |(index, _)| *index);
            (self.told, self.told_quiet) = (Some((newest, now)), quiet);
        }
        states
    }

    fn at(&self, index: Index) -> Option<u64> {
        let quiet = self.quiet.filter(|quiet| quiet.index == index);
        let known = quiet.map(|quiet| quiet.fingerprint);
        known.or_else(|| self.regular.0.get(&index).copied())
    }

    fn indexes(&self) -> BTreeSet<Index> {
        let quiet = self.quiet.map(|quiet| quiet.index);
        self.regular.0.keys().copied().chain(quiet).collect()
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
        for hash in told.into_iter().rev().take(2 * KEPT_MAX) {
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
    pub(crate) fn compare(&self, id: NodeId, own: &Own, membership: &Membership) -> Verdict {
        let mut verdict = Verdict::default();
        for index in own.indexes().into_iter().rev() {
            let mut states: BTreeMap<NodeId, u64> = self
                .states
                .iter()
                .filter_map(|(&member, states)| Some((member, *states.0.get(&index)?)))
                .filter(|(member, _)| membership.contains(*member))
                .collect();
            states.extend(own.at(index).map(|fingerprint| (id, fingerprint)));
            let Some(sound) = held_by_majority(&states, membership) else {
                let kinds: BTreeSet<u64> = states.values().copied().collect();
                let is_newest = verdict.sound.is_empty() && verdict.undecided.is_none();
                verdict.undecided = verdict
                    .undecided
                    .or((kinds.len() > 1 && is_newest).then_some(index));
                continue;
            };
            for (member, fingerprint) in states {
                if verdict.sound.contains_key(&member) || verdict.diverged.contains_key(&member) {
                    continue;
                }
                let group = if fingerprint == sound {
                    &mut verdict.sound
                } else {
                    &mut verdict.diverged
                };
                group.insert(member, index);
            }
        }
        verdict
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
        heard.compare(NodeId(1), &own, &voters(3))
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
        let verdict = heard.compare(NodeId(1), &own, &voters(3));
        assert!(verdict.diverged.is_empty());
        assert_eq!(
            verdict.sound,
            [(NodeId(1), Index(512)), (NodeId(3), Index(512))].into()
        );
    }

    #[test]
    fn the_leader_is_told_each_state_once_and_once_more_if_nothing_is_new() {
        let apart = std::time::Duration::from_millis(100);
        let mut own = Own::default();
        assert_eq!(own.take_news(Time(1), apart), []);
        own.remember(hash(256, 7));
        own.is_quiet(hash(300, 8));
        assert_eq!(own.take_news(Time(1), apart), [hash(256, 7), hash(300, 8)]);
        own.is_quiet(hash(301, 9));
        assert_eq!(own.take_news(Time(2), apart), [], "too soon");
        assert_eq!(own.take_news(Time(200_000), apart), [hash(301, 9)]);
        assert_eq!(own.take_news(Time(400_000), apart), []);
        assert_eq!(
            own.take_news(Time(1_200_000), apart),
            [hash(256, 7), hash(301, 9)],
            "it may be lost"
        );
    }
}
