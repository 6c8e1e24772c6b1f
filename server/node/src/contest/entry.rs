//! What a contender writes and looks for, as etcd's clients do: all contenders of a name must agree on it.

use bytes::Bytes;
use storage::store::command::{Command, Put};
use storage::store::query::{Between, Found, KeyRange, RangeEnd, RangeQuery, Revision, Sort, SortTarget};
use storage::store::transaction::{
    Choice, Chosen, Comparison, Operand, Operation, OperationResult, Relation, Transaction,
};

use super::Contest;

impl Contest {
    /// The contender's key: the name and its lease's number in hexadecimal.
    pub(super) fn key(&self) -> Bytes {
        let mut key = self.name.to_vec();
        key.extend_from_slice(format!("/{:x}", self.lease.0).as_bytes());
        key.into()
    }

    /// Puts the key unless it stands there, and looks at it.
    pub(super) fn enter(&self) -> Command {
        let look = || Operation::Range(RangeQuery::of(KeyRange::single(self.key())));
        let put = self.put();
        self.if_created(Revision(0), vec![put, look()], vec![look()])
    }

    /// Puts the value if the key is the one created then.
    pub(super) fn proclaim(&self, created: Revision) -> Command {
        self.if_created(created, vec![self.put()], Vec::new())
    }

    /// Deletes the key if it is the one created then.
    pub(super) fn leave(&self, created: Revision) -> Command {
        let delete = Operation::DeleteRange {
            range: KeyRange::single(self.key()),
            previous: false,
        };
        self.if_created(created, vec![delete], Vec::new())
    }

    fn put(&self) -> Operation {
        Operation::Put(Put {
            key: self.key(),
            value: self.value.clone().unwrap_or_default(),
            lease: self.lease,
            previous: false,
            ignore_value: false,
            ignore_lease: false,
        })
    }

    fn if_created(&self, created: Revision, success: Vec<Operation>, failure: Vec<Operation>) -> Command {
        let comparison = Comparison {
            range: KeyRange::single(self.key()),
            operand: Operand::Create(created),
            relation: Relation::Equal,
        };
        let choice = Choice {
            comparisons: vec![comparison],
            success,
            failure,
        };
        Command::Transaction(Transaction {
            choices: vec![choice],
        })
    }
}

/// When the key that was entered was created, and its value.
pub(super) fn entered(chosen: &Chosen) -> (Revision, Bytes) {
    let Some(OperationResult::Range(Found::Range { keys, .. })) = chosen.results.last() else {
        unreachable!("{chosen:?} to an entry");
    };
    let own = keys.first().expect("it was put, or stood there");
    (own.create_revision, own.value.clone())
}

/// The contender for a name whose key was created last before this revision.
pub(super) fn right_before(name: &[u8], revision: Revision) -> RangeQuery {
    let end = |last: u8| Bytes::from([name, &[last]].concat());
    let range = KeyRange {
        start: end(b'/'),
        end: RangeEnd::Before(end(b'/' + 1)),
    };
    RangeQuery {
        limit: Some(1),
        sort: Some(Sort {
            target: SortTarget::Create,
            descending: true,
        }),
        keys_only: true,
        create_revision: Between {
            min: None,
            max: Some(Revision(revision.0 - 1)),
        },
        ..RangeQuery::of(range)
    }
}
