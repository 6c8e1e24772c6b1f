//! `/v2/stats`: what a member did since it began.

use std::time::Duration;

use node::{Answer, FollowerStats, Latency, MemberStats, Request, Response, Role, Tally, Traffic};

use super::message_error;
use crate::answer::HttpAnswer;
use crate::civil::rfc3339;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::{Parsed, failure, text};

/// Go's zero time: when nobody leads.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// `GET /v2/stats/self`.
pub(crate) fn own(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    ask(Kind::OwnStats)
}

/// `GET /v2/stats/leader`.
pub(crate) fn leader(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    ask(Kind::LeaderStats)
}

/// `GET /v2/stats/store`.
pub(crate) fn store(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    ask(Kind::StoreStats)
}

fn ask(kind: Kind) -> Parsed {
    Parsed::Ask(Box::new(Request::Stats), Render::of(kind))
}

/// Of the member.
pub(crate) fn render_own(response: &Response, answer: &mut HttpAnswer) {
    let Some(stats) = begin(response, answer) else {
        return;
    };
    let out = &mut answer.body;
    out.push(b'{');
    text::string_member(out, "name", stats.name.as_bytes());
    text::hex_member(out, "id", response.header.member_id.0);
    text::string_member(out, "state", state(stats.role).as_bytes());
    text::string_member(out, "startTime", rfc3339(stats.started.0).as_bytes());
    text::member(out, "leaderInfo");
    out.push(b'{');
    match stats.leader {
        Some((leader, since)) => {
            let uptime = Duration::from_nanos(stats.told.0.saturating_sub(since.0));
            text::hex_member(out, "leader", leader.0);
            text::string_member(out, "uptime", go_duration(uptime).as_bytes());
            text::string_member(out, "startTime", rfc3339(since.0).as_bytes());
        }
        None => {
            text::string_member(out, "leader", b"");
            text::string_member(out, "uptime", b"0s");
            text::string_member(out, "startTime", NEVER.as_bytes());
        }
    }
    out.push(b'}');
    traffic(out, "recv", stats.received);
    traffic(out, "send", stats.sent);
    out.push(b'}');
}

/// What Raft calls it.
pub(crate) fn state(role: Role) -> &'static str {
    match role {
        Role::Leader => "StateLeader",
        Role::Follower => "StateFollower",
        Role::Candidate => "StateCandidate",
        Role::PreCandidate => "StatePreCandidate",
    }
}

fn traffic(out: &mut Vec<u8>, direction: &str, traffic: Traffic) {
    text::member(out, &format!("{direction}AppendRequestCnt"));
    text::number(out, traffic.count);
    let over = traffic.over.as_secs_f64();
    if over > 0.0 {
        text::member(out, &format!("{direction}PkgRate"));
        text::float(out, traffic.lately as f64 / over);
        text::member(out, &format!("{direction}BandwidthRate"));
        text::float(out, traffic.bytes as f64 / over);
    }
}

/// Of the leader's followers.
pub(crate) fn render_leader(response: &Response, answer: &mut HttpAnswer) {
    let Some(stats) = begin(response, answer) else {
        return;
    };
    if stats.role != Role::Leader {
        return message_error(answer, 403, "not current leader");
    }
    let out = &mut answer.body;
    out.push(b'{');
    text::hex_member(out, "leader", response.header.member_id.0);
    text::member(out, "followers");
    out.push(b'{');
    for (id, follower) in &stats.followers {
        if *id != response.header.member_id {
            text::member(out, &format!("{:x}", id.0));
            render_follower(out, follower);
        }
    }
    out.extend_from_slice(b"}}");
}

fn render_follower(out: &mut Vec<u8>, follower: &FollowerStats) {
    let Latency {
        count,
        current,
        least,
        most,
        sum,
        squares,
    } = follower.latency;
    let times = count.max(1) as f64;
    let average = sum as f64 / times;
    // Rounding may take it below zero.
    let variance = (squares as f64 / times - average * average).max(0.0);
    out.extend_from_slice(b"{\"latency\":{");
    for (name, micros) in [
        ("current", current as f64),
        ("average", average),
        ("standardDeviation", variance.sqrt()),
        ("minimum", least as f64),
        ("maximum", most as f64),
    ] {
        text::member(out, name);
        text::float(out, micros / 1000.0);
    }
    out.extend_from_slice(b"},\"counts\":{");
    text::member(out, "fail");
    text::number(out, follower.failed);
    text::member(out, "success");
    text::number(out, count);
    out.extend_from_slice(b"}}");
}

/// Of the tree.
pub(crate) fn render_store(response: &Response, answer: &mut HttpAnswer) {
    let Some(stats) = begin(response, answer) else {
        return;
    };
    let tree = &stats.tree;
    let tallies: [(&str, Tally); 7] = [
        ("gets", tree.gets),
        ("sets", tree.sets),
        ("delete", tree.deletes),
        ("update", tree.updates),
        ("create", tree.creates),
        ("compareAndSwap", tree.swaps),
        ("compareAndDelete", tree.compared_deletes),
    ];
    let out = &mut answer.body;
    out.push(b'{');
    for (name, tally) in tallies {
        text::member(out, &format!("{name}Success"));
        text::number(out, tally.done);
        text::member(out, &format!("{name}Fail"));
        text::number(out, tally.refused);
    }
    text::member(out, "expireCount");
    text::number(out, tree.expired);
    text::member(out, "watchers");
    text::number(out, tree.watchers);
    out.push(b'}');
}

/// What the node told; if it told nothing, the answer says why.
fn begin<'a>(response: &'a Response, answer: &mut HttpAnswer) -> Option<&'a MemberStats> {
    match &response.result {
        Ok(Answer::Stats(stats)) => {
            answer.begin_json(200);
            Some(stats)
        }
        Ok(other) => unreachable!("{other:?} to a question about statistics"),
        Err(why) => {
            message_error(answer, 503, failure::text(why));
            None
        }
    }
}

/// As Go writes a length of time: `1h2m3.5s`, `1.5ms`.
fn go_duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    let decimal = |nanos: u128, unit: u128, name: &str| {
        let digits = unit.ilog10() as usize;
        let text = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
        format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
    match nanos {
        0 => "0s".to_owned(),
        1..1000 => format!("{nanos}ns"),
        1000..1_000_000 => decimal(nanos, 1000, "µs"),
        1_000_000..1_000_000_000 => decimal(nanos, 1_000_000, "ms"),
        _ => {
            let seconds = decimal(rest, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
