//! A fingerprint tells apart what behaves differently, and nothing else.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::cluster::Cluster;
use crate::progress::Pace;
use crate::role::{Leader, Role};
use crate::*;

fn config() -> Config {
    Config {
        pre_vote: false,
        check_quorum: false,
        ..Config::new(NodeId(0), 0)
    }
}

/// The first of three leads; its last entry is being saved, and one more waits for the next Save.
fn leader() -> Raft {
    let mut cluster = Cluster::new(3, config());
    cluster.tick(NodeId(1));
    cluster.settle();
    for command in ["a", "b"] {
        let taken = cluster.propose(NodeId(1), Bytes::from(command));
        assert!(matches!(taken, Some(Ok(_))));
    }
    cluster.raft(NodeId(1)).expect("it is up").clone()
}

fn lead(raft: &mut Raft) -> &mut Leader {
    match &mut raft.role {
        Role::Leader(leader) => leader,
        _ => panic!("it leads"),
    }
}

fn second(raft: &mut Raft) -> &mut crate::progress::Progress {
    lead(raft)
        .progress
        .get_mut(&NodeId(2))
        .expect("the second follows")
}

/// For every field of `$type`: the node changed by `$change` has another fingerprint, or the same if it is left out. A
/// field that is not listed does not compile.
macro_rules! every_field {
    ($type:ident of $base:expr; $($field:ident: $change:expr),* $(,)? $(; left out: $($out:ident: $same:expr),*)?) => {{
        let _ = |$type { $($field: _,)* $($($out: _,)*)? }: $type| ();
        let base: &Raft = $base;
        let with = |change: &dyn Fn(&mut Raft)| {
            let mut raft = base.clone();
            change(&mut raft);
            raft.fingerprint()
        };
        $(assert_ne!(with(&$change), base.fingerprint(), "{} counts", stringify!($type.$field));)*
        $($(assert_eq!(with(&$same), base.fingerprint(), "{} is left out", stringify!($type.$out));)*)?
    }};
}

type Progress = crate::progress::Progress;

#[test]
fn every_field_of_a_node_counts() {
    every_field!(Raft of &leader();
        config: |raft| raft.config.pre_vote = true,
        ballot: |raft| raft.ballot.term = Term(2),
        role: |raft| raft.role = Role::Follower { leader: Some(NodeId(1)) },
        term_leader: |raft| raft.term_leader = Some(NodeId(2)),
        log: |raft| raft.log.truncate_after(Index(1)),
        memberships: |raft| {
            raft.memberships.appended(Index(3), &Body::Change(Box::default()));
        },
        commit_index: |raft| raft.commit_index = Index(2),
        last_applied: |raft| raft.last_applied = Index(0),
        persist: |raft| raft.persist.ballot_changed(),
        receiving: |raft| {
            let mark = SnapshotMark {
                position: Position { term: Term(1), index: Index(9) },
                membership: raft.log_membership().clone(),
            };
            raft.role = Role::Follower { leader: Some(NodeId(2)) };
            raft.term_leader = Some(NodeId(2));
            let before = raft.fingerprint();
            raft.receive(raft.now, Envelope {
                from: NodeId(2),
                to: NodeId(1),
                term: Term(1),
                message: Message::InstallSnapshot {
                    mark: Box::new(mark), offset: 0, data: Bytes::new(), checksum: 0, last: false,
                },
            });
            assert!(raft.receiving.is_some());
            let with = raft.receiving.take();
            let without = raft.fingerprint();
            raft.receiving = with;
            assert_ne!(raft.fingerprint(), without);
            assert_ne!(before, without, "its answer is held");
        },
        compact_to: |raft| raft.compact_to = Index(1),
        indulged: |raft| {
            raft.indulged.insert(NodeId(3));
        },
        helped: |raft| {
            raft.helped.insert(NodeId(3), Term(1));
        },
        only_behind: |raft| raft.only_behind = true,
        booted_at: |raft| raft.booted_at = Time::NEVER,
        contact: |raft| raft.heard_leader(NodeId(2)),
        election_deadline: |raft| raft.election_deadline = Time::NEVER,
        hands_over_again: |raft| raft.hands_over_again = Time::NEVER,
        held: |raft| raft.answer_after(Stamp(9), NodeId(2), Message::TimeoutNow),
        outbox: |raft| raft.explain(Why::Won { term: Term(1) }),
        asked_reads: |raft| raft.ask_leader(NodeId(2), ReadId(1)).expect("it is asked"),
        halted: |raft| raft.halted = true,
        wants_state: |raft| raft.wants_state = true,
        stands_back: |raft| raft.stands_back = true,
        is_leaving: |raft| raft.is_leaving = true,
        ; left out:
        // So little that nothing is due, and nothing long ago, that was not before.
        now: |raft| raft.now = Time(raft.now.0 + 1),
        random: |raft| {
            raft.random.next_u64();
        }
    );
}

