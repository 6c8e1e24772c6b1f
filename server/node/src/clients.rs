//! What clients ask, and how they are answered.

use std::time::Duration;

use raft_core::{NodeId, Time};
use storage::store::alarm::AlarmKind;
use storage::store::command::{self, ClusterTime, Command};
use storage::store::query::{Found, Query};

use crate::leases::LeaseAsk;
use crate::node::Node;
use crate::reads::Question;
use crate::request::{
    Answer, ClientId, Failure, Header, Member, Output, Request, RequestId, Response, Status,
};
use crate::waiting::{Ticket, Waiter};

/// How long a health question may take.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);

impl Node {
    pub(crate) fn on_request(&mut self, client: ClientId, id: RequestId, request: Request) {
        let deadline = self.now.monotonic.after(self.config.request_timeout());
        let waiter = Waiter {
            client: Some((client, id)),
            deadline,
        };
        if let Some(why) = self.takes_no_part() {
            let result = match request {
                Request::Checks { .. } => Ok(self.failed_checks(why)),
                _ => Err(why),
            };
            return self.reply(client, id, result);
        }
        if self.is_fenced() && Node::asks_state(&request) {
            return self.reply(client, id, Err(Failure::Corrupt));
        }
        match request {
            // What frees space is let through.
            Request::Write(command)
                if command.takes_space() && self.refuses_more() && !self.store().was_named(&command) =>
            {
                self.reply(client, id, Err(command::Failure::NoSpace.into()));
            }
            Request::Write(mut command) => {
                if let Command::LeaseGrant { ttl, .. } = &mut command {
                    *ttl = (*ttl).max(self.config.lease_ttl_min());
                }
                let _ = self.write(waiter, command);
            }
            Request::LeaseKeepAlive { id } => self.ask_lease(waiter, LeaseAsk { id, renew: true }, false),
            Request::LeaseTimeToLive { id, keys } => {
                self.ask_lease(waiter, LeaseAsk { id, renew: false }, keys);
            }
            Request::Read {
                query,
                linearizable: true,
            } => self.read(waiter, Question::Query(query)),
            Request::Read {
                query,
                linearizable: false,
            } => {
                let result = self.find(&query);
                self.reply(client, id, result);
            }
            Request::Members { linearizable: true } => self.read(waiter, Question::Members),
            Request::Members { linearizable: false } => {
                self.reply(client, id, Ok(Answer::Members(self.members())))
            }
            Request::Watch(watch) => self.on_watch(client, id, watch),
            Request::WatchProgress => self.on_watch_progress(client, id),
            Request::Header => self.reply(client, id, Ok(Answer::Header)),
            Request::Stats => {
                let stats = Box::new(self.member_stats());
                self.reply(client, id, Ok(Answer::Stats(stats)));
            }
            Request::Checks { linearizable } => self.check(waiter, (client, id), linearizable),
            Request::Status => self.reply(client, id, Ok(Answer::Status(self.status()))),
            Request::Contend(contest) => self.contend(client, id, contest),
            Request::Transfer { to } => self.transfer(waiter, to),
            Request::Defragment => {
                self.outbox.push_back(Output::NothingToDefragment);
                self.reply(client, id, Ok(Answer::NothingToDefragment));
            }
            Request::Health { linearizable, except } => self.on_health(waiter, linearizable, &except),
        }
    }

    fn on_health(&mut self, waiter: Waiter, linearizable: bool, except: &[AlarmKind]) {
        let (client, id) = waiter.client.expect("a client asks");
        let failure = match self.alarm_except(except) {
            Some(kind) => Failure::Alarm(kind),
            None if self.raft.leader().is_none() => Failure::NoLeader,
            None if linearizable => {
                let deadline = self.now.monotonic.after(HEALTH_TIMEOUT);
                return self.read(Waiter { deadline, ..waiter }, Question::Health);
            }
            None => return self.reply(client, id, Ok(Answer::Healthy)),
        };
        self.reply(client, id, Err(failure));
    }

    fn takes_no_part(&self) -> Option<Failure> {
        match () {
            () if self.stopped => Some(Failure::Stopped),
            () if self.is_outside() => Some(Failure::Repairing),
            () => None,
        }
    }

