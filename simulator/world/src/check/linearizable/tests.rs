use proptest::prelude::*;
use raft_core::NodeId;

use super::*;

const KEY: Key = Key::V2(0);

fn operation(called: u64, returned: u64, action: Action, outcome: Outcome) -> Operation {
    Operation {
        client: 0,
        connection: 0,
        member: NodeId(1),
        key: KEY,
        action,
        called: Time(called),
        returned: Time(returned),
        outcome,
        counters: None,
    }
}

fn put(called: u64, returned: u64, value: u32) -> Operation {
    let action = Action::Put {
        value: Value(value),
        previous: false,
    };
    operation(called, returned, action, Outcome::Done { previous: None })
}

fn lost(operation: Operation) -> Operation {
    Operation {
        outcome: Outcome::Unknown,
        ..operation
    }
}

fn get(called: u64, returned: u64, value: Option<u32>) -> Operation {
    let action = Action::Get { linearizable: true };
    operation(called, returned, action, Outcome::Found(value.map(Value)))
}

fn is_linearizable(history: &[Operation]) -> bool {
    let verdict = check(history);
    assert!(verdict.as_ref().map_or_else(|error| error.decided, |()| true));
    verdict.is_ok()
}

#[test]
fn a_read_sees_the_last_write_before_it() {
    assert!(is_linearizable(&[put(1, 2, 1), get(3, 4, Some(1))]));
    assert!(!is_linearizable(&[put(1, 2, 1), get(3, 4, None)]));
    assert!(!is_linearizable(&[
        put(1, 2, 1),
        put(3, 4, 2),
        get(5, 6, Some(1))
    ]));
}

#[test]
fn concurrent_writes_may_come_in_either_order_but_in_one() {
    let writes = [put(1, 10, 1), put(1, 10, 2)];
    let with = |reads: &[Operation]| is_linearizable(&[&writes, reads].concat());
    assert!(with(&[get(11, 12, Some(1))]));
    assert!(with(&[get(11, 12, Some(2))]));
    assert!(with(&[
        get(2, 3, Some(2)),
        get(4, 5, Some(1)),
        get(11, 12, Some(1))
    ]));
    assert!(!with(&[get(11, 12, Some(1)), get(13, 14, Some(2))]));
}

#[test]
fn a_write_without_an_answer_may_happen_late_or_never_but_not_twice() {
    let unknown = lost(put(1, 2, 1));
    assert!(is_linearizable(&[unknown, get(3, 4, None)]));
    assert!(is_linearizable(&[unknown, get(3, 4, None), get(5, 6, Some(1))]));
    assert!(!is_linearizable(&[unknown, get(3, 4, Some(1)), get(5, 6, None)]));
    assert!(!is_linearizable(&[
        unknown,
        put(3, 4, 2),
        get(5, 6, Some(1)),
        put(7, 8, 3),
        get(9, 10, Some(1))
    ]));
}

#[test]
fn v2_answers_tell_of_the_state_they_met() {
    let create = Action::Create { value: Value(7) };
    let swap = Action::CompareAndSwap {
        expected: Value(1),
        value: Value(2),
    };
    let delete = |outcome| operation(5, 6, Action::Delete, outcome);
    let first = put(1, 2, 1);
    assert!(is_linearizable(&[
        first,
        operation(3, 4, create, Outcome::Exists)
    ]));
    assert!(!is_linearizable(&[operation(3, 4, create, Outcome::Exists)]));
    let swapped = operation(3, 4, swap, Outcome::Done { previous: None });
    assert!(is_linearizable(&[first, swapped, get(5, 6, Some(2))]));
    assert!(!is_linearizable(&[swapped]));
    assert!(!is_linearizable(&[
        first,
        operation(3, 4, swap, Outcome::Differs)
    ]));
    assert!(is_linearizable(&[
        first,
        delete(Outcome::Deleted(1)),
        get(7, 8, None)
    ]));
    assert!(!is_linearizable(&[first, delete(Outcome::Deleted(0))]));
    assert!(!is_linearizable(&[first, delete(Outcome::NotFound)]));
    let removed = |value| Outcome::Done {
        previous: Some(Some(Value(value))),
    };
    assert!(is_linearizable(&[first, delete(removed(1))]));
    assert!(!is_linearizable(&[first, delete(removed(2))]));
}

