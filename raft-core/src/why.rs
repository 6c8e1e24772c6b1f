//! Decisions explain themselves: each refusal, step-down, withheld commit, paused peer and truncation yields a reason
//! code. No text and no allocation until somebody prints it; then a sentence with its numbers and the section of the
//! paper ("Raft") or of Ongaro's dissertation ("thesis") that it follows from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{Index, NodeId, Position, ReadId, Round, Term};

/// Why Raft decided as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The election deadline passed without word from a leader.
    Campaign {
        /// The new term.
        term: Term,
    },
    /// A quorum voted for this node.
    Won {
        /// The term it leads.
        term: Term,
    },
    /// So many refused that no quorum can be had in this term.
    Lost {
        /// The term.
        term: Term,
    },
    /// The vote went to the candidate.
    VoteGranted {
        /// Who got it.
        candidate: NodeId,
        /// Its last entry.
        theirs: Position,
        /// Ours.
        ours: Position,
    },
    /// The candidate's term is over.
    VoteRefusedOldTerm {
        /// Who asked.
        candidate: NodeId,
        /// In which term.
        theirs: Term,
        /// The term now.
        ours: Term,
    },
    /// The one vote of this term is given.
    VoteRefusedAlreadyVoted {
        /// Who asked.
        candidate: NodeId,
        /// Who got it.
        voted_for: NodeId,
    },
    /// The candidate's log is behind.
    VoteRefusedLogBehind {
        /// Who asked.
        candidate: NodeId,
        /// Its last entry.
        theirs: Position,
        /// Ours.
        ours: Position,
    },
    /// There is a leader, or this node leads, in this very term.
    VoteRefusedLeaderKnown {
        /// Who asked.
        candidate: NodeId,
        /// Who leads.
        leader: NodeId,
    },
    /// A message of a higher term ended this node's leadership or candidacy.
    SteppedDownHigherTerm {
        /// The term it led or stood in.
        from: Term,
        /// The term it learned of.
        to: Term,
    },
    /// Another won the election this node stood in.
    SteppedDownLeaderElected {
        /// Who won.
        leader: NodeId,
        /// In which term.
        term: Term,
    },
    /// A message of a past term was answered with the present one, or dropped.
    OldTerm {
        /// Who sent it.
        from: NodeId,
        /// Its term.
        theirs: Term,
        /// The term now.
        ours: Term,
    },
    /// Nothing stands at the place the new entries follow.
    AppendRefusedMissing {
        /// What they follow.
        prev: Position,
        /// Our last entry.
        last: Position,
    },
    /// An entry of another term stands at the place the new entries follow.
    AppendRefusedOtherTerm {
        /// What they follow.
        prev: Position,
        /// The term of our entry there.
        ours: Term,
        /// Where the logs may agree.
        hint: Position,
    },
    /// All of these entries were here already.
    AppendDuplicate {
        /// The last of them.
        last: Index,
    },
    /// Entries of a deposed leader gave way to the present leader's.
    Truncated {
        /// The first entry that differed.
        conflict: Index,
        /// Our entry's term there.
        ours: Term,
        /// The leader's.
        theirs: Term,
        /// Our last entry before.
        last: Index,
    },
    /// A quorum has the entry, but it is of an earlier term and commits only with one of this term.
    CommitWithheldOldTerm {
        /// What a quorum has.
        index: Index,
        /// The entry's term.
        entry: Term,
        /// This term.
        term: Term,
    },
    /// A quorum does not have the newest entries yet.
    CommitWithheldNoQuorum {
        /// The oldest entry without a quorum.
        index: Index,
        /// Up to where our own disk has them.
        durable: Index,
    },
    /// Reads wait until this leader has committed an entry of its own term.
    ReadWaitsForTerm {
        /// The batch.
        id: ReadId,
        /// The entry awaited.
        first: Index,
    },
    /// Reads wait until a quorum has confirmed this leader.
    ReadWaitsForRound {
        /// The batch.
        id: ReadId,
        /// The round awaited.
        round: Round,
    },
    /// Reads were given up because this node leads no more; they are to be asked again.
    ReadsDropped {
        /// How many batches.
        batches: u64,
    },
    /// A follower's log disagrees; the leader looks for where it agrees.
    Probing {
        /// Which follower.
        peer: NodeId,
        /// From where on it tries next.
        next: Index,
    },
    /// Nothing was heard about entries sent to a follower; they are sent again.
    Resending {
        /// Which follower.
        peer: NodeId,
        /// From where on.
        next: Index,
    },
    /// As much as may be is on its way to a follower.
    PeerPaused {
        /// Which follower.
        peer: NodeId,
        /// Messages on their way.
        messages: u64,
        /// Payload bytes on their way.
        bytes: u64,
    },
    /// A message made no sense; it was dropped and changed nothing.
    IllFormed {
        /// Who sent it.
        from: NodeId,
    },
}

