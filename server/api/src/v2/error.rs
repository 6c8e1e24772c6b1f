//! The errors of `/v2/keys`: a number, a message, a cause and the tree's index.

use std::borrow::Cow;

use node::Failure;
use storage::store::command::{Failure as StoreFailure, TreeErrorCode};

use super::cluster_id;
use crate::answer::HttpAnswer;
use crate::{failure, text};

/// A row of etcd's list of errors.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    code: u16,
    message: &'static str,
    status: u16,
}

const fn kind(code: u16, status: u16, message: &'static str) -> Kind {
    Kind {
        code,
        message,
        status,
    }
}

pub(super) const PREV_VALUE_REQUIRED: Kind = kind(201, 400, "PrevValue is Required in POST form");
pub(super) const TTL_NOT_A_NUMBER: Kind = kind(202, 400, "The given TTL in POST form is not a number");
pub(super) const INDEX_NOT_A_NUMBER: Kind = kind(203, 400, "The given index in POST form is not a number");
pub(super) const INVALID_FIELD: Kind = kind(209, 400, "Invalid field");
pub(super) const INVALID_FORM: Kind = kind(210, 400, "Invalid POST form");
pub(super) const VALUE_ON_REFRESH: Kind = kind(211, 400, "Value provided on refresh");
pub(super) const TTL_ON_REFRESH: Kind = kind(212, 400, "A TTL must be provided on refresh");
/// The status that RFC 9110 has for what is well-formed and cannot be done; as the draft of the header has it.
const OTHER_REQUEST: Kind = kind(209, 422, "Invalid field");
const RAFT_INTERNAL: Kind = kind(300, 500, "Raft Internal Error");

const fn of_tree(code: TreeErrorCode) -> Kind {
    match code {
        TreeErrorCode::KeyNotFound => kind(100, 404, "Key not found"),
        TreeErrorCode::CompareFailed => kind(101, 412, "Compare failed"),
        TreeErrorCode::NotAFile => kind(102, 403, "Not a file"),
        TreeErrorCode::NotADirectory => kind(104, 400, "Not a directory"),
        TreeErrorCode::KeyExists => kind(105, 412, "Key already exists"),
        TreeErrorCode::RootReadOnly => kind(107, 400, "Root is read only"),
        TreeErrorCode::DirectoryNotEmpty => kind(108, 403, "Directory not empty"),
        TreeErrorCode::EventIndexCleared => {
            kind(401, 400, "The event in requested index is outdated and cleared")
        }
    }
}

/// Why a request is refused before the node is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) cause: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(kind: Kind, cause: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            kind,
            cause: cause.into(),
        }
    }

    /// Writes the answer. The index of a refusal is 0: the tree was not looked at.
    pub(super) fn answer(&self, cluster: u64, answer: &mut HttpAnswer) {
        write(answer, cluster, &self.kind, self.cause.as_bytes(), 0);
    }
}

/// Writes the answer to what the node could not do.
pub(super) fn failed(answer: &mut HttpAnswer, cluster: u64, why: &Failure) {
    match why {
        Failure::Store(StoreFailure::Tree(tree)) => {
            write(answer, cluster, &of_tree(tree.code), &tree.cause, tree.index);
        }
        other => write(
            answer,
            cluster,
            match other {
                Failure::Store(StoreFailure::OtherRequest) => &OTHER_REQUEST,
                _ => &RAFT_INTERNAL,
            },
            failure::text(other).as_bytes(),
            0,
        ),
    }
}

fn write(answer: &mut HttpAnswer, cluster: u64, kind: &Kind, cause: &[u8], index: u64) {
    answer.begin_json(kind.status);
    cluster_id(answer, cluster);
    answer.header("X-Etcd-Index", index);
    let body = &mut answer.body;
    body.push(b'{');
    text::member(body, "errorCode");
    text::number(body, u64::from(kind.code));
    text::string_member(body, "message", kind.message.as_bytes());
    if !cause.is_empty() {
        text::string_member(body, "cause", cause);
    }
    text::member(body, "index");
    text::number(body, index);
    body.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trees_codes_keep_their_numbers() {
        use TreeErrorCode as Code;
        let codes = [
            Code::KeyNotFound,
            Code::CompareFailed,
            Code::NotAFile,
            Code::NotADirectory,
            Code::KeyExists,
            Code::RootReadOnly,
            Code::DirectoryNotEmpty,
            Code::EventIndexCleared,
        ];
        for code in codes {
            assert_eq!(of_tree(code).code, code as u16);
        }
    }
}
