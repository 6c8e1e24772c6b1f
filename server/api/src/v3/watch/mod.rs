//! `/v3/watch`: one stream, many watchers.

mod request;
mod write;

use std::collections::BTreeMap;

use node::{Answer, Failure, Request, RequestId, Response};

use self::request::{CreateRequest, WatchRequest};
use self::write::Message;
use super::course::Course;
use super::error::{Code, Refusal};
use super::messages::Messages;
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::stream::{Doing, Kind, Telling, Wish};

pub(crate) use self::write::Rendered;

/// `POST /v3/watch`.
pub(crate) fn watch(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let checked = super::check_headers(&call.request);
    super::stream(checked.map(|()| Kind::Watch(Watching::default())), answer)
}

/// A watch stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watching {
    messages: Messages,
    watchers: BTreeMap<RequestId, Watcher>,
    /// The watchers by the ids that the client knows.
    ids: BTreeMap<i64, RequestId>,
    /// Where to look for the next id that the client did not choose.
    next_id: i64,
    /// What else was asked, and for what.
    asked: BTreeMap<RequestId, Asked>,
    /// The watcher in the middle of whose message the answer is; what the others are told meanwhile waits.
    open: Option<RequestId>,
    waiting: Vec<u8>,
    /// Messages that others are in the middle of meanwhile.
    parts: BTreeMap<RequestId, Vec<u8>>,
    /// Nothing more is read.
    deaf: bool,
    course: Course,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watcher {
    id: i64,
    fragment: bool,
}

/// Why the node was asked for nothing but the header of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// How far the stream is.
    Progress,
    /// For a watcher that was refused.
    Refused(&'static str),
}

impl Watching {
    pub(crate) fn receive(&mut self, bytes: &[u8], doing: &mut Doing) {
        if !self.deaf {
            self.messages.receive(bytes);
            self.read(doing);
        }
    }

    /// The client has nothing more to ask; it is told all the same what it watches.
    pub(crate) fn body_ended(&mut self, doing: &mut Doing) {
        if !self.deaf {
            self.messages.end();
            self.read(doing);
            self.deaf = true;
        }
    }

    fn read(&mut self, doing: &mut Doing) {
        while !self.course.is_over()
            && let Some(message) = self.messages.next::<WatchRequest>()
        {
            match message {
                Ok(request) => self.take(request, doing),
                Err(refusal) => {
                    self.deaf = true;
                    self.messages = Messages::default();
                    // Later ones are not answered: the gateway stops to read, and the stream stays.
                    if self.course.is_silent() && self.watchers.is_empty() && self.asked.is_empty() {
                        self.course
                            .refuse(&refusal.with_code(Code::Unknown), &mut doing.body);
                    }
                    return;
                }
            }
        }
    }

    fn take(&mut self, request: WatchRequest, doing: &mut Doing) {
        match request {
            WatchRequest::Create(create) => self.create(create, doing),
            WatchRequest::Cancel(id) => {
                if let Some(&id) = self.ids.get(&id) {
                    doing.wishes.push(Wish::Unwatch(id));
                }
            }
            WatchRequest::Progress => {
                let id = doing.ask(Request::WatchProgress);
                self.asked.insert(id, Asked::Progress);
            }
            WatchRequest::None => {}
        }
    }

    fn create(&mut self, create: CreateRequest, doing: &mut Doing) {
        let refused = if create.is_empty() {
            Some("mvcc: watcher range is empty")
        } else if create.watch_id != 0 && self.ids.contains_key(&create.watch_id) {
            Some("mvcc: duplicate watch ID provided on the WatchStream")
        } else {
            None
        };
        if let Some(why) = refused {
            let id = doing.ask(Request::Header);
            self.asked.insert(id, Asked::Refused(why));
            return;
        }
        let watch_id = match create.watch_id {
            0 => self.draw(),
            chosen => chosen,
        };
        let watcher = Watcher {
            id: watch_id,
            fragment: create.fragment,
        };
        let id = doing.ask(Request::Watch(create.into_watch()));
        self.ids.insert(watch_id, id);
        self.watchers.insert(id, watcher);
    }

