//! Once faults are over, the cluster works again within a stated time: from then on every operation succeeds, nobody else
//! comes to lead, and in the end all members are equal.

use node::Node;
use raft_core::{NodeId, Time};

use crate::operation::Operation;
use crate::trace::Stamp;

/// Judges the calm after the storm. `works_from`: when everything must work again.
///
/// # Errors
/// What does not, in a sentence.
pub fn check<'a>(
    history: &[Operation],
    members: impl Iterator<Item = (NodeId, Option<&'a Node>)>,
    works_from: Time,
) -> Result<(), String> {
    let mut calm = history
        .iter()
        .filter(|operation| operation.called >= works_from)
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
    for (id, node) in members {
        let Some(node) = node else {
            return Err(format!("n{} is down", id.0));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Action, Key, Outcome};

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

    fn judge(history: &[Operation], down: bool) -> Result<(), String> {
        let members = down.then_some((NodeId(1), None));
        check(history, members.into_iter(), Time(100))
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
    }
}