#[test]
fn every_field_of_the_settings_counts() {
    every_field!(Config of &leader();
        id: |raft| raft.config.id = NodeId(2),
        boot: |raft| raft.config.boot = Boot(2),
        election_timeout: |raft| raft.config.election_timeout *= 2,
        heartbeat_interval: |raft| raft.config.heartbeat_interval *= 2,
        pre_vote: |raft| raft.config.pre_vote = true,
        check_quorum: |raft| raft.config.check_quorum = true,
        disk_stall_max: |raft| raft.config.disk_stall_max *= 2,
        version: |raft| raft.config.version = Version(1),
        limits: |raft| raft.config.limits.tail_bytes_max = 1,
        mutant: |raft| raft.config.mutant = Some(Mutant::VoteTwice),
        ; left out:
        seed: |raft| raft.config.seed += 1
    );
}

#[test]
fn every_field_of_a_leader_counts() {
    every_field!(Leader of &leader();
        progress: |raft| {
            lead(raft).progress.remove(&NodeId(3));
        },
        first_index: |raft| lead(raft).first_index = Index(2),
        heartbeat_deadline: |raft| lead(raft).heartbeat_deadline = Time(0),
        reads: |raft| lead(raft).reads.round = Round(1),
        uncommitted_bytes: |raft| lead(raft).uncommitted_bytes = 99,
        busy_explained: |raft| lead(raft).busy_explained = true,
        transfer: |raft| raft.begin_transfer(NodeId(2)),
        prefers_at: |raft| lead(raft).prefers_at = Time(0),
        has_told_to_stand: |raft| lead(raft).has_told_to_stand = true,
    );
}

#[test]
fn what_a_leader_knows_of_a_follower_counts() {
    let base = leader();
    let changes: [fn(&mut Progress); 18] = [
        |progress| progress.match_index = Index(0),
        |progress| progress.next_index = Index(1),
        |progress| {
            progress.pace = Pace::Probe {
                outstanding: false,
                bare: false,
            }
        },
        |progress| {
            progress.pace = Pace::Probe {
                outstanding: true,
                bare: false,
            }
        },
        |progress| {
            progress.pace = Pace::Probe {
                outstanding: true,
                bare: true,
            }
        },
        |progress| progress.resend_deadline = Time::NEVER,
        |progress| progress.acknowledged_round = Round(1),
        |progress| progress.sent_round = Round(1),
        |progress| progress.sent_commit = Index(9),
        |progress| progress.heartbeat_due = !progress.heartbeat_due,
        |progress| progress.pause_explained = !progress.pause_explained,
        |progress| progress.probed_through = Index(9),
        |progress| progress.heard_at = Time::NEVER,
        |progress| progress.understands = Some(Version(7)),
        |progress| progress.rounds = Default::default(),
        |progress| progress.follows_snapshot = true,
        |progress| progress.wants_from = Some(Index(1)),
        |progress| progress.stands_back = true,
    ];
    let mut seen = vec![base.fingerprint()];
    for change in changes {
        let mut raft = base.clone();
        change(second(&mut raft));
        seen.push(raft.fingerprint());
    }
    // What is on its way has no other face than this.
    let mut raft = base.clone();
    second(&mut raft).sent(Index(9), 1, Time(0));
    seen.push(raft.fingerprint());
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "all of them differ");
}

#[test]
fn how_far_the_disk_is_counts_and_the_stamps_do_not() {
    let being_saved = leader();
    let mut one_saved = being_saved.clone();
    one_saved
        .saved(being_saved.persist.saving())
        .expect("it is in flight");
    assert_ne!(one_saved.fingerprint(), being_saved.fingerprint());
    let mut cut = one_saved.clone();
    while cut.poll().is_some() {}
    assert_ne!(cut.fingerprint(), one_saved.fingerprint());

    // The same state by a longer way: votes for the same candidate of a later term, saved one by one or at once.
    let after = |terms: &[u64]| {
        let mut cluster = Cluster::new(3, config());
        for &term in terms {
            cluster.deliver(Envelope {
                from: NodeId(2),
                to: NodeId(1),
                term: Term(term),
                message: Message::RequestVote {
                    last: Position::default(),
                    transfer: false,
                },
            });
            cluster.settle();
        }
        cluster.raft(NodeId(1)).expect("it is up").clone()
    };
    assert_ne!(after(&[1, 2]).persist.changed(), after(&[2]).persist.changed());
    assert_eq!(after(&[1, 2]).fingerprint(), after(&[2]).fingerprint());
}

