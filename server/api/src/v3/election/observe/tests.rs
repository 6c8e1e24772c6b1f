use node::Events;
use storage::store::query::{Event, LeaseId, RangeEnd};

use super::*;
use crate::Stream;
use crate::tests::{HEADER, parse_plain, text as utf8};

const H: &str = r#"{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

/// An observer, with what it wants and writes.
struct Observer {
    stream: Stream,
    doing: Doing,
}

impl Observer {
    /// Of the name `m`, whose question was asked.
    fn new() -> Observer {
        let (Parsed::Stream(stream), _) = parse_plain("POST", "/v3/election/observe", r#"{"name":"bQ=="}"#)
        else {
            panic!("it is a stream");
        };
        let mut observer = Observer {
            stream: *stream,
            doing: Doing::default(),
        };
        observer.stream.body_ended(&mut observer.doing);
        assert_eq!(observer.wants(), [looks(0)]);
        observer
    }

    fn wants(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.doing.wishes)
    }

    fn hears(&mut self, id: u64, result: Result<Answer, Failure>) -> String {
        let header = HEADER;
        self.stream
            .reply(RequestId(id), &Response { header, result }, &mut self.doing);
        utf8(&std::mem::take(&mut self.doing.body))
    }

    fn finds(&mut self, id: u64, leader: Option<KeyValue>) -> String {
        let keys = Vec::from_iter(leader);
        let (more, count) = (false, keys.len() as u64);
        self.hears(id, Ok(Answer::Found(Found::Range { keys, more, count })))
    }

    fn sees(&mut self, id: u64, events: Vec<Event>) -> String {
        let events = Events {
            header: HEADER,
            told: Told::Keys(events),
            complete: true,
        };
        self.stream
            .tell(RequestId(id), &Telling::of(&events), &mut self.doing);
        utf8(&std::mem::take(&mut self.doing.body))
    }
}

fn looks(id: u64) -> Wish {
    let query = Query::Range(first_of(b"m"));
    let linearizable = true;
    Wish::Ask(RequestId(id), Box::new(Request::Read { query, linearizable }))
}

/// From revision 6 on, which follows the one that the header tells of.
fn watches(id: u64, key: Option<&'static str>) -> Wish {
    let under = KeyRange {
        start: "m/".into(),
        end: RangeEnd::Before("m0".into()),
    };
    let watch = Watch::Keys {
        range: key.map_or(under, |key| KeyRange::single(key.into())),
        from: Some(Revision(6)),
        puts: true,
        deletions: key.is_some(),
        previous: false,
        progress: false,
    };
    Wish::Ask(RequestId(id), Box::new(Request::Watch(watch)))
}

fn leader(key: &'static str, value: &'static str) -> KeyValue {
    KeyValue {
        key: key.into(),
        create_revision: Revision(4),
        mod_revision: Revision(4),
        version: 1,
        value: value.into(),
        lease: LeaseId::NONE,
    }
}

fn event(key: &'static str, now: Option<&'static str>) -> Event {
    Event {
        revision: Revision(6),
        key: key.into(),
        now: now.map(|value| leader(key, value)),
        before: None,
    }
}

fn line(key: &str, value: &str) -> String {
    let kv = format!(
        r#"{{"key":"{key}","create_revision":"4","mod_revision":"4","version":"1","value":"{value}"}}"#
    );
    format!("{{\"result\":{{\"header\":{H},\"kv\":{kv}}}}}\n")
}

#[test]
fn the_leader_is_told_and_each_value_it_puts() {
    let mut observer = Observer::new();
    assert_eq!(observer.finds(0, Some(leader("m/1", "a"))), line("bS8x", "YQ=="));
    assert_eq!(observer.wants(), [watches(1, Some("m/1"))]);
    assert_eq!(observer.hears(1, Ok(Answer::Watching)), "");
    let puts = vec![event("m/1", Some("b")), event("m/1", Some("a"))];
    assert_eq!(
        observer.sees(1, puts),
        line("bS8x", "Yg==") + &line("bS8x", "YQ==")
    );
    assert_eq!(observer.wants(), []);
}

#[test]
fn when_the_leader_goes_the_next_one_is_looked_up() {
    let mut observer = Observer::new();
    observer.finds(0, Some(leader("m/1", "a")));
    observer.wants();
    let told = observer.sees(1, vec![event("m/1", None), event("m/1", Some("later"))]);
    assert_eq!(told, "");
    assert_eq!(observer.wants(), [Wish::Unwatch(RequestId(1)), looks(2)]);
    let ended = Answer::WatchEnded { compacted: None };
    assert_eq!(observer.hears(1, Ok(ended)), "", "it is not waited for");
    assert_eq!(observer.finds(2, Some(leader("m/2", "b"))), line("bS8y", "Yg=="));
    assert_eq!(observer.wants(), [watches(3, Some("m/2"))]);
}

#[test]
fn while_nobody_leads_the_name_is_watched() {
    let mut observer = Observer::new();
    assert_eq!(observer.finds(0, None), "");
    assert_eq!(observer.wants(), [watches(1, None)]);
    assert_eq!(observer.sees(1, vec![event("m/3", Some("c"))]), "");
    assert_eq!(observer.wants(), [Wish::Unwatch(RequestId(1)), looks(2)]);
    assert_eq!(observer.finds(2, Some(leader("m/3", "c"))), line("bS8z", "Yw=="));
}

#[test]
fn after_a_compaction_who_leads_now_counts_and_an_error_ends_it() {
    let mut observer = Observer::new();
    observer.finds(0, Some(leader("m/1", "a")));
    observer.wants();
    let compacted = Some(Revision(9));
    assert_eq!(observer.hears(1, Ok(Answer::WatchEnded { compacted })), "");
    assert_eq!(observer.wants(), [looks(2)]);
    assert!(!observer.stream.is_over());
    let message = "etcdserver: request timed out";
    let last = format!(
        r#"{{"error":{{"grpc_code":2,"http_code":500,"message":"{message}","http_status":"Internal Server Error"}}}}"#
    );
    assert_eq!(observer.hears(2, Err(Failure::Timeout)), last);
    assert!(observer.stream.is_over());
}
