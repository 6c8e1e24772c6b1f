use node::{Answer, Failure, Member, Request};
use raft_core::NodeId;

use crate::tests::{head, parse_plain, rendered, text};
use crate::{HttpAnswer, Parsed};

fn members() -> Answer {
    let strings = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Answer::Members(vec![
        Member {
            id: NodeId(0xa),
            name: "n<1".to_owned(),
            peer_urls: strings(&["http://h1:2380"]),
            client_urls: strings(&["http://z:2379", "http://b:2379"]),
            learner: false,
            leads: false,
        },
        Member {
            id: NodeId(0xef9a_b7b4_6c1d_77c9),
            name: String::new(),
            peer_urls: strings(&["http://h2:2380", "http://h2:2381"]),
            client_urls: vec![],
            learner: true,
            leads: false,
        },
        Member {
            id: NodeId(u64::MAX),
            name: "n3".to_owned(),
            peer_urls: strings(&["http://h3:2380"]),
            client_urls: strings(&["http://c:2379"]),
            learner: false,
            leads: true,
        },
    ])
}

#[test]
fn lists_are_asked_of_this_member_only() {
    for (method, target) in [
        ("GET", "/v2/members"),
        ("GET", "/v2/members/"),
        ("GET", "/v2/machines"),
        ("HEAD", "/v2/machines"),
    ] {
        let (Parsed::Ask(request, _), _) = parse_plain(method, target, "") else {
            panic!("{target} asks nothing");
        };
        assert_eq!(*request, Request::Members { linearizable: false }, "{target}");
    }
}

#[test]
fn members_are_listed() {
    let answer = rendered("GET", "/v2/members", Ok(members()));
    let json = concat!(
        r#"{"members":["#,
        r#"{"id":"a","name":"n\u003c1","peerURLs":["http://h1:2380"],"clientURLs":["http://z:2379","http://b:2379"]},"#,
        r#"{"id":"ef9ab7b46c1d77c9","name":"","peerURLs":["http://h2:2380","http://h2:2381"],"clientURLs":[]},"#,
        r#"{"id":"ffffffffffffffff","name":"n3","peerURLs":["http://h3:2380"],"clientURLs":["http://c:2379"]}"#,
        "]}\n",
    );
    assert_eq!((answer.status, text(&answer.body).as_str()), (200, json));
    assert_eq!(
        head(&answer),
        "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\n"
    );
}

#[test]
fn the_leader_is_a_member_by_itself() {
    let answer = rendered("GET", "/v2/members/leader", Ok(members()));
    let json = r#"{"id":"ffffffffffffffff","name":"n3","peerURLs":["http://h3:2380"],"clientURLs":["http://c:2379"]}"#;
    assert_eq!((answer.status, text(&answer.body)), (200, format!("{json}\n")));
    let answer = rendered("GET", "/v2/members/leader", Ok(Answer::Members(vec![])));
    assert_eq!(
        (answer.status, text(&answer.body).as_str()),
        (503, r#"{"message":"During election"}"#)
    );
}

#[test]
fn machines_are_sorted_urls() {
    for method in ["GET", "HEAD"] {
        let answer = rendered(method, "/v2/machines", Ok(members()));
        assert_eq!(answer.status, 200);
        assert_eq!(text(&answer.body), "http://b:2379, http://c:2379, http://z:2379");
        assert_eq!(head(&answer), "Content-Type: text/plain; charset=utf-8\r\n");
    }
}

#[test]
fn failures_are_internal() {
    for target in ["/v2/members", "/v2/machines"] {
        let answer = rendered("GET", target, Err(Failure::Stopped));
        assert_eq!(
            (answer.status, text(&answer.body).as_str()),
            (500, r#"{"message":"Internal Server Error"}"#)
        );
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let answered = |method, target| -> HttpAnswer {
        let (Parsed::Answered, answer) = parse_plain(method, target, "") else {
            panic!("{method} {target} asks");
        };
        answer
    };
    let answer = answered("GET", "/v2/members/ef9ab7b46c1d77c9");
    assert_eq!(
        (answer.status, text(&answer.body).as_str()),
        (404, r#"{"message":"Not found"}"#)
    );
    assert_eq!(
        head(&answer),
        "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\n"
    );
    for method in ["PUT", "DELETE"] {
        let answer = answered(method, "/v2/members/");
        assert_eq!(
            (answer.status, text(&answer.body).as_str()),
            (405, "Method Not Allowed\n")
        );
        assert!(!head(&answer).contains("Allow:"));
    }
}
