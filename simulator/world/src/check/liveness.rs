//! Once faults are over, the cluster works again within a stated time: from then on every operation succeeds, nobody else
//! comes to lead, and in the end all members are equal. A member whose disk is damaged serves nobody until it is repaired: the
//! others are a quorum, and work. Nor can a member say what became of a write over which a snapshot took it.

use node::Node;
use raft_core::{NodeId, Time};

use crate::operation::{Operation, Outcome};
use crate::trace::Stamp;

/// How a member is in the end.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// It runs.
    Running(&'a Node),
    /// It does not.
    Down,
}

/// Judges the calm after the storm. `works_from`: when everything must work again; `jumps`: when a snapshot took members
/// over entries; `is_excused`: operations of members that were being repaired.
///
/// # Errors
/// What does not, in a sentence.
pub fn check<'a>(
    history: &[Operation],
    members: impl Iterator<Item = (NodeId, Standing<'a>)>,
    works_from: Time,
    jumps: &[(NodeId, Time)],
    is_excused: impl Fn(&Operation) -> bool,
) -> Result<(), String> {
    let excused = |operation: &&Operation| match operation.outcome {
        Outcome::Unknown if is_jumped(jumps, operation.member, operation.called, operation.returned) => true,
        Outcome::Unknown | Outcome::Refused => is_excused(operation),
        // check/space.rs asks for the reason.
        Outcome::NoSpace => true,
        _ => false,
    };
    let mut calm = history
        .iter()
        .filter(|operation| operation.called >= works_from && !excused(operation))
        .peekable();
    if calm.peek().is_none() {
        return Err(format!("no operation was begun after {}", Stamp(works_from)));
    }
    if let Some(failed) = calm.find(|operation| !operation.succeeded()) {
        return Err(format!(
            "an operation failed although no fault was about: {failed}"
        ));
    }
    let mut leaders = Vec::new();
    for (id, standing) in members {
        let node = match standing {
            Standing::Running(node) => node,
            Standing::Down => return Err(format!("n{} is down", id.0)),
        };
        match node.raft().leader() {
            Some(leader) => leaders.push((leader, node.raft().term())),
            None => return Err(format!("n{} knows no leader", id.0)),
        }
    }
    if leaders.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(format!("the members do not agree who leads: {leaders:?}"));
    }
    Ok(())
}

/// Whether a snapshot took a member over entries between two times.
#[must_use]
pub fn is_jumped(jumps: &[(NodeId, Time)], member: NodeId, from: Time, to: Time) -> bool {
    jumps
        .iter()
        .any(|&(id, at)| id == member && (from..=to).contains(&at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Action, Key};

    fn get(called: u64, outcome: Outcome) -> Operation {
        Operation {
            client: 0,
            connection: 0,
            member: NodeId(1),
            key: Key::V3(0),
            action: Action::Get { linearizable: true },
            called: Time(called),
            returned: Time(called + 1),
            outcome,
            counters: None,
        }
    }

    fn judge_with(history: &[Operation], standing: Option<Standing<'_>>) -> Result<(), String> {
        let members = standing.map(|standing| (NodeId(1), standing));
        let jumps = [(NodeId(1), Time(150))];
        let is_excused = |operation: &Operation| operation.called == Time(120);
        check(history, members.into_iter(), Time(100), &jumps, is_excused)
    }

    fn judge(history: &[Operation], down: bool) -> Result<(), String> {
        judge_with(history, down.then_some(Standing::Down))
    }

    #[test]
    fn who_asks_a_member_in_repair_is_excused() {
        let found = get(101, Outcome::Found(None));
        assert_eq!(judge(&[get(120, Outcome::Refused), found], false), Ok(()));
        assert!(judge(&[get(119, Outcome::Refused), found], false).is_err());
    }

    #[test]
    fn failures_are_excused_only_before_the_deadline() {
        let found = Outcome::Found(None);
        assert_eq!(
            judge(&[get(99, Outcome::Unknown), get(100, found)], false),
            Ok(())
        );
        assert!(judge(&[get(99, found)], false).is_err(), "nothing was tried");
        assert!(judge(&[get(100, found), get(101, Outcome::Unknown)], false).is_err());
        assert!(judge(&[get(100, found)], true).is_err());
        // Its member took over a snapshot meanwhile.
        assert_eq!(
            judge(&[get(100, found), get(150, Outcome::Unknown)], false),
            Ok(())
        );
    }
}
