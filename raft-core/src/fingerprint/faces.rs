//! The walks through what a node is told, says, and writes.

use super::{Canonical, Walk, canonical, of};
use crate::alarm::Alarm;
use crate::config::{Config, Limits};
use crate::membership::{Lease, Membership, Settings};
use crate::message::{AppendOutcome, Envelope, InstallOutcome, Message, VoteAnswer};
use crate::mutant::Mutant;
use crate::output::Output;
use crate::types::{
    Ballot, Body, Boot, Entry, Epoch, Image, Index, LogChange, NodeId, Position, ReadId, Round, Save,
    SnapshotMark, Term, Version,
};

macro_rules! numbers {
    ($($name:ident),*) => {
        $(impl Canonical for $name {
            fn walk(&self, walk: &mut Walk<'_>) {
                walk.word(self.0);
            }
        })*
    };
}

numbers!(Term, Index, ReadId, Round, Version, Epoch, Boot);

canonical!(struct Position { term, index });
canonical!(struct Ballot { term, voted_for });
canonical!(struct Entry { position, body });
canonical!(
    enum Body {
        Blank,
        Command(bytes),
        Change(membership),
    }
);
canonical!(struct SnapshotMark { position, membership });
canonical!(struct Image { ballot, commit, snapshot, entries });
canonical!(
    enum LogChange {
        Keep,
        Append(entries),
        Reset(mark),
    }
);
// By its stamp a Save is known to the node that cut it; what it writes is the same under any.
canonical!(struct Save { ballot, commit, log } leaves out { stamp });
canonical!(struct Membership { voters, outgoing, learners, addresses, removed, settings });
canonical!(struct Settings { lease, priorities, version, epoch });
canonical!(struct Lease { timeout, drift_ppm });

canonical!(struct Config {
    id, boot, election_timeout, heartbeat_interval, pre_vote, check_quorum, disk_stall_max, version, limits, mutant,
} leaves out { seed });
canonical!(struct Limits {
    append_bytes_max, inflight_messages_max, inflight_bytes_max, entry_bytes_max, uncommitted_bytes_max, log_bytes_max,
    tail_bytes_max, spare_bytes_max, chunk_bytes_max, reads_max,
});

impl Canonical for Mutant {
    fn walk(&self, walk: &mut Walk<'_>) {
        walk.name(Mutant::name(*self));
    }
}

canonical!(struct Envelope { from, to, term, message });
canonical!(enum Message {
    RequestPreVote { last },
    RequestPreVoteReply(answer),
    RequestVote { last, transfer },
    RequestVoteReply(answer),
    RequestEntries { after },
    Entries { after, prev, entries },
    AppendEntries { prev, entries, commit },
    AppendEntriesReply(outcome),
    Heartbeat { round, commit },
    HeartbeatReply { round, understands, wants_from, stands_back },
    InstallSnapshot { mark, offset, data, checksum, last },
    InstallSnapshotReply { mark, outcome },
    TimeoutNow,
    ReadIndex { boot, id },
    ReadIndexReply { boot, id, index },
    Removed,
});
canonical!(enum VoteAnswer { Granted, Refused, Behind { last } });
canonical!(enum InstallOutcome { Receiving { offset, checksum }, Installed });
canonical!(enum AppendOutcome { Matched(index), Rejected { prev, hint } });

canonical!(enum Output {
    Save(save),
    Send(envelope),
    Apply(entry),
    ReadReady { id, index },
    ReadDropped { id },
    Peers(membership),
    NeedSnapshot { peer },
    NeedChunk { peer, mark, offset, bytes_max },
    ReceivedChunk { mark, offset, data, last },
    Restore(mark),
    Removed,
    Why(why),
    Alarm(alarm),
});
canonical!(enum Alarm {
    SecondLeader { term, known, other },
    CommittedConflict { leader, ours, theirs },
    LostEntries { leader, acknowledged, last },
    TooOld { needs, understands },
});

macro_rules! fingerprints {
    ($($name:ident),*) => {
        $(impl $name {
            /// What it says, as one number; absolute stamps left out. The same on every machine and in every run.
            #[must_use]
            pub fn fingerprint(&self) -> u64 {
                self.fingerprint_renamed(&|id| id)
            }

            /// The fingerprint it would have if each member were called `rename(member)`, a one-to-one renaming.
            #[must_use]
            pub fn fingerprint_renamed(&self, rename: &dyn Fn(NodeId) -> NodeId) -> u64 {
                of(self, rename)
            }
        })*
    };
}

fingerprints!(Envelope, Entry, Save, Image);
