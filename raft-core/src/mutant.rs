//! Rules that can be taken out on purpose. Each mutant is a known trap; the simulator must catch every one of them.
//! Without debug assertions `is` is constantly false and the compiler removes every mutant.

/// Makes the enum of mutants and their names from the list.
macro_rules! mutants {
    ($(#[doc = $doc:literal] $name:ident $text:literal;)+) => {
        /// A rule left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Mutant {
            $(#[doc = $doc] $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Mutant] = &[$(Mutant::$name),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Mutant::$name => $text,)+
                }
            }
        }
    };
}

mutants! {
    /// Promises go out before the disk has what they promise.
    AnswerBeforeDurable "answer-before-durable";
    /// An entry of an earlier term is committed by counting its copies (Raft 5.4.2, Figure 8).
    CommitOldTerm "commit-old-term";
    /// A vote is given without comparing the logs (Raft 5.4.1).
    VoteWithoutLogCheck "vote-without-log-check";
    /// A vote is given twice in a term (Raft 5.2).
    VoteTwice "vote-twice";
    /// Reads are answered without a round of heartbeats (Raft 8).
    ReadWithoutRound "read-without-round";
    /// Entries are taken without checking what they follow (Raft 5.3).
    AppendWithoutCheck "append-without-check";
    /// Entries for a candidate that come late are taken by a follower, behind its leader's back (catch_up.rs).
    CatchUpInFollowedTerm "catch-up-in-followed-term";
    /// A voter promised a lease to its leader, and votes for another (thesis 6.4.1).
    VoteWithinLease "vote-within-lease";
    /// A booted voter does not know what it promised, and votes (thesis 6.4.1).
    VoteAfterBoot "vote-after-boot";
    /// A change of membership begins before an entry of the leader's own term is committed (the bug of 2015).
    ChangeWithoutOwnTermCommit "change-without-own-term-commit";
    /// A change of membership begins before the last one is committed (thesis 4.1).
    ChangeWhilePending "change-while-pending";
    /// More than one voter comes or goes without a joint configuration (thesis 4.1, Figure 4.2).
    ChangeManyAtOnce "change-many-at-once";
    /// While joint only the new voters are counted for commitment (Raft 6).
    JointCountsNewOnly "joint-counts-new-only";
    /// A joint configuration is left only by the leader that made it (Raft 6).
    JointLeftByItsMaker "joint-left-by-its-maker";
    /// A leader that does not vote any more counts its own copy (Raft 6).
    LeaderCountsItself "leader-counts-itself";
    /// A truncated change stays in force (thesis 4.1).
    KeepTruncatedChange "keep-truncated-change";
    /// The id of a removed member is given to another.
    ReuseIds "reuse-ids";
    /// A leader confirms reads before it has committed an entry of its own term (Raft 8).
    ReadBeforeOwnTermCommit "read-before-own-term-commit";
    /// An acknowledgement of any round counts for the newest (thesis 6.4; a round that is used twice).
    ReadRoundReused "read-round-reused";
    /// A follower believes an answer to reads of its former life.
    AnswerToFormerLife "answer-to-former-life";
    /// Reads go without a round although the lead was offered to another (thesis 3.10, 6.4.1).
    LeaseDuringTransfer "lease-during-transfer";
    /// A lease counts from when it was acknowledged, not from when that was asked (thesis 6.4.1).
    LeaseFromReceiveTime "lease-from-receive-time";
    /// A lease is as long for the leader as for the voters, as if all clocks ran alike (thesis 6.4.1).
    LeaseWithoutDrift "lease-without-drift";
    /// A snapshot takes the place of the log before the host has made it durable.
    SnapshotBeforeSaved "snapshot-before-saved";
    /// A snapshot of what is committed here already is installed all the same (Raft 7).
    StaleSnapshotInstalled "stale-snapshot-installed";
    /// Entries after a snapshot stay although the log disagrees with its mark (Figure 13, steps 6 and 7).
    KeepTailAfterSnapshot "keep-tail-after-snapshot";
    /// The membership that came with a snapshot is not put in force (Raft 7, 6).
    SnapshotMembershipIgnored "snapshot-membership-ignored";
    /// Entries leave memory once they are applied, whether or not this node's disk has them.
    DropBeforeDurable "drop-before-durable";
    /// A follower commits what its leader has committed, up to the end of its own log (Figure 2, AppendEntries step 5).
    CommitBeyondMatched "commit-beyond-matched";
    /// Whatever follows the entries of an AppendEntries is removed, conflict or not (Raft 5.3).
    TruncateOnAnyAppend "truncate-on-any-append";
    /// A refusal is believed that has been answered otherwise since (Raft 5.3).
    StaleRefusalBelieved "stale-refusal-believed";
    /// The answer to a heartbeat acknowledges all that was sent.
    HeartbeatAcknowledges "heartbeat-acknowledges";
    /// A vote is forgotten when a candidacy or a lead ends within its term (Raft 5.2).
    VoteForgottenOnStepDown "vote-forgotten-on-step-down";
    /// Who follows a leader follows another in the same term, too (Figure 3, Election Safety).
    SecondLeaderTolerated "second-leader-tolerated";
    /// While joint only the new voters elect (Raft 6).
    ElectionCountsNewOnly "election-counts-new-only";
    /// While joint only the new voters confirm reads (Raft 6, thesis 6.4).
    ReadCountsNewOnly "read-counts-new-only";
    /// A Save that is under way vouches for entries that took the place of those in it.
    SaveVouchesForOthers "save-vouches-for-others";
    /// A member votes only if its own log says that it may (thesis 4.2.1).
    LearnerRefusesVote "learner-refuses-vote";
    /// The lead is handed over before the target has the whole log (thesis 3.10).
    TimeoutNowTooEarly "timeout-now-too-early";
    /// A blank follower of a log that was compacted gets nothing (Raft 7).
    BlankFollowerForgotten "blank-follower-forgotten";
    /// A leader whose disk stalls leads on.
    StalledDiskLeads "stalled-disk-leads";
    /// Who asks for pre-votes in a past term is not told the present one (thesis 9.6).
    LowTermUnanswered "low-term-unanswered";
    /// A leader that hears no quorum leads on (thesis 6.2).
    QuorumUnchecked "quorum-unchecked";
    /// Pieces of snapshots are put together without comparing places and checksums.
    SnapshotPieceUnchecked "snapshot-piece-unchecked";
    /// Whole members: a snapshot takes the place of the state whether or not its bytes are sound.
    SnapshotUnverified "snapshot-unverified";
    /// Whole members: a follower gets a leader's state that no majority is known to hold.
    SnapshotUnconfirmed "snapshot-unconfirmed";
    /// Whole members: who is named for its state answers on.
    NamedAnswers "named-answers";
    /// Whole members: who is named for its state keeps it.
    NamedKeepsState "named-keeps-state";
    /// Whole members: those are named whose state is that of a majority.
    MajorityNamed "majority-named";
    /// Whole members: states are compared that are not of the same entry.
    StatesComparedApart "states-compared-apart";
    /// Whole members: the journal goes as soon as a snapshot is taken that covers it, not once that is durable.
    JournalDroppedEarly "journal-dropped-early";
    /// Whole members: a lease ends as long after its grant as it lasts, renewed or not.
    LeaseNotRenewed "lease-not-renewed";
    /// Whole members: a new leader takes leases for over that it has not counted down itself.
    LeaseOverAfterElection "lease-over-after-election";
    /// Whole members: a new leader counts down only the leases that are granted in its own term.
    LeasesForgotten "leases-forgotten";
    /// Whole members: a member without space takes writes that need some.
    NoSpaceIgnored "no-space-ignored";
    /// Whole members: the alarm about space does not end by itself.
    NoSpaceStays "no-space-stays";
    /// Whole members: alarms of a member that was removed stay.
    RemovedAlarmsStay "removed-alarms-stay";
    /// Whole members: a sync that fails is taken for one that does not.
    SyncErrorIgnored "sync-error-ignored";
}

impl Mutant {
    /// Whether the rule is not Raft's but that of whole members, so that Raft alone cannot break it.
    #[must_use]
    pub fn is_of_members(self) -> bool {
        matches!(
            self,
            Mutant::SnapshotUnverified
                | Mutant::JournalDroppedEarly
                | Mutant::SnapshotUnconfirmed
                | Mutant::NamedAnswers
                | Mutant::NamedKeepsState
                | Mutant::MajorityNamed
                | Mutant::StatesComparedApart
                | Mutant::LeaseNotRenewed
                | Mutant::LeaseOverAfterElection
                | Mutant::LeasesForgotten
                | Mutant::NoSpaceIgnored
                | Mutant::NoSpaceStays
                | Mutant::RemovedAlarmsStay
                | Mutant::SyncErrorIgnored
        )
    }

    /// Whether `active` is this mutant and mutants are compiled in.
    #[must_use]
    pub fn is(self, active: Option<Mutant>) -> bool {
        cfg!(debug_assertions) && active == Some(self)
    }
}
