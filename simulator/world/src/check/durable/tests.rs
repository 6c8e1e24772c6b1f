use raft_core::{AppendOutcome, Body, Boot, Entry, Envelope, LogChange, Message, Stamp, VoteAnswer};

use super::*;

const ONE: NodeId = NodeId(1);

fn durable() -> Durable {
    Durable::new((1..=3).map(NodeId))
}

fn save(term: u64, indexes: std::ops::RangeInclusive<u64>) -> Save {
    let entry = |index| Entry {
        position: Position {
            term: Term(term),
            index: Index(index),
        },
        body: Body::Blank,
    };
    Save {
        stamp: Stamp(1),
        ballot: Some(Ballot {
            term: Term(term),
            voted_for: Some(ONE),
        }),
        commit: Index(0),
        log: LogChange::Append(indexes.map(entry).collect()),
    }
}

fn says(durable: &Durable, term: u64, message: Message) -> bool {
    let envelope = Envelope {
        from: ONE,
        to: NodeId(2),
        term: Term(term),
        message,
    };
    let message = PeerMessage {
        from: ONE,
        from_boot: Boot(1),
        to: NodeId(2),
        parts: vec![Part::Raft(envelope)],
    };
    durable.says(&message).is_ok()
}

#[test]
fn a_promise_needs_a_sync() {
    let mut durable = durable();
    let matched = || Message::AppendEntriesReply(AppendOutcome::Matched(Index(2)));
    let candidacy = || Message::RequestVote {
        last: Position::default(),
        transfer: false,
    };
    durable.writing(ONE, &save(3, 1..=2));
    assert!(!says(&durable, 3, matched()));
    assert!(!says(&durable, 3, candidacy()));
    durable.synced(ONE);
    assert!(says(&durable, 3, matched()));
    assert!(says(&durable, 3, candidacy()));
    assert!(
        !says(&durable, 3, Message::RequestVoteReply(VoteAnswer::Granted)),
        "the vote was another's"
    );
    assert!(
        !says(&durable, 4, Message::RequestVoteReply(VoteAnswer::Refused)),
        "the term is not on disk"
    );
}

#[test]
fn an_entry_replaced_on_disk_is_gone_from_it() {
    let mut durable = durable();
    for save in [save(1, 1..=3), save(2, 2..=2)] {
        durable.writing(ONE, &save);
        durable.synced(ONE);
    }
    let held = &durable.disks[&ONE].synced;
    assert_eq!(held.terms, [Term(1), Term(2)]);
}

#[test]
fn what_only_a_snapshot_told_of_is_known_no_more_than_it_can_be_read() {
    let log = |commit| log::Log {
        commit: Index(commit),
        terms: vec![Term(1); 9],
        ..log::Log::default()
    };
    // Saves said 6, the mark of a snapshot 8.
    assert!([6, 7, 8].iter().all(|&commit| log(commit).is(&log(8), Index(6))));
    assert!(!log(5).is(&log(8), Index(6)) && !log(9).is(&log(8), Index(6)));
    let shorter = log::Log {
        terms: vec![Term(1); 8],
        ..log(8)
    };
    assert!(!shorter.is(&log(8), Index(6)));
}
