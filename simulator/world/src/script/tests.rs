//! The language itself: what each command does, as the trace tells it.

use super::{Options, Script, run};

/// The trace of these lines; the first has number 2.
fn trace(commands: &str) -> String {
    let script = Script::parse(&format!("# A rule (Raft 5).\n{commands}\n---\n")).expect("it is a script");
    run(&script, Options::default()).unwrap_or_else(|failure| panic!("{}\n{}", failure.error, failure.trace))
}

/// What the last line brought about.
fn last(commands: &str) -> String {
    let trace = trace(commands);
    let at = trace.rfind("\n> ").expect("there is a line");
    let (_, lines) = trace[at + 1..].split_once('\n').expect("a line ends");
    lines.to_owned()
}

fn failure(commands: &str) -> String {
    let script = Script::parse(&format!("# A rule (Raft 5).\n{commands}\n---\n")).expect("it is a script");
    let failure = run(&script, Options::default()).expect_err("it fails");
    failure.error.to_string()
}

#[test]
fn settings_hold_from_a_boot_on_and_limits_at_once() {
    trace(
        "cluster 3 pre_vote=off check_quorum=off\nconfig 2 election_timeout=5s heartbeat_interval=50ms\nconfig version=3",
    );
    trace(
        "cluster 3 leader=1\nconfig 1 inflight=1 inflight_bytes=10 append_bytes=5 entry_bytes=100 uncommitted_bytes=9",
    );
    trace("cluster 3 leader=1\nconfig log_bytes=1 tail_bytes=1 chunk_bytes=1");
    trace("cluster 3 leader=1\ncrash 2\nconfig 2 pre_vote=off disk_stall=1s\nrestart 2");
    assert_eq!(
        failure("cluster 3 leader=1\nstate\nconfig 2 pre_vote=off"),
        "line 4: n2 is up: crash it first"
    );
    assert!(failure("cluster 3\nconfig 1").starts_with("line 3: expected a setting"));
    assert!(failure("cluster 3\nconfig pre_vote=maybe").starts_with("line 3: expected on or off, a span"));
    assert!(
        failure("cluster 3\nconfig election_timeout=5").starts_with("line 3: expected on or off, a span")
    );
    assert!(failure("config pre_vote=on").starts_with("line 2: expected `cluster N`"));
}

#[test]
fn a_limit_is_felt_at_once() {
    let lines = "cluster 2 leader=1\nconfig 1 inflight=1\nput 1 a\nput 1 b\nexpect inflight(1,2)=1 next(1,2)=3\nconfig 1 inflight=2";
    assert!(
        last(lines).contains("AppendEntries prev=2@1 [3]"),
        "{}",
        last(lines)
    );
}

#[test]
fn a_blank_node_waits() {
    let lines = "cluster 1\nadd-node 2\nwait 9000\nexpect role(2)=follower term(2)=0 config(2)={} config={1}";
    trace(lines);
    assert_eq!(failure("cluster 2\nadd-node 2"), "line 3: there is an n2 already");
}

#[test]
fn messages_can_be_put_in_another_order() {
    let lines = "cluster 3 leader=1\nput 1 a\nput 1 b\nmove 1->3 first\nnetwork";
    let (order, _) = last(lines)
        .split_once(" t1")
        .map(|(first, _)| (first.to_owned(), ()))
        .expect("a line");
    assert_eq!(order, "1->3#1");
    let ids: Vec<String> = last(lines).lines().map(|line| line[..6].to_owned()).collect();
    assert_eq!(ids, ["1->3#1", "1->3#2", "1->2#1", "1->2#2"]);
    let lines = "cluster 3 leader=1\nput 1 a\nput 1 b\nmove 1->2#1 last\nnetwork";
    let ids: Vec<String> = last(lines).lines().map(|line| line[..6].to_owned()).collect();
    assert_eq!(ids, ["1->3#1", "1->2#2", "1->3#2", "1->2#1"]);
    assert!(
        failure("cluster 3 leader=1\nput 1 a\nmove 1->2 up").starts_with("line 4: expected first or last")
    );
}

