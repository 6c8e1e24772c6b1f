//! One version of a key: by itself, borrowed from wherever it is kept, and packed among others.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::store::fingerprint::{Kind, Row};
use crate::store::query::{KeyValue, LeaseId, Revision};

/// What one command left of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The command's revision.
    pub modified: Revision,
    /// What the key holds from then on; None if it was deleted.
    pub life: Option<Life>,
}

/// What a key that is there holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The revision that made the key; a key that was deleted and put again is made again.
    pub created: Revision,
    /// How many puts since then; 1 after the first.
    pub version: u64,
    /// The value.
    pub value: Bytes,
    /// The lease that the key hangs on, or none.
    pub lease: LeaseId,
}

/// A version where it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct VersionRef<'a> {
    pub(super) modified: Revision,
    pub(super) life: Option<LifeRef<'a>>,
}

/// What a key that is there holds, where it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct LifeRef<'a> {
    pub(super) created: Revision,
    pub(super) version: u64,
    pub(super) value: Value<'a>,
    pub(super) lease: LeaseId,
}

/// A value where it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// Among others: whoever wants to keep it copies it.
    Packed(&'a [u8]),
    /// By itself.
    Shared(&'a Bytes),
}

/// The memory that a version takes besides its value as long as it is the newest, as measured (benches/store/pauses.rs):
/// its numbers, its share of a leaf, and the room that the leaf leaves.
const VERSION_WEIGHT: usize = 56;

impl Version {
    /// As it is borrowed.
    pub(super) fn borrow(&self) -> VersionRef<'_> {
        VersionRef {
            modified: self.modified,
            life: self.life.as_ref().map(|life| LifeRef {
                created: life.created,
                version: life.version,
                value: Value::Shared(&life.value),
                lease: life.lease,
            }),
        }
    }

    /// The memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.borrow().weight()
    }

    /// The hash of this version's row.
    pub(super) fn row(&self, key: &[u8]) -> u64 {
        self.borrow().row(key)
    }
}

impl VersionRef<'_> {
    /// A copy that stands by itself.
    pub(super) fn to_version(self) -> Version {
        Version {
            modified: self.modified,
            life: self.life.map(|life| Life {
                created: life.created,
                version: life.version,
                value: life.value.to_bytes(),
                lease: life.lease,
            }),
        }
    }

    /// The memory that it takes while it is the newest.
    pub(super) fn weight(&self) -> usize {
        VERSION_WEIGHT + self.value_bytes()
    }

    /// How long its value is.
    pub(super) fn value_bytes(&self) -> usize {
        self.life.map_or(0, |life| life.value.as_slice().len())
    }

    /// The hash of its row.
    pub(super) fn row(&self, key: &[u8]) -> u64 {
        let row = Row::new(Kind::Version).bytes(key).number(self.modified.0);
        match &self.life {
            None => row.hash(),
            Some(life) => row
                .number(life.created.0)
                .number(life.version)
                .number(life.lease.0.cast_unsigned())
                .bytes(life.value.as_slice())
                .hash(),
        }
    }

    /// The lease that its key hangs on, or none.
    pub(super) fn lease(&self) -> LeaseId {
        self.life.map_or(LeaseId::NONE, |life| life.lease)
    }

    /// The version with its key, as clients see it; None if it is a deletion.
    pub(super) fn view(&self, key: Bytes) -> Option<KeyValue> {
        let life = self.life?;
        Some(KeyValue {
            key,
            create_revision: life.created,
            mod_revision: self.modified,
            version: life.version,
            value: life.value.to_bytes(),
            lease: life.lease,
        })
    }
}

impl<'a> Value<'a> {
    pub(super) fn as_slice(self) -> &'a [u8] {
        match self {
            Value::Packed(value) => value,
            Value::Shared(value) => value,
        }
    }

    /// The value by itself: copied if it is small, shared if it is large.
    pub(super) fn to_bytes(self) -> Bytes {
        match self {
            Value::Packed(value) => Bytes::copy_from_slice(value),
            Value::Shared(value) => value.clone(),
        }
    }
}

