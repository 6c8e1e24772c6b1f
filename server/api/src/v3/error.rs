//! Errors of the v3 API: a gRPC code, a message, and the HTTP status the gateway gives that code.

use std::borrow::Cow;

use node::Failure;
use storage::store::command::Failure as StoreFailure;

use crate::answer::HttpAnswer;
use crate::{failure, text};

/// The gRPC codes in use; the discriminant is gRPC's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Unknown = 2,
    InvalidArgument = 3,
    NotFound = 5,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    OutOfRange = 11,
    Unimplemented = 12,
    Unavailable = 14,
    DataLoss = 15,
}

/// The HTTP status of each gRPC code, as etcd 3.5 maps them.
const HTTP_STATUS: [u16; 17] = [
    200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: Code,
    message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
        }
    }

    /// The same with another code.
    pub(super) fn with_code(self, code: Code) -> Refusal {
        Refusal { code, ..self }
    }

    /// The request itself is wrong.
    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::new(Code::InvalidArgument, message)
    }

    /// As lock and election say it, whatever it is.
    pub(super) fn of_service(message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::new(Code::Unknown, message)
    }

    /// What the node could not do.
    pub(super) fn of(why: &Failure) -> Refusal {
        Refusal::new(code_of(why), failure::text(why))
    }

    /// Writes the answer, in the form of 3.5: older clients read `error`, newer ones `message`.
    pub(super) fn answer(&self, answer: &mut HttpAnswer) {
        answer.begin_json(self.status());
        self.write(&mut answer.body);
    }

    /// Writes its body.
    pub(super) fn write(&self, body: &mut Vec<u8>) {
        body.push(b'{');
        text::string_member(body, "error", self.message.as_bytes());
        text::member(body, "code");
        text::number(body, self.code as u64);
        text::string_member(body, "message", self.message.as_bytes());
        body.push(b'}');
    }

    /// The HTTP status, unless another one was sent already.
    pub(super) fn status(&self) -> u16 {
        HTTP_STATUS[self.code as usize]
    }

    /// Writes the last message of a stream.
    pub(super) fn write_in_stream(&self, body: &mut Vec<u8>) {
        let status = self.status();
        let name = match self.code {
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => "Bad Request",
            Code::NotFound => "Not Found",
            Code::ResourceExhausted => "Too Many Requests",
            Code::Unimplemented => "Not Implemented",
            Code::Unavailable => "Service Unavailable",
            Code::Unknown | Code::DataLoss => "Internal Server Error",
        };
        body.extend_from_slice(b"{\"error\":{\"grpc_code\":");
        text::number(body, self.code as u64);
        text::member(body, "http_code");
        text::number(body, u64::from(status));
        text::string_member(body, "message", self.message.as_bytes());
        text::string_member(body, "http_status", name.as_bytes());
        body.extend_from_slice(b"}}");
    }
}

/// Writes the answer to what the node could not do.
pub(super) fn failed(answer: &mut HttpAnswer, why: &Failure) {
    Refusal::of(why).answer(answer);
}

/// The same of lock and election.
pub(super) fn failed_in_service(answer: &mut HttpAnswer, why: &Failure) {
    Refusal::of_service(failure::text(why)).answer(answer);
}

fn code_of(why: &Failure) -> Code {
    match why {
        Failure::Timeout
        | Failure::NoLeader
        | Failure::Stopped
        | Failure::Repairing
        | Failure::Store(StoreFailure::StillCompacting) => Code::Unavailable,
        Failure::Corrupt => Code::DataLoss,
        Failure::TooManyRequests | Failure::Store(StoreFailure::NoSpace) => Code::ResourceExhausted,
        Failure::Store(StoreFailure::LeaseNotFound) => Code::NotFound,
        Failure::SessionExpired | Failure::NotElected => Code::Unknown,
        Failure::NotLeader | Failure::BadTransferee | Failure::Store(StoreFailure::LeaseExists) => {
            Code::FailedPrecondition
        }
        Failure::TooLarge
        | Failure::Store(
            StoreFailure::KeyNotFound
            | StoreFailure::EmptyKey
            | StoreFailure::DuplicateKey
            | StoreFailure::TooManyOperations
            | StoreFailure::IllFormed
            | StoreFailure::OtherRequest,
        ) => Code::InvalidArgument,
        Failure::Store(
            StoreFailure::FutureRevision
            | StoreFailure::Compacted(_)
            | StoreFailure::HashTooFarBack
            | StoreFailure::LeaseTtlTooLarge,
        ) => Code::OutOfRange,
        Failure::Store(StoreFailure::Tree(_)) | Failure::Alarm(_) => {
            unreachable!("{why:?} in a v3 call")
        }
    }
}
