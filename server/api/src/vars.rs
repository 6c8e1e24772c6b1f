//! `/debug/vars`: the member's Raft in JSON. What is of the process, the host adds.

use node::{Answer, FollowerStats, MemberStats, Pace, Request, Response};

use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::v2::stats::state;
use crate::{Parsed, failure, text};

const END: &[u8] = b"\n}\n";

/// `GET /debug/vars`.
pub(crate) fn parse(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    Parsed::Ask(Box::new(Request::Stats), Render::of(Kind::Vars))
}

/// What the node knows.
pub(crate) fn render(response: &Response, answer: &mut HttpAnswer) {
    let stats = match &response.result {
        Ok(Answer::Stats(stats)) => stats,
        Ok(other) => unreachable!("{other:?} to a question about statistics"),
        Err(why) => return answer.text_error(503, failure::text(why)),
    };
    answer.begin(200);
    answer.header("Content-Type", "application/json; charset=utf-8");
    answer.body.extend_from_slice(b"{\n\"raft.status\": ");
    raft_status(&mut answer.body, response, stats);
    answer.body.extend_from_slice(END);
}

fn raft_status(out: &mut Vec<u8>, response: &Response, stats: &MemberStats) {
    let header = &response.header;
    out.push(b'{');
    text::hex_member(out, "id", header.member_id.0);
    text::member(out, "term");
    text::number(out, header.term.0);
    text::hex_member(out, "vote", stats.voted_for.map_or(0, |id| id.0));
    text::member(out, "commit");
    text::number(out, stats.commit.0);
    text::hex_member(out, "lead", stats.leader.map_or(0, |(id, _)| id.0));
    text::string_member(out, "raftState", state(stats.role).as_bytes());
    text::member(out, "applied");
    text::number(out, header.applied.0);
    text::member(out, "progress");
    out.push(b'{');
    for (id, follower) in &stats.followers {
        text::member(out, &format!("{:x}", id.0));
        progress(out, follower);
    }
    out.push(b'}');
    text::hex_member(out, "leadtransferee", stats.transferring.map_or(0, |id| id.0));
    out.push(b'}');
}

fn progress(out: &mut Vec<u8>, follower: &FollowerStats) {
    let pace = match follower.pace {
        Pace::Probe => "StateProbe",
        Pace::Pipeline => "StateReplicate",
        Pace::Snapshot => "StateSnapshot",
    };
    out.push(b'{');
    text::member(out, "match");
    text::number(out, follower.matched.0);
    text::member(out, "next");
    text::number(out, follower.next.0);
    text::string_member(out, "state", pace.as_bytes());
    out.push(b'}');
}

/// A page of variables, to which the host adds what is of the process.
#[derive(Debug)]
pub struct Vars<'a>(pub &'a mut Vec<u8>);

impl Vars<'_> {
    /// A list of texts.
    pub fn texts(&mut self, name: &str, texts: &[String]) {
        self.add(name, |out| {
            out.push(b'[');
            for text in texts {
                text::separate(out);
                text::string(out, text.as_bytes());
            }
            out.push(b']');
        });
    }

    /// A number.
    pub fn number(&mut self, name: &str, value: u64) {
        self.add(name, |out| text::number(out, value));
    }

    /// An object of numbers.
    pub fn numbers(&mut self, name: &str, numbers: &[(&str, u64)]) {
        self.add(name, |out| {
            out.push(b'{');
            for (name, value) in numbers {
                text::member(out, name);
                text::number(out, *value);
            }
            out.push(b'}');
        });
    }

    fn add(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut *self.0;
        assert!(out.ends_with(END), "a page of variables");
        out.truncate(out.len() - END.len());
        out.extend_from_slice(b",\n");
        text::string(out, name.as_bytes());
        out.extend_from_slice(b": ");
        write(out);
        out.extend_from_slice(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{head, rendered, text};
    use crate::v2::stats::tests::leading;

    #[test]
    fn a_page_has_rafts_status_and_what_the_host_adds() {
        let mut answer = rendered("GET", "/debug/vars", Ok(Answer::Stats(Box::new(leading()))));
        assert_eq!(head(&answer), "Content-Type: application/json; charset=utf-8\r\n");
        let mut vars = Vars(&mut answer.body);
        vars.texts("cmdline", &["balsa".to_owned(), "--name=\"a\"".to_owned()]);
        vars.number("file_descriptor_limit", 1024);
        vars.numbers("memstats", &[("Sys", 1), ("Alloc", 2)]);
        let expected = concat!(
            "{\n\"raft.status\": {\"id\":\"7\",\"term\":2,\"vote\":\"7\",\"commit\":41,\"lead\":\"7\",",
            "\"raftState\":\"StateLeader\",\"applied\":41,\"progress\":{",
            "\"7\":{\"match\":41,\"next\":42,\"state\":\"StateReplicate\"},",
            "\"ab\":{\"match\":41,\"next\":42,\"state\":\"StateProbe\"}},\"leadtransferee\":\"0\"},\n",
            "\"cmdline\": [\"balsa\",\"--name=\\\"a\\\"\"],\n",
            "\"file_descriptor_limit\": 1024,\n",
            "\"memstats\": {\"Sys\":1,\"Alloc\":2}\n}\n",
        );
        assert_eq!(text(&answer.body), expected);
    }
}
