//! `/v3/election/observe`: who leads, and what is told by whoever does, from now on.
//!
//! The first key under the name is looked up, then watched: each value put there is told. When it goes, the next one is
//! looked up; while there is none, the whole name is watched. Each watch begins right after the state that was looked at,
//! so nothing is missed in between.

use bytes::Bytes;
use node::{Answer, Failure, Header, Request, RequestId, Response, Told, Watch};
use storage::store::query::{Found, KeyRange, KeyValue, Query, Revision};

use super::{ElectionRequest, first_of};
use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::stream::{Doing, Kind, Telling, Wish};
use crate::v3::course::Course;
use crate::v3::error::Refusal;
use crate::v3::{self, check_headers, json, write};
use crate::{Parsed, failure, text};

/// `POST /v3/election/observe`.
pub(crate) fn observe(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let read = check_headers(&call.request).and_then(|()| json::read::<ElectionRequest>(call.request.body));
    let stream = read.map(|request| Kind::Observe(Observing::of(request.name)));
    v3::stream(stream, answer)
}

/// A stream that observes a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observing {
    name: Bytes,
    /// Whose key is watched; None while nobody leads, or that is asked.
    leader: Option<Bytes>,
    /// The question or the watch that it goes on with; None before it began.
    waits_for: Option<RequestId>,
    course: Course,
}

impl Observing {
    fn of(name: Bytes) -> Observing {
        Observing {
            name,
            leader: None,
            waits_for: None,
            course: Course::default(),
        }
    }

    /// The request is whole: the question is asked.
    pub(crate) fn body_ended(&mut self, doing: &mut Doing) {
        if self.waits_for.is_none() {
            self.look(doing);
        }
    }

    pub(crate) fn reply(&mut self, id: RequestId, response: &Response, doing: &mut Doing) {
        // What is not waited for any more is the end of a former watch.
        if self.course.is_over() || self.waits_for != Some(id) {
            return;
        }
        let header = &response.header;
        match &response.result {
            Ok(Answer::Found(Found::Range { keys, .. })) => {
                let leader = keys.first();
                if let Some(leader) = leader {
                    self.tell_leader(header, leader, doing);
                }
                self.watch(leader.map(|leader| leader.key.clone()), header, doing);
            }
            Ok(Answer::Watching) => {}
            // Something that was to be told is compacted away: who leads now counts.
            Ok(Answer::WatchEnded { .. }) => self.look(doing),
            Ok(other) => unreachable!("{other:?} to an observer"),
            Err(why) => self.fail(why, doing),
        }
    }

    pub(crate) fn tell(&mut self, id: RequestId, telling: &Telling<'_>, doing: &mut Doing) {
        if self.course.is_over() || self.waits_for != Some(id) {
            return;
        }
        let Told::Keys(events) = &telling.events.told else {
            unreachable!("who observes watches keys")
        };
        for event in events {
            match &event.now {
                Some(leader) if self.leader.as_ref() == Some(&event.key) => {
                    self.tell_leader(&telling.events.header, leader, doing);
                }
                // The leader is gone, or somebody came where nobody was.
                _ => {
                    doing.wishes.push(Wish::Unwatch(id));
                    return self.look(doing);
                }
            }
        }
    }

    pub(crate) fn stop(&mut self, doing: &mut Doing) {
        self.fail(&Failure::Stopped, doing);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.course.is_over()
    }

    pub(crate) fn begin(&self, answer: &mut HttpAnswer) {
        self.course.begin(answer);
    }

    fn look(&mut self, doing: &mut Doing) {
        self.waits_for = Some(doing.ask(Request::Read {
            query: Query::Range(first_of(&self.name)),
            linearizable: true,
        }));
    }

    /// Watches the leader's key, or if there is none, for one, from the state on that this header tells of.
    fn watch(&mut self, leader: Option<Bytes>, header: &Header, doing: &mut Doing) {
        let range = match &leader {
            Some(key) => KeyRange::single(key.clone()),
            None => first_of(&self.name).range,
        };
        let deletions = leader.is_some();
        self.leader = leader;
        self.waits_for = Some(doing.ask(Request::Watch(Watch::Keys {
            range,
            from: Some(Revision(header.revision.0 + 1)),
            puts: true,
            deletions,
            previous: false,
            progress: false,
        })));
    }

    fn tell_leader(&mut self, header: &Header, leader: &KeyValue, doing: &mut Doing) {
        self.course.go_on();
        let out = &mut doing.body;
        write::begin_message(out, header, true);
        text::member(out, "kv");
        write::key_value(out, leader);
        write::end_message(out);
    }

    fn fail(&mut self, why: &Failure, doing: &mut Doing) {
        let refusal = Refusal::of_service(failure::text(why));
        self.course.fail(&refusal, &mut doing.body);
    }
}

#[cfg(test)]
mod tests;
