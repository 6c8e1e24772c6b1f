//! What is remembered between a question and its answer.

use node::Response;
use storage::store::query::LeaseId;

use crate::access::Origin;
use crate::answer::HttpAnswer;
use crate::{checks, health, metrics, v2, v3, vars};

/// What must be remembered of a request to render its answer. Small, and without borrowed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    kind: Kind,
    origin: Origin,
}

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
    /// `/v2/stats/self`
    OwnStats,
    /// `/v2/stats/leader`
    LeaderStats,
    /// `/v2/stats/store`
    StoreStats,
    /// `/livez` and `/readyz`
    Checks(checks::Asked),
    /// `/debug/vars`
    Vars,
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
    /// `/v3/maintenance/status`
    Status,
    /// `/v3/maintenance/alarm`
    Alarm(v3::alarm::Asked),
    /// `/v3/cluster/member/list`
    MemberList,
    /// `/v3/lock/lock`
    Lock,
    /// `/v3/lock/unlock`
    Unlock,
    /// `/v3/election/campaign`
    Campaign,
    /// `/v3/election/proclaim`
    Proclaim,
    /// `/v3/election/resign`
    Resign,
    /// `/v3/election/leader`
    ElectionLeader,
    /// `/v3/maintenance/hash`
    Hash,
    /// `/v3/maintenance/hashkv`
    HashKv,
    /// `/v3/maintenance/transfer-leadership`
    Transfer,
    /// `/v3/maintenance/defragment`
    Defragment,
}

impl Render {
    /// The answer to a call.
    pub(crate) fn of(kind: Kind) -> Render {
        Render {
            kind,
            origin: Origin::Any,
        }
    }

    /// The same, to be read by pages of this origin.
    pub(crate) fn for_origin(self, origin: &Origin) -> Render {
        let origin = origin.clone();
        Render { origin, ..self }
    }

    /// Whether the answer is a page of metrics, to which the host adds what it knows, see [`Page`](crate::Page).
    #[must_use]
    pub fn is_metrics(&self) -> bool {
        self.kind == Kind::Metrics
    }

    /// Whether the answer may be waited for without end, as long as the client is there.
    #[must_use]
    pub fn has_no_deadline(&self) -> bool {
        matches!(self.kind, Kind::Lock | Kind::Campaign)
    }

    /// Whether it is a page of variables, to which the host adds what it knows, see [`Vars`](crate::Vars).
    #[must_use]
    pub fn is_vars(&self) -> bool {
        self.kind == Kind::Vars
    }

    /// Renders the node's answer. `answer` is overwritten, whatever it holds.
    ///
    /// # Panics
    /// If the answer is not one to the request that came with this `Render`.
    pub fn render(&self, response: &Response, answer: &mut HttpAnswer) {
        answer.origin = self.origin.clone();
        match self.kind {
            Kind::Keys { action_only } => v2::event::render(response, action_only, answer),
            Kind::Members => v2::members::render_members(response, answer),
            Kind::LeadingMember => v2::members::render_leader(response, answer),
            Kind::Machines => v2::members::render_machines(response, answer),
            Kind::OwnStats => v2::stats::render_own(response, answer),
            Kind::LeaderStats => v2::stats::render_leader(response, answer),
            Kind::StoreStats => v2::stats::render_store(response, answer),
            Kind::Checks(asked) => checks::render(response, asked, answer),
            Kind::Vars => vars::render(response, answer),
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
            Kind::Alarm(asked) => v3::alarm::render(response, asked, answer),
            Kind::Status => v3::maintenance::render_status(response, answer),
            Kind::MemberList => v3::cluster::render_member_list(response, answer),
            Kind::Lock => v3::lock::render_lock(response, answer),
            Kind::Unlock => v3::lock::render_unlock(response, answer),
            Kind::Campaign => v3::election::render_campaign(response, answer),
            Kind::Proclaim => v3::election::render_proclaim(response, answer),
            Kind::Resign => v3::election::render_resign(response, answer),
            Kind::ElectionLeader => v3::election::render_leader(response, answer),
            Kind::Hash => v3::hash::render_hash(response, answer),
            Kind::HashKv => v3::hash::render_hash_kv(response, answer),
            Kind::Transfer => v3::transfer::render(response, answer),
            Kind::Defragment => v3::maintenance::render_defragment(response, answer),
        }
    }
}
