//! Clients' connections: bytes to typed requests, typed responses to bytes. What a request means is the node's matter.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use api::{Doing, HttpAnswer, HttpRequest, Identity, Parsed, Render, Stream};
use net::event_loop::{ConnectionId, Event, EventLoop, OUTPUT_HIGH_WATER_BYTES};
use net::http::{Connection, HEADERS_MAX, Limits, Next, Phase};
use node::{ClientId, Input, RequestId, Response};

use super::date::DateLine;
use super::desk::Desk;
use super::metrics::HostMetrics;
use super::vars;
use crate::logging;

mod slow;
mod streaming;

/// How often slow clients are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The clients of one loop.
#[derive(Debug)]
pub(crate) struct Clients {
    desk: Desk,
    identity: Identity,
    metrics: HostMetrics,
    clients: HashMap<ConnectionId, Client>,
    /// For the node, in the order they came.
    pub(crate) inputs: VecDeque<Input>,
    /// Kept for its memory.
    answer: HttpAnswer,
    doing: Doing,
    scratch: Vec<u8>,
    date: DateLine,
    sweep_at: Duration,
    /// No further request is taken.
    closing: bool,
}

#[derive(Debug)]
struct Client {
    http: Connection,
    serving: Serving,
    requests: u64,
    /// It leaves too much of a stream untaken, as the node was told.
    crowded: bool,
    /// The client sends no more.
    half_closed: bool,
    paused: bool,
    /// When the request that is arriving began to.
    receiving_since: Option<Duration>,
    /// Since when it has neither asked nor taken anything.
    quiet_since: Duration,
    /// Output it had not taken at the last sweep, in bytes.
    untaken: usize,
}

/// What a client waits for.
#[derive(Debug)]
enum Serving {
    /// Nothing that the node has.
    Nothing,
    /// The answer to this request, which is to look like this.
    Asked(RequestId, Render),
    /// More and more.
    Stream {
        stream: Box<Stream>,
        /// The number of the first request it may ask: what has a lower one was asked before it began.
        from: u64,
    },
}

impl Serving {
    /// Whether it may never end by itself.
    fn may_last(&self) -> bool {
        match self {
            Serving::Nothing => false,
            Serving::Asked(_, render) => render.has_no_deadline(),
            Serving::Stream { stream, .. } => stream.is_endless(),
        }
    }

