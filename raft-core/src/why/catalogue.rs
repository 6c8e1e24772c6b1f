//! The catalogue: for each reason its name, its numbers, a sentence that tells them, and where the rule comes from: the
//! paper ("Raft"), Ongaro's dissertation ("thesis"), or the file of this library that argues for it.

use crate::types::{Boot, Index, NodeId, Position, ReadId, Round, Term, Version};

reasons! {
    // Elections.
    /// The election deadline passed without word from a leader.
    Campaign { term: Term }
        "no leader was heard until the election deadline: campaigns in term {term}", "Raft 5.2";
    /// The election deadline passed; it asks first who would vote for it.
    PreCampaign { term: Term }
        "no leader was heard until the election deadline: asks who would vote for it after term {term}", "thesis 9.6";
    /// So many would not vote for this node that it does not stand.
    PreVoteLost { term: Term }
        "no quorum would vote for it after term {term}: does not stand", "thesis 9.6";
    /// Somebody would vote for this node, or the other way round.
    PreVoteGranted { candidate: NodeId, theirs: Position, ours: Position }
        "would vote for {candidate}: its log ends at {theirs}, ours at {ours}", "thesis 9.6";
    /// The asker's log is behind.
    PreVoteRefusedLogBehind { candidate: NodeId, theirs: Position, ours: Position }
        "would not vote for {candidate}: its log ends at {theirs}, behind ours at {ours}", "thesis 9.6, Raft 5.4.1";
    /// A quorum would vote for it but for its log, and nobody else has come to lead.
    CampaignBehind { term: Term }
        "a quorum follows nobody, and only the log stands against this node: campaigns in term {term} to catch up", "raft-core, catch_up";
    /// A candidate gets the entries it lacks from the voter with the best log.
    CatchUpBegins { from: NodeId, ours: Position, last: Position }
        "asks {from} for what follows {ours}: its log ends at {last}", "raft-core, catch_up";
    /// The candidate's log is more up-to-date than before.
    CaughtUp { from: NodeId, ours: Position }
        "took over {from}'s entries up to {ours}: asks again for votes", "raft-core, catch_up";
    /// The voter has no entries that would help, or only a snapshot of them.
    CatchUpGivenUp { from: NodeId, after: Position, prev: Position }
        "{from} cannot give what follows {after}: its entries follow {prev}", "raft-core, catch_up";
    /// The voter's log differs from so far back that its entries do not fit in memory before they help.
    CatchUpTooLong { from: NodeId, bytes: u64 }
        "{bytes} bytes of {from}'s entries make no better log yet: gives up", "raft-core, catch_up";
    /// A candidate got entries.
    EntriesGiven { candidate: NodeId, after: Position, prev: Position, count: u64 }
        "{candidate}, a candidate, lacks what follows {after}: gets {count} entries after {prev}", "raft-core, catch_up";
    /// A candidate asked for entries in a term that has a leader.
    EntriesRefusedLeaderKnown { candidate: NodeId, leader: NodeId }
        "no entries for {candidate}: {leader} leads this term", "raft-core, catch_up";
    /// Entries came that this node did not ask for, or has no more use for.
    EntriesNotAwaited { from: NodeId }
        "entries from {from} come too late: it follows a leader, or asks another", "raft-core, catch_up";
    /// Lease reads of a leader it acknowledged may still be relied on: it votes for nobody, itself included.
    CampaignPutOff { wait_ms: u64 }
        "does not stand for {wait_ms} ms more: a leader may still rely on its promise", "thesis 6.4.1";
    /// The disk stalls: a leader with such a disk would hold up all others.
    StandRefusedDiskStalled { stalled_ms: u64 }
        "does not stand for election: its disk has held back a change for {stalled_ms} ms", "raft-core, disk_stall";
    /// The host saw the link to the leader close.
    LinkToLeaderClosed { leader: NodeId }
        "the link to {leader}, the leader, closed: waits no election timeout for it", "raft-core, contact";
    /// The host of a node that stands without asking first saw the link to the leader close.
    LinkToLeaderClosedPatient { leader: NodeId }
        "the link to {leader}, the leader, closed: may vote for another, and waits itself, since without pre-vote it would depose who others hear", "raft-core, contact";
    /// A candidate was asked for its vote by one with a better log.
    GivesWay { candidate: NodeId, theirs: Position, ours: Position }
        "lets {candidate} go first in the next term: its log ends at {theirs}, ours at {ours}", "raft-core, election";
    /// A quorum voted for this node.
    Won { term: Term }
        "a quorum voted for this node: leads term {term}", "Raft 5.2";
    /// So many refused that no quorum can be had in this term.
    Lost { term: Term }
        "no quorum can be had in term {term} any more: waits for the next election", "Raft 5.2";
    /// The vote went to the candidate.
    VoteGranted { candidate: NodeId, theirs: Position, ours: Position }
        "vote for {candidate}: its log ends at {theirs}, ours at {ours}", "Raft 5.4.1";
    /// The candidate's term is over.
    VoteRefusedOldTerm { candidate: NodeId, theirs: Term, ours: Term }
        "no vote for {candidate}: its term {theirs} is over, now is {ours}", "Raft 5.1";
    /// The one vote of this term is given.
    VoteRefusedAlreadyVoted { candidate: NodeId, voted_for: NodeId }
        "no vote for {candidate}: this term's vote is {voted_for}'s", "Raft 5.2";
    /// The candidate's log is behind.
    VoteRefusedLogBehind { candidate: NodeId, theirs: Position, ours: Position }
        "no vote for {candidate}: its log ends at {theirs}, behind ours at {ours}", "Raft 5.4.1";
    /// This node has no log and no membership: it is new, or lost its disk.
    VoteRefusedNoCluster { candidate: NodeId }
        "no vote for {candidate}: this node is blank, and may have voted before it was", "raft-core, in_force.rs";
    /// There is a leader, or this node leads, in this very term.
    VoteRefusedLeaderKnown { candidate: NodeId, leader: NodeId }
        "no vote for {candidate}: {leader} already leads this term", "Raft 5.2";
    /// This node leads, and a quorum has been heard.
    VoteRefusedLeading { candidate: NodeId, term: Term }
        "no vote for {candidate}: this node leads term {term}", "thesis 4.2.3";
    /// The leader was heard a moment ago.
    VoteRefusedLeaderHeard { candidate: NodeId, leader: NodeId, heard_ms: u64 }
        "no vote for {candidate}: {leader}, the leader, was heard {heard_ms} ms ago", "thesis 4.2.3";
    /// What this voter promised before it booted is not known.
    VoteRefusedAfterBoot { candidate: NodeId, booted_ms: u64 }
        "no vote for {candidate}: booted {booted_ms} ms ago, a lease of before may still be relied on", "thesis 6.4.1";

    // Stepping down.
    /// The leader's own disk stalls.
    SteppedDownDiskStalled { term: Term, stalled_ms: u64 }
        "leads term {term} no more: its disk has held back a change for {stalled_ms} ms", "raft-core, disk_stall";
    /// No quorum was heard for an election timeout.
    SteppedDownNoQuorum { term: Term, silent_ms: u64 }
        "leads term {term} no more: no quorum was heard for {silent_ms} ms", "thesis 6.2";
    /// A message of a higher term ended this node's leadership or candidacy.
    SteppedDownHigherTerm { from: Term, to: Term }
        "steps down from term {from}: term {to} has begun", "Raft 5.1";
    /// Another won the election this node stood in.
    SteppedDownLeaderElected { leader: NodeId, term: Term }
        "gives up its candidacy: {leader} leads term {term}", "Raft 5.2";

    // Appending.
    /// Nothing stands at the place the new entries follow.
    AppendRefusedMissing { prev: Position, last: Position }
        "cannot append after {prev}: the log ends at {last}", "Raft 5.3";
    /// An entry of another term stands at the place the new entries follow.
    AppendRefusedOtherTerm { prev: Position, ours: Term, hint: Position }
        "cannot append after {prev}: the entry there is of term {ours}; try {hint}", "Raft 5.3";
    /// All of these entries were here already.
    AppendDuplicate { last: Index }
        "nothing new up to {last}: an append that was seen before changes nothing", "Raft 5.3";
    /// Entries of a deposed leader gave way to the present leader's.
    Truncated { conflict: Index, ours: Term, theirs: Term, last: Index }
        "entries {conflict} to {last} go: at {conflict} ours is of term {ours}, the leader's of {theirs}, so ours was never committed", "Raft 5.3, Figure 2 AppendEntries step 3";

    // Committing.
    /// A quorum has the entry, but it is of an earlier term and commits only with one of this term.
    CommitWithheldOldTerm { index: Index, entry: Term, term: Term }
        "{index} is on a quorum but of term {entry}; it commits with an entry of term {term}", "Raft 5.4.2, Figure 8";
    /// A quorum does not have the newest entries yet.
    CommitWithheldNoQuorum { index: Index, durable: Index }
        "no quorum for {index}; our own disk has up to {durable}", "Raft 5.3, thesis 10.2.1";
    /// While joint, a majority of the old voters and one of the new must have an entry.
    CommitWithheldJoint { index: Index, new: Index, old: Index }
        "{index} is not on both majorities: the new voters' has up to {new}, the old voters' up to {old}", "Raft 6, thesis 4.3";

    // Reads.
    /// Reads wait until this leader has committed an entry of its own term.
    ReadWaitsForTerm { id: ReadId, first: Index }
        "reads {id} wait for entry {first}, the first of this term, to commit", "Raft 8, thesis 6.4";
    /// Reads wait until a quorum has confirmed this leader.
    ReadWaitsForRound { id: ReadId, round: Round }
        "reads {id} wait for a quorum to confirm round {round}", "Raft 8, thesis 6.4";
    /// Reads were given up because the leader that was to confirm them leads no more; they are to be asked again.
    ReadsDropped { batches: u64 }
        "{batches} batches of reads are given up: who was to confirm them leads no more", "thesis 6.4";
    /// Reads are confirmed at an index that this node has not applied yet.
    ReadWaitsForApply { id: ReadId, index: Index, applied: Index }
        "reads {id} are confirmed at {index} and wait for it: applied is {applied}", "thesis 6.4, step 4";
    /// A follower asks its leader to confirm reads.
    ReadAsksLeader { id: ReadId, leader: NodeId }
        "asks {leader} to confirm reads {id}", "thesis 6.4";
    /// The leader did not answer in time, so a follower asks again.
    ReadAskedAgain { id: ReadId, leader: NodeId }
        "{leader} did not answer for reads {id}: asks again", "raft-core, follower_read.rs";
    /// A follower asked who does not lead.
    ReadRefusedNotLeader { from: NodeId, id: ReadId }
        "cannot confirm reads {id} of {from}: this node does not lead", "thesis 6.4";
    /// Who asked is no member.
    ReadRefusedStranger { from: NodeId, id: ReadId }
        "does not confirm reads {id} of {from}: it is no member", "raft-core, read.rs";
    /// So many reads wait that a follower has to ask again.
    ReadRefusedBusy { from: NodeId, id: ReadId }
        "too many reads wait to take {id} of {from} too: it will ask again", "raft-core, read.rs";
    /// A follower asked for what is being confirmed already.
    ReadAskedTwice { from: NodeId, id: ReadId }
        "reads {id} of {from} are being confirmed already", "raft-core, read.rs";
    /// The reads are answered already, or were given up.
    ReadAnsweredBefore { from: NodeId, id: ReadId }
        "nobody waits for the answer of {from} to reads {id} any more", "raft-core, follower_read.rs";
    /// The reads were asked for in a former life of this node.
    ReadOfFormerLife { from: NodeId, id: ReadId, boot: Boot, ours: Boot }
        "{from} answers reads {id} of boot {boot}, this is boot {ours}", "raft-core, follower_read.rs";
    /// A quorum keeps to this leader, so it answers alone.
    ReadByLease { id: ReadId, left_micros: u64 }
        "reads {id} need no round: for {left_micros} us more a quorum votes for nobody else", "thesis 6.4.1";
    /// The lease's setting is not committed yet.
    LeaseUncommitted { id: ReadId, index: Index }
        "reads {id} need a round: the lease in entry {index} is not committed", "raft-core, lease.rs";
    /// The lead was offered to another in this term.
    LeaseInTransfer { id: ReadId }
        "reads {id} need a round: the lead was offered to another in this term", "thesis 3.10, 6.4.1";
    /// No quorum acknowledged anything new enough.
    LeaseOver { id: ReadId }
        "reads {id} need a round: no quorum was heard lately enough for the lease", "thesis 6.4.1";

    // Followers, as their leader sees them.
    /// A follower's log disagrees; the leader looks for where it agrees.
    Probing { peer: NodeId, next: Index }
        "{peer} refused: looks for where its log agrees, next at {next}", "Raft 5.3";
    /// Nothing was heard about entries sent to a follower; they are sent again.
    Resending { peer: NodeId, next: Index }
        "{peer} did not answer: sends again from {next}", "Raft 5.3: retries indefinitely";
    /// Entries wait for the answer to a probe.
    PausedForProbe { peer: NodeId, next: Index }
        "{peer} is probed at {next}: the newer entries wait for its answer", "Raft 5.3, thesis 10.2.1";
    /// As many messages as may be are on their way to a follower.
    PausedByMessages { peer: NodeId, messages: u64 }
        "{peer} has {messages} messages on their way, and no more may be: entries wait", "thesis 10.2.2";
    /// As many bytes as may be are on their way to a follower.
    PausedByBytes { peer: NodeId, bytes: u64 }
        "{peer} has {bytes} bytes on their way, and no more may be: entries wait", "thesis 10.2.2";
    /// Entries wait until a snapshot is installed.
    PausedForSnapshot { peer: NodeId, mark: Position, last: Index }
        "{peer} gets the snapshot at {mark}: the entries up to {last} wait for it", "Raft 7";
    /// Too much is uncommitted already.
    ProposalRefusedBusy { bytes: u64, uncommitted: u64, max: u64 }
        "no room for {bytes} bytes: {uncommitted} are uncommitted, {max} may be", "raft-core, Limits";

    // Snapshots and the log's memory.
    /// A follower needs an entry that is in memory no longer.
    SnapshotNeeded { peer: NodeId, next: Index, mark: Position }
        "{peer} needs entry {next}, and the log in memory begins after {mark}: it gets a snapshot", "Raft 7";
    /// The host has a snapshot ready for a follower.
    SnapshotOffered { peer: NodeId, mark: Position }
        "sends the snapshot at {mark} to {peer}: first asks what it has of it", "Raft 7, Figure 13";
    /// A follower has another part of the snapshot than was thought.
    SnapshotResumes { peer: NodeId, mark: Position, offset: u64 }
        "{peer} has {offset} bytes of the snapshot at {mark}: goes on after them", "raft-core, offer.rs";
    /// What a follower has of the snapshot is not what this leader's begins with.
    SnapshotBeginsAnew { peer: NodeId, mark: Position, offset: u64 }
        "the {offset} bytes that {peer} has of the snapshot at {mark} are not ours: begins anew", "raft-core, offer.rs";
    /// A follower that had a whole snapshot has nothing of it any more.
    SnapshotMadeAnew { peer: NodeId, mark: Position }
        "{peer} had all of the snapshot at {mark} and has nothing of it now: gets one of the present state", "raft-core, offer.rs";
    /// No answer came to a piece of a snapshot, or the piece was not taken: what the follower has is asked again.
    SnapshotAsksAgain { peer: NodeId, mark: Position, offset: u64 }
        "{peer} got no further with the snapshot at {mark}: asks what it has, last known were {offset} bytes", "Raft 5.3: retries indefinitely";
    /// A follower answered nothing about a snapshot for so long that it is taken for gone.
    SnapshotGivenUp { peer: NodeId, mark: Position }
        "{peer} is gone: the snapshot at {mark} is held for it no longer", "raft-core, offer.rs";
    /// The log reaches the follower again.
    SnapshotDone { peer: NodeId, next: Index }
        "the log reaches {peer} again: goes on with entry {next}", "Raft 7";
    /// The snapshot covers nothing that is not committed here already.
    SnapshotIgnoredOld { mark: Position, commit: Index }
        "all up to {commit} is committed here: nothing to install at {mark}", "Raft 7";
    /// The log has the snapshot's last entry: what it covers is committed, and what follows stays.
    SnapshotFastForward { mark: Position }
        "the log has {mark}: commits up to there instead of installing a snapshot", "Raft 7, Figure 13 step 6";
    /// The leader offered a newer snapshot since.
    SnapshotIgnoredForNewer { mark: Position, newer: Position }
        "a late piece of the snapshot at {mark}: the one at {newer} is being received", "raft-core, install.rs";
    /// Another snapshot is whole and being made durable.
    SnapshotIgnoredWhileSaving { mark: Position, saving: Position }
        "no piece of the snapshot at {mark} now: the one at {saving} is being saved", "raft-core, install.rs";
    /// Not the piece that follows those received.
    SnapshotPieceOutOfOrder { mark: Position, offset: u64, expected: u64 }
        "a piece at {offset} of the snapshot at {mark}: the next one is at {expected}", "Raft 7, Figure 13";
    /// A piece does not fit those before it.
    SnapshotPieceCorrupt { mark: Position, offset: u64 }
        "the piece at {offset} of the snapshot at {mark} has a wrong checksum: not taken", "raft-core, install.rs";
    /// The host found a received snapshot to be unusable.
    SnapshotUnusable { mark: Position }
        "what came of the snapshot at {mark} is of no use: waits for it anew", "raft-core, install.rs";
    /// A saved snapshot took the place of the log.
    SnapshotInstalled { mark: Position, last: Position }
        "the snapshot at {mark} is saved: it takes the place of the log, which ended at {last}", "Raft 7, Figure 13 steps 7 and 8";
    /// A candidate's log gave way to a snapshot.
    SteppedDownForSnapshot { mark: Position }
        "gives up its candidacy: the log it stood with gives way to the snapshot at {mark}", "Raft 5.4.1";
    /// The state of this node is not what its log makes.
    StateWanted { applied: Index }
        "its state is not to be trusted: applies nothing after {applied}, and asks its leader for another", "raft-core, rebuild.rs";
    /// A follower's state is not what its log makes.
    StateWantedBy { peer: NodeId, applied: Index }
        "{peer} does not trust its state as of {applied}: it gets a snapshot although the log reaches it", "raft-core, rebuild.rs";
    /// A snapshot took the place of a state that was not to be trusted.
    StateRebuilt { mark: Position, applied: Index }
        "the snapshot at {mark} is saved: it takes the place of the state as of {applied}, and the log stays", "raft-core, rebuild.rs";
    /// Entries that are in a snapshot were dropped from memory; of a long log the rest follows in the next turns.
    LogCompacted { through: Index, bytes: u64 }
        "drops the log up to {through} from memory; {bytes} bytes stay", "Raft 7";
    /// Entries stay in memory for a follower that gets a snapshot.
    LogKeptForSnapshot { mark: Index, target: Index }
        "keeps the log from after {mark} to {target}: a follower goes on there after its snapshot", "raft-core, memory.rs";

    // Changes of membership.
    /// A new membership is in the leader's log, and in force.
    ChangeInForce { index: Index }
        "the membership of entry {index} is in force, before it is committed", "thesis 4.1";
    /// A joint configuration is in the leader's log, and in force.
    ChangeIsJoint { index: Index }
        "more than one voter comes or goes: from entry {index} on the old and the new voters must both agree", "Raft 6, thesis 4.3";
    /// The joint configuration is committed, and the new one takes its place.
    JointLeft { joint: Index, index: Index }
        "the joint configuration of {joint} is committed: from entry {index} on the new voters are enough", "Raft 6, thesis 4.3";
    /// A truncation took a membership with it.
    ChangeUndone { undone: Index, index: Index }
        "the membership of {undone} goes with its entry: that of {index} is in force again", "thesis 4.1";
    /// All members understand more than the log demands.
    VersionRaised { from: Version, to: Version, index: Index }
        "every member understands version {to}: in force instead of {from} from entry {index} on", "raft-core, version.rs";
    /// The last change is not committed.
    ChangeRefusedPending { index: Index, commit: Index }
        "no change of membership: that of {index} is pending, {commit} is committed", "thesis 4.1, 4.3";
    /// Of this leader's own term nothing is committed.
    ChangeRefusedOwnTerm { first: Index, commit: Index }
        "no change of membership before {first}, the first entry of this term, is committed; {commit} is", "thesis 4.1, erratum of 2015";
    /// The lead is on its way to another.
    ChangeRefusedTransfer { to: NodeId }
        "no change of membership: the lead is on its way to {to}", "thesis 3.10";
    /// A learner that has not caught up would vote.
    ChangeRefusedLearnerBehind { id: NodeId, matched: Index, last: Index }
        "{id} cannot vote yet: its log is at {matched} of {last}, and no round of catching up was shorter than an election timeout lately", "thesis 4.2.1";
    /// The id was given away before.
    ChangeRefusedIdUsed { id: NodeId }
        "{id} is or was a member: an id is never given to another", "thesis 4.2.3";
    /// The change is about a stranger.
    ChangeRefusedNotAMember { id: NodeId }
        "{id} is not a member", "thesis 4.1";
    /// Nobody would vote any more.
    ChangeRefusedNoVoters { parts: u64 }
        "a change of {parts} parts would leave no voter", "thesis 4.1";
    /// A quorum of the new voters is not there.
    ChangeRefusedNoQuorum { heard: u64, voters: u64 }
        "only {heard} of {voters} new voters were heard within an election timeout: the change would stand still", "thesis 4.2.2";
    /// The change says two things of one member, or something impossible.
    ChangeRefusedContradiction { parts: u64 }
        "a change of {parts} parts contradicts itself", "raft-core, change.rs";
    /// All is so already.
    ChangeRefusedNothing { parts: u64 }
        "a change of {parts} parts would change nothing", "raft-core, change.rs";
    /// The leader has committed a membership in which it does not vote.
    SteppedDownNoVoter { index: Index }
        "steps down: by the membership of {index}, which is committed, this node does not vote", "Raft 6, thesis 4.2.2";
    /// This node's removal is committed.
    OwnRemovalCommitted { index: Index }
        "takes part no more: {index} is committed, and with it this node's removal", "thesis 4.2.3";
    /// A member says that this node was removed.
    ToldOfRemoval { from: NodeId }
        "takes part no more: {from} says that this node was removed", "thesis 4.2.3";
    /// A removed node spoke.
    SenderRemoved { from: NodeId }
        "a message from {from}, which was removed for good: dropped", "thesis 4.2.3";
    /// Whoever is no member answered.
    AnswerOfStranger { from: NodeId }
        "an answer from {from}, which is no member: dropped", "thesis 4.1";

    // Transfer of the lead.
    /// A voter is preferred to this leader, and ready to lead.
    PreferredLeader { to: NodeId, theirs: u8, ours: u8 }
        "{to} is to lead rather than this node: its priority is {theirs}, ours {ours}", "raft-core, priority";
    /// The leader hands over the lead. First the target needs the whole log.
    TransferBegins { to: NodeId, matched: Index, last: Index }
        "hands the lead over to {to}, once its disk has {last}; it has {matched}", "thesis 3.10";
    /// The target did not take over in time.
    TransferGivenUp { to: NodeId }
        "{to} did not take the lead within an election timeout: leads on", "thesis 3.10";
    /// A voter is told to stand for election without waiting.
    ToldToStand { peer: NodeId }
        "tells {peer} to stand for election at once", "thesis 3.10";
    /// The leader told this node to stand.
    StandsAtOnce { leader: NodeId }
        "stands for election at once: {leader}, who leads, asks for it", "thesis 3.10";
    /// Whoever asks this node to stand does not lead this term.
    StandRefusedNotLeader { from: NodeId }
        "does not stand for election: {from}, who asks for it, is not known to lead this term", "thesis 3.10";
    /// The leader told this node to stand, and its state is not to be trusted.
    StandRefusedStandsBack { leader: NodeId }
        "does not stand for election as {leader} asks: its state is not to be trusted", "raft-core, rebuild.rs";
    /// The leader told this node to stand, and it does not vote.
    StandRefusedNoVoter { leader: NodeId }
        "does not stand for election as {leader} asks: it is no voter", "thesis 3.10, 4.2.1";

    // Messages.
    /// A message of a past term was answered with the present one, or dropped.
    OldTerm { from: NodeId, theirs: Term, ours: Term }
        "a message from {from} is of term {theirs}, now is {ours}", "Raft 5.1";
    /// A message made no sense; it was dropped and changed nothing.
    IllFormed { from: NodeId }
        "a message from {from} makes no sense: dropped", "raft-core, receive";
}
