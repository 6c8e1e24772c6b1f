//! Rules that can be taken out on purpose. Each mutant is a known trap; the simulator must catch every one of them.
//! Without debug assertions `is` is constantly false and the compiler removes every mutant.

use serde::{Deserialize, Serialize};

/// A rule left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mutant {
    /// Promises go out before the disk has what they promise.
    AnswerBeforeDurable,
    /// An entry of an earlier term is committed by counting its copies (Raft 5.4.2, Figure 8).
    CommitOldTerm,
    /// A vote is given without comparing the logs (Raft 5.4.1).
    VoteWithoutLogCheck,
    /// A vote is given twice in a term (Raft 5.2).
    VoteTwice,
    /// Reads are answered without a round of heartbeats (Raft 8).
    ReadWithoutRound,
    /// Entries are taken without checking what they follow (Raft 5.3).
    AppendWithoutCheck,
    /// A change of membership begins before an entry of the leader's own term is committed (the bug of 2015).
    ChangeWithoutOwnTermCommit,
    /// A change of membership begins before the last one is committed (thesis 4.1).
    ChangeWhilePending,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 6] = [
        Mutant::AnswerBeforeDurable,
        Mutant::CommitOldTerm,
        Mutant::VoteWithoutLogCheck,
        Mutant::VoteTwice,
        Mutant::ReadWithoutRound,
        Mutant::AppendWithoutCheck,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mutant::AnswerBeforeDurable => "answer-before-durable",
            Mutant::CommitOldTerm => "commit-old-term",
            Mutant::VoteWithoutLogCheck => "vote-without-log-check",
            Mutant::VoteTwice => "vote-twice",
            Mutant::ReadWithoutRound => "read-without-round",
            Mutant::AppendWithoutCheck => "append-without-check",
            Mutant::ChangeWithoutOwnTermCommit => "change-without-own-term-commit",
            Mutant::ChangeWhilePending => "change-while-pending",
        }
    }

    /// Whether `active` is this mutant and mutants are compiled in.
    #[must_use]
    pub(crate) fn is(self, active: Option<Mutant>) -> bool {
        cfg!(debug_assertions) && active == Some(self)
    }
}
