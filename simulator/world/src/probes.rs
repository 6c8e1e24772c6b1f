//! What runs met on their way: each kind of fault, and each path that only a fault or a rare order of events leads to.
//! What no run of a campaign met was tested by none of them.

/// Makes the enum of probes and their names from the list.
macro_rules! probes {
    ($($kind:literal: $($name:ident $text:literal,)+;)+) => {
        /// Something that may be met.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Probe {
            $($(#[doc = $text] $name,)+)+
        }

        /// All of them, with the kind of each.
        const ALL: &[(&str, &str, Probe)] = &[$($(($kind, $text, Probe::$name),)+)+];
    };
}

probes! {
    "fault":
    Crash "crash",
    CrashAll "crash of all",
    CrashWhileSaving "crash while saving",
    PowerCut "power cut at an operation",
    Isolate "isolation",
    Halves "partition in two",
    OneWay "one-way cut",
    Bridge "partition with a bridge",
    Ring "links as a ring",
    Star "links as a star",
    Chain "links as a chain",
    Constrained "links to one that is behind, and none to another",
    Swizzle "swizzle",
    Loss "loss",
    Duplication "duplication",
    Delay "delay",
    Corruption "corruption",
    Resets "links reset in a message",
    Narrow "narrow links",
    HandOver "hand-over",
    LinksClose "links closed",
    Stall "stall of a member",
    Sleep "sleep of a member",
    WallForward "wall clock put forward",
    WallBack "wall clock put back",
    Hunt "hunt",
    SlowDisk "slow disk",
    StalledDisk "stalled disk",
    WriteError "error on a write",
    SyncError "error on a sync",
    Full "disk full at a byte",
    BitFlip "bit flipped",
    Unreadable "sector unreadable",
    Zeroed "sector zeroed",
    Stale "sector stale",
    Misdirected "sector misdirected",
    FileLost "file lost",
    Diverge "state made to differ",
    DivergeLeader "state of a leader made to differ",
    NobodyNamed "a state differed and no majority knew better",
    Wiped "disk emptied",
    Swapped "disks of two members swapped",
    ;
    "path":
    TurnSplit "a host left some of what was there for later",
    TickUnasked "a host ticked early",
    LinkClosedUnasked "a host took a link for closed",
    StoppedByDisk "a failed disk stopped a member at once",
    RestartedInMemory "a member restarted while its machine kept dropped pages in memory",
    SpaceRanOut "a Save waited for space",
    SpaceRanLow "no space for the segment after this one",
    SpaceCameBack "space came back",
    BootedFull "a member booted on a full disk",
    SnapshotGivenUp "a snapshot was given up",
    DamageRefused "a damaged member refused to boot, by file",
    Petition "a damaged or emptied member asked to be taken in",
    NotTakenIn "a member stopped because nobody took it in",
    TakenIn "a damaged member was taken in under a new id",
    NoticedLoss "an emptied member learned that it is one",
    RepairCut "power was to fail while a member became another one",
    RepairFull "a repair waited for space",
    Repaired "a damaged member became a voter that lacks nothing",
    Emptied "a directory was emptied that its member refused",
    HelloRefused "a hello was refused",
    DamageHarmless "a damaged member booted with all it had",
    OlderSnapshot "an older snapshot took the place of a damaged one",
    NoSpaceOnDisk "the alarm about space was raised by a full disk",
    NoSpaceInQuota "the alarm about space was raised by the quota",
    NoSpaceForFiles "the alarm about space was raised by the files' share of the quota",
    NoSpaceEnded "the alarm about space ended by itself",
    NoSpaceOfNobody "a leader ended the alarm of a member that was replaced",
    FreedUnderAlarm "something was deleted or compacted while the alarm about space stood",
    RefusedForSpace "a write was refused for want of space",
    BudgetHeld "damage was withheld from a quorum's last copies",
    ;
    "stores":
    TransactionHeld "transactions whose comparisons held",
    TransactionElse "transactions whose comparisons did not",
    RangeDeleted "several keys deleted at once",
    OldRead "reads of old revisions",
    Compacted "compactions",
    CompactedByAge "compactions by age",
    CompactedByNumber "compactions by number",
    CompactedAgain "compactions that came too late",
    CompactedRead "reads of compacted revisions refused",
    FutureRead "reads of future revisions refused",
    LeaseGranted "leases granted",
    LeaseRenewed "leases renewed",
    LeaseRevoked "leases revoked",
    LeaseExpired "leases expired",
    LeaseNotFound "leases not found",
    FileAlive "files with a time to live read",
    FileGone "files read whose time was over",
    FileExpired "files expired",
    InOrder "queues listed",
    AskedAgain "named writes answered twice",
    ;
}

/// How often each was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    counts: [u64; ALL.len()],
}

impl Default for Probes {
    fn default() -> Probes {
        Probes {
            counts: [0; ALL.len()],
        }
    }
}

impl Probes {
    /// It was met once more.
    pub(crate) fn met(&mut self, probe: Probe) {
        self.counts[probe as usize] += 1;
    }

    /// It was met so many times more.
    pub(crate) fn add(&mut self, probe: Probe, count: u64) {
        self.counts[probe as usize] += count;
    }

    /// All that another met, too.
    pub fn merge(&mut self, other: &Probes) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// Each kind and name there is, with how often it was met.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        ALL.iter()
            .map(|&(kind, name, probe)| (kind, name, self.count(probe)))
    }

    /// How often it was met.
    #[must_use]
    pub fn count(&self, probe: Probe) -> u64 {
        self.counts[probe as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_counted_and_the_rest_is_cold() {
        let mut probes = Probes::default();
        probes.met(Probe::Stale);
        let mut both = probes;
        both.merge(&probes);
        assert_eq!(both.count(Probe::Stale), 2);
        let cold = both.all().filter(|&(.., count)| count == 0).count();
        assert_eq!(cold, ALL.len() - 1);
    }
}
