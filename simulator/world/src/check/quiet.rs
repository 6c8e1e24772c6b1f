//! Once all works, it works well: nobody else comes to lead, nine of ten answers come within an election timeout, and nothing
//! piles up in any member.

use node::Node;
use raft_core::{NodeId, Time};

use super::Violation;
use crate::operation::Operation;

/// What a member has of its own on its way at most: an alarm, and one more.
const OWN_MAX: usize = 4;
/// A log may be longer than its limit by what is not applied, and by whole entries.
const LOG_SLACK: usize = 256 << 10;

/// A run that is over.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// Since when all works, and every member is one.
    pub since: Time,
    /// When somebody last came to lead.
    pub led_since: Time,
    /// The election timeout in microseconds.
    pub timeout: u64,
    /// How many ask, one thing at a time.
    pub askers: usize,
    /// What Raft's log may take in memory.
    pub log_bytes_max: usize,
}

impl Quiet {
    /// Judges it.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check<'a>(
        &self,
        history: &[Operation],
        members: impl Iterator<Item = (NodeId, &'a Node)>,
    ) -> Result<(), Violation> {
        if self.led_since > self.since {
            let story = format!("somebody came to lead at {:?}, and all was quiet", self.led_since);
            return Err(Violation::new(
                "nobody else comes to lead when all is quiet",
                story,
            ));
        }
        let calm: Vec<&Operation> = history
            .iter()
            .filter(|operation| operation.called >= self.since && operation.succeeded())
            .collect();
        let soon = calm
            .iter()
            .filter(|operation| operation.returned.0 - operation.called.0 <= self.timeout);
        let (soon, all) = (soon.count(), calm.len());
        if soon * 10 < all * 9 {
            let story = format!("{soon} of {all} answers came within {} us", self.timeout);
            return Err(Violation::new("goodput comes back", story));
        }
        for (id, node) in members {
            let pending = node.proposals_pending();
            if pending > self.askers + OWN_MAX {
                let story = format!(
                    "n{} has {pending} writes on their way, of {} askers",
                    id.0, self.askers
                );
                return Err(Violation::new("nothing piles up", story));
            }
            let bytes = node.raft().log_bytes();
            if bytes > self.log_bytes_max + LOG_SLACK {
                let story = format!("n{} has {bytes} bytes of log in memory", id.0);
                return Err(Violation::new("nothing piles up", story));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Action, Key, Outcome};

    fn quiet(led_since: u64, late: usize) -> Result<(), Violation> {
        let operation = |number: usize| Operation {
            client: 0,
            connection: 0,
            member: NodeId(1),
            key: Key::V3(0),
            action: Action::Get { linearizable: true },
            called: Time(100),
            returned: Time(if number < late { 111 } else { 110 }),
            outcome: Outcome::Found(None),
            counters: None,
        };
        let history: Vec<Operation> = (0..20).map(operation).collect();
        let quiet = Quiet {
            since: Time(50),
            led_since: Time(led_since),
            timeout: 10,
            askers: 1,
            log_bytes_max: 1,
        };
        quiet.check(&history, std::iter::empty())
    }

    #[test]
    fn who_leads_goes_on_and_answers_come_soon() {
        assert_eq!(quiet(50, 2), Ok(()));
        assert!(quiet(51, 0).is_err() && quiet(50, 3).is_err());
    }
}
