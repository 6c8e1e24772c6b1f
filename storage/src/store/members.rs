//! What members say of themselves.

use std::ops::Bound::{Excluded, Unbounded};

use imbl::OrdMap;
use raft_core::NodeId;
use serde::{Deserialize, Serialize};

use super::command::Attributes;
use super::fingerprint::{Kind, Row, Totals};
use super::rows::{self, Place, RowFault};

/// What a member published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What it says of itself; the newest.
    pub attributes: Attributes,
    /// The random id of its data directory; the first, for ever.
    pub data_id: u64,
}

/// A member with its profile, in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Who.
    pub member: NodeId,
    /// What it published.
    pub profile: Profile,
}

impl ProfileRow {
    pub(super) fn bytes(&self) -> usize {
        self.profile.bytes()
    }
}

impl Profile {
    fn row(&self, member: NodeId) -> u64 {
        let row = Row::new(Kind::Profile)
            .number(member.0)
            .number(self.data_id)
            .bytes(self.attributes.name.as_bytes())
            .number(self.attributes.client_urls.len() as u64);
        let urls = self.attributes.client_urls.iter();
        urls.fold(row, |row, url| row.bytes(url.as_bytes())).hash()
    }

    fn bytes(&self) -> usize {
        let urls = self.attributes.client_urls.iter().map(String::len);
        self.attributes.name.len() + urls.sum::<usize>()
    }
}

/// The profiles by member.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    profiles: OrdMap<NodeId, Profile>,
    totals: Totals,
}

impl Members {
    /// Takes a profile, unless the member is known with another data id: then whoever published it runs on a directory
    /// that is not the member's, and nothing changes. Returns whether it was taken.
    pub(super) fn publish(&mut self, member: NodeId, profile: Profile) -> bool {
        let before = self.profiles.get(&member);
        if before.is_some_and(|before| before.data_id != profile.data_id) {
            return false;
        }
        if let Some(before) = before {
            self.totals.remove(before.row(member), before.bytes());
        }
        self.totals.add(profile.row(member), profile.bytes());
        self.profiles.insert(member, profile);
        true
    }

    /// The profiles after a place, each at the place of its member's id.
    pub(super) fn rows(&self, after: Option<Place>) -> impl Iterator<Item = (Place, rows::Row)> {
        let start = after.map_or(Unbounded, |place| Excluded(NodeId(place.number)));
        let found = self.profiles.range((start, Unbounded));
        found.map(|(&member, profile)| {
            let profile = profile.clone();
            (
                Place::at(member.0),
                rows::Row::Profile(ProfileRow { member, profile }),
            )
        })
    }

    /// Takes the profile of the next member.
    pub(super) fn load(&mut self, row: ProfileRow) -> Result<(), RowFault> {
        let last = self.profiles.get_max();
        if last.is_some_and(|(last, _)| *last >= row.member) {
            return Err(RowFault::Order);
        }
        self.publish(row.member, row.profile);
        Ok(())
    }

    pub(super) fn profiles(&self) -> &OrdMap<NodeId, Profile> {
        &self.profiles
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals, computed afresh.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        for (member, profile) in &self.profiles {
            totals.add(profile.row(*member), profile.bytes());
        }
        totals
    }
}
