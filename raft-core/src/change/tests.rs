use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What plainly is so: who takes part and how, and who ever did.
#[derive(Clone, Debug, Default)]
struct Model {
    votes: BTreeMap<NodeId, bool>,
    used: BTreeSet<NodeId>,
}

impl Model {
    /// None if the change is about a stranger, or gives an id away twice.
    fn take(mut self, change: &Change) -> Option<Model> {
        match *change {
            Change::Learner { id, .. } => {
                self.used.insert(id).then_some(())?;
                self.votes.insert(id, false);
            }
            Change::Voter(id) => *self.votes.get_mut(&id)? = true,
            Change::Demote(id) => *self.votes.get_mut(&id)? = false,
            Change::Remove(id) => drop(self.votes.remove(&id)?),
            Change::Addresses { id, .. } | Change::Priority { id, .. } => drop(self.votes.get(&id)?),
            Change::Lease(_) => {}
        }
        Some(self)
    }

    fn who(&self, votes: bool) -> BTreeSet<NodeId> {
        let who = self.votes.iter().filter(|(_, is_voter)| **is_voter == votes);
        who.map(|(&id, _)| id).collect()
    }
}

fn change() -> impl Strategy<Value = Change> {
    let id = || (1u64..10).prop_map(NodeId);
    let url = || (0u8..4).prop_map(|n| vec![format!("http://n{n}")]);
    prop_oneof![
        4 => id().prop_map(Change::Voter),
        4 => (id(), url()).prop_map(|(id, addresses)| Change::Learner { id, addresses }),
        2 => id().prop_map(Change::Demote),
        3 => id().prop_map(Change::Remove),
        1 => (id(), url()).prop_map(|(id, addresses)| Change::Addresses { id, addresses }),
        1 => (id(), 0u8..3).prop_map(|(id, priority)| Change::Priority { id, priority }),
        1 => prop::option::of(1u64..5).prop_map(|ms| {
            Change::Lease(ms.map(|ms| Lease { timeout: Duration::from_millis(ms), drift_ppm: 0 }))
        }),
    ]
}

fn of_three() -> Membership {
    Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![format!("http://n{id}")])))
}

fn have_majorities_apart(old: &BTreeSet<NodeId>, new: &BTreeSet<NodeId>) -> bool {
    let all: Vec<NodeId> = old.union(new).copied().collect();
    let majority = |of: &BTreeSet<NodeId>, yes: &dyn Fn(usize) -> bool| {
        let count = all.iter().enumerate();
        count.filter(|&(at, id)| of.contains(id) && yes(at)).count() * 2 > of.len()
    };
    (0u32..1 << all.len()).any(|bits| {
        let inside = |at: usize| bits & (1 << at) != 0;
        majority(old, &inside) && majority(new, &|at| !inside(at))
    })
}

