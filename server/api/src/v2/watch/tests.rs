use bytes::Bytes;
use node::{Events, Told};
use storage::store::command::{ClusterTime, TreeAction, TreeErrorCode, TreeEvent, TreeFailure};
use storage::store::query::TreeNode;

use super::*;
use crate::Parsed;
use crate::stream::{Stream, Wish};
use crate::tests::{HEADER, head, parse_plain, text, used};

fn begun(target: &str) -> (Box<Stream>, Watch) {
    let (Parsed::Stream(mut stream), _) = parse_plain("GET", target, "") else {
        panic!("{target} is no stream");
    };
    let mut doing = Doing::default();
    stream.receive(b"what a GET has for a body means nothing", &mut doing);
    stream.body_ended(&mut doing);
    let Some(Wish::Ask(_, request)) = doing.wishes.pop() else {
        panic!("{target} asks nothing");
    };
    stream.body_ended(&mut doing);
    assert!(doing.wishes.is_empty() && doing.body.is_empty() && !stream.is_begun());
    match *request {
        Request::Watch(watch) => (stream, watch),
        other => panic!("{target} asks {other:?}"),
    }
}

fn reply(stream: &mut Stream, result: Result<Answer, Failure>) -> Doing {
    let mut doing = Doing::default();
    let header = HEADER;
    stream.reply(node::RequestId(0), &Response { header, result }, &mut doing);
    doing
}

fn tell(stream: &mut Stream, indexes: &[u64]) -> String {
    let event = |&index| TreeEvent {
        action: TreeAction::Set,
        time: ClusterTime(0),
        node: TreeNode {
            key: Bytes::from_static(b"/a"),
            value: Some(Bytes::from_static(b"v")),
            dir: false,
            expiration: None,
            nodes: vec![],
            modified_index: index,
            created_index: index,
        },
        previous: None,
    };
    let events = Events {
        header: HEADER,
        told: Told::Tree(indexes.iter().map(event).collect()),
        complete: true,
    };
    let mut doing = Doing::default();
    stream.tell(node::RequestId(0), &Telling::of(&events), &mut doing);
    text(&doing.body)
}

fn line(index: u64) -> String {
    format!(
        "{{\"action\":\"set\",\"node\":{{\"key\":\"/a\",\"value\":\"v\",\"modifiedIndex\":{index},\"createdIndex\":{index}}}}}\n"
    )
}

#[test]
fn wait_is_a_watch() {
    let watch = |path, recursive, from, once| Watch::Tree {
        path: Bytes::from_static(path),
        recursive,
        from,
        once,
    };
    let rows: [(&str, Watch); 6] = [
        ("/a?wait=true", watch(b"/a", false, None, true)),
        ("?wait=1&recursive=t", watch(b"/", true, None, true)),
        ("/a/?wait=true&waitIndex=0", watch(b"/a", false, None, true)),
        (
            "/a?wait=true&waitIndex=7&sorted=true",
            watch(b"/a", false, Some(7), true),
        ),
        ("/a?wait=true&stream=true", watch(b"/a", false, None, false)),
        (
            "/a?wait=true&quorum=false&stream=f",
            watch(b"/a", false, None, true),
        ),
    ];
    for (target, expected) in rows {
        assert_eq!(begun(&format!("/v2/keys{target}")).1, expected, "{target}");
    }
}

#[test]
fn the_head_is_there_before_anything_happens_and_tells_when_the_watch_began() {
    let (mut stream, _) = begun("/v2/keys/a?wait=true");
    reply(&mut stream, Ok(Answer::Watching));
    assert!(stream.is_begun() && !stream.is_over());
    let mut answer = used();
    stream.begin(&mut answer);
    let lines = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\n\
        X-Etcd-Index: 30\r\nX-Raft-Index: 41\r\nX-Raft-Term: 2\r\n";
    assert_eq!((answer.status, head(&answer).as_str()), (200, lines));
    assert!(answer.body.is_empty());
}

#[test]
fn one_event_ends_a_watch_and_not_a_stream() {
    let (mut once, _) = begun("/v2/keys/a?wait=true");
    reply(&mut once, Ok(Answer::Watching));
    assert_eq!(tell(&mut once, &[31]), line(31));
    assert!(once.is_over());
    assert_eq!(tell(&mut once, &[32]), "", "nothing comes after the end");
    let (mut stream, _) = begun("/v2/keys/a?wait=true&stream=true");
    reply(&mut stream, Ok(Answer::Watching));
    assert_eq!(tell(&mut stream, &[28, 30]), line(28) + &line(30));
    assert_eq!(tell(&mut stream, &[31]), line(31));
    assert!(!stream.is_over());
    reply(&mut stream, Ok(Answer::WatchEnded { compacted: None }));
    assert!(stream.is_over());
}

#[test]
fn history_that_is_cleared_is_an_error_like_any_other() {
    let (mut stream, _) = begun("/v2/keys/a?wait=true&waitIndex=1");
    let cleared = TreeFailure {
        code: TreeErrorCode::EventIndexCleared,
        cause: Bytes::from_static(b"the requested history has been cleared [2/1]"),
        index: 1001,
    };
    let doing = reply(&mut stream, Err(Failure::Store(cleared.into())));
    assert!(stream.is_over());
    let mut answer = used();
    stream.begin(&mut answer);
    let lines = "Content-Type: application/json\r\nX-Etcd-Cluster-Id: c1\r\nX-Etcd-Index: 1001\r\n";
    assert_eq!((answer.status, head(&answer).as_str()), (400, lines));
    let body = "{\"errorCode\":401,\"message\":\"The event in requested index is outdated and cleared\",\
        \"cause\":\"the requested history has been cleared [2/1]\",\"index\":1001}\n";
    assert_eq!(
        (text(&answer.body), text(&doing.body)),
        (String::new(), body.to_owned())
    );
}

#[test]
fn a_server_that_stops_ends_what_has_begun_without_a_word() {
    let (mut stream, _) = begun("/v2/keys/a?wait=true");
    reply(&mut stream, Ok(Answer::Watching));
    let mut doing = Doing::default();
    stream.stop(&mut doing);
    assert!(stream.is_over() && doing.body.is_empty());
    let (mut stream, _) = begun("/v2/keys/a?wait=true");
    stream.stop(&mut doing);
    assert!(stream.is_over() && text(&doing.body).contains("server stopped"));
}
