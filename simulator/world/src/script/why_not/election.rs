//! Why nobody leads: who stands, who did not vote for it, and why.

use raft_core::{Message, NodeId, Raft, Term, VoteAnswer, Why};

use super::Causes;
use crate::script::cluster::Cluster;
use crate::script::links::{Link, Sent};
use crate::script::print;

/// Why nobody leads.
pub(crate) fn leader(cluster: &Cluster) -> Vec<Causes> {
    if let Some(id) = cluster.leader() {
        return vec![Causes::of(format!("n{id} leads"))];
    }
    let up = || {
        cluster
            .members
            .iter()
            .filter_map(|(&id, member)| Some((id, member.raft.as_ref()?)))
    };
    let stands = |raft: &Raft| raft.is_candidate() || raft.is_pre_candidate();
    let standing = up()
        .filter(|(_, raft)| stands(raft))
        .max_by_key(|(_, raft)| raft.term());
    let mut lines = vec![];
    match standing {
        Some((id, raft)) => {
            let role = print::role(raft);
            lines.push(Causes::of("nobody leads").because(format!(
                "n{id} is a {role} in term {}, and has no quorum",
                raft.term()
            )));
            let voters = raft.log_membership().members().into_iter();
            let others = voters.filter(|&voter| voter != id && raft.log_membership().is_voter(voter));
            if cluster.members[&id].saving.is_some() {
                lines.push(
                    Causes::of(format!("n{id}'s own vote does not count")).because_of(cluster.unsaved(id)),
                );
            }
            lines.extend(others.filter_map(|voter| no_vote(cluster, id, raft, voter)));
        }
        None => {
            lines.push(Causes::of("nobody leads").because("nobody stands: no election deadline came since"))
        }
    }
    for (&id, member) in &cluster.members {
        let gave_up = |why: &Why| {
            ["SteppedDown", "Lost", "PreVoteLost", "CampaignPutOff"]
                .iter()
                .any(|name| why.name().starts_with(name))
        };
        if member.raft.as_ref().is_none_or(|raft| !stands(raft))
            && let Some(causes) = cluster.silent(id).or_else(|| cluster.last_reason(id, gave_up))
        {
            lines.push(causes);
        }
    }
    lines
}

/// Why `voter` did not vote for `id`, or is not known to; None if it did.
fn no_vote(cluster: &Cluster, id: NodeId, raft: &Raft, voter: NodeId) -> Option<Causes> {
    let effect = Causes::of(format!("n{voter}'s vote is missing"));
    if let Some(causes) = cluster.silent(voter) {
        return Some(effect.because_of(causes));
    }
    let (there, back) = (Link { from: id, to: voter }, Link { from: voter, to: id });
    let asks = |message: &Message| match message {
        Message::RequestVote { .. } => raft.is_candidate(),
        Message::RequestPreVote { .. } => raft.is_pre_candidate(),
        _ => false,
    };
    let asked = newest_of(cluster, there, raft.term(), asks);
    let Some(asked) = asked else {
        return Some(effect.because(format!("n{id} did not ask it")));
    };
    if let Some(causes) = cluster.not_arrived(asked) {
        return Some(effect.because_of(causes));
    }
    let answers = |message: &Message| match message {
        Message::RequestVoteReply(_) => raft.is_candidate(),
        Message::RequestPreVoteReply(_) => raft.is_pre_candidate(),
        _ => false,
    };
    let Some(answer) = newest_of(cluster, back, raft.term(), answers) else {
        return Some(match refusal(cluster, voter, id) {
            Some(causes) => effect.because_of(causes),
            None => effect.because_of(cluster.unsaved(voter)),
        });
    };
    let granted = matches!(
        answer.flight.envelope.message,
        Message::RequestVoteReply(VoteAnswer::Granted) | Message::RequestPreVoteReply(VoteAnswer::Granted)
    );
    let lost = cluster.not_arrived(answer);
    match (granted, lost) {
        (true, lost) => lost.map(|causes| effect.because_of(causes)),
        (false, lost) => Some(match refusal(cluster, voter, id).or(lost) {
            Some(causes) => effect.because_of(causes),
            None => effect.because(format!("n{voter} refused it")),
        }),
    }
}

/// The newest message on the link that is meant, of this term or a later one.
fn newest_of(cluster: &Cluster, link: Link, term: Term, meant: impl Fn(&Message) -> bool) -> Option<&Sent> {
    cluster
        .links
        .sent_on(link)
        .find(|sent| sent.flight.envelope.term >= term && meant(&sent.flight.envelope.message))
}

/// The reason that the voter gave.
fn refusal(cluster: &Cluster, voter: NodeId, asker: NodeId) -> Option<Causes> {
    cluster.last_reason(voter, |why| match *why {
        Why::VoteRefusedOldTerm { candidate, .. }
        | Why::VoteRefusedAlreadyVoted { candidate, .. }
        | Why::VoteRefusedLogBehind { candidate, .. }
        | Why::VoteRefusedLeaderKnown { candidate, .. }
        | Why::VoteRefusedLeading { candidate, .. }
        | Why::VoteRefusedLeaderHeard { candidate, .. }
        | Why::VoteRefusedAfterBoot { candidate, .. }
        | Why::PreVoteRefusedLogBehind { candidate, .. } => candidate == asker,
        _ => false,
    })
}
