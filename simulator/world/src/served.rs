//! The clients' connections of one member, from the member's side: net's HTTP machine and the real `api`, as in the
//! server, over a simulated stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{HttpAnswer, HttpRequest, Identity, Parsed, Render};
use net::http::{Connection, HEADERS_MAX, Limits, NO_HEADER, Next, Phase};
use node::{ClientId, Input, RequestId, Response};

/// All connections of one member in one of its lives.
#[derive(Debug)]
pub(crate) struct Served {
    identity: Identity,
    connections: BTreeMap<ClientId, Stream>,
    next_request: u64,
    /// Kept for its memory.
    answer: HttpAnswer,
}

#[derive(Debug)]
struct Stream {
    machine: Connection,
    /// The request the node was asked, and how its answer is written.
    asked: Option<(RequestId, Render)>,
}

/// What came of bytes on a connection.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What the node is to be asked.
    pub(crate) input: Option<Input>,
    /// What the client is to be sent.
    pub(crate) out: Vec<u8>,
    /// Whether the member ends the connection.
    pub(crate) closed: bool,
}

impl Served {
    pub(crate) fn new(cluster_id: u64) -> Served {
        Served {
            identity: Identity {
                cluster_id,
                access: Arc::default(),
            },
            connections: BTreeMap::new(),
            next_request: 0,
            answer: HttpAnswer::default(),
        }
    }

    /// Takes bytes from a client; the first ones open the connection.
    pub(crate) fn receive(&mut self, client: ClientId, bytes: &[u8]) -> Progress {
        let stream = self.connections.entry(client).or_insert_with(|| Stream {
            machine: Connection::new(Limits::default()),
            asked: None,
        });
        stream.machine.receive(bytes);
        self.advance(client, Progress::default())
    }

    /// The node answers a request. None if its client has gone.
    pub(crate) fn reply(&mut self, client: ClientId, id: RequestId, response: &Response) -> Option<Progress> {
        let stream = self.connections.get_mut(&client)?;
        let (asked, render) = stream.asked.take().expect("only what was asked is answered");
        assert_eq!(asked, id, "one request at a time is asked on a connection");
        render.render(response, &mut self.answer);
        let mut progress = Progress::default();
        respond(&mut stream.machine, &self.answer, &mut progress.out);
        Some(self.advance(client, progress))
    }

    /// The client ended the connection.
    pub(crate) fn gone(&mut self, client: ClientId) -> Option<Input> {
        self.connections
            .remove(&client)
            .map(|_| Input::ClientGone(client))
    }

    /// Everybody connected.
    pub(crate) fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.connections.keys().copied()
    }

    /// Goes on with a connection until the node must be asked or bytes must come.
    fn advance(&mut self, client: ClientId, mut progress: Progress) -> Progress {
        let stream = self.connections.get_mut(&client).expect("a connection at hand");
        while stream.asked.is_none() {
            let request = match stream.machine.next_request(&mut progress.out) {
                Next::Request(request) => request,
                Next::Wait | Next::Refused(_) | Next::Http2 => break,
            };
            let mut slots = [NO_HEADER; HEADERS_MAX];
            let request = HttpRequest {
                method: request.method,
                target: request.target,
                headers: request.headers.fill(&mut slots),
                body: request.body,
            };
            match api::parse(&self.identity, request, &mut self.answer) {
                // A simulated member logs nothing.
                Parsed::Answered | Parsed::LogFrom(_) => {
                    respond(&mut stream.machine, &self.answer, &mut progress.out)
                }
                Parsed::Ask(request, render) => {
                    let id = RequestId(self.next_request);
                    self.next_request += 1;
                    stream.asked = Some((id, render));
                    progress.input = Some(Input::Request {
                        client,
                        id,
                        request: *request,
                    });
                }
            }
        }
        progress.closed = stream.machine.phase() == Phase::Closed;
        if progress.closed {
            self.connections.remove(&client);
        }
        progress
    }
}

fn respond(machine: &mut Connection, answer: &HttpAnswer, out: &mut Vec<u8>) {
    machine.respond(out, answer.status, &answer.head, &answer.body);
}
