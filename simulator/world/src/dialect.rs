//! Operations as the HTTP requests that etcd's clients send, and the answers as those clients read them. Nothing here uses
//! the server's own code: what it believes of JSON is tested against what a client believes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use net::http::client::Ask;
use serde::Deserialize;

use crate::operation::{Action, Counters, Key, Outcome, Value};

/// A request, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    method: &'static str,
    target: String,
    head_lines: &'static str,
    body: String,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What became of the operation.
    pub outcome: Outcome,
    /// The counters shown.
    pub counters: Option<Counters>,
}

/// An answer that no client of etcd would understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("status {status} to {question:?}: {body}")]
pub struct Nonsense {
    /// Its status.
    pub status: u16,
    /// To what.
    pub question: Question,
    /// What it said.
    pub body: String,
}

impl Question {
    /// The request for an operation.
    #[must_use]
    pub fn of(key: Key, action: Action) -> Question {
        let value = action.writes().map(text).unwrap_or_default();
        match key {
            Key::V3(number) => v3(number, action, &value),
            Key::V2(number) => v2(number, action, &value),
        }
    }

    /// The same in the HTTP client's terms.
    #[must_use]
    pub fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.method,
            target: &self.target,
            head_lines: self.head_lines.as_bytes(),
            body: self.body.as_bytes(),
        }
    }

    /// What an answer to this question says. `tree_index` is the X-Etcd-Index header.
    ///
    /// # Errors
    /// If it is not an answer of etcd's.
    pub fn read(&self, status: u16, tree_index: Option<u64>, body: &[u8]) -> Result<Told, Nonsense> {
        let told = match (status, tree_index) {
            (429 | 500.., _) if says_no_space(body) => Some(Told {
                outcome: Outcome::NoSpace,
                counters: None,
            }),
            // Whether a write happened that failed on the way nobody can say.
            (429 | 500.., _) => Some(Told {
                outcome: Outcome::Unknown,
                counters: None,
            }),
            (200, None) => self.read_v3(body),
            (_, Some(index)) => read_v2(body, index),
            _ => None,
        };
        told.ok_or_else(|| Nonsense {
            status,
            question: self.clone(),
            body: String::from_utf8_lossy(body).into_owned(),
        })
    }

    fn read_v3(&self, body: &[u8]) -> Option<Told> {
        let answer: V3Answer = serde_json::from_slice(body).ok()?;
        let revision = answer.header.revision.parse().ok()?;
        let read = |pair: Option<V3Pair<'_>>| match pair {
            Some(pair) => pair.read().map(Some),
            None => Some(None),
        };
        let previous = read(answer.prev_kv)?;
        let found = read(answer.kvs.map(|[pair]| pair))?;
        let counters = |modified| Some(Counters { revision, modified });
        Some(match self.target.as_str() {
            "/v3/kv/put" => {
                let previous = previous.map(|(value, _)| value);
                let told = self.body.contains("prev_kv");
                Told {
                    outcome: Outcome::Done {
                        previous: told.then_some(previous),
                    },
                    counters: counters(Some(revision)),
                }
            }
            "/v3/kv/range" => Told {
                outcome: Outcome::Found(found.map(|(value, _)| value)),
                counters: counters(found.map(|(_, modified)| modified)),
            },
            _ => Told {
                outcome: Outcome::Deleted(answer.deleted.map_or(Some(0), |count| count.parse().ok())?),
                counters: counters(None),
            },
        })
    }
}

/// Both APIs say it in the same words, and mean that nothing happened.
fn says_no_space(body: &[u8]) -> bool {
    const WORDS: &[u8] = b"etcdserver: mvcc: database space exceeded";
    body.windows(WORDS.len()).any(|words| words == WORDS)
}

