//! `/v3/maintenance/hash` and `hashkv`: what operators compare between members. The numbers are Balsa's own, so that they say
//! something among its members only.

use node::{Answer, Request, Response};
use serde::de::MapAccess;
use storage::store::query::{Found, Query, Revision};

use super::json::{Message, Value};
use super::maintenance::NoFields;
use super::{ask, error, write};
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;
use crate::{Parsed, text};

/// `POST /v3/maintenance/hash`: of this member's whole state as it is.
pub(crate) fn hash(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Hash, |NoFields {}| Ok(look(Query::Hash)))
}

/// `POST /v3/maintenance/hashkv`: of its keys as of a revision.
pub(crate) fn hash_kv(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::HashKv, |HashKvRequest { revision }| {
        // As everywhere, what is not above 0 is the newest.
        let revision = u64::try_from(revision).ok().filter(|revision| *revision > 0);
        Ok(look(Query::KeysHash(revision.map(Revision))))
    })
}

fn look(query: Query) -> Request {
    Request::Read {
        query,
        linearizable: false,
    }
}

#[derive(Default)]
struct HashKvRequest {
    revision: i64,
}

impl Message for HashKvRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "revision" => self.revision = value.int64()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// The hash of the state.
pub(crate) fn render_hash(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Found(Found::Hash(hash))) => {
            write::begin(answer, &response.header, true);
            number(&mut answer.body, *hash);
            answer.body.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a question for the hash"),
        Err(why) => error::failed(answer, why),
    }
}

/// The hash of the keys.
pub(crate) fn render_hash_kv(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::Found(Found::KeysHash(found))) => {
            write::begin(answer, &response.header, true);
            let out = &mut answer.body;
            number(out, found.hash);
            let compacted = i64::try_from(found.compacted.0).unwrap_or(i64::MAX);
            // etcd's word for a keyspace that was never compacted.
            write::signed(
                out,
                "compact_revision",
                if compacted == 0 { -1 } else { compacted },
            );
            write::integer(out, "hash_revision", found.revision.0);
            out.push(b'}');
        }
        Ok(other) => unreachable!("{other:?} to a question for the keys' hash"),
        Err(why) => error::failed(answer, why),
    }
}

/// A hash in the 32 bits that clients expect.
fn number(out: &mut Vec<u8>, hash: u64) {
    let folded = (hash ^ hash >> 32) & u64::from(u32::MAX);
    if folded != 0 {
        text::member(out, "hash");
        text::number(out, folded);
    }
}

#[cfg(test)]
mod tests {
    use storage::store::query::KeysHash;

    use super::*;
    use crate::tests::{ask, rendered, text};

    const H: &str = r#""header":{"cluster_id":"193","member_id":"7","revision":"5","raft_term":"2"}"#;

    #[test]
    fn the_revision_is_read() {
        let path = "/v3/maintenance/hashkv";
        let at = |revision: Option<u64>| look(Query::KeysHash(revision.map(Revision)));
        assert_eq!(ask(path, ""), at(None));
        assert_eq!(ask(path, r#"{"revision":"-1"}"#), at(None));
        assert_eq!(ask(path, r#"{"revision":7}"#), at(Some(7)));
        assert_eq!(ask("/v3/maintenance/hash", "{}"), look(Query::Hash));
    }

    #[test]
    fn hashes_are_numbers_of_32_bits() {
        let hash = Found::Hash(0x1_0000_0003);
        let answer = rendered("POST", "/v3/maintenance/hash", Ok(Answer::Found(hash)));
        assert_eq!(text(&answer.body), format!(r#"{{{H},"hash":2}}"#));
        let keys = |compacted| {
            let found = KeysHash {
                hash: u64::from(u32::MAX),
                revision: Revision(4),
                compacted: Revision(compacted),
            };
            let found = Ok(Answer::Found(Found::KeysHash(found)));
            text(&rendered("POST", "/v3/maintenance/hashkv", found).body)
        };
        let told = |compacted| {
            format!(r#"{{{H},"hash":4294967295,"compact_revision":"{compacted}","hash_revision":"4"}}"#)
        };
        assert_eq!((keys(0), keys(3)), (told("-1"), told("3")));
    }
}