/// A version's parts as they are written one behind the other, or kept beside.
pub(super) struct Packed<'a> {
    /// All but the value.
    pub(super) head: Head,
    /// The value, unless it is kept aside.
    pub(super) value: &'a [u8],
    /// The value that is too long.
    pub(super) aside: Option<&'a Bytes>,
}

/// What comes before the value: what it is, and four numbers of up to ten bytes.
pub(super) struct Head {
    bytes: [u8; Head::BYTES_MAX],
    len: usize,
}

impl Head {
    const BYTES_MAX: usize = 41;

    fn new() -> Head {
        Head {
            bytes: [0; Head::BYTES_MAX],
            len: 0,
        }
    }

    fn add(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// Seven bits a byte, the lowest first; all but the last have the highest bit.
    fn number(&mut self, number: u64) {
        self.number_of(number, 1);
    }

    /// The same in so many bytes at least.
    fn number_of(&mut self, mut number: u64, bytes_min: usize) {
        let end = self.len + bytes_min;
        while number >= 0x80 || self.len + 1 < end {
            self.add(number as u8 | 0x80);
            number >>= 7;
        }
        self.add(number as u8);
    }
}

/// A number, packed.
pub(super) fn number_bytes(number: u64) -> Head {
    let mut head = Head::new();
    head.number(number);
    head
}

impl std::ops::Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

const DELETED: u8 = 0;
const WITH_VALUE: u8 = 1;
const VALUE_ASIDE: u8 = 2;

/// Packs a version; a value of more than so many bytes is to be kept aside.
pub(super) fn pack(version: &Version, value_bytes_max: usize) -> Packed<'_> {
    let packed = |kind, value, aside| {
        let mut head = Head::new();
        head.add(kind);
        head.number(version.modified.0);
        if let Some(life) = &version.life {
            // As a rule a key was made not long before. Written a little longer, so that the next version fits in its place.
            head.number_of(version.modified.0.wrapping_sub(life.created.0), 3);
            head.number(life.version);
            head.number(life.lease.0.cast_unsigned());
        }
        Packed { head, value, aside }
    };
    match &version.life {
        None => packed(DELETED, &[], None),
        Some(life) if life.value.len() > value_bytes_max => packed(VALUE_ASIDE, &[], Some(&life.value)),
        Some(life) => packed(WITH_VALUE, &life.value, None),
    }
}

/// What was packed, with the value that is kept aside if there is one.
pub(super) fn unpack<'a>(bytes: &'a [u8], aside: Option<&'a Bytes>) -> VersionRef<'a> {
    let mut rest = &bytes[1..];
    let modified = number(&mut rest);
    if bytes[0] == DELETED {
        return VersionRef {
            modified: Revision(modified),
            life: None,
        };
    }
    let created = modified.wrapping_sub(number(&mut rest));
    let version = number(&mut rest);
    let lease = number(&mut rest);
    let value = match bytes[0] {
        WITH_VALUE => Value::Packed(rest),
        _ => Value::Shared(aside.expect("a long value is kept aside")),
    };
    let life = LifeRef {
        created: Revision(created),
        version,
        value,
        lease: LeaseId(lease.cast_signed()),
    };
    VersionRef {
        modified: Revision(modified),
        life: Some(life),
    }
}

/// A number that was packed, taken from the beginning of what is left.
pub(super) fn number(rest: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = rest[0];
        *rest = &rest[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            numbers in any::<[u64; 3]>(),
            lease in any::<i64>(),
            bytes in 0_usize..40,
            deleted in any::<bool>(),
        ) {
            let life = Life {
                created: Revision(numbers[1]),
                version: numbers[2],
                value: vec![7; bytes].into(),
                lease: LeaseId(lease),
            };
            let version = Version { modified: Revision(numbers[0]), life: (!deleted).then_some(life) };
            let Packed { head, value, aside } = pack(&version, 20);
            prop_assert_eq!(aside.is_some(), !deleted && bytes > 20);
            let packed = [&head, value].concat();
            prop_assert_eq!(unpack(&packed, aside).to_version(), version);
        }
    }
}