    pub(crate) fn on_client_gone(&mut self, client: ClientId) {
        self.unwatch_all_of(client);
        self.contends_no_more(client);
        for ticket in self.waiting.client_gone(client) {
            // What only asks is given up when nobody waits for it; a write may be in the log already and runs its course.
            let asked = self.leases.remove(ticket);
            if self.reads.remove(ticket) || asked {
                self.waiting.release(ticket);
            }
        }
    }

    /// Makes this member known; goes on by itself until it is applied.
    pub(crate) fn publish(&mut self) {
        let (attributes, data_id) = (self.config.attributes.clone(), self.config.data_id);
        let command = Command::Publish {
            member: self.config.raft.id,
            attributes,
            data_id,
        };
        self.write(
            Waiter {
                client: None,
                deadline: Time::NEVER,
            },
            command,
        );
    }

    /// Makes this member known, unless it is as it is.
    pub(crate) fn publish_if_unknown(&mut self) {
        let known = self.store().members().get(&self.config.raft.id);
        let (attributes, data_id) = (&self.config.attributes, self.config.data_id);
        if known.is_none_or(|known| (&known.attributes, known.data_id) != (attributes, data_id)) {
            self.publish();
        }
    }

    pub(crate) fn find(&mut self, query: &Query) -> Result<Answer, Failure> {
        let found = self.store().query(query);
        if matches!(query, Query::Tree { .. }) {
            self.stats.tree.read(found.is_ok());
        }
        let mut found = found?;
        if let Found::Tree(event) = &mut found {
            // The state's time stands still while nobody writes; what is left of a node's life does not.
            event.time = event.time.max(ClusterTime(self.now.wall.0));
        }
        Ok(Answer::Found(found))
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let membership = self.raft.log_membership();
        let member = |id: NodeId| {
            let attributes = self
                .store()
                .members()
                .get(&id)
                .map(|p| p.attributes.clone())
                .unwrap_or_default();
            Member {
                id,
                name: attributes.name,
                peer_urls: membership.addresses.get(&id).cloned().unwrap_or_default(),
                client_urls: attributes.client_urls,
                learner: !membership.is_voter(id),
                leads: self.raft.leader() == Some(id),
            }
        };
        membership.members().into_iter().map(member).collect()
    }

    fn status(&self) -> Status {
        Status {
            leader: self.raft.leader(),
            commit: self.raft.commit_index(),
            size: self.store().size(),
            alarms: self.store().alarms().iter().copied().collect(),
            learner: !self.raft.log_membership().is_voter(self.config.raft.id),
            counts: self.counts(),
        }
    }

    /// An alarm of another kind than these.
    fn alarm_except(&self, except: &[AlarmKind]) -> Option<AlarmKind> {
        let mut kinds = self.store().alarms().iter().map(|alarm| alarm.kind);
        kinds.find(|kind| !except.contains(kind))
    }

    /// Answers a waiting request, if anybody still waits for it.
    pub(crate) fn answer(&mut self, ticket: Ticket, result: Result<Answer, Failure>) {
        let result = self.as_checked(ticket, result);
        if result == Err(Failure::Timeout) && self.writes.waits(ticket) {
            self.writes.failed += 1;
        }
        if matches!(result, Err(Failure::Timeout | Failure::Stopped)) {
            self.reads.remove(ticket);
            self.writes.remove(ticket);
            self.leases.remove(ticket);
            self.transfers.remove(ticket);
        }
        let waiter = self.waiting.release(ticket);
        if let Some(contender) = self.contests.take_step(ticket) {
            return self.on_step(contender, result);
        }
        if let Some(Waiter {
            client: Some((client, id)),
            ..
        }) = waiter
        {
            self.reply(client, id, result);
        }
    }

    /// What every answer tells.
    pub(crate) fn header(&self) -> Header {
        Header {
            cluster_id: self.config.cluster_id,
            member_id: self.config.raft.id,
            revision: self.store().revision(),
            tree_index: self.store().tree_index(),
            term: self.raft.term(),
            applied: self.applied.index,
        }
    }

    pub(crate) fn reply(&mut self, client: ClientId, id: RequestId, result: Result<Answer, Failure>) {
        let header = self.header();
        self.outbox.push_back(Output::Reply {
            client,
            id,
            response: Box::new(Response { header, result }),
        });
    }
}
