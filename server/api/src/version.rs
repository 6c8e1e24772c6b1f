//! `/version`, and which etcd this server stands in for.

use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::{Parsed, text};

/// The etcd release whose API is spoken. Clients look at it to choose what they may ask.
pub const COMPATIBLE_VERSION: &str = "3.5.21";

/// The cluster version that an etcd cluster of such members would agree on.
pub const COMPATIBLE_CLUSTER_VERSION: &str = "3.5.0";

/// `GET /version`.
pub(crate) fn version(_: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    answer.begin_json(200);
    let body = &mut answer.body;
    body.push(b'{');
    text::string_member(body, "etcdserver", COMPATIBLE_VERSION.as_bytes());
    text::string_member(body, "etcdcluster", COMPATIBLE_CLUSTER_VERSION.as_bytes());
    text::string_member(body, "balsa", env!("CARGO_PKG_VERSION").as_bytes());
    body.push(b'}');
    Parsed::Answered
}