    /// An id that the client did not choose.
    fn draw(&mut self) -> i64 {
        while self.ids.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    pub(crate) fn reply(&mut self, id: RequestId, response: &Response, doing: &mut Doing) {
        let header = &response.header;
        match &response.result {
            Err(why) => self.fail(why, doing),
            Ok(Answer::Watching) => {
                let watch_id = self.watchers[&id].id;
                self.write(doing, |out| Message::begin(out, header, watch_id).created().end());
            }
            Ok(Answer::WatchEnded { compacted }) => {
                let Some(watcher) = self.watchers.remove(&id) else {
                    return;
                };
                self.ids.remove(&watcher.id);
                self.close_open(id, doing);
                self.write(doing, |out| match compacted {
                    Some(revision) => Message::begin_unrevised(out, header, watcher.id)
                        .canceled()
                        .compacted(*revision)
                        .end(),
                    None => Message::begin(out, header, watcher.id).canceled().end(),
                });
            }
            Ok(Answer::Progress | Answer::Header) => match self.asked.remove(&id) {
                Some(Asked::Refused(why)) => self.write(doing, |out| {
                    Message::begin(out, header, -1)
                        .created()
                        .canceled()
                        .because(why)
                        .end();
                }),
                Some(Asked::Progress) => self.write(doing, |out| Message::begin(out, header, -1).end()),
                None => unreachable!("nobody asked {id:?}"),
            },
            Ok(other) => unreachable!("{other:?} to a watch stream"),
        }
    }

    pub(crate) fn tell(&mut self, id: RequestId, telling: &Telling<'_>, doing: &mut Doing) {
        let Some(watcher) = self.watchers.get(&id).copied() else {
            return;
        };
        let complete = telling.events.complete;
        let rendered = telling.v3();
        if watcher.fragment {
            return self.write(doing, |out| rendered.write_fragments(out, watcher.id, complete));
        }
        if self.open == Some(id) {
            rendered.write_more(&mut doing.body);
            if complete {
                self.close_open(id, doing);
            }
            return;
        }
        if let Some(part) = self.parts.get_mut(&id) {
            rendered.write_more(part);
            if complete {
                self.close_open(id, doing);
            }
            return;
        }
        if complete {
            return self.write(doing, |out| rendered.write(out, watcher.id));
        }
        match self.open {
            None => {
                rendered.write_begin(&mut doing.body, watcher.id);
                self.open = Some(id);
                self.course.go_on();
            }
            Some(_) => {
                let part = self.parts.entry(id).or_default();
                rendered.write_begin(part, watcher.id);
            }
        }
    }

    /// Ends the message that the answer, or what waits for it, is in the middle of, if it is this watcher's.
    fn close_open(&mut self, id: RequestId, doing: &mut Doing) {
        if let Some(mut part) = self.parts.remove(&id) {
            Rendered::write_end(&mut part);
            self.write(doing, |out| out.append(&mut part));
        }
        if self.open.take_if(|open| *open == id).is_some() {
            Rendered::write_end(&mut doing.body);
            doing.body.append(&mut self.waiting);
        }
    }

    /// Writes a message, as soon as none is under way.
    fn write(&mut self, doing: &mut Doing, write: impl FnOnce(&mut Vec<u8>)) {
        self.course.go_on();
        match self.open {
            None => write(&mut doing.body),
            Some(_) => write(&mut self.waiting),
        }
    }

    pub(crate) fn stop(&mut self, doing: &mut Doing) {
        self.fail(&Failure::Stopped, doing);
    }

    /// The stream ends with an error.
    fn fail(&mut self, why: &Failure, doing: &mut Doing) {
        if self.course.is_over() {
            return;
        }
        if let Some(open) = self.open {
            self.close_open(open, doing);
        }
        self.course.fail(&Refusal::of(why), &mut doing.body);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.course.is_over()
    }

    pub(crate) fn begin(&self, answer: &mut HttpAnswer) {
        self.course.begin(answer);
    }
}

#[cfg(test)]
mod tests;
