//! The first frame each way on a peer link: who speaks, to whom, and out of which data directory.
//!
//! ```text
//! dialler -> acceptor   MAGIC (8 bytes), postcard of Hello
//! acceptor -> dialler   MAGIC (8 bytes), postcard of Answer: Welcome(Hello) or Refused(Refusal)
//! ```
//!
//! The versions stand first, so that they can be read whatever follows. Fields and variants are only ever added at the
//! end, and bytes after the known fields are passed over: a younger member can say more than an older one understands.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame;
use crate::roster::Roster;

/// What a payload of a hello begins with, so that a stranger is recognised as one.
pub const MAGIC: [u8; 8] = *b"BalsaLnk";

/// The longest payload of a hello or of its answer, in bytes.
pub const HELLO_BYTES_MAX: usize = 512;

/// The protocol versions that this program speaks.
pub const VERSIONS: Versions = Versions { min: 1, max: 1 };

/// A range of protocol versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl Versions {
    /// The newest version that both speak.
    #[must_use]
    pub fn common(self, other: Versions) -> Option<u16> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// What a member says of itself on every link; the same all through one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's id.
    pub cluster_id: u64,
    /// Its own id.
    pub member_id: u64,
    /// The random id made with its data directory.
    pub data_id: u64,
    /// How many times that directory has been booted.
    pub boot: u64,
    /// How many times the cluster was rebuilt by hand from what was left of it.
    pub recovery_epoch: u32,
    /// It is no member yet, and asks to be taken in.
    pub petitions: bool,
}

impl Identity {
    /// The hello of this member to another.
    #[must_use]
    pub fn hello_to(&self, receiver_id: u64) -> Hello {
        Hello {
            versions: VERSIONS,
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            receiver_id,
            data_id: self.data_id,
            boot: self.boot,
            recovery_epoch: self.recovery_epoch,
            petitions: self.petitions,
        }
    }
}

/// One member's introduction to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The versions the sender speaks.
    pub versions: Versions,
    /// The sender's cluster.
    pub cluster_id: u64,
    /// The sender.
    pub member_id: u64,
    /// Whom the sender believes it is speaking to.
    pub receiver_id: u64,
    /// The random id of the sender's data directory.
    pub data_id: u64,
    /// The sender's boot.
    pub boot: u64,
    /// The sender's recovery epoch.
    pub recovery_epoch: u32,
    /// The sender may be no member: it asks to be taken in, and has nothing else to say until it is.
    pub petitions: bool,
}

/// What the acceptor says to a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Speak; and this is who listens.
    Welcome(Hello),
    /// The link is closed after this.
    Refused(Refusal),
}

/// Why a hello is refused. The sender is whose hello it is, the receiver the one that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// They have no protocol version in common.
    #[error(
        "the sender speaks protocol versions {} to {}, the receiver {} to {}",
        sender.min, sender.max, receiver.min, receiver.max
    )]
    Version {
        /// The sender's.
        sender: Versions,
        /// The receiver's.
        receiver: Versions,
    },
    /// They are of different clusters.
    #[error("the sender belongs to cluster {sender:x}, the receiver to cluster {receiver:x}")]
    OtherCluster {
        /// The sender's.
        sender: u64,
        /// The receiver's.
        receiver: u64,
    },
    /// The sender wanted somebody else: an address is wrong, or was given to another member.
    #[error("the sender wants member {wanted:x}, but member {receiver:x} listens at this address")]
    OtherReceiver {
        /// Whom the sender wanted.
        wanted: u64,
        /// Who got it.
        receiver: u64,
    },
    /// The receiver has the same id.
    #[error("sender and receiver both say they are member {member:x}")]
    OwnId {
        /// That id.
        member: u64,
    },
    /// The receiver's configuration has no such member.
    #[error("member {member:x} is not known to the receiver: it was removed, or never added")]
    UnknownMember {
        /// The sender.
        member: u64,
    },
    /// The sender comes with another data directory than before, and so without what it promised.
    #[error(
        "member {member:x} shows data id {shown:x}, but its data directory is known as {known:x}: the directory was \
         wiped or swapped, and can only come back as a new member"
    )]
    OtherDirectory {
        /// The sender.
        member: u64,
        /// The data id in the hello.
        shown: u64,
        /// The one that the receiver knows.
        known: u64,
    },
    /// The sender lives an earlier life than one that the receiver has met.
    #[error(
        "member {member:x} says it is in boot {shown}, but its boot {seen} was met before: an old copy of its data \
         directory is running"
    )]
    OldBoot {
        /// The sender.
        member: u64,
        /// The boot in the hello.
        shown: u64,
        /// The latest that the receiver has met.
        seen: u64,
    },
    /// The sender's data is from before the cluster was rebuilt.
    #[error(
        "the sender is of recovery epoch {sender}, but the cluster was rebuilt since and is of epoch {receiver}: all its \
         members of before were removed then, and come back as new members only"
    )]
    OldEpoch {
        /// The sender's.
        sender: u32,
        /// The receiver's.
        receiver: u32,
    },
    /// The receiver's data is from before the cluster was rebuilt.
    #[error(
        "the cluster was rebuilt as recovery epoch {sender}, but the receiver is still of epoch {receiver}"
    )]
    NewEpoch {
        /// The sender's.
        sender: u32,
        /// The receiver's.
        receiver: u32,
    },
    /// The sender was a member and, beyond recall, is none any more.
    #[error("member {member:x} was removed from the cluster for good")]
    Removed {
        /// The sender.
        member: u64,
    },
}