#[test]
fn the_story_shows_the_operation_that_does_not_fit() {
    let stale = get(50, 51, Some(1));
    let history = [
        put(1, 2, 1),
        get(3, 4, Some(1)),
        put(5, 6, 2),
        get(7, 8, Some(2)),
        stale,
        put(60, 61, 3),
    ];
    let error = check(&history).unwrap_err();
    assert!(error.around.contains(&stale), "{:?}", error.around);
    assert!(!error.around.contains(&history[0]));
}

/// Tries every order of all subsets that leave out only what has no answer: slow and plainly right.
fn oracle(operations: &[Operation], state: Option<Value>) -> bool {
    if operations.iter().all(|operation| !operation.succeeded()) {
        return true;
    }
    let deadline = operations
        .iter()
        .filter(|operation| operation.succeeded())
        .map(|operation| operation.returned)
        .min();
    (0..operations.len()).any(|first| {
        let mut rest = operations.to_vec();
        let next = rest.remove(first);
        next.called <= deadline.expect("there is one")
            && effect(state, next.action, next.outcome).is_some_and(|after| oracle(&rest, after))
    })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let value = || (1u32..4).prop_map(Value);
    let found = || proptest::option::of(value());
    let call = prop_oneof![
        (value(), proptest::option::of(found())).prop_map(|(value, previous)| {
            (
                Action::Put {
                    value,
                    previous: previous.is_some(),
                },
                Outcome::Done { previous },
            )
        }),
        value().prop_map(|value| (
            Action::Put {
                value,
                previous: false
            },
            Outcome::Unknown
        )),
        found().prop_map(|value| (Action::Get { linearizable: true }, Outcome::Found(value))),
        prop_oneof![
            Just(Outcome::Deleted(0)),
            Just(Outcome::Deleted(1)),
            Just(Outcome::Unknown),
            Just(Outcome::NotFound)
        ]
        .prop_map(|outcome| (Action::Delete, outcome)),
        (
            value(),
            prop_oneof![
                Just(Outcome::Exists),
                Just(Outcome::Unknown),
                Just(Outcome::Done { previous: None })
            ]
        )
            .prop_map(|(value, outcome)| (Action::Create { value }, outcome)),
        (
            value(),
            value(),
            prop_oneof![
                Just(Outcome::Differs),
                Just(Outcome::Unknown),
                Just(Outcome::Done { previous: None })
            ]
        )
            .prop_map(|(expected, value, outcome)| (Action::CompareAndSwap { expected, value }, outcome)),
    ];
    (0u64..12, 1u64..8, call)
        .prop_map(|(called, takes, (action, outcome))| operation(called, called + takes, action, outcome))
}

/// Each value is written by one operation: what another one writes too becomes a value of its own.
fn written_once(mut operations: Vec<Operation>) -> Vec<Operation> {
    let mut written = BTreeSet::new();
    for (number, operation) in operations.iter_mut().enumerate() {
        let own = Value(100 + u32::try_from(number).unwrap());
        match &mut operation.action {
            Action::Put { value, .. } | Action::Create { value } | Action::CompareAndSwap { value, .. } => {
                if !written.insert(*value) {
                    *value = own;
                }
            }
            Action::Get { .. } | Action::Delete => {}
        }
    }
    operations
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_trying_every_order(operations in proptest::collection::vec(any_operation(), 0..7)) {
        let operations = written_once(operations);
        prop_assert_eq!(is_linearizable(&operations), oracle(&operations, None), "{:?}", operations);
    }
}