#[test]
fn a_disk_stalls_fails_and_is_wiped() {
    let stalled = "cluster 2 leader=1\ndisk 2 stall\nput 1 a\nstabilize\nexpect commit(1)=1 durable(2)=1\n";
    trace(stalled);
    assert!(last(&format!("{stalled}disk 2 auto")).contains("n2 t1 saved #"));
    assert!(last(&format!("{stalled}disk 2 fail")).contains("n2 down: its disk failed, so it stops"));
    trace("cluster 2 leader=1\ndisk 2 fail\nput 1 a\nstabilize\nexpect role(2)=down disk(2)=1");
    trace("cluster 2 leader=1\ncrash 2\nwipe 2\nexpect disk(2)=none\nrestart 2\nexpect term(2)=0");
    assert_eq!(
        failure("cluster 2\nwipe 2\nstate\nwipe 2"),
        "line 3: n2 is up: crash it first"
    );
}

#[test]
fn clocks_differ() {
    // n2 would time out after n1 does, and now long before.
    let lines = "cluster 2\nclock 2 +5s\nwait 1";
    assert!(last(lines).starts_with("n2 t0 tick"), "{}", last(lines));
    let slow = "cluster 1\ncrash 1\ncluster 2";
    assert!(failure(slow).contains("before the cluster boots"));
    let fast = "cluster 2\nclock 1 rate=0.001\nwait 2000";
    assert!(last(fast).starts_with("n2 t0 tick"), "{}", last(fast));
    for wrong in ["200ms", "+200", "rate=0", "rate=11", "rate=nan", "+-3s"] {
        let found = failure(&format!("cluster 2\nclock 1 {wrong}"));
        assert!(
            found.starts_with("line 3: expected +SPAN, -SPAN or rate=R"),
            "{found}"
        );
    }
}

#[test]
fn until_runs_until_it_holds() {
    trace("cluster 3\nuntil leader!=none\nput 1 a\nuntil commit(1)>=1");
    let found = failure("cluster 3\nuntil term(1)>=9 max=3");
    assert!(
        found.starts_with("line 3: expected term(1)>=9, found "),
        "{found}"
    );
}

#[test]
fn predicates_compare() {
    trace("cluster 3 leader=1\nexpect commit(1)>=1 commit(1)<=1 commit(1)!=2 commit(1)=1 last(1)=1");
    trace(
        "cluster 3 leader=1\nexpect match(1,2)=1 state(1,2)=pipeline state(2,1)=none next(1,3)=2 inflight(1,3)=0",
    );
    trace(
        "cluster 3 leader=1\nexpect config={1,2,3} config(2)={1,2,3} removed(1)=no transferring(1)=none mark(1)=0@0",
    );
    trace(
        "cluster 3 leader=1\nread 1 7\nexpect round(1)=1 round(1,2)=0\nstabilize\nexpect round(1,2)=1 snapshot(1)=0@0",
    );
    for wrong in [
        "commit(1,2)=1",
        "leader(1)=2",
        "match(1)=1",
        "commit(1)",
        "commit(1=2",
        "commit(x)=1",
        "=3",
    ] {
        let found = failure(&format!("cluster 3 leader=1\nexpect {wrong}"));
        assert!(
            found.starts_with(&format!("line 3: no predicate is written `{wrong}`")),
            "{found}"
        );
    }
    assert!(
        failure("cluster 3\nexpect commit(1)>=x").starts_with("line 3: expected a number to compare with")
    );
    assert!(failure("cluster 3\ncrash 1\nexpect commit(1)=0").starts_with("line 4: n1 is down"));
}

#[test]
fn what_is_never_to_be_ends_the_run() {
    let lines = "cluster 3 leader=1\nexpect-never commit(1)>=3 leader=2\nput 1 a\nstabilize\n";
    trace(lines);
    let found = failure(&format!("{lines}put 1 b\nstabilize"));
    assert_eq!(
        found,
        "line 7: commit(1)>=3 holds, which line 3 said it never would"
    );
    assert!(failure("cluster 3 leader=1\nexpect-never leader=1").starts_with("line 3: leader=1 holds"));
}

