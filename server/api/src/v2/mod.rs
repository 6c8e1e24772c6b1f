//! The v2 API: a tree of files and directories.

mod error;
pub(crate) mod event;
mod form;
pub(crate) mod keys;
mod media_type;
pub(crate) mod members;
pub(crate) mod stats;
pub(crate) mod watch;

use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::{Parsed, text};

/// What etcd serves and this server does not yet, outside `/v2/keys`.
pub(crate) fn not_served(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let message = format!(
        "{} {} is not served yet",
        call.request.method,
        String::from_utf8_lossy(call.path)
    );
    message_error(answer, 501, &message);
    if call.path.starts_with(b"/v2/auth/") {
        cluster_id(answer, call.identity.cluster_id);
    }
    Parsed::Answered
}

/// The error form of everything but keys: `{"message":"..."}`, without a line end.
pub(crate) fn message_error(answer: &mut HttpAnswer, status: u16, message: &str) {
    answer.begin_json(status);
    answer.body.push(b'{');
    text::string_member(&mut answer.body, "message", message.as_bytes());
    answer.body.push(b'}');
}

/// The header line that names the cluster: hexadecimal, not padded.
fn cluster_id(answer: &mut HttpAnswer, id: u64) {
    answer.header("X-Etcd-Cluster-Id", format_args!("{id:x}"));
}
