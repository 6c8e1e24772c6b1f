use node::{Answer, Failure, Member, Request};
use raft_core::NodeId;

use crate::tests::{ask, refusal, rendered, text};

const PATH: &str = "/v3/cluster/member/list";
/// Answers about members tell no revision.
const H: &str = r#""header":{"cluster_id":"193","member_id":"7","raft_term":"2"}"#;

#[test]
fn the_list_is_linearizable_if_asked() {
    assert_eq!(ask(PATH, "{}"), Request::Members { linearizable: false });
    assert_eq!(
        ask(PATH, r#"{"linearizable":true}"#),
        Request::Members { linearizable: true }
    );
    assert_eq!(refusal(PATH, r#"{"linearizable":"true"}"#).0, 400);
}

#[test]
fn members_are_listed() {
    let member = |id, name: &str, client_urls: &[&str], learner| Member {
        id: NodeId(id),
        name: name.to_owned(),
        peer_urls: vec!["http://h:2380".to_owned()],
        client_urls: client_urls.iter().map(|&url| url.to_owned()).collect(),
        learner,
        leads: false,
    };
    let members = vec![
        member(10, "n1", &["http://a:2379", "http://b:2379"], false),
        member(u64::MAX, "", &[], true),
    ];
    let json = concat!(
        r#""members":[{"ID":"10","name":"n1","peerURLs":["http://h:2380"],"clientURLs":["http://a:2379","http://b:2379"]},"#,
        r#"{"ID":"18446744073709551615","peerURLs":["http://h:2380"],"isLearner":true}]"#,
    );
    let answer = rendered("POST", PATH, Ok(Answer::Members(members)));
    assert_eq!(
        (answer.status, text(&answer.body)),
        (200, format!("{{{H},{json}}}"))
    );
    let answer = rendered("POST", PATH, Ok(Answer::Members(vec![])));
    assert_eq!((answer.status, text(&answer.body)), (200, format!("{{{H}}}")));
    assert_eq!(rendered("POST", PATH, Err(Failure::NoLeader)).status, 503);
}