fn v3(number: u8, action: Action, value: &str) -> Question {
    let key = BASE64.encode(format!("key{number}"));
    let (target, mut body) = match action {
        Action::Put { .. } => (
            "/v3/kv/put",
            format!(r#"{{"key":"{key}","value":"{}""#, BASE64.encode(value)),
        ),
        Action::Get { .. } => ("/v3/kv/range", format!(r#"{{"key":"{key}""#)),
        _ => ("/v3/kv/deleterange", format!(r#"{{"key":"{key}""#)),
    };
    match action {
        Action::Put { previous: true, .. } => body.push_str(r#","prev_kv":true"#),
        Action::Get { linearizable: false } => body.push_str(r#","serializable":true"#),
        _ => {}
    }
    body.push('}');
    Question {
        method: "POST",
        target: target.to_owned(),
        head_lines: "Content-Type: application/json\r\n",
        body,
    }
}

fn v2(number: u8, action: Action, value: &str) -> Question {
    let mut target = format!("/v2/keys/file{number}");
    let mut body = String::new();
    let method = match action {
        Action::Get { linearizable } => {
            target.push_str(if linearizable { "?quorum=true" } else { "" });
            "GET"
        }
        Action::Delete => "DELETE",
        Action::Put { .. } | Action::Create { .. } | Action::CompareAndSwap { .. } => {
            body = format!("value={value}");
            "PUT"
        }
    };
    match action {
        Action::Create { .. } => body.push_str("&prevExist=false"),
        Action::CompareAndSwap { expected, .. } => {
            body.push_str("&prevValue=");
            body.push_str(&text(expected));
        }
        _ => {}
    }
    Question {
        method,
        target,
        head_lines: if method == "PUT" {
            "Content-Type: application/x-www-form-urlencoded\r\n"
        } else {
            ""
        },
        body,
    }
}

#[derive(Deserialize)]
struct V3Answer<'a> {
    #[serde(borrow)]
    header: V3Header<'a>,
    #[serde(borrow)]
    prev_kv: Option<V3Pair<'a>>,
    #[serde(borrow)]
    kvs: Option<[V3Pair<'a>; 1]>,
    deleted: Option<&'a str>,
}

#[derive(Deserialize)]
struct V3Header<'a> {
    revision: &'a str,
}

#[derive(Deserialize)]
struct V3Pair<'a> {
    value: &'a str,
    mod_revision: &'a str,
}

impl V3Pair<'_> {
    /// Its value, and when that was written.
    fn read(&self) -> Option<(Value, u64)> {
        let text = BASE64.decode(self.value).ok()?;
        Some((
            value(str::from_utf8(&text).ok()?)?,
            self.mod_revision.parse().ok()?,
        ))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2Answer<'a> {
    action: Option<&'a str>,
    #[serde(borrow)]
    node: Option<V2Node<'a>>,
    #[serde(borrow)]
    prev_node: Option<V2Node<'a>>,
    error_code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2Node<'a> {
    value: Option<&'a str>,
    modified_index: u64,
}

fn read_v2(body: &[u8], index: u64) -> Option<Told> {
    let answer: V2Answer<'_> = serde_json::from_slice(body).ok()?;
    if let Some(code) = answer.error_code {
        let outcome = match code {
            100 => Outcome::NotFound,
            101 => Outcome::Differs,
            105 => Outcome::Exists,
            _ => return None,
        };
        let counters = Some(Counters {
            revision: index,
            modified: None,
        });
        return Some(Told { outcome, counters });
    }
    let node = answer.node?;
    let held = |node: V2Node<'_>| node.value.and_then(value);
    let modified = Some(node.modified_index);
    let outcome = match answer.action? {
        "get" => Outcome::Found(Some(held(node)?)),
        _ => Outcome::Done {
            previous: Some(
                answer
                    .prev_node
                    .map(|node| held(node).ok_or(()))
                    .transpose()
                    .ok()?,
            ),
        },
    };
    Some(Told {
        outcome,
        counters: Some(Counters {
            revision: index,
            modified,
        }),
    })
}

/// A value as it is written: its number, and so much padding that lengths differ.
pub(crate) fn text(value: Value) -> String {
    let padding = value.0.wrapping_mul(0x9e37_79b9) >> 24;
    format!("v{}.{}", value.0, "x".repeat(padding as usize))
}

/// The value that a text of ours stands for.
fn value(text: &str) -> Option<Value> {
    let (number, _) = text.strip_prefix('v')?.split_once('.')?;
    number.parse().ok().map(Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: Action = Action::Put {
        value: Value(5),
        previous: true,
    };

    #[test]
    fn a_value_is_read_as_it_was_written() {
        for number in [0, 1, 77, 1_000_000] {
            assert_eq!(value(&text(Value(number))), Some(Value(number)));
        }
        assert_eq!(value("v.x"), None);
        assert_eq!(value("5."), None);
    }

    #[test]
    fn v3_answers_are_read() {
        let pair = format!(
            r#"{{"key":"a2V5MA==","mod_revision":"4","value":"{}"}}"#,
            BASE64.encode("v9.xx")
        );
        let header = r#""header":{"cluster_id":"1","revision":"7"}"#;
        let told = |outcome, modified| {
            let counters = Some(Counters {
                revision: 7,
                modified,
            });
            Ok(Told { outcome, counters })
        };
        let put = Question::of(Key::V3(0), PUT);
        let done = |previous| Outcome::Done {
            previous: Some(previous),
        };
        assert_eq!(
            put.read(200, None, format!("{{{header}}}").as_bytes()),
            told(done(None), Some(7))
        );
        let body = format!(r#"{{{header},"prev_kv":{pair}}}"#);
        assert_eq!(
            put.read(200, None, body.as_bytes()),
            told(done(Some(Value(9))), Some(7))
        );
        let get = Question::of(Key::V3(0), Action::Get { linearizable: true });
        let body = format!(r#"{{{header},"kvs":[{pair}],"count":"1"}}"#);
        assert_eq!(
            get.read(200, None, body.as_bytes()),
            told(Outcome::Found(Some(Value(9))), Some(4))
        );
        let body = format!("{{{header}}}");
        assert_eq!(
            get.read(200, None, body.as_bytes()),
            told(Outcome::Found(None), None)
        );
        let delete = Question::of(Key::V3(0), Action::Delete);
        assert_eq!(
            delete.read(200, None, body.as_bytes()),
            told(Outcome::Deleted(0), None)
        );
        assert!(delete.read(400, None, b"{}").is_err());
        let no_space = br#"{"error":"etcdserver: mvcc: database space exceeded","code":8}"#;
        assert_eq!(
            put.read(429, None, no_space).map(|told| told.outcome),
            Ok(Outcome::NoSpace)
        );
        assert_eq!(
            delete.read(503, None, b"").map(|told| told.outcome),
            Ok(Outcome::Unknown)
        );
    }

    #[test]
    fn v2_answers_are_read() {
        let put = Question::of(Key::V2(3), PUT);
        let outcome = |status, body: &str| {
            put.read(status, Some(9), body.as_bytes())
                .map(|told| told.outcome)
        };
        let node = r#"{"key":"/file3","value":"v5.","modifiedIndex":9,"createdIndex":9}"#;
        let previous = r#"{"key":"/file3","value":"v2.","modifiedIndex":6,"createdIndex":6}"#;
        let done = |previous| Outcome::Done {
            previous: Some(previous),
        };
        assert_eq!(
            outcome(201, &format!(r#"{{"action":"set","node":{node}}}"#)),
            Ok(done(None))
        );
        assert_eq!(
            outcome(
                200,
                &format!(r#"{{"action":"set","node":{node},"prevNode":{previous}}}"#)
            ),
            Ok(done(Some(Value(2))))
        );
        assert_eq!(
            outcome(200, &format!(r#"{{"action":"get","node":{node}}}"#)),
            Ok(Outcome::Found(Some(Value(5))))
        );
        assert_eq!(
            outcome(404, r#"{"errorCode":100,"index":9}"#),
            Ok(Outcome::NotFound)
        );
        assert_eq!(
            outcome(412, r#"{"errorCode":101,"index":9}"#),
            Ok(Outcome::Differs)
        );
        assert_eq!(
            outcome(412, r#"{"errorCode":105,"index":9}"#),
            Ok(Outcome::Exists)
        );
        assert!(outcome(403, r#"{"errorCode":102,"index":9}"#).is_err());
    }
}
