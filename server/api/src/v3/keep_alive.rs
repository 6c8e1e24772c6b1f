//! `/v3/lease/keepalive`: a stream that renews a lease with each message, and ends after the request's body.

use std::collections::{BTreeMap, VecDeque};

use node::{Answer, Failure, Request, RequestId, Response};
use storage::store::query::LeaseId;

use super::course::Course;
use super::error::{Code, Refusal};
use super::lease::LeaseRequest;
use super::messages::Messages;
use super::write;
use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::stream::{Doing, Kind};

/// More renewals than this are not asked for on one stream before the first of them is answered.
const UNANSWERED_MAX: usize = 10_000;

/// `POST /v3/lease/keepalive`.
pub(crate) fn keep_alive(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let checked = super::check_headers(&call.request);
    super::stream(checked.map(|()| Kind::KeepAlive(KeepAlive::default())), answer)
}

/// A keepalive stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeepAlive {
    messages: Messages,
    /// What was asked, in order, which is the order of the answers.
    asked: VecDeque<RequestId>,
    /// Answers that wait for those before them.
    early: BTreeMap<RequestId, Response>,
    /// Nothing more is asked.
    ended: bool,
    course: Course,
}

impl KeepAlive {
    pub(crate) fn receive(&mut self, bytes: &[u8], doing: &mut Doing) {
        if !self.ended {
            self.messages.receive(bytes);
            self.read(doing);
        }
    }

    pub(crate) fn body_ended(&mut self, doing: &mut Doing) {
        if !self.ended {
            self.messages.end();
            self.read(doing);
            self.ended = true;
        }
        self.end_if_answered();
    }

    fn read(&mut self, doing: &mut Doing) {
        while let Some(message) = self.messages.next::<LeaseRequest>() {
            match message {
                Ok(_) if self.asked.len() >= UNANSWERED_MAX => {
                    return self.fail(&Refusal::of(&Failure::TooManyRequests), doing);
                }
                Ok(LeaseRequest { id, .. }) => {
                    let id = LeaseId(id);
                    self.asked.push_back(doing.ask(Request::LeaseKeepAlive { id }));
                }
                Err(refusal) => {
                    (self.ended, self.messages) = (true, Messages::default());
                    // A later one is not answered: the gateway stops to read there.
                    if self.course.is_silent() && self.asked.is_empty() {
                        self.course
                            .refuse(&refusal.with_code(Code::Unknown), &mut doing.body);
                    }
                    return self.end_if_answered();
                }
            }
        }
    }

    pub(crate) fn reply(&mut self, id: RequestId, response: &Response, doing: &mut Doing) {
        self.early.insert(id, response.clone());
        while !self.course.is_over()
            && let Some(first) = self.asked.front()
            && let Some(response) = self.early.remove(first)
        {
            self.asked.pop_front();
            match &response.result {
                Ok(Answer::LeaseRenewed { id, ttl }) => {
                    self.course.go_on();
                    let out = &mut doing.body;
                    write::begin_message(out, &response.header, true);
                    write::signed(out, "ID", id.0);
                    write::integer(out, "TTL", *ttl);
                    write::end_message(out);
                }
                Ok(other) => unreachable!("{other:?} to a keepalive"),
                Err(why) => self.fail(&Refusal::of(why), doing),
            }
        }
        self.end_if_answered();
    }

    fn end_if_answered(&mut self) {
        if self.ended && self.asked.is_empty() {
            self.course.end();
        }
    }

    pub(crate) fn stop(&mut self, doing: &mut Doing) {
        self.fail(&Refusal::of(&Failure::Stopped), doing);
    }

    /// The stream ends with an error.
    fn fail(&mut self, refusal: &Refusal, doing: &mut Doing) {
        self.course.fail(refusal, &mut doing.body);
        self.ended = true;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.course.is_over()
    }

