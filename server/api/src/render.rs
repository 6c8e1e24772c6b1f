//! What is remembered between a question and its answer.

use node::Response;
use storage::store::query::LeaseId;

use crate::answer::HttpAnswer;
use crate::{health, metrics, v2, v3};

/// What must be remembered of a request to render its answer. Small, and without borrowed parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Render(Kind);

/// Which call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `/v2/keys`
    Keys {
        /// `noValueOnSuccess`: only the action is told.
        action_only: bool,
    },
    /// `/v2/members`
    Members,
    /// `/v2/members/leader`
    LeadingMember,
    /// `/v2/machines`
    Machines,
    /// `/health`
    Health,
    /// `/metrics`
    Metrics,
    /// `/v3/kv/put`
    Put,
    /// `/v3/kv/range`
    Range,
    /// `/v3/kv/deleterange`
    DeleteRange,
    /// `/v3/kv/txn`
    Txn,
    /// `/v3/kv/compaction`
    Compaction,
    /// `/v3/lease/grant`
    LeaseGrant,
    /// `/v3/lease/revoke`
    LeaseRevoke,
    /// `/v3/lease/timetolive`
    LeaseTimeToLive(LeaseId),
    /// `/v3/lease/leases`
    Leases,
    /// `/v3/lease/keepalive`
    LeaseKeepAlive,
    /// `/v3/maintenance/status`
    Status,
    /// `/v3/maintenance/alarm`
    Alarm(v3::alarm::Asked),
    /// `/v3/cluster/member/list`
    MemberList,
}

impl Render {
    /// The answer to a call.
    pub(crate) fn of(kind: Kind) -> Render {
        Render(kind)
    }

    /// Whether the answer is a page of metrics, to which the host adds what it knows, see [`Page`](crate::Page).
    #[must_use]
    pub fn is_metrics(&self) -> bool {
        self.0 == Kind::Metrics
    }

    /// Renders the node's answer. `answer` is overwritten, whatever it holds.
    ///
    /// # Panics
    /// If the answer is not one to the request that came with this `Render`.
    pub fn render(&self, response: &Response, answer: &mut HttpAnswer) {
        match self.0 {
            Kind::Keys { action_only } => v2::event::render(response, action_only, answer),
            Kind::Members => v2::members::render_members(response, answer),
            Kind::LeadingMember => v2::members::render_leader(response, answer),
            Kind::Machines => v2::members::render_machines(response, answer),
            Kind::Health => health::render(response, answer),
            Kind::Metrics => metrics::render(response, answer),
            Kind::Put => v3::kv_answer::put(response, answer),
            Kind::Range => v3::kv_answer::range(response, answer),
            Kind::DeleteRange => v3::kv_answer::delete_range(response, answer),
            Kind::Compaction => v3::kv_answer::compaction(response, answer),
            Kind::Txn => v3::txn_answer::txn(response, answer),
            Kind::LeaseGrant => v3::lease::render_grant(response, answer),
            Kind::LeaseRevoke => v3::lease::render_revoke(response, answer),
            Kind::LeaseTimeToLive(id) => v3::lease::render_time_to_live(response, id, answer),
            Kind::Leases => v3::lease::render_leases(response, answer),
            Kind::LeaseKeepAlive => v3::lease::render_keep_alive(response, answer),
            Kind::Alarm(asked) => v3::alarm::render(response, asked, answer),
            Kind::Status => v3::maintenance::render_status(response, answer),
            Kind::MemberList => v3::cluster::render_member_list(response, answer),
        }
    }
}
