//! What the tests of all modules share, and properties of the whole.

use node::{Header, Request, Response};
use raft_core::{Index, NodeId, Term};
use storage::store::query::Revision;

use super::*;

pub(crate) const IDENTITY: Identity = Identity { cluster_id: 0xc1 };

pub(crate) const HEADER: Header = Header {
    cluster_id: 0xc1,
    member_id: NodeId(7),
    revision: Revision(5),
    tree_index: 30,
    term: Term(2),
    applied: Index(41),
};

/// The CORS lines, which every answer has.
pub(crate) const CORS: &str = "Access-Control-Allow-Headers: accept, content-type, authorization\r\n\
    Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n\
    Access-Control-Allow-Origin: *\r\n";

/// An answer that was used before: nothing of it may be left.
pub(crate) fn used() -> HttpAnswer {
    HttpAnswer {
        status: 999,
        head: b"Old: head\r\n".to_vec(),
        body: b"old body".to_vec(),
        body_withheld: true,
    }
}

/// Parses a request without header lines.
pub(crate) fn parse_plain(method: &str, target: &str, body: &str) -> (Parsed, HttpAnswer) {
    let mut answer = used();
    let request = HttpRequest {
        method,
        target,
        headers: &[],
        body: body.as_bytes(),
    };
    let parsed = parse(IDENTITY, request, &mut answer);
    (parsed, answer)
}

/// The question that a v3 call comes to.
pub(crate) fn ask(path: &str, body: &str) -> Request {
    match parse_plain("POST", path, body) {
        (Parsed::Ask(request, _), _) => *request,
        (Parsed::Answered, answer) => panic!("{path} {body}: {}", text(&answer.body)),
    }
}

/// Status and body of a v3 call that comes to no question.
pub(crate) fn refusal(path: &str, body: &str) -> (u16, String) {
    match parse_plain("POST", path, body) {
        (Parsed::Answered, answer) => (answer.status, text(&answer.body)),
        (Parsed::Ask(request, _), _) => panic!("{path} {body}: {request:?}"),
    }
}

/// What a node's answer to this request is rendered as.
pub(crate) fn rendered(
    method: &str,
    target: &str,
    result: Result<node::Answer, node::Failure>,
) -> HttpAnswer {
    let (Parsed::Ask(_, render), _) = parse_plain(method, target, r#"{"key":"YQ=="}"#) else {
        panic!("{method} {target} asks nothing");
    };
    let mut answer = used();
    render.render(
        &Response {
            header: HEADER,
            result,
        },
        &mut answer,
    );
    answer
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("answers are UTF-8")
}

/// The header lines after CORS's.
pub(crate) fn head(answer: &HttpAnswer) -> String {
    let head = text(&answer.head);
    head.strip_prefix(CORS).expect("CORS lines come first").to_owned()
}
