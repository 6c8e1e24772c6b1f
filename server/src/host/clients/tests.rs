//! One client on a real socket; the node is played, and the time is made up.

use std::io::Write as _;
use std::net::TcpStream;

use node::{Answer, Events, Failure, Header, Told};
use storage::store::query::{Event as Change, LeaseId, Revision};

use super::*;

/// So long nothing on a loopback device takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    clients: Clients,
    event_loop: EventLoop,
    socket: TcpStream,
    connection: ConnectionId,
}

impl Served {
    fn new() -> Served {
        let mut event_loop = EventLoop::new().expect("a loop");
        let (_, address) = event_loop.listen(([127, 0, 0, 1], 0).into(), 1).expect("a port");
        let socket = TcpStream::connect(address).expect("a connection");
        let identity = Identity {
            cluster_id: 1,
            access: std::sync::Arc::default(),
        };
        let mut clients = Clients::new(Desk::numbered(0), identity, HostMetrics::new(Duration::ZERO));
        let mut events = Vec::new();
        let connection = loop {
            event_loop.wait(Some(PATIENCE), &mut events).expect("waited");
            assert!(!events.is_empty(), "nobody came");
            if let Some(&Event::Accepted { connection, .. }) = events.first() {
                break connection;
            }
        };
        clients.accepted(connection, Duration::ZERO);
        Served {
            clients,
            event_loop,
            socket,
            connection,
        }
    }

    /// The client sends something, which is taken at time zero; what the node is told then.
    fn send(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.socket.write_all(bytes).expect("there is room");
        let mut events = Vec::new();
        while events.is_empty() {
            self.event_loop.wait(Some(PATIENCE), &mut events).expect("waited");
        }
        for event in events {
            self.clients
                .take_event(&mut self.event_loop, event, Duration::ZERO);
        }
        self.inputs()
    }

    fn inputs(&mut self) -> Vec<Input> {
        self.clients.inputs.drain(..).collect()
    }

    fn id(&self) -> ClientId {
        self.clients.desk.client(self.connection)
    }

    fn reply(&mut self, id: u64, result: Result<Answer, Failure>) {
        let (client, header) = (self.id(), Header::default());
        let response = Response { header, result };
        let event_loop = &mut self.event_loop;
        self.clients
            .reply(event_loop, client, RequestId(id), &response, Duration::ZERO);
    }

    /// One change is told.
    fn tell(&mut self, id: u64) {
        let change = Change {
            revision: Revision(2),
            key: "foo".into(),
            now: None,
            before: None,
        };
        let events = Events {
            header: Header::default(),
            told: Told::Keys(vec![change]),
            complete: true,
        };
        let to = [(self.id(), RequestId(id))];
        self.clients
            .tell(&mut self.event_loop, &to, &events, Duration::ZERO);
    }

    /// What is written and not sent.
    fn output(&mut self) -> String {
        let output = self.event_loop.output(self.connection).expect("it is open");
        String::from_utf8(std::mem::take(output)).expect("text")
    }

    /// Looks for slow clients at some second.
    fn sweep(&mut self, at: u64) -> Vec<Input> {
        self.clients.sweep(&mut self.event_loop, Duration::from_secs(at));
        self.inputs()
    }

    fn is_open(&mut self) -> bool {
        self.event_loop.output(self.connection).is_some()
    }
}

fn post(target: &str, body: &str) -> String {
    post_of(body.len(), target, body)
}

/// More of the body is to come.
fn begin_post(target: &str, body: &str) -> String {
    post_of(1000, target, body)
}

fn post_of(length: usize, target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

const FOO: &str = r#"{"create_request":{"key":"Zm9v"}}"#;

#[test]
fn what_one_stream_asked_is_not_answered_in_the_next() {
    let watch_then = |target: &str, body: &str| {
        let mut served = Served::new();
        let first = post("/v3/watch", &FOO.repeat(2));
        let next = begin_post(target, body);
        let inputs = served.send((first + &next).as_bytes());
        assert_eq!(inputs.len(), 2, "{inputs:?}");
        served.reply(0, Err(Failure::NoLeader));
        let inputs = served.inputs();
        assert!(
            matches!(
                inputs[..],
                [Input::ClientGone(_), Input::Request { id: RequestId(2), .. }]
            ),
            "{inputs:?}"
        );
        served.output();
        // On their way while the second began.
        served.tell(1);
        served.reply(1, Ok(Answer::Watching));
        served.reply(1, Err(Failure::NoLeader));
        assert_eq!((served.output(), served.inputs()), (String::new(), Vec::new()));
        served
    };
    let mut served = watch_then("/v3/lease/keepalive", r#"{"ID":7}"#);
    let (id, ttl) = (LeaseId(7), 60);
    served.reply(2, Ok(Answer::LeaseRenewed { id, ttl }));
    assert!(served.output().contains(r#""TTL":"60""#));
    let mut served = watch_then("/v3/watch", FOO);
    served.reply(2, Ok(Answer::Watching));
    assert!(served.output().contains(r#""created":true"#));
    served.tell(2);
    assert!(served.output().contains(r#""events":"#));
}

#[test]
fn the_node_hears_of_a_watcher_that_takes_nothing() {
    let mut served = Served::new();
    served.send(post("/v3/watch", FOO).as_bytes());
    served.reply(0, Ok(Answer::Watching));
    // It is never sent, as if the client took nothing.
    served.tell(0);
    assert_eq!((served.sweep(10), served.is_open()), (vec![], true));
    assert_eq!((served.sweep(59), served.is_open()), (vec![], true));
    let gone = Input::ClientGone(served.id());
    assert_eq!((served.sweep(70), served.is_open()), (vec![gone], false));
}

#[test]
fn a_stream_stays_once_something_was_asked_in_it() {
    let day = 24 * 60 * 60;
    for target in ["/v3/watch", "/v3/lease/keepalive"] {
        let mut silent = Served::new();
        silent.send(begin_post(target, "").as_bytes());
        assert_eq!((silent.sweep(59), silent.is_open()), (vec![], true));
        let gone = Input::ClientGone(silent.id());
        assert_eq!((silent.sweep(70), silent.is_open()), (vec![gone], false));
        let mut asking = Served::new();
        let asked = begin_post(target, FOO);
        assert!(matches!(
            asking.send(asked.as_bytes())[..],
            [Input::Request { .. }]
        ));
        assert_eq!((asking.sweep(day), asking.is_open()), (vec![], true));
    }
}

#[test]
fn a_keepalive_by_another_name_renews_too() {
    let mut served = Served::new();
    let inputs = served.send(post("/v3/lease/%6beepalive", r#"{"ID":7}"#).as_bytes());
    assert!(matches!(inputs[..], [Input::Request { .. }]), "{inputs:?}");
    let (id, ttl) = (LeaseId(7), 60);
    served.reply(0, Ok(Answer::LeaseRenewed { id, ttl }));
    assert!(served.output().contains(r#""TTL":"60""#));
    assert_eq!(served.inputs(), [Input::ClientGone(served.id())]);
}
