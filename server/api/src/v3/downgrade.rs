//! `/v3/maintenance/downgrade`. A cluster of Balsa has no older version to go to: its data directories are not etcd's. So what
//! etcd would refuse is refused in its words, and the rest in ours.

use serde::de::MapAccess;

use super::check_headers;
use super::error::{Code, Refusal};
use super::json::{self, Message, Value};
use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::{COMPATIBLE_CLUSTER_VERSION, Parsed};

const ACTIONS: &[&str] = &["VALIDATE", "ENABLE", "CANCEL"];

/// `POST /v3/maintenance/downgrade`.
pub(crate) fn downgrade(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let read = check_headers(&call.request).and_then(|()| json::read::<DowngradeRequest>(call.request.body));
    let refusal = match read {
        Ok(request) => request.refusal(),
        Err(refusal) => refusal,
    };
    refusal.answer(answer);
    Parsed::Answered
}

#[derive(Default)]
struct DowngradeRequest {
    action: i32,
    version: String,
}

impl Message for DowngradeRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "action" => self.action = value.enumeration(ACTIONS)?,
            "version" => self.version = value.string()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl DowngradeRequest {
    fn refusal(&self) -> Refusal {
        match self.action {
            0 | 1 => match version(&self.version) {
                None => Refusal::invalid("etcdserver: wrong downgrade target version format"),
                Some(wanted) if Some(wanted) != before(COMPATIBLE_CLUSTER_VERSION) => {
                    Refusal::invalid("etcdserver: invalid downgrade target version")
                }
                Some(_) => Refusal::new(
                    Code::FailedPrecondition,
                    "balsa: there is no older version that could read this cluster's data",
                ),
            },
            2 => Refusal::new(Code::FailedPrecondition, "etcdserver: no inflight downgrade job"),
            _ => Refusal::invalid("etcdserver: unknown method"),
        }
    }
}

/// The first two numbers of `3.4` or `3.4.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    });
    let (major, minor) = (parts.next()??, parts.next()??);
    let patch = parts.next();
    (patch.is_none_or(|patch| patch.is_some()) && parts.next().is_none()).then_some((major, minor))
}

/// The version that an etcd of this one could go back to.
fn before(text: &str) -> Option<(u32, u32)> {
    version(text).and_then(|(major, minor)| Some((major, minor.checked_sub(1)?)))
}

#[cfg(test)]
mod tests {
    use crate::tests::refusal;

    #[test]
    fn each_wish_is_refused_in_its_own_words() {
        let rows = [
            ("", 3, "etcdserver: wrong downgrade target version format"),
            (
                r#"{"version":"3"}"#,
                3,
                "etcdserver: wrong downgrade target version format",
            ),
            (
                r#"{"version":"3.4.x"}"#,
                3,
                "etcdserver: wrong downgrade target version format",
            ),
            (
                r#"{"version":"3.5"}"#,
                3,
                "etcdserver: invalid downgrade target version",
            ),
            (
                r#"{"action":"ENABLE","version":"3.3"}"#,
                3,
                "etcdserver: invalid downgrade target version",
            ),
            (
                r#"{"action":1,"version":"3.4.0"}"#,
                9,
                "balsa: there is no older version that could read this cluster's data",
            ),
            (
                r#"{"action":"CANCEL"}"#,
                9,
                "etcdserver: no inflight downgrade job",
            ),
            (r#"{"action":7}"#, 3, "etcdserver: unknown method"),
        ];
        for (body, code, message) in rows {
            let told = format!(r#"{{"error":"{message}","code":{code},"message":"{message}"}}"#);
            assert_eq!(refusal("/v3/maintenance/downgrade", body), (400, told), "{body}");
        }
    }
}