#[test]
fn messages_have_the_same_fingerprint_on_every_machine() {
    let envelope = |term| Envelope {
        from: NodeId(1),
        to: NodeId(2),
        term: Term(term),
        message: Message::AppendEntries {
            prev: Position::default(),
            entries: vec![Entry {
                position: Position {
                    term: Term(1),
                    index: Index(1),
                },
                body: Body::Command(Bytes::from_static(b"longer than a word")),
            }],
            commit: Index(0),
        },
    };
    assert_eq!(envelope(1).fingerprint(), 0x42dcd89e650b7437);
    assert_ne!(envelope(1).fingerprint(), envelope(2).fingerprint());
    let swap = |id: NodeId| NodeId(3 - id.0);
    let mut back = envelope(1);
    (back.from, back.to) = (back.to, back.from);
    assert_eq!(back.fingerprint(), envelope(1).fingerprint_renamed(&swap));
}

/// What a node may be given next, whatever it looks like.
fn inputs(raft: &Raft, wire: &[Envelope]) -> Vec<Envelope> {
    let mine = |envelope: &&Envelope| envelope.to == raft.config.id;
    wire.iter().filter(mine).cloned().collect()
}

/// What follows from an input, with times and stamps left out.
fn outcome(raft: &Raft, input: impl FnOnce(&mut Raft)) -> (u64, Vec<u64>) {
    let mut raft = raft.clone();
    input(&mut raft);
    let mut said = Vec::new();
    while let Some(output) = raft.poll() {
        match output {
            Output::Send(envelope) => said.push(envelope.fingerprint()),
            Output::Save(save) => said.push(save.fingerprint()),
            _ => {}
        }
    }
    (raft.fingerprint(), said)
}

/// Nodes of many runs: whenever two have the same fingerprint, whatever one does on any message, Save or proposal the
/// other does too.
#[test]
fn equal_fingerprints_behave_equally() {
    let mut known: BTreeMap<u64, (u64, Raft)> = BTreeMap::new();
    let mut met_again = 0;
    for seed in 0..60 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |end: usize| (dice.next_u64() % end as u64) as usize;
        let mut cluster = Cluster::new(3, config());
        for _ in 0..60 {
            let id = NodeId(1 + below(3) as u64);
            match below(10) {
                0 => cluster.tick(id),
                1 => drop(cluster.propose(id, Bytes::from_static(b"x"))),
                2..5 => cluster.saved(id),
                _ if cluster.wire.is_empty() => {}
                _ => {
                    let envelope = cluster.wire.remove(below(cluster.wire.len()));
                    cluster.deliver(envelope);
                }
            }
            let raft = cluster.raft(id).expect("it is up");
            let (first_seed, first) = known
                .entry(raft.fingerprint())
                .or_insert_with(|| (seed, raft.clone()));
            if *first_seed == seed {
                continue;
            }
            met_again += 1;
            for envelope in inputs(raft, &cluster.wire) {
                let receive = |raft: &mut Raft| raft.receive(raft.now, envelope.clone());
                assert_eq!(outcome(first, receive), outcome(raft, receive), "{envelope:?}");
            }
            let propose = |raft: &mut Raft| {
                let _refusal = raft.propose(Bytes::from_static(b"y"));
            };
            assert_eq!(outcome(first, propose), outcome(raft, propose));
            let save = |raft: &mut Raft| {
                if raft.persist.is_saving() {
                    raft.saved(raft.persist.saving()).expect("it is in flight");
                }
            };
            assert_eq!(outcome(first, save), outcome(raft, save));
            // Long after all that either remembers: how long ago that is for now is left out.
            let tick = |raft: &mut Raft| {
                if !raft.is_leader() {
                    raft.tick(Time(raft.now.0 + 100_000_000));
                }
            };
            assert_eq!(outcome(first, tick), outcome(raft, tick));
        }
    }
    assert!(met_again > 500, "only {met_again} states were met again");
}
