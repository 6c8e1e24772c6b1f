//! Answers that come piece by piece: `api`'s streams between a connection and the node.

use std::time::Duration;

use api::{HttpAnswer, Stream, Telling, Wish};
use net::event_loop::{ConnectionId, EventLoop, OUTPUT_HIGH_WATER_BYTES};
use net::http::{Connection, Phase};
use node::{ClientId, Events, Input, RequestId, Response};

use super::{Clients, Serving, respond};
use crate::host::date::DateLine;
use crate::host::desk::Desk;

impl Clients {
    /// The node tells watchers something. What is the same for all is rendered once.
    pub(crate) fn tell(
        &mut self,
        event_loop: &mut EventLoop,
        to: &[(ClientId, RequestId)],
        events: &Events,
        now: Duration,
    ) {
        let telling = Telling::of(events);
        for &(client, id) in to {
            let connection = Desk::connection(client);
            let ended = self.step(event_loop, connection, Some(id), |stream, doing| {
                stream.tell(id, &telling, doing);
            });
            if ended {
                self.pump(event_loop, connection, now);
            }
        }
    }

    /// The node answers what a stream asked.
    pub(super) fn reply_in_stream(
        &mut self,
        event_loop: &mut EventLoop,
        connection: ConnectionId,
        id: RequestId,
        response: &Response,
        now: Duration,
    ) {
        let ended = self.step(event_loop, connection, Some(id), |stream, doing| {
            stream.reply(id, response, doing);
        });
        if ended {
            self.pump(event_loop, connection, now);
        }
    }

    /// Ends all streams: the server stops. Their connections are to be pumped then.
    pub(super) fn end_streams(&mut self, event_loop: &mut EventLoop) {
        let is_stream = |client: &super::Client| matches!(client.serving, Serving::Stream { .. });
        let streams: Vec<ConnectionId> = self
            .clients
            .iter()
            .filter(|(_, client)| is_stream(client))
            .map(|(&id, _)| id)
            .collect();
        for connection in streams {
            self.step(event_loop, connection, None, Stream::stop);
        }
    }

    /// Gives a stream, if one is served, what has come of its request's body.
    pub(super) fn read_stream(&mut self, event_loop: &mut EventLoop, connection: ConnectionId) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        if !matches!(client.serving, Serving::Stream { .. }) {
            return;
        }
        let Some(out) = event_loop.output(connection) else {
            return;
        };
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        if let Ok(ended) = client.http.read_stream(&mut body, out) {
            let ended = ended || client.half_closed;
            self.step(event_loop, connection, None, |stream, doing| {
                stream.receive(&body, doing);
                if ended {
                    stream.body_ended(doing);
                }
            });
        }
        self.scratch = body;
    }

    /// One step of a stream, and what comes of it. If the node has something to say to a request, only the stream that
    /// asked takes it, not one that follows on the connection. Returns whether the stream ended: the next request may be
    /// taken.
    fn step(
        &mut self,
        event_loop: &mut EventLoop,
        connection: ConnectionId,
        to: Option<RequestId>,
        step: impl FnOnce(&mut Stream, &mut api::Doing),
    ) -> bool {
        let Some(client) = self.clients.get_mut(&connection) else {
            return false;
        };
        let Serving::Stream { stream, from } = &mut client.serving else {
            return false;
        };
        if to.is_some_and(|id| id.0 < *from) {
            return false;
        }
        let doing = &mut self.doing;
        doing.next_id = client.requests;
        step(stream, doing);
        client.requests = doing.next_id;
        let id = self.desk.client(connection);
        self.inputs.extend(doing.wishes.drain(..).map(|wish| match wish {
            Wish::Ask(request_id, request) => Input::Request {
                client: id,
                id: request_id,
                request: *request,
            },
            Wish::Unwatch(request_id) => Input::Unwatch {
                client: id,
                id: request_id,
            },
        }));
        let is_over = stream.is_over();
        if let Some(out) = event_loop.output(connection) {
            write(
                &mut client.http,
                out,
                stream,
                doing,
                &mut self.answer,
                &mut self.date,
            );
        }
        doing.body.clear();
        if is_over {
            client.serving = Serving::Nothing;
            client.crowded = false;
            // The node forgets what it still has of the stream.
            self.inputs.push_back(Input::ClientGone(id));
            return true;
        }
        if !client.crowded && event_loop.pending(connection) > OUTPUT_HIGH_WATER_BYTES {
            client.crowded = true;
            self.inputs.push_back(Input::Crowded(id));
        }
        false
    }
}

/// Writes what a step of a stream wrote: the whole answer, if there is one all at once, or the next piece.
fn write(
    http: &mut Connection,
    out: &mut Vec<u8>,
    stream: &Stream,
    doing: &mut api::Doing,
    answer: &mut HttpAnswer,
    date: &mut DateLine,
) {
    let begins = http.phase() == Phase::Answering;
    if begins && stream.is_over() {
        stream.begin(answer);
        answer.body.append(&mut doing.body);
        return respond(http, out, answer, date);
    }
    if begins && (stream.is_begun() || !doing.body.is_empty()) {
        stream.begin(answer);
        answer.head.extend_from_slice(date.now());
        http.start_stream(out, answer.status, &answer.head);
    }
    if http.phase() == Phase::Streaming {
        http.stream(out, &doing.body);
        if stream.is_over() {
            http.finish_stream(out);
        }
    }
}
