//! Callers that fill the state until there is no space left, and free what they took once they are told so.

use bytes::Bytes;
use node::{Answer, Request};
use storage::store::command::{Command, Failure, Outcome, Put};
use storage::store::query::{KeyRange, LeaseId, RangeEnd, Revision};

use crate::call::Call;
use crate::choices::{Choices, PerMillion};
use crate::client::Numbers;

/// Keys with large values.
const KEYS: u64 = 40;

/// What a caller still has to do to free space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Freeing {
    /// Nothing.
    #[default]
    No,
    /// To delete what is large.
    Delete,
    /// To compact history, in which it still stands.
    Compact,
}

impl Freeing {
    /// What the answer changes.
    pub(super) fn learn(&mut self, call: &Call, compacts: bool) {
        let answer = call.answer().map(|(_, answer)| answer);
        *self = match (*self, answer, &call.request) {
            (Freeing::No, Some(Err(Failure::NoSpace)), _) => Freeing::Delete,
            (Freeing::Delete, Some(Ok(Answer::Done(Outcome::Deleted { .. }))), Request::Write(command))
                if *command == delete() =>
            {
                if compacts {
                    Freeing::Compact
                } else {
                    Freeing::No
                }
            }
            (
                Freeing::Compact,
                Some(Ok(Answer::Done(Outcome::Compacted)) | Err(Failure::Compacted(_))),
                _,
            ) => Freeing::No,
            (same, ..) => same,
        };
    }

    /// What to ask for, if anything.
    pub(super) fn wish(self, revision: u64, choices: &mut Choices) -> Option<Request> {
        let command = match self {
            Freeing::No => return None,
            Freeing::Delete => delete(),
            Freeing::Compact => Command::Compact {
                revision: Revision(revision),
            },
        };
        choices
            .happens(PerMillion(700_000))
            .then_some(Request::Write(command))
    }
}

/// Something large.
pub(super) fn large(choices: &mut Choices, numbers: &mut Numbers) -> Request {
    numbers.value += 1;
    let mut value = format!("v{}.", numbers.value).into_bytes();
    value.resize(choices.pick(&[3_000, 12_000]), b'x');
    Request::Write(Command::Put(Put {
        key: Bytes::from(format!("large{}", choices.below(KEYS))),
        value: value.into(),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease: LeaseId::NONE,
    }))
}

fn delete() -> Command {
    Command::DeleteRange {
        range: KeyRange {
            start: "large".into(),
            end: RangeEnd::Before("largf".into()),
        },
        previous: false,
    }
}
