//! Keys through both APIs, in the few forms that the tests need.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::{Answer, Http};

/// The status that a member gives of itself.
pub(crate) fn status(http: &mut Http) -> io::Result<Value> {
    Ok(success(http.post("/v3/maintenance/status", "{}")?)?.json())
}

/// Writes a key of v3; gives the revision.
pub(crate) fn put_v3(http: &mut Http, key: &str, value: &str) -> io::Result<u64> {
    let body = format!(
        r#"{{"key":"{}","value":"{}"}}"#,
        BASE64.encode(key),
        BASE64.encode(value)
    );
    let answer = success(http.post("/v3/kv/put", &body)?)?;
    Ok(number(&answer.json()["header"]["revision"]))
}

/// Reads a key of v3, linearizably; gives its value, if it has one, and the store's revision.
pub(crate) fn get_v3(http: &mut Http, key: &str) -> io::Result<(Option<String>, u64)> {
    let body = format!(r#"{{"key":"{}"}}"#, BASE64.encode(key));
    let json = success(http.post("/v3/kv/range", &body)?)?.json();
    let value = json["kvs"][0]["key"]
        .as_str()
        .map(|_| decoded(&json["kvs"][0]["value"]));
    Ok((value, number(&json["header"]["revision"])))
}

/// Reads all keys with a prefix of v3, in order.
pub(crate) fn range_v3(http: &mut Http, prefix: &str) -> io::Result<Vec<(String, String)>> {
    let mut end = prefix.as_bytes().to_vec();
    *end.last_mut().expect("a prefix is not empty") += 1;
    let body = format!(
        r#"{{"key":"{}","range_end":"{}"}}"#,
        BASE64.encode(prefix),
        BASE64.encode(end)
    );
    let json = success(http.post("/v3/kv/range", &body)?)?.json();
    let kvs = json["kvs"].as_array().cloned().unwrap_or_default();
    Ok(kvs
        .iter()
        .map(|kv| (decoded(&kv["key"]), decoded(&kv["value"])))
        .collect())
}

/// Writes a key of v2; gives its index.
pub(crate) fn put_v2(http: &mut Http, key: &str, value: &str) -> io::Result<u64> {
    let answer = success(http.put_form(&format!("/v2/keys/{key}"), &format!("value={value}"))?)?;
    Ok(answer.json()["node"]["modifiedIndex"].as_u64().expect("an index"))
}

/// Reads a key of v2: linearizably, or as this member has it. Gives its value, if it has one, and the store's index.
pub(crate) fn get_v2(http: &mut Http, key: &str, quorum: bool) -> io::Result<(Option<String>, u64)> {
    let answer = http.get(&format!("/v2/keys/{key}?quorum={quorum}"))?;
    let answer = if answer.status == 404 {
        answer
    } else {
        success(answer)?
    };
    let value = answer.json()["node"]["value"].as_str().map(str::to_owned);
    Ok((value, header_of(&answer, "x-etcd-index")))
}

/// A header that is a number.
pub(crate) fn header_of(answer: &Answer, name: &str) -> u64 {
    let value = answer
        .header(name)
        .unwrap_or_else(|| panic!("{name} is missing in {answer:?}"));
    value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}"))
}

/// An answer that says no says that nothing is known, too: a write may have happened.
fn success(answer: Answer) -> io::Result<Answer> {
    match answer.status {
        200 | 201 => Ok(answer),
        status => Err(io::Error::other(format!("{status}: {}", answer.text()))),
    }
}

/// What JSON has as a string, and leaves out if it is zero.
fn number(json: &Value) -> u64 {
    json.as_str().map_or(0, |text| text.parse().expect("a number"))
}

/// What JSON has in base64, and leaves out if it is empty.
fn decoded(json: &Value) -> String {
    let bytes = BASE64.decode(json.as_str().unwrap_or_default()).expect("base64");
    String::from_utf8(bytes).expect("the tests write text")
}
