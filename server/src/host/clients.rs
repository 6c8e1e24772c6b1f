//! Clients' connections: bytes to typed requests, typed responses to bytes. What a request means is the node's matter.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use api::{HttpAnswer, HttpRequest, Identity, Parsed, Render};
use net::event_loop::{ConnectionId, Event, EventLoop, OUTPUT_HIGH_WATER_BYTES};
use net::http::{Connection, HEADERS_MAX, Limits, Next, Phase, Refusal};
use node::{ClientId, Input, RequestId, Response};

use super::date::DateLine;
use super::metrics::HostMetrics;
use super::vars;
use crate::logging;

/// How long a client may take to send one request.
const RECEIVE_MAX: Duration = Duration::from_secs(60);
/// How often slow clients are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How long a client may leave an answer untaken.
const UNTAKEN_MAX: Duration = Duration::from_secs(60);
/// How long a connection may be idle: whoever is at its other end may be gone without a word.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);

/// Where clients are served: one of several loops, or the only one. Its number stands in the ids of its clients, so
/// that the node's answers find the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Desk(u8);

/// The place of a desk's number in a client's id: slots of connections are fewer than 2^24.
const DESK_SHIFT: u32 = 24;
const DESK_BITS: u64 = 0xff << DESK_SHIFT;

impl Desk {
    /// # Panics
    /// If there are more than 256.
    pub(super) fn numbered(number: usize) -> Desk {
        Desk(u8::try_from(number).expect("few desks"))
    }

    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// The one that serves a client.
    pub(super) fn of(client: ClientId) -> Desk {
        Desk(((client.0 & DESK_BITS) >> DESK_SHIFT) as u8)
    }

    fn client(self, connection: ConnectionId) -> ClientId {
        let number = connection.number();
        assert_eq!(number & DESK_BITS, 0, "more connections than descriptors");
        ClientId(number | u64::from(self.0) << DESK_SHIFT)
    }

    fn connection(client: ClientId) -> ConnectionId {
        ConnectionId::from_number(client.0 & !DESK_BITS)
    }
}

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
    date: DateLine,
    sweep_at: Duration,
    /// No further request is taken.
    closing: bool,
}

#[derive(Debug)]
struct Client {
    http: Connection,
    /// The request that the node has, and how its answer is to look.
    asked: Option<(RequestId, Render)>,
    requests: u64,
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

impl Clients {
    pub(super) fn new(desk: Desk, identity: Identity, metrics: HostMetrics) -> Clients {
        Clients {
            desk,
            identity,
            metrics,
            clients: HashMap::new(),
            inputs: VecDeque::new(),
            answer: HttpAnswer::default(),
            date: DateLine::default(),
            sweep_at: SWEEP_EVERY,
            closing: false,
        }
    }

    pub(crate) fn accepted(&mut self, connection: ConnectionId, now: Duration) {
        let client = Client {
            http: Connection::new(Limits::default()),
            asked: None,
            requests: 0,
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
            Event::Drained(connection) => self.pump(event_loop, connection, now),
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

    fn closed(&mut self, connection: ConnectionId) {
        if self
            .clients
            .remove(&connection)
            .is_some_and(|client| client.asked.is_some())
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
        let Some((_, render)) = client.asked.take_if(|(asked, _)| *asked == id) else {
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
        for connection in self.clients.keys().copied().collect::<Vec<_>>() {
            self.pump(event_loop, connection, now);
        }
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn are_answered(&self) -> bool {
        self.clients.values().all(|client| client.asked.is_none())
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.sweep_at
    }

    /// Ends clients that take too long to send a request, to take an answer, or to say anything: each holds a
    /// descriptor.
    pub(crate) fn sweep(&mut self, event_loop: &mut EventLoop, now: Duration) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP_EVERY;
        self.end_quiet(event_loop, now);
        let slow = |client: &Client| {
            client
                .receiving_since
                .is_some_and(|since| since + RECEIVE_MAX <= now)
        };
        let slow: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| slow(client))
            .map(|(&id, _)| id)
            .collect();
        for connection in slow {
            let Some(client) = self.clients.get_mut(&connection) else {
                continue;
            };
            if let Some(out) = event_loop.output(connection) {
                client.http.refuse(out, Refusal::TimedOut);
            }
            self.pump(event_loop, connection, now);
        }
    }

    fn end_quiet(&mut self, event_loop: &mut EventLoop, now: Duration) {
        self.clients.retain(|&connection, client| {
            let untaken = event_loop.pending(connection);
            if client.asked.is_some() || untaken < client.untaken {
                client.quiet_since = now;
            }
            client.untaken = untaken;
            let quiet_max = if untaken > 0 { UNTAKEN_MAX } else { IDLE_MAX };
            let stays = now < client.quiet_since + quiet_max;
            if !stays {
                event_loop.close(connection);
            }
            stays
        });
    }

    /// Takes requests as far as the bytes go and one is answered before the next is asked; not while the client leaves
    /// too much untaken.
    fn pump(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        let untaken = event_loop.pending(connection);
        let Some(out) = event_loop.output(connection) else {
            return;
        };
        client.quiet_since = now;
        let before = out.len();
        let has_room = |out: &Vec<u8>| untaken + out.len() - before < OUTPUT_HIGH_WATER_BYTES;
        let idle_end = |client: &Client| client.half_closed || self.closing;
        while client.http.phase() != Phase::Answering && has_room(out) {
            if self.closing && client.http.phase() == Phase::Idle {
                break;
            }
            match client.http.next_request(out) {
                Next::Wait | Next::Refused(_) => break,
                Next::Http2 => {
                    log::warn!("connection" = connection.number(); "gRPC is not served yet: use the HTTP+JSON API");
                    break;
                }
                Next::Request(request) => {
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
                            client.asked = Some((id, render));
                            let client = self.desk.client(connection);
                            self.inputs.push_back(Input::Request {
                                client,
                                id,
                                request: *request,
                            });
                        }
                    }
                }
            }
        }
        client.receiving_since = match client.http.phase() {
            Phase::Receiving => client.receiving_since.or(Some(now)),
            _ => None,
        };
        let over = match client.http.phase() {
            Phase::Closed => true,
            // What is left of its requests is taken once there is room.
            Phase::Idle | Phase::Receiving => idle_end(client) && has_room(out),
            Phase::Answering | Phase::Streaming => false,
        };
        if over {
            self.clients.remove(&connection);
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