#[test]
fn chance_writes_lines_that_a_script_could() {
    let drawn = "cluster 3 leader=1 append_bytes=2\nrandom 120 seed=3";
    let found = trace(drawn);
    let mut lines = vec!["cluster 3 leader=1 append_bytes=2"];
    let mut words = found.lines().peekable();
    while let Some(line) = words.next() {
        let is_nothing = words.peek().is_some_and(|next| next.starts_with("nothing: "));
        lines.extend(line.strip_prefix("~ ").filter(|_| !is_nothing));
    }
    assert!(lines.len() > 50, "{} lines", lines.len());
    let plain = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with(['>', '~']) && !line.starts_with("nothing: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(plain(&trace(&lines.join("\n"))), plain(&found));
    assert_eq!(found, trace(drawn));
    assert!(failure("cluster 3\nrandom 9").starts_with("line 3: expected seed=S"));
}

#[test]
fn a_closed_link_is_noticed() {
    let lines = "cluster 3 leader=1\nput 1 a\nstabilize\nlink-closed 2 1";
    assert!(
        last(lines).starts_with("n2 t1 the link to n1 closed\n"),
        "{}",
        last(lines)
    );
}

#[test]
fn every_rpc_can_be_forged() {
    for rpc in raft_core::Message::NAMES {
        let found = last(&format!("cluster 3 leader=1\nforge 3->2 {rpc} term=9\nnetwork"));
        assert!(found.starts_with(&format!("3->2#1 t9 {rpc}")), "{found}");
        // Whatever it is, it breaks nothing.
        trace(&format!(
            "cluster 3 leader=1\nforge 3->2 {rpc} term=9\nforge 3->1 {rpc} term=1\nforge 1->2 {rpc} term=1\nstabilize"
        ));
    }
    let words = [
        (
            "RequestVote last=4@1 transfer=yes",
            "RequestVote last=4@1 transfer",
        ),
        ("RequestVoteReply answer=granted", "RequestVoteReply granted"),
        (
            "RequestPreVoteReply answer=3@1",
            "RequestPreVoteReply refused last=3@1",
        ),
        ("Entries prev=1@1 entries=1", "Entries prev=1@1 [2]"),
        (
            "AppendEntriesReply prev=4@1 hint=2@1",
            "AppendEntriesReply refused prev=4@1 hint=2@1",
        ),
        (
            "HeartbeatReply round=3 understands=2",
            "HeartbeatReply round=3 understands=2",
        ),
        (
            "InstallSnapshot mark=3@1 offset=2 data=abc last=yes",
            "InstallSnapshot mark=3@1 offset=2 3 bytes last",
        ),
        (
            "InstallSnapshotReply mark=3@1 installed=yes",
            "InstallSnapshotReply mark=3@1 installed",
        ),
        (
            "InstallSnapshotReply mark=3@1 offset=7 checksum=1",
            "InstallSnapshotReply mark=3@1 offset=7",
        ),
        (
            "ReadIndexReply boot=2 read=3 index=4",
            "ReadIndexReply boot=2 read=3 index=4",
        ),
    ];
    for (written, told) in words {
        let found = last(&format!(
            "cluster 3 leader=1\nforge 3->2 {written} term=1\nnetwork"
        ));
        assert_eq!(found, format!("3->2#1 t1 {told}\n"));
    }
    assert!(failure("cluster 3\nforge 1->2 Vote term=1").starts_with("line 3: expected the name of an RPC"));
}

#[test]
fn a_rule_can_be_left_out() {
    let lines = "log 3 1\ncluster 3 pre_vote=off\n";
    assert!(failure(lines).starts_with("line 2: expected `cluster N`"));
    let lines = "cluster 3 pre_vote=off\nMUTANT\nlog 3 1\ncampaign 1\ndeliver 1->3\n";
    trace(
        &lines
            .replace("MUTANT", "note \"none\"")
            .replace("deliver 1->3\n", "deliver 1->3\nexpect vote(3)=none"),
    );
    trace(
        &lines
            .replace("MUTANT", "mutant vote-without-log-check")
            .replace("deliver 1->3\n", "deliver 1->3\nexpect vote(3)=1"),
    );
}

#[test]
fn several_ticks_and_another_word_for_put() {
    let found = last("cluster 3 leader=1\ntick 1 3");
    assert_eq!(found.matches("n1 t1 tick\n").count(), 3, "{found}");
    trace("cluster 3 leader=1\npropose 1 a\nexpect last(1)=2");
    assert!(
        failure("cluster 3 leader=1\ntick 1 often").starts_with("line 3: expected how often, found `often`")
    );
}

#[test]
fn the_lead_changes_hands() {
    trace("cluster 3 leader=1\ntransfer 1 3\nstabilize\nuntil leader=3");
    trace("cluster 3 leader=1\nhold 1->2\nput 1 a\ntransfer 1 2\nexpect transferring(1)=2");
    trace("cluster 3 leader=1\nhand-over 1\nstabilize\nuntil leader=2");
    assert!(last("cluster 3 leader=1\ntransfer 2 3").contains("refused: not the leader, ask n1"));
    assert!(last("cluster 3 leader=1\ntransfer 1 9").contains("refused: 9 is not a member"));
}

#[test]
fn members_come_and_go() {
    let added = "cluster 3 leader=1\nadd-node 4\nchange 1 learner=4\nuntil match(1,4)>=2\nexpect config(4)={1,2,3}+{4}\n\
                 change 1 voter=4\nuntil config(4)={1,2,3,4}\nstabilize\n";
    trace(added);
    let replaced =
        format!("{added}change 1 remove=2 demote=3\nuntil config={{1,4}}+{{3}}\nuntil removed(2)=yes");
    trace(&replaced);
    assert!(trace(&replaced).contains("peers voters 1 4 outgoing 1 2 3 4 learners 3"));
    let settings = "cluster 1\nchange 1 priority=1:9 lease=1s/100ppm\nchange 1 address=1:n1b\nstabilize\nchange 1 lease=off";
    assert!(
        trace(settings).contains("apply 2 voters 1 priority=1:9 lease=1s/100ppm\n"),
        "{}",
        trace(settings)
    );
    assert!(last(settings).contains("voters 1 priority=1:9\n"));
    assert!(last("cluster 3 leader=1\nchange 1 voter=4").contains("refused: 4 is not a member"));
    for wrong in ["voter", "voter=x", "lease=1s", "priority=3", "join=4", ""] {
        let found = failure(&format!("cluster 3 leader=1\nchange 1 {wrong}"));
        assert!(
            found.starts_with("line 3: expected a change, such as voter=4"),
            "{found}"
        );
    }
}

/// A follower that was away for longer than the leader's log reaches back.
const BEHIND: &str = "cluster 3 leader=1 log_bytes=1 tail_bytes=1 chunk_bytes=4\ncrash 3\nput 1 a\nput 1 b\nput 1 c\nstabilize\n\
                      expect log(1)=none mark(1)=4@1\n";

#[test]
fn a_snapshot_comes_in_pieces_and_takes_the_place_of_the_log() {
    let lines = format!(
        "{BEHIND}restart 3\nuntil applied(3)=4\nstabilize\nexpect mark(3)=4@1 snapshot(3)=4@1 disk(3)=none\n"
    );
    let found = trace(&lines);
    let order = [
        "n1 t1 n3 needs a snapshot\n",
        "n3 t1 receives 0..4 of the snapshot 4@1\n",
        "n3 t1 receives 8..11 of the snapshot 4@1, the last\n",
        "n3 t1 saving snapshot 4@1 state=",
        "n3 t1 saved snapshot 4@1\n",
        "n3 t1 log begins after 4@1\n",
        "n3 t1 restore 4@1 state=",
        "n3 t1 save #",
        "n3 t1 -> n1#",
    ];
    let mut rest = found.as_str();
    for line in order {
        let (_, after) = rest
            .split_once(line)
            .unwrap_or_else(|| panic!("{line} in\n{found}"));
        rest = after;
    }
    trace(&format!(
        "{lines}crash 3\nrestart 3\nexpect mark(3)=4@1 commit(3)=4\nput 1 d\nuntil applied(3)=5"
    ));
    assert!(
        trace(&format!("{lines}crash 3\nrestart 3")).contains("n3 t1 boot mark=4@1 [] vote=1 commit=4\n")
    );
}

#[test]
fn a_received_snapshot_waits_for_its_disk() {
    let whole = format!(
        "{BEHIND}restart 3\ndisk 3 manual\ntick 1\ntick 1\ndeliver 1->3\ndeliver 3->1\ndeliver 1->3\ndeliver 3->1\n\
                         deliver 1->3\ndeliver 3->1\ndeliver 1->3\ndeliver 3->1\ndeliver 1->3\nexpect snapshot(3)=0@0\n"
    );
    trace(&format!(
        "{whole}saved 3\nexpect snapshot(3)=4@1 mark(3)=4@1 applied(3)=4\n"
    ));
    // Only the snapshot is on disk when it goes down: the log is reset by the boot.
    trace(&format!(
        "{whole}saved 3 snapshot\ncrash 3\nexpect disk(3)=1\nrestart 3\nexpect mark(3)=4@1 disk(3)=none"
    ));
    trace(&format!(
        "{whole}crash 3\nrestart 3\nexpect mark(3)=0@0 disk(3)=1"
    ));
    assert!(failure(&format!("{whole}saved 3 log")).contains("expected snapshot, or the end of the line"));
}

#[test]
fn damage_on_the_way_and_at_the_source_is_seen() {
    let asked = format!(
        "{BEHIND}restart 3\ntick 1\ntick 1\ndeliver 1->3\ndeliver 3->1\ndeliver 1->3\ndeliver 3->1\n"
    );
    let found = trace(&format!(
        "{asked}corrupt 1->3 InstallSnapshot\ndeliver 1->3\nexpect snapshot(3)=0@0"
    ));
    assert!(found.contains("checksum"), "{found}");
    let found = trace(&format!(
        "{BEHIND}rot 1 on\nrestart 3\ntick 1\ntick 1\nuntil leader=1 max=1\nstabilize\nexpect snapshot(3)=0@0"
    ));
    assert!(found.contains("n3 t1 the snapshot 4@1 is damaged\n"), "{found}");
    assert!(
        failure("cluster 3 leader=1\nput 1 a\ncorrupt 1->2")
            .contains("line 4: 1->2#1 carries no bytes of a snapshot")
    );
}

#[test]
fn a_node_snapshots_what_it_applied() {
    trace(
        "cluster 3 leader=1 tail_bytes=1\nput 1 a\nput 1 b\nstabilize\nsnapshot 2\nexpect snapshot(2)=3@1 mark(2)=3@1 disk(2)=none mark(1)=0@0",
    );
    trace(
        "cluster 3 leader=1 tail_bytes=1\nput 1 a\nput 1 b\nstabilize\ncompact 1 2\nexpect mark(1)=2@1 snapshot(1)=0@0",
    );
    let early = "cluster 3 leader=1\ndisk 1 manual\nput 1 a\ndeliver 1->2\ndeliver 1->3\ndeliver 2->1\ndeliver 3->1\n\
                 expect applied(1)=2 durable(1)=1\nsnapshot 1\n";
    assert!(
        failure(&format!("{early}saved 1 snapshot"))
            .ends_with("n1 has not saved its log up to 2, where the snapshot was taken: `saved 1` first")
    );
    trace(&format!("{early}saved 1\nsaved 1\nexpect snapshot(1)=2@1"));
    trace(&format!("{early}stabilize\nexpect snapshot(1)=2@1"));
    trace(
        "cluster 1\nput 1 a\ndisk 1 stall\nsnapshot 1\nstabilize\nexpect snapshot(1)=0@0\ndisk 1 auto\nexpect snapshot(1)=2@1",
    );
}

#[test]
fn one_goes_on_alone() {
    let lines = "cluster 3 leader=1\nput 1 a\nstabilize\ncrash 1\ncrash 2\ncrash 3\nrecover-alone 2\nrestart 2\nstabilize\n\
                 expect leader=2 config(2)={2} log(2)=1,1,2,3 commit(2)=4";
    trace(lines);
    assert_eq!(
        failure("cluster 3 leader=1\nrecover-alone 2"),
        "line 3: n2 is up: crash it first"
    );
}

#[test]
fn why_an_entry_is_not_committed() {
    let lost = "cluster 3 leader=1\ncut 1->2\nhold 1->3\nput 1 a\nwhy-not commit 2";
    assert_eq!(
        last(lost),
        "2 is not committed <- 1 of 3 voters are known to have it, 2 are needed\n\
         n2's acknowledgement of 2 is missing <- n2 does not have it <- AppendEntries 1->2#1 was lost <- the link 1->2 \
         was cut <- line 3 (cut 1->2)\n\
         n3's acknowledgement of 2 is missing <- n3 does not have it <- AppendEntries 1->3#1 is held <- line 4 (hold \
         1->3)\n"
    );
    assert_eq!(
        last("cluster 2 leader=1\nput 1 a\nstabilize\nwhy-not commit 2 2"),
        "n2 has committed 2\n"
    );
    let disk = "cluster 3 leader=1\ndisk 2 manual\ncrash 3\nput 1 a\ndeliver 1->2\nwhy-not commit 2";
    assert_eq!(
        last(disk),
        "2 is not committed <- 1 of 3 voters are known to have it, 2 are needed\n\
         n2's acknowledgement of 2 is missing <- n2's Save #4 is not on its disk <- no line says `saved 2`\n\
         n3's acknowledgement of 2 is missing <- n3 is down <- line 4 (crash 3)\n"
    );
    let answer = "cluster 2 leader=1\nput 1 a\ndeliver 1->2\ndrop 2->1\nwhy-not commit 2";
    assert_eq!(
        last(answer),
        "2 is not committed <- 1 of 2 voters are known to have it, 2 are needed\n\
         n2's acknowledgement of 2 is missing <- AppendEntriesReply 2->1#1 was dropped <- line 5 (drop 2->1)\n"
    );
    assert!(last("cluster 3 leader=1\nwhy-not commit 5").contains("has no such entry: its log ends at 1@1"));
    assert!(
        last("cluster 3 leader=1\nwhy-not commit 1").starts_with("1 is committed: n1, which leads term 1")
    );
    let untold = "cluster 3 leader=1\nput 1 a\ndeliver 1->*\ndeliver *->1\nwhy-not commit 2 3";
    assert_eq!(
        last(untold),
        "n3 does not know that 2 is committed <- Heartbeat 1->3#2 is under way <- no line delivered it\n"
    );
}

#[test]
fn why_nobody_leads() {
    assert_eq!(
        last("cluster 3 pre_vote=off\nwhy-not leader"),
        "nobody leads <- nobody stands: no election deadline came since\n"
    );
    let split =
        "cluster 3 pre_vote=off\nlog 3 1\ncut 1->2\ncampaign 1\ndeliver 1->3\nstabilize\nwhy-not leader";
    assert_eq!(
        last(split),
        "nobody leads <- n1 is a candidate in term 1, and has no quorum\n\
         n2's vote is missing <- RequestVote 1->2#1 was lost <- the link 1->2 was cut <- line 4 (cut 1->2)\n\
         n3's vote is missing <- n3: no vote for 1: its log ends at 0@0, behind ours at 1@1 (Raft 5.4.1) <- line 6 \
         (deliver 1->3)\n"
    );
    assert_eq!(last("cluster 3 leader=2\nwhy-not leader"), "n2 leads\n");
    assert!(
        failure("cluster 3\nwhy-not happiness").starts_with("line 3: expected commit K, leader or read ID")
    );
}

#[test]
fn why_a_read_is_not_answered() {
    let lost = "cluster 3 leader=1\nhold 1->2\nread 1 7\ndeliver 1->3\ndrop 3->1\nwhy-not read 7";
    assert_eq!(
        last(lost),
        "n1 does not answer read 7\n\
         round 1 is not confirmed: by 1 of 3 voters, 2 are needed (Raft 8, thesis 6.4)\n\
         n2 has not confirmed round 1 <- Heartbeat 1->2#1 is held <- line 3 (hold 1->2)\n\
         n3 has not confirmed round 1 <- HeartbeatReply 3->1#1 was dropped <- line 6 (drop 3->1)\n"
    );
    assert_eq!(
        last("cluster 3 leader=1\nread 1 7\nstabilize\nwhy-not read 7"),
        "n1 may answer read 7\n"
    );
    let early = "cluster 1 disk=manual\nsaved 1\nread 1 7\nwhy-not read 7";
    assert_eq!(
        last(early),
        "n1 does not answer read 7\n\
         n1 does not know yet what is committed: no entry of its term is (Raft 8)\n\
         1 is not committed <- 0 of 1 voters are known to have it, 1 are needed\n\
         n1's own copy does not count <- n1's Save #2 is not on its disk <- no line says `saved 1`\n"
    );
    assert!(
        failure("cluster 3\nwhy-not read 7").starts_with("line 3: expected a read that a node was asked")
    );
}
