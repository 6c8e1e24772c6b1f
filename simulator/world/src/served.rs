//! The clients' connections of one member, from the member's side: net's HTTP machine and the real `api`, as in the
//! server, over a simulated stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Doing, HttpAnswer, HttpRequest, Identity, Parsed, Render, Telling, Wish};
use net::http::{Connection, HEADERS_MAX, Limits, NO_HEADER, Next, Phase};
use node::{ClientId, Events, Input, RequestId, Response};

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
    serving: Serving,
}

/// What a client waits for.
#[derive(Debug)]
enum Serving {
    /// Nothing that the node has.
    Nothing,
    /// The answer to this request, written like this.
    Asked(RequestId, Render),
    /// More and more, to what has this number or a higher one.
    Stream(Box<api::Stream>, u64),
}

/// What came of bytes on a connection.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What the node is to be asked, in order.
    pub(crate) inputs: Vec<Input>,
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
            machine: Connection::new(Limits::default()).with_streams(api::streams),
            serving: Serving::Nothing,
        });
        stream.machine.receive(bytes);
        self.advance(client, Progress::default())
    }

    /// The node answers a request. None if its client has gone.
    pub(crate) fn reply(&mut self, client: ClientId, id: RequestId, response: &Response) -> Option<Progress> {
        let stream = self.connections.get_mut(&client)?;
        let render = match std::mem::replace(&mut stream.serving, Serving::Nothing) {
            Serving::Asked(asked, render) if asked == id => render,
            Serving::Stream(going, from) => {
                stream.serving = Serving::Stream(going, from);
                let mut progress = Progress::default();
                self.step(client, Some(id), &mut progress, |stream, doing| {
                    stream.reply(id, response, doing)
                });
                return Some(self.advance(client, progress));
            }
            // What a stream asked that is over.
            _ => return None,
        };
        render.render(response, &mut self.answer);
        let mut progress = Progress::default();
        respond(&mut stream.machine, &self.answer, &mut progress.out);
        Some(self.advance(client, progress))
    }

    /// The node tells watchers something. Returns what comes of it, by client.
    pub(crate) fn tell(
        &mut self,
        to: &[(ClientId, RequestId)],
        events: &Events,
    ) -> Vec<(ClientId, Progress)> {
        let telling = Telling::of(events);
        let told = to.iter().filter_map(|&(client, id)| {
            self.connections.get(&client)?;
            let mut progress = Progress::default();
            self.step(client, Some(id), &mut progress, |stream, doing| {
                stream.tell(id, &telling, doing)
            });
            Some((client, self.advance(client, progress)))
        });
        told.collect()
    }

    /// One step of a stream, and what comes of it. What the node says to a request is only for the stream that asked, not
    /// for one that follows on the connection.
    fn step(
        &mut self,
        client: ClientId,
        to: Option<RequestId>,
        progress: &mut Progress,
        step: impl FnOnce(&mut api::Stream, &mut Doing),
    ) {
        let Some(Stream { machine, serving }) = self.connections.get_mut(&client) else {
            return;
        };
        let Serving::Stream(stream, from) = serving else {
            return;
        };
        if to.is_some_and(|id| id.0 < *from) {
            return;
        }
        let mut doing = Doing {
            next_id: self.next_request,
            ..Doing::default()
        };
        step(stream, &mut doing);
        self.next_request = doing.next_id;
        progress
            .inputs
            .extend(doing.wishes.into_iter().map(|wish| match wish {
                Wish::Ask(id, request) => Input::Request {
                    client,
                    id,
                    request: *request,
                },
                Wish::Unwatch(id) => Input::Unwatch { client, id },
            }));
        let is_over = stream.is_over();
        if machine.phase() == Phase::Answering && (is_over || stream.is_begun() || !doing.body.is_empty()) {
            stream.begin(&mut self.answer);
            machine.start_stream(&mut progress.out, self.answer.status, &self.answer.head);
        }
        if machine.phase() == Phase::Streaming {
            machine.stream(&mut progress.out, &doing.body);
            if is_over {
                machine.finish_stream(&mut progress.out);
            }
        }
        if is_over {
            *serving = Serving::Nothing;
            progress.inputs.push(Input::ClientGone(client));
        }
    }

    /// Gives a stream what has come of its request's body.
    fn read_stream(&mut self, client: ClientId, progress: &mut Progress) {
        let stream = self.connections.get_mut(&client).expect("a connection at hand");
        let mut body = Vec::new();
        if let Ok(ended) = stream.machine.read_stream(&mut body, &mut progress.out) {
            self.step(client, None, progress, |stream, doing| {
                stream.receive(&body, doing);
                if ended {
                    stream.body_ended(doing);
                }
            });
        }
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
        loop {
            let stream = self.connections.get_mut(&client).expect("a connection at hand");
            match stream.serving {
                Serving::Nothing => {}
                Serving::Asked(..) => break,
                Serving::Stream(..) => {
                    self.read_stream(client, &mut progress);
                    let stream = &self.connections[&client];
                    if matches!(stream.serving, Serving::Nothing) {
                        continue;
                    }
                    break;
                }
            }
            let request = match stream.machine.next_request(&mut progress.out) {
                Next::Request(request) | Next::Stream(request) => request,
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
                    stream.serving = Serving::Asked(id, render);
                    progress.inputs.push(Input::Request {
                        client,
                        id,
                        request: *request,
                    });
                }
                Parsed::Stream(going) => stream.serving = Serving::Stream(going, self.next_request),
            }
        }
        let stream = &self.connections[&client];
        progress.closed = stream.machine.phase() == Phase::Closed;
        if progress.closed {
            let ended = self.connections.remove(&client);
            if ended.is_some_and(|stream| matches!(stream.serving, Serving::Stream(..))) {
                progress.inputs.push(Input::ClientGone(client));
            }
        }
        progress
    }
}

fn respond(machine: &mut Connection, answer: &HttpAnswer, out: &mut Vec<u8>) {
    machine.respond(out, answer.status, &answer.head, &answer.body);
}
