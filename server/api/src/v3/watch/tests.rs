use bytes::Bytes;
use node::{Answer, Events, Failure, Request, RequestId, Response, Told, Watch};
use storage::store::query::{Event, KeyRange, KeyValue, LeaseId, RangeEnd, Revision};

use crate::stream::{Doing, Stream, Telling, Wish};
use crate::tests::{HEADER, head, parse_plain, text, used};
use crate::{Parsed, streams};

const H: &str = r#"{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;
const H_UNREVISED: &str = r#"{"cluster_id":"193","member_id":"7","raft_term":"2"}"#;

/// A stream with what it wants and writes.
struct Client {
    stream: Stream,
    doing: Doing,
}

impl Client {
    fn new() -> Client {
        assert!(streams("POST", "/v3/watch") && streams("POST", "/v3beta/watch?x"));
        assert!(!streams("GET", "/v3/watch"));
        let (Parsed::Stream(stream), _) = parse_plain("POST", "/v3/watch", "") else {
            panic!("a watch is a stream");
        };
        Client {
            stream: *stream,
            doing: Doing::default(),
        }
    }

    /// What the node is asked when the client says this.
    fn says(&mut self, text: &str) -> Vec<Wish> {
        self.stream.receive(text.as_bytes(), &mut self.doing);
        std::mem::take(&mut self.doing.wishes)
    }

    /// What the client is told when the node answers this.
    fn hears(&mut self, id: u64, result: Result<Answer, Failure>) -> String {
        let header = HEADER;
        let response = Response { header, result };
        self.stream.reply(RequestId(id), &response, &mut self.doing);
        self.told()
    }

    /// What the client is told of these events.
    fn sees(&mut self, id: u64, events: &[Event], complete: bool) -> String {
        let events = Events {
            header: HEADER,
            told: Told::Keys(events.to_vec()),
            complete,
        };
        self.stream
            .tell(RequestId(id), &Telling::of(&events), &mut self.doing);
        self.told()
    }

    fn told(&mut self) -> String {
        text(&std::mem::take(&mut self.doing.body))
    }
}

fn watch(key: &'static str, end: RangeEnd) -> Watch {
    Watch::Keys {
        range: KeyRange {
            start: Bytes::from_static(key.as_bytes()),
            end,
        },
        from: None,
        puts: true,
        deletions: true,
        previous: false,
        progress: false,
    }
}

fn asks(id: u64, request: Request) -> Vec<Wish> {
    vec![Wish::Ask(RequestId(id), Box::new(request))]
}

fn pair(value: &'static str, revision: u64) -> KeyValue {
    KeyValue {
        key: Bytes::from_static(b"a"),
        create_revision: Revision(2),
        mod_revision: Revision(revision),
        version: revision - 1,
        value: Bytes::from_static(value.as_bytes()),
        lease: LeaseId::NONE,
    }
}

fn put(value: &'static str, revision: u64) -> Event {
    Event {
        revision: Revision(revision),
        key: Bytes::from_static(b"a"),
        now: Some(pair(value, revision)),
        before: None,
    }
}

