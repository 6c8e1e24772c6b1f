//! Random lines: whatever a script does, nothing breaks; and once it lets things be, the cluster agrees again.

use proptest::prelude::*;
use raft_core::NodeId;

use super::error::Problem;
use super::run::{Options, Session};
use super::trace::text;

/// One line; those that cannot be carried out just now change nothing.
fn line(nodes: u64) -> impl Strategy<Value = String> {
    let node = move || 1..=nodes;
    let link = move || (node(), node()).prop_map(|(a, b)| format!("{a}->{b}"));
    prop_oneof![
        12 => link().prop_map(|link| format!("deliver {link}")),
        6 => Just("deliver all".to_owned()),
        2 => link().prop_map(|link| format!("drop {link}")),
        2 => link().prop_map(|link| format!("dup {link}")),
        4 => (link(), 1u64..40).prop_map(|(link, id)| format!("deliver {link}#{id}")),
        4 => Just("stabilize".to_owned()),
        2 => node().prop_map(move |alone| partition(alone, nodes)),
        6 => node().prop_map(|id| format!("put {id} x")),
        2 => (node(), 0u64..99).prop_map(|(id, read)| format!("read {id} {read}")),
        4 => node().prop_map(|id| format!("campaign {id}")),
        4 => node().prop_map(|id| format!("tick {id}")),
        2 => (1u64..600).prop_map(|ms| format!("wait {ms}")),
        6 => node().prop_map(|id| format!("saved {id}")),
        1 => (node(), any::<bool>()).prop_map(|(id, auto)| format!("disk {id} {}", if auto { "auto" } else { "manual" })),
        2 => (node(), any::<bool>()).prop_map(|(id, all)| format!("crash {id} lose={}", if all { "all" } else { "none" })),
        3 => node().prop_map(|id| format!("restart {id}")),
        1 => link().prop_map(|link| format!("cut {link}")),
        1 => Just("heal".to_owned()),
    ]
}

/// One node apart from the others.
fn partition(alone: u64, nodes: u64) -> String {
    let others: Vec<String> = (1..=nodes)
        .filter(|&id| id != alone)
        .map(|id| id.to_string())
        .collect();
    format!("partition {{{alone}}}|{{{}}}", others.join(" "))
}

/// Whether the run goes on: a line that makes no sense just now is passed over, a broken property is not.
fn carry_out(session: &mut Session, text: &str) -> Result<(), Problem> {
    match session.step(1, text) {
        Err(
            problem @ (Problem::Broken(_)
            | Problem::Stale(_)
            | Problem::Restless(_)
            | Problem::DeadlineStuck(_)
            | Problem::Argument { .. }),
        ) => Err(problem),
        _ => Ok(()),
    }
}

/// Everything works again, and time passes.
fn let_be(session: &mut Session, nodes: u64) -> Result<(), Problem> {
    carry_out(session, "heal")?;
    for id in 1..=nodes {
        carry_out(session, &format!("restart {id}"))?;
        carry_out(session, &format!("disk {id} auto"))?;
    }
    for _ in 0..600 {
        carry_out(session, "stabilize")?;
        carry_out(session, "wait 20")?;
    }
    carry_out(session, "stabilize")
}

fn run(nodes: u64, lines: &[String]) -> Result<Session, (Problem, String)> {
    let mut session = Session::new(Options::default());
    let go = |session: &mut Session, text: &str| {
        carry_out(session, text).map_err(|problem| (problem, trace(session)))
    };
    go(&mut session, &format!("cluster {nodes} append_bytes=2"))?;
    for text in lines {
        go(&mut session, text)?;
    }
    let_be(&mut session, nodes).map_err(|problem| (problem, trace(&mut session)))?;
    Ok(session)
}

fn trace(session: &mut Session) -> String {
    text(&session.lines())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_and_all_agree_in_the_end(
        (nodes, lines) in (1u64..=5).prop_flat_map(|nodes| (Just(nodes), prop::collection::vec(line(nodes), 0..200)))
    ) {
        let mut session = run(nodes, &lines).map_err(|(problem, trace)| TestCaseError::fail(format!("{problem}\n{trace}")))?;
        let rafts: Vec<_> = (1..=nodes).map(|id| session.cluster.raft(NodeId(id)).expect("all are up").clone()).collect();
        let agree = rafts.iter().any(raft_core::Raft::is_leader)
            && rafts.iter().all(|raft| (raft.last(), raft.commit_index()) == (rafts[0].last(), rafts[0].last().index));
        prop_assert!(agree, "{}", trace(&mut session));
    }
}
