//! Rules of one core, each with a short run that shows it.

use bytes::Bytes;

use super::cluster::Cluster;
use crate::*;

const OWN: NodeId = NodeId(1);
const PEER: NodeId = NodeId(2);

/// Three members, of which the first leads, with nothing under way.
fn led_by_the_first(config: Config) -> Cluster {
    let mut cluster = Cluster::new(3, config);
    cluster.honest = false;
    cluster.tick(OWN);
    cluster.settle();
    assert_eq!(cluster.leader(), Some(OWN));
    cluster
}

fn usual() -> Config {
    Config::new(NodeId(0), 0)
}

fn say(cluster: &mut Cluster, term: Term, message: Message) {
    cluster.deliver(Envelope {
        from: PEER,
        to: OWN,
        term,
        message,
    });
}

#[test]
fn a_message_that_makes_no_sense_changes_nothing_not_even_the_term() {
    let mut cluster = led_by_the_first(usual());
    let (term, later) = (Term(1), Term(5));
    let prev = Position {
        term: Term(9),
        index: Index(1),
    };
    let append = Message::AppendEntries {
        prev,
        entries: vec![],
        commit: Index(0),
    };
    say(&mut cluster, later, append);
    say(
        &mut cluster,
        later,
        Message::RequestVote {
            last: prev,
            transfer: true,
        },
    );
    let last = Position::default();
    say(
        &mut cluster,
        Term(u64::MAX),
        Message::RequestVote { last, transfer: true },
    );
    assert_eq!(cluster.raft(OWN).map(Raft::term), Some(term));
    assert_eq!(cluster.leader(), Some(OWN));
}

/// They would leave a cluster that nobody can lead, or one in which a majority is counted wrong.
#[test]
fn a_membership_that_cannot_be_changes_nothing_not_even_the_term() {
    let of = |id: u64| std::collections::BTreeSet::from([NodeId(id)]);
    let three = || Membership::of_voters((1..=3).map(|id| (NodeId(id), vec![])));
    let mut nobody = three();
    nobody.voters.clear();
    let mut twice = three();
    twice.learners = of(3);
    let mut removed = three();
    removed.removed = of(3);
    let mut demoted = three();
    (demoted.voters, demoted.learners, demoted.outgoing) = (of(1), of(3), three().voters);
    for (membership, can_be) in [(nobody, false), (twice, false), (removed, false), (demoted, true)] {
        let mut cluster = led_by_the_first(usual());
        let (term, later) = (Term(1), Term(5));
        let prev = cluster.raft(OWN).expect("it is up").last();
        let position = Position {
            term,
            index: prev.index.next(),
        };
        let mark = SnapshotMark {
            position,
            membership: membership.clone(),
        };
        let body = Body::Change(Box::new(membership));
        let append = Message::AppendEntries {
            prev,
            entries: vec![Entry { position, body }],
            commit: Index(0),
        };
        say(&mut cluster, later, append);
        assert_eq!(
            cluster.raft(OWN).map(Raft::term),
            Some(if can_be { later } else { term })
        );
        let mut cluster = led_by_the_first(usual());
        let install = Message::InstallSnapshot {
            mark: Box::new(mark),
            offset: 0,
            data: Bytes::new(),
            checksum: 0,
            last: false,
        };
        say(&mut cluster, later, install);
        assert_eq!(
            cluster.raft(OWN).map(Raft::term),
            Some(if can_be { later } else { term })
        );
    }
}

/// What a snapshot covers is committed, its last entry as well.
#[test]
fn an_entry_in_the_place_of_the_marks_is_alarmed() {
    let mut cluster = led_by_the_first(usual());
    cluster.propose(OWN, Bytes::from_static(b"x"));
    cluster.calm(1_000_000);
    let limits = Limits {
        tail_bytes_max: 0,
        ..Limits::default()
    };
    cluster.input(PEER, |raft, _| raft.set_limits(limits));
    cluster.input(PEER, |raft, _| raft.compact(Index(u64::MAX)));
    let raft = cluster.raft(PEER).expect("it is up");
    let (term, mark) = (Term(2), raft.last());
    assert_eq!(raft.log_bytes(), 0, "the log begins after it");
    let append = |index: Index| Message::AppendEntries {
        prev: Position {
            term: Term(1),
            index: index.previous(),
        },
        entries: vec![Entry {
            position: Position { term, index },
            body: Body::Blank,
        }],
        commit: Index(0),
    };
    let alarmed = |cluster: &Cluster| {
        cluster
            .raft(PEER)
            .is_some_and(|raft| raft.deadline() == Time::NEVER)
    };
    let message = append(mark.index);
    assert!(!alarmed(&cluster));
    cluster.deliver(Envelope {
        from: OWN,
        to: PEER,
        term,
        message,
    });
    assert!(alarmed(&cluster));
}