#[test]
fn what_is_to_be_watched_is_read_as_etcd_reads_it() {
    let Watch::Keys { range: a, .. } = watch("a", RangeEnd::Single) else {
        unreachable!("a watch of keys")
    };
    let all = |from, puts, deletions, previous| Watch::Keys {
        range: a.clone(),
        from,
        puts,
        deletions,
        previous,
        progress: false,
    };
    let rows = [
        (r#""key":"YQ==""#, watch("a", RangeEnd::Single)),
        (
            r#""key":"YQ==","range_end":"Yg==""#,
            watch("a", RangeEnd::Before(Bytes::from_static(b"b"))),
        ),
        (
            r#""key":"YQ==","rangeEnd":"AA==""#,
            watch("a", RangeEnd::Unbounded),
        ),
        (r#""range_end":"AA==""#, watch("\0", RangeEnd::Unbounded)),
        ("", watch("\0", RangeEnd::Single)),
        (
            r#""key":"YQ==","start_revision":"9""#,
            all(Some(Revision(9)), true, true, false),
        ),
        (
            r#""key":"YQ==","startRevision":-9"#,
            all(Some(Revision(0)), true, true, false),
        ),
        (
            r#""key":"YQ==","filters":["NOPUT"]"#,
            all(None, false, true, false),
        ),
        (
            r#""key":"YQ==","filters":[1,0,7]"#,
            all(None, false, false, false),
        ),
        (
            r#""key":"YQ==","prevKv":true,"x":{}"#,
            all(None, true, true, true),
        ),
    ];
    for (fields, expected) in rows {
        let said = format!(r#"{{"create_request":{{{fields}}}}}"#);
        assert_eq!(
            Client::new().says(&said),
            asks(0, Request::Watch(expected)),
            "{said}"
        );
    }
}

#[test]
fn a_watcher_lives_from_created_to_canceled() {
    let mut client = Client::new();
    let said = r#"{"create_request":{"key":"YQ==","watch_id":7}}"#;
    assert_eq!(
        client.says(said),
        asks(0, Request::Watch(watch("a", RangeEnd::Single)))
    );
    assert_eq!(
        client.hears(0, Ok(Answer::Watching)),
        format!("{{\"result\":{{\"header\":{H},\"watch_id\":\"7\",\"created\":true}}}}\n")
    );
    let mut answer = used();
    client.stream.begin(&mut answer);
    assert_eq!(
        head(&answer),
        "Content-Type: application/json\r\nGrpc-Metadata-Content-Type: application/grpc\r\n"
    );
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let deletion = Event {
        revision: Revision(4),
        now: None,
        before: Some(pair("1", 3)),
        ..put("", 4)
    };
    let kv = r#""kv":{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"2","value":"MQ=="}"#;
    assert_eq!(
        client.sees(0, &[put("1", 3), deletion], true),
        format!(
            "{{\"result\":{{\"header\":{H},\"watch_id\":\"7\",\"events\":[{{{kv}}},\
            {{\"type\":\"DELETE\",\"kv\":{{\"key\":\"YQ==\",\"mod_revision\":\"4\"}},\"prev_{}}}]}}}}\n",
            &kv[1..]
        )
    );
    assert_eq!(client.says(r#"{"cancelRequest":{"watchId":"8"}}"#), []);
    assert_eq!(
        client.says(r#"{"cancel_request":{"watch_id":"7"}}"#),
        [Wish::Unwatch(RequestId(0))]
    );
    assert_eq!(
        client.hears(0, Ok(Answer::WatchEnded { compacted: None })),
        format!("{{\"result\":{{\"header\":{H},\"watch_id\":\"7\",\"canceled\":true}}}}\n")
    );
    assert_eq!(client.sees(0, &[put("1", 5)], true), "", "what was on its way");
    assert!(!client.stream.is_over());
}

#[test]
fn a_watcher_that_fell_behind_a_compaction_is_canceled_and_the_stream_stays() {
    let mut client = Client::new();
    client.says(r#"{"create_request":{"key":"YQ==","start_revision":2}}"#);
    assert_eq!(
        client.hears(
            0,
            Ok(Answer::WatchEnded {
                compacted: Some(Revision(4))
            })
        ),
        format!("{{\"result\":{{\"header\":{H_UNREVISED},\"canceled\":true,\"compact_revision\":\"4\"}}}}\n")
    );
    assert!(!client.stream.is_over());
}

#[test]
fn ids_are_counted_unless_they_are_chosen_and_never_given_twice() {
    let mut client = Client::new();
    let create = |id: i64| format!(r#"{{"create_request":{{"key":"YQ==","watch_id":{id}}}}}"#);
    let said: String = [1, 0, 0, -4, 1].map(create).concat();
    let wishes = client.says(&said);
    let watches =
        |wish: &&Wish| matches!(wish, Wish::Ask(_, request) if matches!(**request, Request::Watch(_)));
    assert_eq!(wishes.iter().filter(watches).count(), 4);
    assert_eq!(wishes[4..], asks(4, Request::Header));
    let ids: Vec<i64> = (0..4)
        .map(|id| watch_id(&client.hears(id, Ok(Answer::Watching))))
        .collect();
    assert_eq!(ids, [1, 0, 2, -4]);
    assert_eq!(
        client.hears(4, Ok(Answer::Header)),
        format!(
            "{{\"result\":{{\"header\":{H},\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\
            \"cancel_reason\":\"mvcc: duplicate watch ID provided on the WatchStream\"}}}}\n"
        )
    );
}

fn watch_id(message: &str) -> i64 {
    let rest = message.split("\"watch_id\":\"").nth(1);
    rest.map_or(0, |rest| rest.split('"').next().unwrap().parse().unwrap())
}

#[test]
fn an_empty_range_is_refused_and_the_stream_stays() {
    let mut client = Client::new();
    for end in ["YQ==", "QQ=="] {
        let said = format!(r#"{{"create_request":{{"key":"YQ==","range_end":"{end}"}}}}"#);
        let [Wish::Ask(id, request)] = &client.says(&said)[..] else {
            panic!()
        };
        assert_eq!(**request, Request::Header);
        assert_eq!(
            client.hears(id.0, Ok(Answer::Header)),
            format!(
                "{{\"result\":{{\"header\":{H},\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\
                \"cancel_reason\":\"mvcc: watcher range is empty\"}}}}\n"
            )
        );
    }
}

#[test]
fn progress_is_told_of_the_stream_and_of_a_watcher() {
    let mut client = Client::new();
    assert_eq!(
        client.says(r#"{"progress_request":{}}"#),
        asks(0, Request::WatchProgress)
    );
    let progress = client.hears(0, Ok(Answer::Progress));
    assert_eq!(
        progress,
        format!("{{\"result\":{{\"header\":{H},\"watch_id\":\"-1\"}}}}\n")
    );
    client.says(r#"{"create_request":{"key":"YQ==","watch_id":3}}"#);
    let progress = client.sees(1, &[], true);
    assert_eq!(
        progress,
        format!("{{\"result\":{{\"header\":{H},\"watch_id\":\"3\"}}}}\n")
    );
}

#[test]
fn a_body_may_be_empty_or_end_and_the_stream_stays() {
    for said in ["", "{}", "null", "{\"x\":1}", "{\"create_request\":null}"] {
        let mut client = Client::new();
        assert_eq!(client.says(said), [], "{said}");
        client.stream.body_ended(&mut client.doing);
        assert_eq!(
            (client.told().as_str(), client.stream.is_over()),
            ("", false),
            "{said}"
        );
    }
}

#[test]
fn a_first_message_that_cannot_be_read_fails_and_a_later_one_makes_deaf() {
    let mut client = Client::new();
    assert_eq!(client.says(r#"{"create_request":{"key":7}}"#), []);
    assert!(client.stream.is_over());
    let told = client.told();
    assert!(
        told.starts_with(r#"{"error":"field create_request.key: "#),
        "{told}"
    );
    assert!(told.contains(r#","code":2,"message":"field "#), "{told}");
    let mut answer = used();
    client.stream.begin(&mut answer);
    assert_eq!(answer.status, 500);

    let mut client = Client::new();
    client.says(r#"{"create_request":{"key":"YQ=="}}"#);
    assert_eq!(client.says(r#"[]{"create_request":{"key":"YQ=="}}"#), []);
    assert_eq!(client.says(r#"{"create_request":{"key":"YQ=="}}"#), []);
    assert_eq!((client.told().as_str(), client.stream.is_over()), ("", false));
}

#[test]
fn a_failure_ends_the_stream_in_its_own_form() {
    let stopped = "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: server stopped\",\
        \"http_status\":\"Service Unavailable\"}}";
    for begun in [false, true] {
        let mut client = Client::new();
        client.says(r#"{"create_request":{"key":"YQ=="}}"#);
        if begun {
            client.hears(0, Ok(Answer::Watching));
        }
        assert_eq!(client.hears(0, Err(Failure::Stopped)), stopped);
        assert!(client.stream.is_over());
        let mut answer = used();
        client.stream.begin(&mut answer);
        assert_eq!(answer.status, if begun { 200 } else { 503 });
        client.stream.stop(&mut client.doing);
        assert_eq!(client.told(), "", "it is over already");
    }
}

/// Events without what they are about.
fn gist(message: &str) -> String {
    message.replace(&format!("\"header\":{H}"), "H").replace(
        r#""kv":{"key":"YQ==","create_revision":"2","mod_revision":"5","version":"4","value":"MQ=="}"#,
        "",
    )
}

#[test]
fn a_large_revision_is_one_message_though_it_comes_in_parts() {
    let mut client = Client::new();
    for id in [1, 2, 3] {
        client.says(&format!(
            r#"{{"create_request":{{"key":"YQ==","watch_id":{id}}}}}"#
        ));
    }
    let event = put("1", 5);
    assert_eq!(
        gist(&client.sees(0, std::slice::from_ref(&event), false)),
        r#"{"result":{H,"watch_id":"1","events":[{}"#
    );
    assert_eq!(
        client.sees(1, std::slice::from_ref(&event), false),
        "",
        "it waits"
    );
    assert_eq!(
        client.sees(2, std::slice::from_ref(&event), true),
        "",
        "it waits, too"
    );
    assert_eq!(
        gist(&client.sees(0, &[event.clone(), event.clone()], false)),
        ",{},{}"
    );
    let rest = client.sees(0, &[], true);
    assert_eq!(
        gist(&rest),
        "]}}\n{\"result\":{H,\"watch_id\":\"3\",\"events\":[{}]}}\n"
    );
    let second = client.sees(1, &[event], true);
    assert_eq!(
        gist(&second),
        "{\"result\":{H,\"watch_id\":\"2\",\"events\":[{},{}]}}\n"
    );
}

#[test]
fn who_is_in_the_middle_of_a_message_ends_it_before_anything_else() {
    let mut client = Client::new();
    client.says(r#"{"create_request":{"key":"YQ==","watch_id":1}}"#);
    client.sees(0, &[put("1", 5)], false);
    let told = client.hears(0, Ok(Answer::WatchEnded { compacted: None }));
    assert_eq!(
        gist(&told),
        "]}}\n{\"result\":{H,\"watch_id\":\"1\",\"canceled\":true}}\n"
    );
    client.says(r#"{"create_request":{"key":"YQ==","watch_id":1}}"#);
    client.sees(1, &[put("1", 5)], false);
    client.stream.stop(&mut client.doing);
    assert!(client.told().starts_with("]}}\n{\"error\":"));
}

#[test]
fn fragments_are_cut_between_events_and_all_but_the_last_say_so() {
    let mut client = Client::new();
    client.says(r#"{"create_request":{"key":"YQ==","fragment":true}}"#);
    let large = Event {
        now: Some(KeyValue {
            value: Bytes::from(vec![0; 600 << 10]),
            ..pair("", 5)
        }),
        ..put("", 5)
    };
    let events = vec![large; 5];
    let told = client.sees(0, &events, true);
    let counts = |told: &str| -> Vec<(usize, bool)> {
        let count = |line: &str| (line.matches("\"kv\"").count(), line.contains("\"fragment\":true"));
        told.lines().map(count).collect()
    };
    assert_eq!(counts(&told), [(2, true), (2, true), (1, false)]);
    assert!(
        told.lines().all(|line| line.len() < (2 << 20) + 200),
        "2 MiB, and the header"
    );
    assert_eq!(counts(&client.sees(0, &events[..1], false)), [(1, true)]);
    assert_eq!(counts(&client.sees(0, &[], true)), [(0, false)]);
    // One event is not cut.
    let huge = Event {
        now: Some(KeyValue {
            value: Bytes::from(vec![0; 3 << 20]),
            ..pair("", 5)
        }),
        ..put("", 5)
    };
    let events = [put("1", 4), huge, put("1", 6)];
    assert_eq!(
        counts(&client.sees(0, &events, true)),
        [(1, true), (1, true), (1, false)]
    );
}
