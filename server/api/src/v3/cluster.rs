//! `/v3/cluster`.

use node::{Answer, Member, Request, Response};
use serde::de::MapAccess;

use super::json::{Message, Value};
use super::{ask, error, write};
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;
use crate::{Parsed, text};

/// `POST /v3/cluster/member/list`.
pub(crate) fn member_list(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask(call, answer, Kind::MemberList, |request: MemberListRequest| {
        Ok(Request::Members {
            linearizable: request.linearizable,
        })
    })
}

#[derive(Default)]
struct MemberListRequest {
    linearizable: bool,
}

impl Message for MemberListRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "linearizable" => self.linearizable = value.boolean()?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

/// The members.
pub(crate) fn render_member_list(response: &Response, answer: &mut HttpAnswer) {
    let members = match &response.result {
        Ok(Answer::Members(members)) => members,
        Ok(other) => unreachable!("{other:?} to a question about members"),
        Err(why) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, false);
    let out = &mut answer.body;
    if !members.is_empty() {
        text::member(out, "members");
        out.push(b'[');
        for member in members {
            text::separate(out);
            object(out, member);
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn object(out: &mut Vec<u8>, member: &Member) {
    out.push(b'{');
    write::integer(out, "ID", member.id.0);
    write::string(out, "name", &member.name);
    write::strings(out, "peerURLs", &member.peer_urls);
    write::strings(out, "clientURLs", &member.client_urls);
    write::boolean(out, "isLearner", member.learner);
    out.push(b'}');
}

#[cfg(test)]
mod tests;
