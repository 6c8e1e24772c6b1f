//! What callers do and what they were told. A caller speaks to the node itself, in its own types: what no route of the API
//! leads to yet is asked in this way.

use std::fmt;

use node::{Answer, Failure, Request, Response};
use raft_core::{Index, NodeId, Time};

use crate::trace::Stamp;

/// One thing that a caller asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who.
    pub caller: usize,
    /// Of which member.
    pub member: NodeId,
    /// What.
    pub request: Request,
    /// When it was sent.
    pub called: Time,
    /// When the answer was there, or it was given up.
    pub returned: Time,
    /// What was learned.
    pub told: Told,
}

/// What a caller knows afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: it may or may not have happened, or may yet happen.
    Nothing,
    /// Nobody was there to ask, so it never happens.
    Refused,
    /// This.
    Response(Box<Response>),
}

impl Call {
    /// The answer and the last entry that was applied when it was given, if there is one that says something.
    #[must_use]
    pub fn answer(&self) -> Option<(Index, Result<&Answer, &storage::store::command::Failure>)> {
        let Told::Response(response) = &self.told else {
            return None;
        };
        match &response.result {
            Ok(answer) => Some((response.header.applied, Ok(answer))),
            Err(Failure::Store(failure)) => Some((response.header.applied, Err(failure))),
            Err(_) => None,
        }
    }

    /// Whether there was a definite answer.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.answer().is_some()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (called, returned) = (Stamp(self.called), Stamp(self.returned));
        let (caller, member) = (self.caller, self.member.0);
        write!(
            f,
            "{called} to {returned}: caller {caller} at n{member}: {:?}",
            self.request
        )?;
        match &self.told {
            Told::Nothing => write!(f, " -> unknown"),
            Told::Refused => write!(f, " -> nobody there"),
            Told::Response(response) => write!(f, " -> {:?}", response),
        }
    }
}
