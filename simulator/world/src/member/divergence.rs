//! What a state is changed to behind its log's back.

use storage::store::command::{Command, Put};
use storage::store::query::{KeyRange, LeaseId, RangeEnd};

use crate::choices::Choices;
use crate::dialect;
use crate::operation::Value;

use super::Member;

/// A value that no client writes.
const NOBODYS: Value = Value(u32::MAX);

impl Member {
    /// Its state changes behind its log's back, unless it is in the middle of a command. Returns whether it did.
    pub(crate) fn diverge(&mut self, command: Command) -> bool {
        let before = self.node.store().fingerprint();
        self.node.diverge(command) && self.node.store().fingerprint() != before
    }
}

/// A change that clients see, or one that they do not.
pub(crate) fn change(choices: &mut Choices, keys: u8) -> Command {
    let key = format!("key{}", choices.below(u64::from(keys))).into();
    match choices.below(3) {
        0 => Command::Put(Put {
            key,
            value: dialect::text(NOBODYS).into(),
            previous: false,
            ignore_value: false,
            ignore_lease: false,
            lease: LeaseId::NONE,
        }),
        1 => Command::DeleteRange {
            range: KeyRange {
                start: key,
                end: RangeEnd::Single,
            },
            previous: false,
        },
        _ => Command::LeaseGrant {
            id: LeaseId(0x0d1f_fe12),
            ttl: 1_000_000,
        },
    }
}
