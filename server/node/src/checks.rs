//! Whether a member is alive and ready, check by check, as `/livez` and `/readyz` tell it.

use serde::{Deserialize, Serialize};
use storage::store::alarm::AlarmKind;

use crate::clients::HEALTH_TIMEOUT;
use crate::node::Node;
use crate::reads::Question;
use crate::request::{Answer, ClientId, Failure, RequestId};
use crate::waiting::{Ticket, Waiter};

/// What came of all checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The alarm CORRUPT is raised, by whomever.
    pub corrupt: bool,
    /// The member does not vote yet.
    pub learner: bool,
    /// Why the member's own state cannot be read.
    pub serializable: Option<Failure>,
    /// Why no read could be confirmed within 1 s, if one was to be.
    pub linearizable: Option<Failure>,
}

impl Node {
    /// Looks at everything; a read is confirmed only if asked for.
    pub(crate) fn check(&mut self, waiter: Waiter, (client, id): (ClientId, RequestId), linearizable: bool) {
        let own = self.own_state_fault();
        let answer = match () {
            () if !linearizable || own.is_some() => Some(own),
            () if self.raft.leader().is_none() => Some(Some(Failure::NoLeader)),
            () => None,
        };
        match answer {
            Some(fault) => self.reply(client, id, Ok(self.checks(fault))),
            None => {
                let deadline = self.now.monotonic.after(HEALTH_TIMEOUT);
                self.read(Waiter { deadline, ..waiter }, Question::Checks);
            }
        }
    }

    /// What a member that takes part no more, or not yet, says of itself.
    pub(crate) fn failed_checks(&self, why: Failure) -> Answer {
        Answer::Checks(Checks {
            serializable: Some(why.clone()),
            ..self.look_around(Some(why))
        })
    }

    /// All checks, with what came of the read that was to be confirmed.
    pub(crate) fn checks(&self, linearizable: Option<Failure>) -> Answer {
        Answer::Checks(self.look_around(linearizable))
    }

    /// The answer to somebody who waits: if it asked for checks, a failure is what one of them came to.
    pub(crate) fn as_checked(
        &self,
        ticket: Ticket,
        result: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        match result {
            Err(why) if self.reads.asks_checks(ticket) => Ok(self.checks(Some(why))),
            other => other,
        }
    }

    fn look_around(&self, linearizable: Option<Failure>) -> Checks {
        let mut alarms = self.store().alarms().iter();
        Checks {
            corrupt: alarms.any(|alarm| alarm.kind == AlarmKind::Corrupt),
            learner: !self.raft.log_membership().is_voter(self.config.raft.id),
            serializable: self.own_state_fault(),
            linearizable,
        }
    }

    fn own_state_fault(&self) -> Option<Failure> {
        self.is_fenced().then_some(Failure::Corrupt)
    }
}
