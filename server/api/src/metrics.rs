//! `/metrics`: what Prometheus collects, under the names that etcd's dashboards and alerts use.

use std::fmt::Display;
use std::io::Write as _;

use node::{Answer, Request, Response, Status};

use crate::answer::HttpAnswer;
use crate::render::{Kind, Render};
use crate::route::Call;
use crate::{COMPATIBLE_VERSION, Parsed, failure};

/// `GET /metrics`.
pub(crate) fn parse(_: &Call<'_>, _: &mut HttpAnswer) -> Parsed {
    Parsed::Ask(Box::new(Request::Status), Render::of(Kind::Metrics))
}

/// What the node knows. The host adds its own.
pub(crate) fn render(response: &Response, answer: &mut HttpAnswer) {
    let status = match &response.result {
        Ok(Answer::Status(status)) => status,
        Ok(other) => unreachable!("{other:?} to a question of status"),
        Err(why) => return answer.text_error(503, failure::text(why)),
    };
    answer.begin(200);
    answer.header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    let page = &mut Page(&mut answer.body);
    write_member(page, response, status);
    write_state(page, response, status);
}

/// Of this member and of Raft.
fn write_member(page: &mut Page<'_>, response: &Response, status: &Status) {
    let (header, counts) = (&response.header, &status.counts);
    let flag = u64::from;
    page.labelled(
        "etcd_server_version",
        "Which etcd this server stands in for.",
        ("server_version", COMPATIBLE_VERSION),
    );
    page.labelled(
        "etcd_server_id",
        "The member's id, in hexadecimal.",
        ("server_id", format_args!("{:x}", header.member_id.0)),
    );
    let has_leader = flag(status.leader.is_some());
    page.gauge("etcd_server_has_leader", "Whether a leader is known.", has_leader);
    let leads = flag(status.leader == Some(header.member_id));
    page.gauge("etcd_server_is_leader", "Whether this member leads.", leads);
    let learns = flag(status.learner);
    page.gauge("etcd_server_is_learner", "Whether it does not vote yet.", learns);
    page.counter(
        "etcd_server_leader_changes_seen_total",
        "How often another member was found to lead.",
        counts.leader_changes,
    );
    page.gauge(
        "etcd_server_proposals_committed_total",
        "The commit index.",
        status.commit.0,
    );
    page.gauge(
        "etcd_server_proposals_applied_total",
        "The last entry applied.",
        header.applied.0,
    );
    page.gauge(
        "etcd_server_proposals_pending",
        "Writes of this member's clients, and its own, that wait.",
        counts.proposals_pending,
    );
    page.counter(
        "etcd_server_proposals_failed_total",
        "Writes that ran out of time: each may or may not have happened.",
        counts.proposals_failed,
    );
}

/// Of the replicated state.
fn write_state(page: &mut Page<'_>, response: &Response, status: &Status) {
    let counts = &status.counts;
    page.gauge(
        "etcd_server_quota_backend_bytes",
        "The memory that the state may take; 0: no limit.",
        counts.quota_bytes,
    );
    page.gauge(
        "etcd_mvcc_db_total_size_in_bytes",
        "The memory that the state takes.",
        status.size,
    );
    page.gauge(
        "etcd_mvcc_db_total_size_in_use_in_bytes",
        "The same: nothing in it is free.",
        status.size,
    );
    page.gauge(
        "etcd_debugging_mvcc_current_revision",
        "The revision.",
        response.header.revision.0,
    );
    page.gauge(
        "etcd_debugging_mvcc_compact_revision",
        "The oldest revision that can be read.",
        counts.compacted.0,
    );
    page.gauge(
        "balsa_alarms",
        "Alarms that are raised, by any member.",
        status.alarms.len(),
    );
    page.gauge("balsa_leases", "Leases in force.", counts.leases);
}

/// A page of metrics in the making.
#[derive(Debug)]
pub struct Page<'a>(pub &'a mut Vec<u8>);

impl Page<'_> {
    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.line(format_args!("{name} {value}"));
    }

    /// A number that only goes up, but for restarts.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.line(format_args!("{name} {value}"));
    }

    /// How often something took at most so long: the bounds in seconds, each with those up to it and above the one before.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        (count, sum): (u64, f64),
    ) {
        self.head(name, help, "histogram");
        let mut below = 0;
        for (bound, more) in buckets {
            below += more;
            self.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {count}"));
        self.line(format_args!("{name}_sum {sum}"));
        self.line(format_args!("{name}_count {count}"));
    }

    /// A 1 that carries a label, whose value needs no escapes.
    fn labelled(&mut self, name: &str, help: &str, (label, value): (&str, impl Display)) {
        self.head(name, help, "gauge");
        self.line(format_args!("{name}{{{label}=\"{value}\"}} 1"));
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, text: impl Display) {
        writeln!(self.0, "{text}").expect("a Vec takes every byte");
    }
}

#[cfg(test)]
mod tests {
    use node::{Counts, Failure};
    use raft_core::{Index, NodeId};
    use storage::store::query::Revision;

    use super::*;
    use crate::tests::{head, rendered, text};

    #[test]
    fn what_the_node_knows_is_told() {
        let status = Status {
            leader: Some(NodeId(7)),
            commit: Index(42),
            size: 20480,
            alarms: vec![],
            learner: false,
            counts: Counts {
                leader_changes: 3,
                proposals_pending: 4,
                proposals_failed: 5,
                quota_bytes: 1 << 31,
                compacted: Revision(2),
                leases: 6,
            },
        };
        let answer = rendered("GET", "/metrics", Ok(Answer::Status(status)));
        assert_eq!(answer.status, 200);
        assert_eq!(
            head(&answer),
            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        );
        let text = text(&answer.body);
        for line in [
            "# TYPE etcd_server_has_leader gauge",
            "etcd_server_has_leader 1",
            "etcd_server_is_leader 1",
            "etcd_server_id{server_id=\"7\"} 1",
            "etcd_server_proposals_committed_total 42",
            "etcd_server_proposals_applied_total 41",
            "etcd_server_proposals_pending 4",
            "etcd_server_quota_backend_bytes 2147483648",
            "etcd_mvcc_db_total_size_in_bytes 20480",
            "etcd_debugging_mvcc_current_revision 5",
            "etcd_debugging_mvcc_compact_revision 2",
            "# TYPE etcd_server_leader_changes_seen_total counter",
            "etcd_server_leader_changes_seen_total 3",
            "etcd_server_proposals_failed_total 5",
            "balsa_leases 6",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        let stopped = rendered("GET", "/metrics", Err(Failure::Stopped));
        assert_eq!(stopped.status, 503);
    }

    #[test]
    fn a_histogram_sums_up() {
        let mut body = Vec::new();
        Page(&mut body).histogram("t", "Times.", [(0.001, 2), (0.002, 0), (0.004, 1)], (4, 1.5));
        assert_eq!(
            text(&body),
            "# HELP t Times.\n# TYPE t histogram\nt_bucket{le=\"0.001\"} 2\nt_bucket{le=\"0.002\"} 2\n\
             t_bucket{le=\"0.004\"} 3\nt_bucket{le=\"+Inf\"} 4\nt_sum 1.5\nt_count 4\n"
        );
    }
}
