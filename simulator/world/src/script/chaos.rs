//! Whatever happens, nothing breaks; and once a script lets things be, the cluster agrees again.

use raft_core::NodeId;

use super::error::Problem;
use super::run::{Options, Session};
use super::trace::text;

/// Seeds tried; each is another run.
const SEEDS: u64 = 96;

/// Everything works again, and time passes.
fn let_be(session: &mut Session) -> Result<(), Problem> {
    session.step(4, "heal")?;
    for id in session.nodes() {
        session.step(5, &format!("disk {id} auto"))?;
        if session.cluster.raft(id).is_err() {
            session.step(6, &format!("restart {id}"))?;
        }
    }
    for _ in 0..600 {
        session.step(7, "stabilize")?;
        session.step(8, "wait 20")?;
    }
    session.step(9, "stabilize")
}

fn run(session: &mut Session, seed: u64) -> Result<(), Problem> {
    let nodes = 1 + seed % 5;
    session.step(2, &format!("cluster {nodes} append_bytes=2"))?;
    session.step(3, &format!("random 250 seed={seed}"))?;
    let_be(session)
}

/// The members that the leader knows have one log, all of it committed, and one state.
fn agree(session: &Session) -> bool {
    let cluster = &session.cluster;
    let Some(leader) = cluster.leader().and_then(|id| cluster.raft(id).ok()) else {
        return false;
    };
    let same = |id: NodeId| {
        let Ok(raft) = cluster.raft(id) else { return false };
        (raft.last(), raft.last_applied()) == (leader.last(), leader.last().index)
    };
    leader.log_membership().members().into_iter().all(same)
}

#[test]
fn nothing_breaks_and_all_agree_in_the_end() {
    let mut met = std::collections::BTreeSet::new();
    let mut applied = 0;
    for seed in 0..SEEDS {
        let mut session = Session::new(Options::default());
        if let Err(problem) = run(&mut session, seed) {
            panic!("seed {seed}: {problem}\n{}", text(&session.lines()));
        }
        assert!(
            agree(&session),
            "seed {seed}: no agreement\n{}",
            text(&session.lines())
        );
        met.extend(session.met().iter().copied());
        let leader = session
            .cluster
            .leader()
            .and_then(|id| session.cluster.raft(id).ok());
        applied += leader.map_or(0, |raft| raft.last_applied().0);
    }
    // Chance goes somewhere.
    assert!(
        met.len() >= 50 && applied >= 5 * SEEDS,
        "{} reasons, {applied} entries: {met:?}",
        met.len()
    );
}

#[test]
fn chance_is_the_same_twice() {
    let [first, second] = [(); 2].map(|()| {
        let mut session = Session::new(Options::default());
        run(&mut session, 4).expect("nothing breaks");
        text(&session.lines())
    });
    assert_eq!(first, second);
}
