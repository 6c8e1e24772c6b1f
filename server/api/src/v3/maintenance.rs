//! `/v3/maintenance`.

use node::{Answer, Request, Response};
use serde::de::MapAccess;

use super::json::{Message, Value};
use super::{alarm, ask, error, write};
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;
use crate::{COMPATIBLE_VERSION, Parsed};

/// `POST /v3/maintenance/status`.
pub(crate) fn status(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Status, |NoFields {}| Ok(Request::Status))
}

/// `POST /v3/maintenance/defragment`.
pub(crate) fn defragment(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::Defragment, |NoFields {}| {
        Ok(Request::Defragment)
    })
}

/// A request without fields.
#[derive(Default)]
pub(super) struct NoFields {}

impl Message for NoFields {
    fn take<'de, A: MapAccess<'de>>(&mut self, _: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        value.pass_over()
    }
}

/// How the member is.
pub(crate) fn render_status(response: &Response, answer: &mut HttpAnswer) {
    let header = &response.header;
    let status = match &response.result {
        Ok(Answer::Status(status)) => status,
        Ok(other) => unreachable!("{other:?} to a question of status"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, header, true);
    let out = &mut answer.body;
    write::string(out, "version", COMPATIBLE_VERSION);
    write::integer(out, "dbSize", status.size);
    write::integer(out, "leader", status.leader.map_or(0, |leader| leader.0));
    write::integer(out, "raftIndex", status.commit.0);
    write::integer(out, "raftTerm", header.term.0);
    write::integer(out, "raftAppliedIndex", header.applied.0);
    let mut errors: Vec<String> = Vec::new();
    if status.leader.is_none() {
        errors.push("etcdserver: no leader".to_owned());
    }
    errors.extend(
        alarm::shown(&status.alarms).map(|(member, name)| format!("memberID:{} alarm:{name} ", member.0)),
    );
    write::strings(out, "errors", &errors);
    // There is no free space inside the state: what is held is in use.
    write::integer(out, "dbSizeInUse", status.size);
    write::boolean(out, "isLearner", status.learner);
    out.push(b'}');
}

/// It was done: there was nothing to do.
pub(crate) fn render_defragment(response: &Response, answer: &mut HttpAnswer) {
    match &response.result {
        Ok(Answer::NothingToDefragment) => write::nothing(answer),
        Ok(other) => unreachable!("{other:?} to a defragmentation"),
        Err(why) => error::failed(answer, why),
    }
}

#[cfg(test)]
mod tests;
