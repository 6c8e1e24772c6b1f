//! How far the answer of a v3 stream is, which is the same for all of them: an error that comes first gives the answer its
//! status, a later one ends it.

use super::error::Refusal;
use super::write;
use crate::answer::HttpAnswer;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Course {
    /// Nothing was written.
    #[default]
    Silent,
    /// Something was.
    Going,
    /// The answer is whole.
    Over,
    /// The same, and an error with this HTTP status is all of it.
    Failed(u16),
}

impl Course {
    /// Something is written.
    pub(super) fn go_on(&mut self) {
        if *self == Course::Silent {
            *self = Course::Going;
        }
    }

    /// The answer is whole.
    pub(super) fn end(&mut self) {
        if !self.is_over() {
            *self = Course::Over;
        }
    }

    /// The stream ends with an error, unless it has ended.
    pub(super) fn fail(&mut self, refusal: &Refusal, body: &mut Vec<u8>) {
        if !self.is_over() {
            self.end_with(refusal);
            refusal.write_in_stream(body);
        }
    }

    /// The stream ends with an error in the form of calls that are no streams: what was asked first cannot be read.
    pub(super) fn refuse(&mut self, refusal: &Refusal, body: &mut Vec<u8>) {
        self.end_with(refusal);
        refusal.write(body);
    }

    fn end_with(&mut self, refusal: &Refusal) {
        *self = match self {
            Course::Silent => Course::Failed(refusal.status()),
            _ => Course::Over,
        };
    }

    pub(super) fn is_silent(self) -> bool {
        self == Course::Silent
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Course::Over | Course::Failed(_))
    }

    /// Status and header lines of the answer.
    pub(super) fn begin(self, answer: &mut HttpAnswer) {
        match self {
            Course::Failed(status) => answer.begin_json(status),
            _ => write::begin_stream(answer),
        }
    }
}