    /// How the answer to this request is to look, if it is waited for; from now on it is not.
    fn take_render(&mut self, id: RequestId) -> Option<Render> {
        match std::mem::replace(self, Serving::Nothing) {
            Serving::Asked(asked, render) if asked == id => Some(render),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Clients {
    pub(super) fn new(desk: Desk, identity: Identity, metrics: HostMetrics) -> Clients {
        Clients {
            desk,
            identity,
            metrics,
            clients: HashMap::new(),
            inputs: VecDeque::new(),
            answer: HttpAnswer::default(),
            doing: Doing::default(),
            scratch: Vec::new(),
            date: DateLine::default(),
            sweep_at: SWEEP_EVERY,
            closing: false,
        }
    }

    pub(crate) fn accepted(&mut self, connection: ConnectionId, now: Duration) {
        let client = Client {
            http: Connection::new(Limits::default()).with_streams(api::streams),
            serving: Serving::Nothing,
            requests: 0,
            crowded: false,
            half_closed: false,
            paused: false,
            receiving_since: None,
            quiet_since: now,
            untaken: 0,
        };
        self.clients.insert(connection, client);
    }

    /// Something happened on a client's connection.
    pub(super) fn take_event(&mut self, event_loop: &mut EventLoop, event: Event, now: Duration) {
        match event {
            Event::Received(connection) => self.received(event_loop, connection, now),
            Event::HalfClosed(connection) => self.half_closed(event_loop, connection, now),
            Event::Drained(connection) => self.drained(event_loop, connection, now),
            Event::Closed { connection, reason } => {
                log::debug!("connection" = connection.number(), "reason":% = reason; "a connection ended");
                self.closed(connection);
            }
            Event::Accepted { .. } | Event::Connected(_) | Event::Woken => {}
        }
    }

    fn received(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        let Some(input) = event_loop.input(connection) else {
            return;
        };
        client.http.receive(input.as_slice());
        input.consume(input.len());
        self.pump(event_loop, connection, now);
    }

    /// The client sends no more.
    fn half_closed(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        if let Some(client) = self.clients.get_mut(&connection) {
            client.half_closed = true;
            self.pump(event_loop, connection, now);
        }
    }

    /// The client took what was pending: its next request may be answered.
    fn drained(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        if let Some(client) = self.clients.get_mut(&connection)
            && client.crowded
        {
            client.crowded = false;
            let id = self.desk.client(connection);
            self.inputs.push_back(Input::Uncrowded(id));
        }
        self.pump(event_loop, connection, now);
    }

    fn closed(&mut self, connection: ConnectionId) {
        if self
            .clients
            .remove(&connection)
            .is_some_and(|client| !matches!(client.serving, Serving::Nothing))
        {
            self.inputs
                .push_back(Input::ClientGone(self.desk.client(connection)));
        }
    }

    /// The node answers. The client may be gone.
    pub(crate) fn reply(
        &mut self,
        event_loop: &mut EventLoop,
        client_id: ClientId,
        id: RequestId,
        response: &Response,
        now: Duration,
    ) {
        let connection = Desk::connection(client_id);
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        if let Serving::Stream { .. } = client.serving {
            return self.reply_in_stream(event_loop, connection, id, response, now);
        }
        let Some(render) = client.serving.take_render(id) else {
            return;
        };
        let Some(out) = event_loop.output(connection) else {
            return;
        };
        render.render(response, &mut self.answer);
        if self.answer.status == 200 {
            if render.is_metrics() {
                self.metrics.write(&mut self.answer.body);
            } else if render.is_vars() {
                vars::write(&mut self.answer.body);
            }
        }
        if self.closing {
            client.http.close_after_answer();
        }
        respond(&mut client.http, out, &mut self.answer, &mut self.date);
        self.pump(event_loop, connection, now);
    }

    /// From now on each answer is the last on its connection, and idle connections are closed.
    pub(crate) fn close(&mut self, event_loop: &mut EventLoop, now: Duration) {
        self.closing = true;
        self.end_streams(event_loop);
        for connection in self.clients.keys().copied().collect::<Vec<_>>() {
            self.pump(event_loop, connection, now);
        }
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn are_answered(&self) -> bool {
        self.clients
            .values()
            .all(|client| matches!(client.serving, Serving::Nothing))
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.sweep_at
    }

    /// Goes on with a connection as far as it goes. A client may pipeline as many streams as it likes: a loop, no recursion.
    fn pump(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        loop {
            self.read_stream(event_loop, connection);
            if !self.take_requests(event_loop, connection, now) {
                break;
            }
        }
        self.settle(event_loop, connection, now);
    }

    /// Takes requests as far as the bytes go and one is answered before the next is asked; not while the client leaves
    /// too much untaken. Whether a stream began, whose bytes are to be read.
    fn take_requests(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) -> bool {
        let Some(client) = self.clients.get_mut(&connection) else {
            return false;
        };
        let untaken = event_loop.pending(connection);
        let Some(out) = event_loop.output(connection) else {
            return false;
        };
        client.quiet_since = now;
        let before = out.len();
        let has_room = |out: &Vec<u8>| untaken + out.len() - before < OUTPUT_HIGH_WATER_BYTES;
        while matches!(client.serving, Serving::Nothing)
            && client.http.phase() != Phase::Closed
            && has_room(out)
        {
            if self.closing && client.http.phase() == Phase::Idle {
                break;
            }
            match client.http.next_request(out) {
                Next::Wait | Next::Refused(_) => break,
                Next::Http2 => {
                    log::warn!("connection" = connection.number(); "gRPC is not served yet: use the HTTP+JSON API");
                    break;
                }
                Next::Request(request) | Next::Stream(request) => {
                    let mut slots = [("", &b""[..]); HEADERS_MAX];
                    let request = HttpRequest {
                        method: request.method,
                        target: request.target,
                        headers: request.headers.fill(&mut slots),
                        body: request.body,
                    };
                    match parse(&self.identity, request, &mut self.answer) {
                        Parsed::Answered | Parsed::LogFrom(_) => {
                            respond(&mut client.http, out, &mut self.answer, &mut self.date);
                        }
                        Parsed::Ask(request, render) => {
                            let id = RequestId(client.requests);
                            client.requests += 1;
                            client.serving = Serving::Asked(id, render);
                            let client = self.desk.client(connection);
                            self.inputs.push_back(Input::Request {
                                client,
                                id,
                                request: *request,
                            });
                        }
                        Parsed::Stream(stream) => {
                            let from = client.requests;
                            client.serving = Serving::Stream { stream, from };
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// Ends a connection that is over, and reads from the others as far as they may be.
    fn settle(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        client.receiving_since = match client.http.phase() {
            Phase::Receiving => client.receiving_since.or(Some(now)),
            _ => None,
        };
        let over = match client.http.phase() {
            Phase::Closed => true,
            // What is left of its requests is taken once there is room.
            Phase::Idle | Phase::Receiving => {
                let has_room = event_loop.pending(connection) < OUTPUT_HIGH_WATER_BYTES;
                (client.half_closed || self.closing) && has_room
            }
            // Who sends no more while it waits for what may never come has closed the connection: Go's server sees it so,
            // too.
            Phase::Answering | Phase::Streaming => client.half_closed && client.serving.may_last(),
        };
        if over {
            self.closed(connection);
            event_loop.close_after_flush(connection);
            return;
        }
        match (client.http.wants_input(), client.paused) {
            (false, false) => event_loop.pause_reading(connection),
            (true, true) => event_loop.resume_reading(connection),
            _ => {}
        }
        client.paused = !client.http.wants_input();
    }
}

/// Reads a request, and does at once what it asks of the host.
fn parse(identity: &Identity, request: HttpRequest<'_>, answer: &mut HttpAnswer) -> Parsed {
    let parsed = api::parse(identity, request, answer);
    if let Parsed::LogFrom(level) = parsed {
        logging::log_from(level);
    }
    parsed
}

/// Writes an answer, with the time of day that only a host knows.
fn respond(http: &mut Connection, out: &mut Vec<u8>, answer: &mut HttpAnswer, date: &mut DateLine) {
    answer.head.extend_from_slice(date.now());
    http.respond(out, answer.status, &answer.head, &answer.body);
}

#[cfg(test)]
mod tests;