/// Why a payload is neither a hello nor an answer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HelloError {
    /// It does not begin with [`MAGIC`].
    #[error("not a peer of this kind")]
    Stranger,
    /// It begins well and cannot be read.
    #[error("malformed hello")]
    Malformed,
    /// It is of a version that this program cannot read; the refusal to answer with.
    #[error(transparent)]
    Version(Refusal),
}

/// Checks what a member says of itself. Pure: what is known of the sender comes in `roster`.
///
/// # Errors
///
/// The first reason to refuse.
pub fn check(hello: &Hello, own: &Identity, roster: &Roster) -> Result<(), Refusal> {
    check_versions(hello.versions)?;
    if hello.cluster_id != own.cluster_id {
        return Err(Refusal::OtherCluster {
            sender: hello.cluster_id,
            receiver: own.cluster_id,
        });
    }
    if hello.receiver_id != own.member_id {
        return Err(Refusal::OtherReceiver {
            wanted: hello.receiver_id,
            receiver: own.member_id,
        });
    }
    let member = hello.member_id;
    if member == own.member_id {
        return Err(Refusal::OwnId { member });
    }
    let (sender, receiver) = (hello.recovery_epoch, own.recovery_epoch);
    if sender < receiver {
        return Err(Refusal::OldEpoch { sender, receiver });
    }
    // The receiver's own log is the old one: until it joins anew, nothing of the rebuilt cluster may be mixed into it.
    if sender > receiver {
        return Err(Refusal::NewEpoch { sender, receiver });
    }
    if roster.is_removed(member) {
        return Err(Refusal::Removed { member });
    }
    let Some(known) = roster.known(member) else {
        // What it may say is for the host to see to.
        return match hello.petitions {
            true => Ok(()),
            false => Err(Refusal::UnknownMember { member }),
        };
    };
    if let Some(data_id) = known.data_id
        && data_id != hello.data_id
    {
        return Err(Refusal::OtherDirectory {
            member,
            shown: hello.data_id,
            known: data_id,
        });
    }
    if hello.boot < known.boot {
        return Err(Refusal::OldBoot {
            member,
            shown: hello.boot,
            seen: known.boot,
        });
    }
    Ok(())
}

/// Appends the frame of `hello`.
pub fn encode_hello(out: &mut Vec<u8>, hello: &Hello) {
    encode(out, hello);
}

/// Appends the frame of `answer`.
pub fn encode_answer(out: &mut Vec<u8>, answer: &Answer) {
    encode(out, answer);
}

/// Reads the payload of a dialler's first frame.
///
/// # Errors
///
/// Why it is none.
pub fn decode_hello(payload: &[u8]) -> Result<Hello, HelloError> {
    let body = payload.strip_prefix(&MAGIC).ok_or(HelloError::Stranger)?;
    let versions = decode_front::<Versions>(body)?;
    check_versions(versions).map_err(HelloError::Version)?;
    decode_front(body)
}

/// Reads the payload of an acceptor's first frame.
///
/// # Errors
///
/// Why it is none.
pub fn decode_answer(payload: &[u8]) -> Result<Answer, HelloError> {
    decode_front(payload.strip_prefix(&MAGIC).ok_or(HelloError::Stranger)?)
}

fn check_versions(sender: Versions) -> Result<(), Refusal> {
    match VERSIONS.common(sender) {
        Some(_) => Ok(()),
        None => Err(Refusal::Version {
            sender,
            receiver: VERSIONS,
        }),
    }
}

/// What lacks the last field, which came later, is read as if that were 0.
fn decode_front<T: DeserializeOwned>(body: &[u8]) -> Result<T, HelloError> {
    let longer = [body, &[0]].concat();
    postcard::take_from_bytes(body)
        .or_else(|_| postcard::take_from_bytes(&longer))
        .map(|(value, _rest)| value)
        .map_err(|_| HelloError::Malformed)
}

fn encode(out: &mut Vec<u8>, value: &impl Serialize) {
    frame::encode_with(out, |out| {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        postcard::to_io(value, &mut *out).expect("numbers are encoded, into memory");
        assert!(out.len() - start <= HELLO_BYTES_MAX, "a hello is short");
    })
    .expect("a hello is short");
}

#[cfg(test)]
mod tests;
