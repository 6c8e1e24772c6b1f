use super::*;
use crate::types::Body;
use proptest::prelude::*;

fn position(term: u64, index: u64) -> Position {
    Position {
        term: Term(term),
        index: Index(index),
    }
}

fn log_of(terms: &[u64]) -> Log {
    let entries = terms
        .iter()
        .zip(1..)
        .map(|(&term, index)| Entry {
            position: position(term, index),
            body: Body::Blank,
        })
        .collect();
    Log::new(SnapshotMark::default(), entries)
}

#[test]
fn the_hint_skips_a_whole_term() {
    // Figure 7 (f) seen by a leader whose entry at 9 is of term 5.
    let log = log_of(&[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]);
    assert_eq!(log.last_agreeable(position(5, 9)), Some(position(3, 9)));
    assert_eq!(log.last_agreeable(position(2, 9)), Some(position(2, 6)));
    assert_eq!(log.last_agreeable(position(5, 40)), Some(position(3, 11)));
    assert_eq!(log.last_agreeable(position(5, u64::MAX)), Some(position(3, 11)));
    assert_eq!(log.last_agreeable(position(0, 4)), Some(position(0, 0)));
}

/// The log that a restart begins with may be many times as long as what is kept of it.
#[test]
fn a_log_that_was_long_takes_little() {
    let mut log = log_of(&[1; 100_000]);
    while log.first().is_some() {
        let used = log.entries.len();
        log.drop_first();
        let all = log.entries.capacity();
        assert!(all <= (used * 4).max(PLACES_MIN * 2), "{all} places for {used}");
    }
}

#[test]
fn nothing_is_known_before_the_mark() {
    let mark = SnapshotMark {
        position: position(4, 10),
        ..SnapshotMark::default()
    };
    let log = Log::new(
        mark,
        vec![Entry {
            position: position(5, 11),
            body: Body::Blank,
        }],
    );
    assert_eq!(log.term_at(Index(9)), None);
    assert_eq!(log.term_at(Index(10)), Some(Term(4)));
    assert_eq!(log.term_at(Index(11)), Some(Term(5)));
    assert_eq!(log.term_at(Index(12)), None);
    assert_eq!(log.last_agreeable(position(4, 10)), Some(position(4, 10)));
    assert_eq!(log.last_agreeable(position(4, 11)), Some(position(4, 10)));
    assert_eq!(log.last_agreeable(position(3, 11)), None);
    assert_eq!(log.last_agreeable(position(4, 9)), None);
}

/// Step by step, as the rule says it.
fn last_agreeable_slowly(log: &Log, limit: Position) -> Option<Position> {
    let mut index = limit.index.min(log.last().index);
    loop {
        let term = log.term_at(index)?;
        if term <= limit.term {
            return Some(Position { term, index });
        }
        index = Index(index.0.checked_sub(1)?);
    }
}

proptest! {
    /// The log against a plain vector.
    #[test]
    fn behaves_like_a_vector(
        terms in prop::collection::vec(1u64..6, 0..30),
        drop in 0usize..30,
        keep in 0usize..30,
        from in 0u64..40,
        bytes_max in 0usize..500,
    ) {
        let mut terms = terms;
        terms.sort_unstable();
        let mut log = log_of(&terms);
        let (drop, keep) = (drop.min(keep), keep.min(terms.len()));
        let drop = drop.min(keep);
        (0..drop).for_each(|_| log.drop_first());
        log.truncate_after(Index(keep as u64));
        terms.truncate(keep);
        let term_at = |index: usize| index.checked_sub(1).map_or(0, |slot| terms[slot]);
        prop_assert_eq!(log.mark().position, position(term_at(drop), drop as u64));
        prop_assert_eq!(log.last(), position(term_at(keep), keep as u64));
        prop_assert_eq!(log.bytes(), (keep - drop) * Entry::BYTES);
        let slice = log.slice(Index(from), usize::MAX);
        let from = from as usize;
        let expected = if from <= drop { 0 } else { (keep + 1).saturating_sub(from) };
        prop_assert_eq!(slice.len(), expected);
        for index in 0..=keep + 1 {
            let known = (drop..=keep).contains(&index).then(|| Term(term_at(index)));
            prop_assert_eq!(log.term_at(Index(index as u64)), known);
        }
        let tail = keep - log.tail_begins_after(Index(keep as u64), bytes_max).0 as usize;
        prop_assert_eq!(tail, (bytes_max / Entry::BYTES).min(keep - drop));
    }

    #[test]
    fn the_binary_search_finds_what_the_rule_says(
        terms in prop::collection::vec(1u64..6, 0..30),
        drop in 0usize..30,
        limit in (0u64..7, 0u64..40),
    ) {
        let mut terms = terms;
        terms.sort_unstable();
        let mut log = log_of(&terms);
        (0..drop.min(terms.len())).for_each(|_| log.drop_first());
        let limit = position(limit.0, limit.1);
        prop_assert_eq!(log.last_agreeable(limit), last_agreeable_slowly(&log, limit));
    }
}

/// What may be done to a log.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// An entry with so many bytes, in the last term or one later.
    Append(u64, usize),
    DropFirst,
    TruncateAfter(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0u64..2, 0usize..9).prop_map(|(later, len)| Change::Append(later, len)),
        2 => Just(Change::DropFirst),
        1 => (0u64..20).prop_map(Change::TruncateAfter),
    ]
}

fn weight(entries: &[Entry]) -> usize {
    entries.iter().map(Entry::bytes).sum()
}

proptest! {
    /// Any changes in any order, after each of which the log says what a vector with a beginning says.
    #[test]
    fn stays_like_a_vector(changes in prop::collection::vec(change(), 0..60), first in 0u64..30, bytes_max in 0usize..400) {
        let (mut mark, mut model) = (Position::default(), Vec::<Entry>::new());
        let mut log = log_of(&[]);
        for change in changes {
            match change {
                Change::Append(later, len) => {
                    let last = model.last().map_or(mark, |entry| entry.position);
                    let entry = Entry {
                        position: position(last.term.0 + later, last.index.0 + 1),
                        body: Body::Command(vec![0; len].into()),
                    };
                    model.push(entry.clone());
                    log.append(entry);
                }
                Change::DropFirst if model.is_empty() => {}
                Change::DropFirst => {
                    mark = model.remove(0).position;
                    log.drop_first();
                }
                Change::TruncateAfter(index) => {
                    let index = Index(index.max(mark.index.0));
                    model.retain(|entry| entry.position.index <= index);
                    log.truncate_after(index);
                }
            }
            prop_assert!(log.iter().eq(&model));
            prop_assert_eq!(log.mark().position, mark);
            prop_assert_eq!(log.first(), model.first());
            prop_assert_eq!(log.last(), model.last().map_or(mark, |entry| entry.position));
            prop_assert_eq!(log.bytes(), weight(&model));
            let from = |entry: &Entry| entry.position.index >= Index(first);
            let rest: Vec<Entry> = model.iter().filter(|entry| from(entry)).cloned().collect();
            let slice = log.slice(Index(first), bytes_max);
            if first <= mark.index.0 {
                prop_assert_eq!(slice, vec![]);
            } else {
                // One at least, and then as many as fit.
                prop_assert!(rest.starts_with(&slice));
                prop_assert_eq!(slice.is_empty(), rest.is_empty());
                prop_assert!(slice.len() <= 1 || weight(&slice) <= bytes_max);
                prop_assert!(slice.len() == rest.len() || weight(&rest[..=slice.len()]) > bytes_max);
            }
        }
    }
}
