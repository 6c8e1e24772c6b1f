//! The hash that replicas compare to find out that they diverged.
//!
//! The state is a set of rows (a version of a key, a node of the tree, a member's profile). Each row is hashed by itself
//! and the hashes are added up, modulo 2^64, so that a change costs the bytes of the rows that come and go, never a scan,
//! and the order of changes leaves no trace. The hash is defined here to the bit, by multiplication and exclusive or, so
//! that it is the same on every machine and in every version. It finds faults, not forgers: it is not keyed.

/// What a row is about; rows of different kinds never stand for each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// The store's counters.
    Counters = 1,
    /// A version of a v3 key.
    Version = 2,
    /// A node of the v2 tree.
    Node = 3,
    /// What a member published.
    Profile = 4,
    /// That a revision changed a v3 key.
    Change = 5,
    /// A v3 lease.
    Lease = 6,
    /// An alarm.
    Alarm = 7,
    /// What happened in the v2 tree.
    TreeEvent = 8,
    /// A write that its client has named.
    Retry = 9,
}

/// What a set of rows comes to, kept up as rows come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// The sum of the rows' hashes, modulo 2^64.
    pub(super) hash: u64,
    /// The memory that they take, in bytes.
    pub(super) bytes: u64,
}

impl Totals {
    /// A row came, with so many bytes in it.
    pub(super) fn add(&mut self, row: u64, bytes: usize) {
        self.hash = self.hash.wrapping_add(row);
        self.bytes += bytes as u64;
    }

    /// Both sets together.
    pub(super) fn and(self, other: Totals) -> Totals {
        Totals {
            hash: self.hash.wrapping_add(other.hash),
            bytes: self.bytes + other.bytes,
        }
    }

    /// A row went, with so many bytes in it.
    pub(super) fn remove(&mut self, row: u64, bytes: usize) {
        self.hash = self.hash.wrapping_sub(row);
        self.bytes -= bytes as u64;
    }
}

/// The hash of one row, in the making.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct Row(u64);

/// Odd constants with as many ones as zeros: the fractions of the golden ratio and of the square root of two.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const OFFSET: u64 = 0x6a09_e667_f3bc_c909;

impl Row {
    /// A row of this kind, with nothing in it yet.
    pub(super) fn new(kind: Kind) -> Row {
        Row(OFFSET).number(kind as u64)
    }

    /// The row with a number added.
    pub(super) fn number(self, number: u64) -> Row {
        Row(fold(self.0 ^ number, FACTOR).wrapping_add(OFFSET))
    }

    /// The row with a number added, or with there being none.
    pub(super) fn optional(self, number: Option<u64>) -> Row {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    /// The row with bytes added, and their length before them, so that neighbours cannot trade bytes.
    pub(super) fn bytes(self, bytes: &[u8]) -> Row {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut row = self.number(bytes.len() as u64);
        for word in words {
            row = row.number(u64::from_le_bytes(*word));
        }
        if rest.is_empty() {
            return row;
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        row.number(u64::from_le_bytes(last))
    }

    /// The hash of all that was added.
    pub(super) fn hash(self) -> u64 {
        fold(self.0, FACTOR)
    }
}

/// The 128-bit product with its halves laid over each other: every bit of the input reaches every bit of the output.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fixed_to_the_bit() {
        let row = Row::new(Kind::Version)
            .number(7)
            .bytes(b"some key, longer than a word");
        // Computed apart from this code.
        assert_eq!(row.hash(), 5_758_040_235_997_178_815);
    }

    #[test]
    fn neighbours_cannot_trade_bytes() {
        let row = |a: &[u8], b: &[u8]| Row::new(Kind::Node).bytes(a).bytes(b).hash();
        assert_ne!(row(b"ab", b"c"), row(b"a", b"bc"));
        assert_ne!(row(b"", b"abc"), row(b"abc", b""));
        assert_ne!(row(b"a", b""), row(b"a\0", b""));
    }

    #[test]
    fn no_number_is_none_and_none_is_another() {
        let hashes = [None, Some(0), Some(1), Some(u64::MAX - 1), Some(u64::MAX)]
            .map(|number| Row::new(Kind::Node).optional(number).hash());
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash), "number {at}");
        }
    }

    #[test]
    fn kinds_differ() {
        assert_ne!(Row::new(Kind::Node).hash(), Row::new(Kind::Version).hash());
    }

    #[test]
    fn every_bit_counts() {
        let whole = vec![0u8; 40];
        let base = Row::new(Kind::Node).bytes(&whole).hash();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let differing = (Row::new(Kind::Node).bytes(&changed).hash() ^ base).count_ones();
            assert!((8..=56).contains(&differing), "bit {bit} moves {differing} bits");
        }
    }
}
