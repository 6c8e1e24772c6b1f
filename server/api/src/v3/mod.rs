//! The v3 API as its gRPC gateway maps it to JSON.

pub(crate) mod alarm;
mod base64;
pub(crate) mod cluster;
mod course;
pub(crate) mod downgrade;
pub(crate) mod election;
mod error;
pub(crate) mod hash;
mod json;
pub(crate) mod keep_alive;
pub(crate) mod kv;
pub(crate) mod kv_answer;
pub(crate) mod lease;
pub(crate) mod lock;
pub(crate) mod maintenance;
mod messages;
mod size;
pub(crate) mod transfer;
pub(crate) mod txn;
pub(crate) mod txn_answer;
pub(crate) mod watch;
mod write;

use self::error::{Code, Refusal};
use self::json::Message;
use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::stream::{self, Stream};
use crate::{HttpRequest, Parsed};

/// What etcd serves and this server does not yet.
pub(crate) fn not_served(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let message = format!("{} is not served yet", String::from_utf8_lossy(call.path));
    Refusal::new(Code::Unimplemented, message).answer(answer);
    Parsed::Answered
}

/// Reads the body as an `M` and asks the node what `to_request` makes of it.
fn ask<M: Message>(
    call: &Call<'_>,
    answer: &mut HttpAnswer,
    kind: Kind,
    to_request: fn(M) -> Result<node::Request, Refusal>,
) -> Parsed {
    ask_as(call, answer, |message| Ok((to_request(message)?, kind)))
}

/// The same where the answer depends on what is asked.
fn ask_as<M: Message>(
    call: &Call<'_>,
    answer: &mut HttpAnswer,
    to_request: impl FnOnce(M) -> Result<(node::Request, Kind), Refusal>,
) -> Parsed {
    let read = check_headers(&call.request)
        .and_then(|()| json::read(call.request.body))
        .and_then(to_request);
    parsed(read, answer, |(request, kind)| {
        Parsed::Ask(Box::new(request), Render::of(kind))
    })
}

/// A stream, or why there is none.
fn stream(read: Result<stream::Kind, Refusal>, answer: &mut HttpAnswer) -> Parsed {
    parsed(read, answer, |kind| Parsed::Stream(Box::new(Stream::of(kind))))
}

fn parsed<T>(read: Result<T, Refusal>, answer: &mut HttpAnswer, parsed: impl FnOnce(T) -> Parsed) -> Parsed {
    match read {
        Ok(read) => parsed(read),
        Err(refusal) => {
            refusal.answer(answer);
            Parsed::Answered
        }
    }
}

/// Refuses header lines that would change what the call does. Everything else may be sent: Content-Type is ignored as in
/// etcd, and so are credentials (`Authorization`, `Grpc-Metadata-Token`), which etcd ignores while authentication is
/// disabled.
fn check_headers(request: &HttpRequest<'_>) -> Result<(), Refusal> {
    let refused = |name: &str| {
        let message = format!("the request header {name} is not served yet");
        Err(Refusal::new(Code::Unimplemented, message))
    };
    for (name, value) in request.headers {
        if name.eq_ignore_ascii_case("Grpc-Timeout") {
            return refused("Grpc-Timeout");
        }
        // Any other value asks for nothing.
        if name.eq_ignore_ascii_case("Grpc-Metadata-Hasleader") && *value == b"true" {
            return refused("Grpc-Metadata-Hasleader");
        }
    }
    Ok(())
}
