//! What this member knows of the others before they speak.

use std::collections::{BTreeMap, BTreeSet};

use crate::hello::{Hello, Refusal};

/// How many senders' last refusals are remembered; anybody can claim any id, so there is a bound.
const REFUSED_MAX: usize = 64;

/// How many members in others' places are remembered: more than a cluster has.
const MET_THERE_MAX: usize = 64;

/// How many former members are remembered, likewise.
const FORMER_MAX: usize = 64;

/// What is known of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The id of its data directory: the published one, or else the first one it came with.
    pub data_id: Option<u64>,
    /// The latest boot met; 0 if none.
    pub boot: u64,
}

/// The members that may speak to this one. Lives as long as this boot: what was met is not saved.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    members: BTreeMap<u64, Known>,
    /// Those that were, the last ones.
    former: BTreeMap<u64, Known>,
    /// The data ids that anybody published, member or not.
    published: BTreeMap<u64, u64>,
    removed: BTreeSet<u64>,
    /// Others may be members, too.
    open: bool,
    /// Who was met where a member listens, and is not known: a member since.
    met_there: BTreeSet<u64>,
    /// By sender, why it was last refused.
    refused: BTreeMap<u64, Refusal>,
}

impl Roster {
    /// Exactly these are members, with their published data ids. What was met of those that stay is kept; a published
    /// data id replaces one that was only met.
    pub fn set_members(&mut self, members: impl IntoIterator<Item = (u64, Option<u64>)>) {
        let mut before = std::mem::take(&mut self.members);
        for (member_id, published) in members {
            let mut known = before.remove(&member_id).unwrap_or_default();
            known.data_id = published.or(known.data_id);
            self.members.insert(member_id, known);
        }
        // A change that is not committed may be taken back.
        self.former.append(&mut before);
        while self.former.len() > FORMER_MAX {
            self.former.pop_first();
        }
    }

    /// Under these data ids are they known, members or not. Whoever is to be replaced is no member any more once that stands in
    /// the log, and one again if it is taken back: until that is settled, nobody may speak in its name from another directory.
    pub fn set_published(&mut self, published: impl IntoIterator<Item = (u64, u64)>) {
        self.published = published.into_iter().collect();
    }

    /// Exactly these were members and, beyond recall, are none any more.
    pub fn set_removed(&mut self, removed: impl IntoIterator<Item = u64>) {
        self.removed = removed.into_iter().collect();
    }

    /// Whether there may be members that are not known here, because this one knows only what was once. Anybody of the
    /// cluster may speak to it then.
    pub fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    /// At the address of a member listens another one of the same cluster, who says so. Members are replaced, and this one
    /// may have been away meanwhile: who sits in a member's place may speak.
    pub fn listens_there(&mut self, member_id: u64) {
        if self.met_there.len() < MET_THERE_MAX {
            self.met_there.insert(member_id);
        }
    }

    /// Whether it was a member and will never be one again.
    #[must_use]
    pub fn is_removed(&self, member_id: u64) -> bool {
        self.removed.contains(&member_id)
    }

    /// What is known of a member; `None` if it is none.
    #[must_use]
    pub fn known(&self, member_id: u64) -> Option<Known> {
        let known = self.members.get(&member_id).copied();
        known.or_else(|| self.stranger(member_id))
    }

    fn stranger(&self, member_id: u64) -> Option<Known> {
        if !self.open && !self.met_there.contains(&member_id) {
            return None;
        }
        let mut known = self.former.get(&member_id).copied().unwrap_or_default();
        known.data_id = self.published.get(&member_id).copied().or(known.data_id);
        Some(known)
    }

    /// Remembers a hello that passed the check. A directory is held to be the member's own from the first time it is
    /// met, since it may have voted before it could publish its id.
    pub fn met(&mut self, hello: &Hello) {
        if let Some(known) = self.members.get_mut(&hello.member_id) {
            known.data_id.get_or_insert(hello.data_id);
            known.boot = known.boot.max(hello.boot);
        }
        self.refused.remove(&hello.member_id);
    }

    /// Remembers why a sender was refused; whether that is news, for a log that repeats nothing.
    pub fn refuse(&mut self, member_id: u64, refusal: Refusal) -> bool {
        if self.refused.len() >= REFUSED_MAX && !self.refused.contains_key(&member_id) {
            self.refused.clear();
        }
        self.refused.insert(member_id, refusal) != Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::Identity;

    fn hello(member_id: u64, data_id: u64, boot: u64) -> Hello {
        let identity = Identity {
            cluster_id: 1,
            member_id,
            data_id,
            boot,
            recovery_epoch: 0,
            petitions: false,
        };
        identity.hello_to(9)
    }

    #[test]
    fn who_sits_in_a_members_place_may_speak() {
        let mut roster = Roster::default();
        roster.set_members([(2, Some(0xa))]);
        assert_eq!(roster.known(7), None);
        roster.listens_there(7);
        assert_eq!(roster.known(7), Some(Known::default()));
        roster.set_removed([7]);
        assert!(roster.is_removed(7), "unless it was removed");
    }

    #[test]
    fn who_sits_there_is_not_who_was_known_by_another_directory() {
        let data_id = |roster: &Roster, id| roster.known(id).expect("it may speak").data_id;
        let mut roster = Roster::default();
        roster.set_members([(1, Some(0xa)), (2, None)]);
        roster.met(&hello(2, 0xb, 3));
        // Both are being replaced.
        roster.set_members([(7, None)]);
        roster.listens_there(1);
        roster.listens_there(2);
        assert_eq!((data_id(&roster, 1), data_id(&roster, 2)), (Some(0xa), Some(0xb)));
        // This one has booted since, with that in its log.
        let mut roster = Roster::default();
        roster.set_members([(7, None)]);
        roster.set_published([(1, 0xa)]);
        roster.listens_there(1);
        assert_eq!(data_id(&roster, 1), Some(0xa));
    }

    #[test]
    fn the_first_directory_met_stays_until_another_is_published() {
        let mut roster = Roster::default();
        roster.set_members([(2, None)]);
        roster.met(&hello(2, 0xa, 3));
        roster.met(&hello(2, 0xb, 2));
        assert_eq!(
            roster.known(2),
            Some(Known {
                data_id: Some(0xa),
                boot: 3
            })
        );
        roster.set_members([(2, None), (3, None)]);
        assert_eq!(
            roster.known(2),
            Some(Known {
                data_id: Some(0xa),
                boot: 3
            })
        );
        roster.set_members([(2, Some(0xc))]);
        assert_eq!(
            roster.known(2),
            Some(Known {
                data_id: Some(0xc),
                boot: 3
            })
        );
        assert_eq!(roster.known(3), None);
    }

    #[test]
    fn meeting_a_stranger_makes_it_no_member() {
        let mut roster = Roster::default();
        roster.met(&hello(2, 0xa, 3));
        assert_eq!(roster.known(2), None);
    }

    #[test]
    fn a_refusal_is_news_once_and_again_after_a_change() {
        let mut roster = Roster::default();
        let unknown = Refusal::UnknownMember { member: 2 };
        let other = Refusal::OwnId { member: 2 };
        assert!(roster.refuse(2, unknown));
        assert!(!roster.refuse(2, unknown));
        assert!(roster.refuse(2, other));
        assert!(roster.refuse(2, unknown));
        roster.met(&hello(2, 0xa, 3));
        assert!(roster.refuse(2, unknown));
        for member in 0..10 * REFUSED_MAX as u64 {
            roster.refuse(member, unknown);
        }
        assert!(roster.refused.len() <= REFUSED_MAX);
    }
}