proptest! {
    /// A chain of changes, each left if joint, against the model.
    #[test]
    fn follows_a_model_of_sets(chain in prop::collection::vec(prop::collection::vec(change(), 1..5), 1..20)) {
        let mut membership = of_three();
        let mut model = Model::default();
        for id in 1..=3 {
            model.votes.insert(NodeId(id), true);
            model.used.insert(NodeId(id));
        }
        for changes in chain {
            let named: BTreeSet<_> = changes.iter().map(Change::member).collect();
            let expected = changes.iter().try_fold(model.clone(), Model::take);
            let expected = expected.filter(|next| named.len() == changes.len() && !next.who(true).is_empty());
            let next = match membership.after(&changes) {
                Ok(next) => next,
                Err(ChangeRefusal::Nothing) => {
                    let same = expected.is_some_and(|next| next.votes == model.votes);
                    prop_assert!(same, "a change of who takes part is not nothing");
                    continue;
                }
                Err(_) => {
                    prop_assert!(expected.is_none(), "refused: {changes:?}");
                    continue;
                }
            };
            let Some(expected) = expected else {
                return Err(TestCaseError::fail(format!("taken: {changes:?}")));
            };
            prop_assert!(next.is_sound() && next.left().is_sound());
            let old = model.who(true);
            prop_assert_eq!(&next.voters, &expected.who(true));
            prop_assert_eq!(&next.learners, &expected.who(false));
            if next.is_joint() {
                prop_assert_eq!(&next.outgoing, &old);
                prop_assert!(old.iter().all(|id| next.addresses.contains_key(id)), "the old half is still sent the log");
                prop_assert!(next.members().is_disjoint(&next.removed));
            } else {
                prop_assert!(!have_majorities_apart(&old, &next.voters), "a single step keeps majorities together");
            }
            let left = next.left();
            prop_assert!(!left.is_joint());
            prop_assert_eq!(&left.voters, &next.voters);
            prop_assert_eq!(&left.learners, &next.learners);
            prop_assert_eq!(&left.settings.lease, &next.settings.lease);
            let members = left.members();
            prop_assert!(left.addresses.keys().eq(&members));
            prop_assert!(left.settings.priorities.keys().all(|id| members.contains(id)));
            let gone: BTreeSet<_> = expected.used.difference(&members).copied().collect();
            prop_assert_eq!(&left.removed, &gone);
            prop_assert_eq!(left.left(), left.clone(), "there is nothing more to leave");
            (membership, model) = (left, expected);
        }
    }
}

#[test]
fn one_voter_is_one_step_and_two_are_a_joint_one() {
    let remove = |ids: &[u64]| -> Vec<Change> { ids.iter().map(|&id| Change::Remove(NodeId(id))).collect() };
    let one = of_three().after(&remove(&[3])).expect("a change");
    assert!(!one.is_joint());
    assert_eq!(one.removed, [NodeId(3)].into());
    let two = of_three().after(&remove(&[2, 3])).expect("a change");
    assert_eq!(two.outgoing, of_three().voters);
    assert!(two.removed.is_empty(), "the old half still needs them");
    assert_eq!(two.left().removed, [NodeId(2), NodeId(3)].into());
    assert_eq!(
        of_three().after(&remove(&[1, 2, 3])),
        Err(ChangeRefusal::NoVoters)
    );
}

/// Trap: a voter that becomes a learner still votes in the old half.
#[test]
fn a_voter_that_is_demoted_votes_until_the_joint_configuration_is_left() {
    let demote = [Change::Demote(NodeId(2)), Change::Demote(NodeId(3))];
    let joint = of_three().after(&demote).expect("a change");
    assert!(joint.is_voter(NodeId(2)) && joint.outgoing.contains(&NodeId(2)));
    assert!(!joint.left().is_voter(NodeId(2)) && joint.left().contains(NodeId(2)));
}

#[test]
fn what_cannot_be_is_refused() {
    let refusal = |changes: &[Change]| of_three().after(changes).expect_err("it cannot be");
    let lease = |micros, drift_ppm| {
        let timeout = Duration::from_micros(micros);
        Change::Lease(Some(Lease { timeout, drift_ppm }))
    };
    assert_eq!(refusal(&[lease(999, 0)]), ChangeRefusal::Contradiction);
    assert_eq!(refusal(&[lease(1000, 1_000_000)]), ChangeRefusal::Contradiction);
    let nowhere = Change::Addresses {
        id: NodeId(1),
        addresses: vec![],
    };
    assert_eq!(refusal(&[nowhere]), ChangeRefusal::Contradiction);
    let both = [Change::Remove(NodeId(1)), Change::Demote(NodeId(1))];
    assert_eq!(refusal(&both), ChangeRefusal::Contradiction);
    assert_eq!(refusal(&[Change::Voter(NodeId(1))]), ChangeRefusal::Nothing);
    assert_eq!(refusal(&[]), ChangeRefusal::Nothing);
}
