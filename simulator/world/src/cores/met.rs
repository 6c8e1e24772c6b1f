//! What runs met on their way: reasons, messages and their outcomes, refusals, faults. What no run ever meets is tested by
//! none.

use std::collections::BTreeMap;

use raft_core::{AppendOutcome, ChangeRefusal, InstallOutcome, Message, Refusal, VoteAnswer, Why};

use super::churn::Deed;
use super::faults::Kind;

/// The kinds of things that may be met.
pub const MET_KINDS: [&str; 5] = ["reason", "message", "refusal", "fault", "deed"];

/// How often each thing was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// What is met most stands in front.
    counts: Vec<(&'static str, u64)>,
}

impl Met {
    /// It was met once more.
    pub(crate) fn count(&mut self, name: &'static str) {
        // Names are constants: nearly always the same one has the same address.
        let place = self
            .counts
            .iter()
            .position(|(known, _)| std::ptr::eq(*known, name));
        match place.or_else(|| self.counts.iter().position(|(known, _)| *known == name)) {
            Some(place) => {
                self.counts[place].1 += 1;
                if place > 0 && self.counts[place - 1].1 < self.counts[place].1 {
                    self.counts.swap(place - 1, place);
                }
            }
            None => self.counts.push((name, 1)),
        }
    }

    /// All that another met, too.
    pub fn merge(&mut self, other: &Met) {
        for &(name, count) in &other.counts {
            match self.counts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += count,
                None => self.counts.push((name, count)),
            }
        }
    }

    /// How often each thing was met that there is, by kind of thing and name.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
        let counts: BTreeMap<&str, u64> = self.counts.iter().copied().collect();
        let whys = Why::CATALOGUE.iter().map(|(name, _)| ("reason", *name));
        let known = whys
            .chain(MESSAGES.iter().map(|name| ("message", *name)))
            .chain(REFUSALS.iter().map(|name| ("refusal", *name)))
            .chain(Kind::NAMES.iter().map(|name| ("fault", *name)))
            .chain(Deed::NAMES.iter().map(|name| ("deed", *name)));
        known
            .map(|(kind, name)| (kind, name, counts.get(name).copied().unwrap_or_default()))
            .collect()
    }
}

/// All that [`message`] may say.
const MESSAGES: [&str; 25] = [
    "RequestPreVote",
    "RequestPreVoteReply granted",
    "RequestPreVoteReply refused",
    "RequestPreVoteReply behind",
    "RequestVote",
    "RequestVote for a transfer",
    "RequestVoteReply granted",
    "RequestVoteReply refused",
    "RequestVoteReply behind",
    "RequestEntries",
    "Entries",
    "Entries, none",
    "AppendEntries",
    "AppendEntries, none",
    "AppendEntriesReply matched",
    "AppendEntriesReply rejected",
    "Heartbeat",
    "HeartbeatReply",
    "InstallSnapshot",
    "InstallSnapshotReply receiving",
    "InstallSnapshotReply installed",
    "TimeoutNow",
    "ReadIndex",
    "ReadIndexReply",
    "Removed",
];

/// The RPC, and what kind of answer it is.
pub(crate) fn message(message: &Message) -> &'static str {
    match message {
        Message::RequestPreVoteReply(VoteAnswer::Granted) => "RequestPreVoteReply granted",
        Message::RequestPreVoteReply(VoteAnswer::Refused) => "RequestPreVoteReply refused",
        Message::RequestPreVoteReply(VoteAnswer::Behind { .. }) => "RequestPreVoteReply behind",
        Message::RequestVote { transfer: true, .. } => "RequestVote for a transfer",
        Message::RequestVoteReply(VoteAnswer::Granted) => "RequestVoteReply granted",
        Message::RequestVoteReply(VoteAnswer::Refused) => "RequestVoteReply refused",
        Message::RequestVoteReply(VoteAnswer::Behind { .. }) => "RequestVoteReply behind",
        Message::Entries { entries, .. } if entries.is_empty() => "Entries, none",
        Message::AppendEntries { entries, .. } if entries.is_empty() => "AppendEntries, none",
        Message::AppendEntriesReply(AppendOutcome::Matched(_)) => "AppendEntriesReply matched",
        Message::AppendEntriesReply(AppendOutcome::Rejected { .. }) => "AppendEntriesReply rejected",
        Message::InstallSnapshotReply {
            outcome: InstallOutcome::Receiving { .. },
            ..
        } => "InstallSnapshotReply receiving",
        Message::InstallSnapshotReply {
            outcome: InstallOutcome::Installed,
            ..
        } => "InstallSnapshotReply installed",
        _ => message.name(),
    }
}

/// All that [`refusal`] may say. What a leader that leads can be asked for is never too large here.
const REFUSALS: [&str; 14] = [
    "NotLeader",
    "Busy",
    "Transferring",
    "NoSuccessor",
    "Stopped",
    "Pending",
    "OwnTerm",
    "LearnerBehind",
    "IdUsed",
    "NotAMember",
    "NoVoters",
    "NoQuorum",
    "Contradiction",
    "Nothing",
];

/// Its name.
pub(crate) fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotLeader { .. } => "NotLeader",
        Refusal::Busy => "Busy",
        Refusal::TooLarge => "TooLarge",
        Refusal::Transferring => "Transferring",
        Refusal::NoSuccessor => "NoSuccessor",
        Refusal::Stopped => "Stopped",
        Refusal::Change(change) => match change {
            ChangeRefusal::Pending => "Pending",
            ChangeRefusal::OwnTerm => "OwnTerm",
            ChangeRefusal::LearnerBehind(_) => "LearnerBehind",
            ChangeRefusal::IdUsed(_) => "IdUsed",
            ChangeRefusal::NotAMember(_) => "NotAMember",
            ChangeRefusal::NoVoters => "NoVoters",
            ChangeRefusal::NoQuorum => "NoQuorum",
            ChangeRefusal::Contradiction => "Contradiction",
            ChangeRefusal::Nothing => "Nothing",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_counted_and_the_rest_is_cold() {
        let mut met = Met::default();
        for name in ["Heartbeat", "crash", "Heartbeat"] {
            met.count(name);
        }
        let mut both = met.clone();
        both.merge(&met);
        let count = |name| {
            both.all()
                .into_iter()
                .find(|(_, known, _)| *known == name)
                .map(|(.., count)| count)
        };
        assert_eq!(count("Heartbeat"), Some(4));
        assert_eq!(count("crash"), Some(2));
        assert_eq!(count("Busy"), Some(0));
        assert_eq!(count("no such thing"), None);
    }
}