impl Why {
    /// Whether an operator wants to read it: elections, and what they undo. The rest is for those who look closely.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        matches!(
            self,
            Why::Campaign { .. }
                | Why::Won { .. }
                | Why::Lost { .. }
                | Why::VoteGranted { .. }
                | Why::SteppedDownHigherTerm { .. }
                | Why::SteppedDownLeaderElected { .. }
                | Why::Truncated { .. }
        )
    }
}

impl fmt::Display for Why {
    #[expect(
        clippy::too_many_lines,
        reason = "a catalogue: one arm a sentence, nothing else"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Why::Campaign { term } => {
                write!(
                    f,
                    "no leader was heard until the election deadline: campaigns in term {term} (Raft 5.2)"
                )
            }
            Why::Won { term } => write!(f, "a quorum voted for this node: leads term {term} (Raft 5.2)"),
            Why::Lost { term } => {
                write!(
                    f,
                    "no quorum can be had in term {term} any more: waits for the next election (Raft 5.2)"
                )
            }
            Why::VoteGranted {
                candidate,
                theirs,
                ours,
            } => {
                write!(
                    f,
                    "vote for {candidate}: its log ends at {theirs}, ours at {ours} (Raft 5.4.1)"
                )
            }
            Why::VoteRefusedOldTerm {
                candidate,
                theirs,
                ours,
            } => {
                write!(
                    f,
                    "no vote for {candidate}: its term {theirs} is over, now is {ours} (Raft 5.1)"
                )
            }
            Why::VoteRefusedAlreadyVoted { candidate, voted_for } => {
                write!(
                    f,
                    "no vote for {candidate}: this term's vote is {voted_for}'s (Raft 5.2)"
                )
            }
            Why::VoteRefusedLogBehind {
                candidate,
                theirs,
                ours,
            } => {
                write!(
                    f,
                    "no vote for {candidate}: its log ends at {theirs}, behind ours at {ours} (Raft 5.4.1)"
                )
            }
            Why::VoteRefusedLeaderKnown { candidate, leader } => {
                write!(
                    f,
                    "no vote for {candidate}: {leader} already leads this term (Raft 5.2)"
                )
            }
            Why::SteppedDownHigherTerm { from, to } => {
                write!(f, "steps down from term {from}: term {to} has begun (Raft 5.1)")
            }
            Why::SteppedDownLeaderElected { leader, term } => {
                write!(f, "gives up its candidacy: {leader} leads term {term} (Raft 5.2)")
            }
            Why::OldTerm { from, theirs, ours } => {
                write!(
                    f,
                    "a message from {from} is of term {theirs}, now is {ours} (Raft 5.1)"
                )
            }
            Why::AppendRefusedMissing { prev, last } => {
                write!(f, "cannot append after {prev}: the log ends at {last} (Raft 5.3)")
            }
            Why::AppendRefusedOtherTerm { prev, ours, hint } => {
                write!(
                    f,
                    "cannot append after {prev}: the entry there is of term {ours}; try {hint} (Raft 5.3)"
                )
            }
            Why::AppendDuplicate { last } => {
                write!(
                    f,
                    "nothing new up to {last}: an append that was seen before changes nothing (Raft 5.3)"
                )
            }
            Why::Truncated {
                conflict,
                ours,
                theirs,
                last,
            } => write!(
                f,
                "entries {conflict} to {last} go: at {conflict} ours is of term {ours}, the leader's of {theirs}, so \
                 ours was never committed (Raft 5.3, Figure 2 AppendEntries step 3)"
            ),
            Why::CommitWithheldOldTerm { index, entry, term } => write!(
                f,
                "{index} is on a quorum but of term {entry}; it commits with an entry of term {term} \
                 (Raft 5.4.2, Figure 8)"
            ),
            Why::CommitWithheldNoQuorum { index, durable } => {
                write!(
                    f,
                    "no quorum for {index}; our own disk has up to {durable} (Raft 5.3, thesis 10.2.1)"
                )
            }
            Why::ReadWaitsForTerm { id, first } => {
                write!(
                    f,
                    "reads {id} wait for entry {first}, the first of this term, to commit (Raft 8, thesis 6.4)"
                )
            }
            Why::ReadWaitsForRound { id, round } => {
                write!(
                    f,
                    "reads {id} wait for a quorum to confirm round {round} (Raft 8, thesis 6.4)"
                )
            }
            Why::ReadsDropped { batches } => {
                write!(
                    f,
                    "{batches} batches of reads are given up: this node leads no more (thesis 6.4)"
                )
            }
            Why::Probing { peer, next } => {
                write!(
                    f,
                    "{peer} refused: looks for where its log agrees, next at {next} (Raft 5.3)"
                )
            }
            Why::Resending { peer, next } => {
                write!(
                    f,
                    "{peer} did not answer: sends again from {next} (Raft 5.3: retries indefinitely)"
                )
            }
            Why::PeerPaused {
                peer,
                messages,
                bytes,
            } => {
                write!(
                    f,
                    "{peer} has {messages} messages, {bytes} bytes on their way: waits (thesis 10.2.2)"
                )
            }
            Why::IllFormed { from } => write!(f, "a message from {from} makes no sense: dropped"),
        }
    }
}
