//! `--force-new-cluster`: one member of three is left, and goes on alone.

use crate::cluster::{Cluster, get_v2, get_v3, put_v2, put_v3};

const KEYS: usize = 20;

#[test]
fn the_last_of_three_goes_on_alone_with_its_data_and_refuses_the_others() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.wait_leader();
    let last = (leader + 1) % 3;
    let mut http = cluster.members[last].http();
    for number in 0..KEYS {
        put_v3(&mut http, &format!("k{number}"), "kept").expect("a write");
    }
    for member in &mut cluster.members {
        member.kill();
    }

    let survivor = &mut cluster.members[last];
    survivor.args(&["--force-new-cluster"]).restart();
    survivor.log().wait_for("goes on alone, by --force-new-cluster");
    let mut http = survivor.http();
    for number in 0..KEYS {
        let (value, _) = get_v3(&mut http, &format!("k{number}")).expect("a linearizable read");
        assert_eq!(value.as_deref(), Some("kept"), "k{number}");
    }
    put_v2(&mut http, "new", "1").expect("it needs nobody else");
    let members = http.get("/v2/members").expect("an answer").json();
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1), "{members}");

    // Left in by mistake, the flag changes nothing more.
    survivor.kill();
    survivor.restart();
    survivor.log().wait_for("--force-new-cluster makes no difference");
    let (value, _) = get_v2(&mut survivor.http(), "new", true).expect("a read");
    assert_eq!(value.as_deref(), Some("1"));

    // A member that was given up comes back, and is told by name why nobody listens.
    let id = members["members"][0]["id"].as_str().expect("an id").to_owned();
    cluster.members[leader].spawn();
    let reason = "the sender is of recovery epoch 0, but the cluster was rebuilt since and is of epoch 1";
    let told = cluster.members[leader].log().wait_for(reason);
    assert!(told.contains(&id), "{told}");
    let refused = cluster.members[last].log().wait_for(reason);
    assert!(refused.contains("\"peer\""), "{refused}");
    let refusal = put_v2(&mut cluster.members[leader].http(), "old", "1");
    assert!(refusal.is_err(), "one of the former three has no quorum");
}