    pub(crate) fn begin(&self, answer: &mut HttpAnswer) {
        self.course.begin(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Stream, Wish};
    use crate::tests::{HEADER, parse_plain, text, used};

    const LINE: &str =
        r#"{"result":{"header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

    fn stream() -> (Stream, Doing) {
        match parse_plain("POST", "/v3/lease/keepalive", "") {
            (Parsed::Stream(stream), _) => (*stream, Doing::default()),
            (other, _) => panic!("{other:?}"),
        }
    }

    /// What the node answers to a renewal.
    fn answered(stream: &mut Stream, doing: &mut Doing, id: u64, result: Result<u64, Failure>) -> String {
        let lease = LeaseId(id as i64 + 7);
        let result = result.map(|ttl| Answer::LeaseRenewed { id: lease, ttl });
        let header = HEADER;
        stream.reply(RequestId(id), &Response { header, result }, doing);
        text(&std::mem::take(&mut doing.body))
    }

    fn line(id: u64, ttl: u64) -> String {
        let ttl = match ttl {
            0 => String::new(),
            ttl => format!(",\"TTL\":\"{ttl}\""),
        };
        format!("{LINE},\"ID\":\"{id}\"{ttl}}}}}\n")
    }

    #[test]
    fn each_message_renews_and_the_answers_keep_their_order() {
        let (mut stream, mut doing) = stream();
        stream.receive(br#"{"ID":"7"}{"ID":8} {"I"#, &mut doing);
        stream.receive(br#"D":9}"#, &mut doing);
        let ask = |id: u64| {
            let lease = LeaseId(id as i64 + 7);
            Wish::Ask(RequestId(id), Box::new(Request::LeaseKeepAlive { id: lease }))
        };
        assert_eq!(doing.wishes, [ask(0), ask(1), ask(2)]);
        assert_eq!(
            answered(&mut stream, &mut doing, 1, Ok(0)),
            "",
            "the first is to come"
        );
        assert_eq!(
            answered(&mut stream, &mut doing, 0, Ok(60)),
            line(7, 60) + &line(8, 0)
        );
        stream.body_ended(&mut doing);
        assert!(!stream.is_over(), "one is not answered");
        assert_eq!(answered(&mut stream, &mut doing, 2, Ok(60)), line(9, 60));
        assert!(stream.is_over());
    }

    #[test]
    fn an_empty_body_is_answered_by_an_empty_one() {
        let (mut stream, mut doing) = stream();
        stream.body_ended(&mut doing);
        let mut answer = used();
        stream.begin(&mut answer);
        assert_eq!(
            (stream.is_over(), answer.status, doing),
            (true, 200, Doing::default())
        );
    }

    #[test]
    fn a_failure_ends_the_stream() {
        let no_leader = r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#;
        for begun in [false, true] {
            let (mut stream, mut doing) = stream();
            stream.receive(br#"{"ID":7}{"ID":8}"#, &mut doing);
            if begun {
                answered(&mut stream, &mut doing, 0, Ok(60));
            }
            let told = answered(&mut stream, &mut doing, u64::from(begun), Err(Failure::NoLeader));
            assert_eq!(told, no_leader);
            let mut answer = used();
            stream.begin(&mut answer);
            assert_eq!(
                (stream.is_over(), answer.status),
                (true, if begun { 200 } else { 503 })
            );
            assert_eq!(answered(&mut stream, &mut doing, 1, Ok(60)), "", "it is over");
        }
    }

    #[test]
    fn a_first_message_that_cannot_be_read_fails_and_a_later_one_ends_the_stream() {
        let (mut first, mut doing) = stream();
        first.receive(br#"{"ID":[]}"#, &mut doing);
        assert!(first.is_over() && text(&doing.body).contains(",\"code\":2,"));
        let mut answer = used();
        first.begin(&mut answer);
        assert_eq!(answer.status, 500);
        let (mut later, mut doing) = stream();
        later.receive(br#"{"ID":7}[]"#, &mut doing);
        assert!(!later.is_over());
        assert_eq!(answered(&mut later, &mut doing, 0, Ok(1)), line(7, 1));
        assert!(later.is_over());
    }

    #[test]
    fn too_many_at_once_are_refused() {
        let (mut stream, mut doing) = stream();
        stream.receive("{}".repeat(UNANSWERED_MAX).as_bytes(), &mut doing);
        assert!(!stream.is_over());
        stream.receive(b"{}", &mut doing);
        assert!(stream.is_over() && text(&doing.body).contains("too many requests"));
    }
}
