//! Compaction that nobody asked for.

use storage::store::query::Revision;

use super::*;

const AGE: Duration = Duration::from_secs(60);

#[test]
fn the_leader_compacts_for_all_what_is_old() {
    let mut cluster = Cluster::with(3, |config| config.auto_compaction = AutoCompaction::Periodic(AGE));
    let leader = cluster.leader();
    for _ in 0..5 {
        cluster.ask(leader, put("key", "1"));
        cluster.settle();
    }
    let before = cluster.nodes[&leader].store().revision();
    assert_eq!(before, Revision(6));
    for _ in 0..3 {
        cluster.pass(AGE);
        cluster.ask(leader, put("key", "2"));
        cluster.settle();
    }
    let compacted = |cluster: &Cluster| -> Vec<Revision> {
        let nodes = cluster.nodes.values();
        nodes.map(|node| node.store().compacted()).collect()
    };
    let now = compacted(&cluster);
    assert!(
        now.iter().all(|revision| *revision == now[0]),
        "{now:?}: all at one"
    );
    assert!(now[0] >= before, "{now:?}");
    assert!(
        now[0] < cluster.nodes[&leader].store().revision(),
        "{now:?}: not the newest"
    );
}