/// A member that was added late knows no membership as of the entries before.
#[test]
fn no_snapshot_is_offered_of_a_state_whose_members_are_unknown() {
    let entry = |index: u64, body| Entry {
        position: Position {
            term: Term(1),
            index: Index(index),
        },
        body,
    };
    let mut membership = Membership::of_voters([(OWN, vec![])]);
    membership.learners.insert(PEER);
    let image = Image {
        commit: Index(2),
        entries: vec![
            entry(1, Body::Blank),
            entry(2, Body::Blank),
            entry(3, Body::Change(Box::new(membership))),
        ],
        ..Image::default()
    };
    let limits = Limits {
        tail_bytes_max: 0,
        ..Limits::default()
    };
    let config = Config {
        id: OWN,
        limits,
        ..usual()
    };
    let mut raft = Raft::boot(config, image, Time(0));
    let outputs = |raft: &mut Raft| -> Vec<Output> { std::iter::from_fn(|| raft.poll()).collect() };
    let save = |output: &Output| match output {
        Output::Save(save) => Some(save.stamp),
        _ => None,
    };
    // Its vote for itself is durable, what it adds as a leader is not.
    let stamp = outputs(&mut raft).iter().find_map(save).expect("it votes");
    raft.saved(stamp).expect("it is in flight");
    outputs(&mut raft);
    assert!(raft.is_leader());
    raft.compact(Index(2));
    let prev = Position {
        term: Term(1),
        index: Index(3),
    };
    let hint = Position::default();
    raft.receive(
        Time(0),
        Envelope {
            from: PEER,
            to: OWN,
            term: raft.term(),
            message: Message::AppendEntriesReply(AppendOutcome::Rejected { prev, hint }),
        },
    );
    let is_asked = |output: &Output| matches!(output, Output::NeedSnapshot { peer: PEER });
    assert!(
        outputs(&mut raft).iter().any(is_asked),
        "the log does not reach back so far"
    );
    let mark = raft.mark_at(Index(2)).expect("it is the mark");
    assert!(!raft.offer_snapshot(PEER, mark.position));
}

#[test]
fn the_last_term_is_the_last() {
    let mut cluster = led_by_the_first(usual());
    let last = Position::default();
    say(
        &mut cluster,
        Term::MAX,
        Message::RequestVote { last, transfer: true },
    );
    assert_eq!(cluster.raft(OWN).map(Raft::term), Some(Term::MAX));
    cluster.tick(OWN);
    assert_eq!(cluster.raft(OWN).map(Raft::term), Some(Term::MAX));
}

#[test]
fn a_refusal_of_an_entry_that_cannot_be_is_dropped() {
    let mut cluster = led_by_the_first(usual());
    let prev = Position {
        term: Term(1),
        index: Index(u64::MAX),
    };
    let refusal = AppendOutcome::Rejected { prev, hint: prev };
    say(&mut cluster, Term(1), Message::AppendEntriesReply(refusal));
    // The leader takes what it sent for lost and looks for where the logs agree.
    cluster.propose(OWN, Bytes::from_static(b"lost"));
    (0..3).for_each(|_| cluster.tick(OWN));
    cluster.wire.clear();
    say(&mut cluster, Term(1), Message::AppendEntriesReply(refusal));
    assert_eq!(cluster.wire, [], "nothing is sent in answer");
    assert_eq!(cluster.leader(), Some(OWN));
}

#[test]
fn a_leader_with_an_alarm_leads_no_more() {
    let mut cluster = led_by_the_first(usual());
    let heartbeat = Message::Heartbeat {
        round: Round(0),
        commit: Index(0),
    };
    say(&mut cluster, Term(1), heartbeat);
    let raft = cluster.raft(OWN).expect("it is up");
    assert_eq!((raft.is_leader(), raft.leader()), (false, None));
    assert_eq!(raft.deadline(), Time::NEVER);
    let refusal = cluster.propose(OWN, Bytes::new());
    assert_eq!(refusal, Some(Err(Refusal::Stopped)));
}

#[test]
fn reads_that_nobody_confirms_do_not_pile_up() {
    let mut cluster = led_by_the_first(usual());
    let read = |cluster: &mut Cluster| cluster.read(OWN);
    while read(&mut cluster) == Some(Ok(())) {
        cluster.wire.clear();
    }
    assert_eq!(read(&mut cluster), Some(Err(Refusal::Busy)));
    // A quorum answers: the next heartbeat confirms all that wait.
    cluster.tick(OWN);
    cluster.settle();
    assert_eq!(read(&mut cluster), Some(Ok(())));
}

#[test]
fn a_proposal_that_is_too_large_for_the_budget_goes_alone() {
    let mut cluster = led_by_the_first(Config {
        limits: Limits {
            uncommitted_bytes_max: 10,
            ..Limits::default()
        },
        ..usual()
    });
    let propose = |cluster: &mut Cluster, len| cluster.propose(OWN, Bytes::from(vec![0; len]));
    assert!(matches!(propose(&mut cluster, 50), Some(Ok(_))));
    assert_eq!(propose(&mut cluster, 1), Some(Err(Refusal::Busy)));
    cluster.settle();
    assert!(matches!(propose(&mut cluster, 1), Some(Ok(_))));
}
