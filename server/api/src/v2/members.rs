//! `/v2/members` and `/v2/machines`.

use node::{Answer, Member, Request, Response};

use super::{cluster_id, message_error, not_served};
use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::{Parsed, text};

/// Any request to `/v2/members`: the list and the leader are served; other members are addressed only to change them.
pub(crate) fn members(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    let id = call.path.strip_prefix(b"/v2/members").unwrap_or_default();
    let id = id.strip_prefix(b"/").unwrap_or(id);
    match (call.request.method, id) {
        ("GET", b"") => return ask(Render::of(Kind::Members)),
        ("GET", b"leader") => return ask(Render::of(Kind::LeadingMember)),
        ("POST", _) => drop(not_served(call, answer)),
        ("GET", _) => message_error(answer, 404, "Not found"),
        (_, b"") => answer.text_error(405, "Method Not Allowed"),
        _ => drop(not_served(call, answer)),
    }
    cluster_id(answer, call.identity.cluster_id);
    Parsed::Answered
}

/// `/v2/machines`.
pub(crate) fn machines(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    ask(Render::of(Kind::Machines))
}

fn ask(render: Render) -> Parsed {
    // Like etcd, v2 answers with what this member knows.
    Parsed::Ask(Box::new(Request::Members { linearizable: false }), render)
}

/// The list of members.
pub(crate) fn render_members(response: &Response, answer: &mut HttpAnswer) {
    match list(response) {
        Some(members) => {
            answer.begin_json(200);
            let body = &mut answer.body;
            body.extend_from_slice(b"{\"members\":[");
            for member in members {
                text::separate(body);
                object(body, member);
            }
            body.extend_from_slice(b"]}\n");
        }
        None => message_error(answer, 500, "Internal Server Error"),
    }
    cluster_id(answer, response.header.cluster_id);
}

/// The member that leads.
pub(crate) fn render_leader(response: &Response, answer: &mut HttpAnswer) {
    match list(response).map(|members| members.iter().find(|member| member.leads)) {
        Some(Some(leader)) => {
            answer.begin_json(200);
            object(&mut answer.body, leader);
            answer.body.push(b'\n');
        }
        Some(None) => message_error(answer, 503, "During election"),
        None => message_error(answer, 500, "Internal Server Error"),
    }
    cluster_id(answer, response.header.cluster_id);
}

fn object(out: &mut Vec<u8>, member: &Member) {
    out.push(b'{');
    text::string_member(out, "id", format!("{:x}", member.id.0).as_bytes());
    text::string_member(out, "name", member.name.as_bytes());
    text::strings_member(out, "peerURLs", &member.peer_urls);
    text::strings_member(out, "clientURLs", &member.client_urls);
    out.push(b'}');
}

/// All client URLs on one line.
pub(crate) fn render_machines(response: &Response, answer: &mut HttpAnswer) {
    let Some(members) = list(response) else {
        return message_error(answer, 500, "Internal Server Error");
    };
    let mut urls: Vec<&str> = members
        .iter()
        .flat_map(|member| member.client_urls.iter().map(String::as_str))
        .collect();
    urls.sort_unstable();
    answer.begin_text(200);
    answer.body.extend_from_slice(urls.join(", ").as_bytes());
}

/// The members, or nothing if the node could not tell.
fn list(response: &Response) -> Option<&[Member]> {
    match &response.result {
        Ok(Answer::Members(members)) => Some(members),
        Ok(other) => unreachable!("{other:?} to a question about members"),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
