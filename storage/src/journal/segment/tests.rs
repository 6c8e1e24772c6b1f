use proptest::prelude::*;
use raft_core::{Ballot, Index, NodeId, Position, Term};

use super::super::scan::Damage;
use super::{BLOCK, Header, LENGTH, Standing, is_segment, name, sequence};
use crate::data_dir::Identity;

fn header() -> Header {
    Header {
        identity: Identity {
            cluster_id: 1,
            member_id: NodeId(2),
            data_id: 3,
        },
        sequence: 4,
        bytes: 5 << 12,
        standing: Standing {
            last: Position {
                term: Term(6),
                index: Index(7),
            },
            ballot: Ballot {
                term: Term(9),
                voted_for: Some(NodeId(10)),
            },
            commit: Index(11),
        },
        chain: 8,
    }
}

fn block(header: &Header) -> Vec<u8> {
    let (mut bytes, _) = header.encode();
    assert_eq!(bytes.len(), LENGTH);
    bytes.resize(BLOCK, 0);
    bytes
}

#[test]
fn the_bytes_are_those_of_the_format_document() {
    let (bytes, sum) = header().encode();
    assert_eq!(bytes[..16], *b"BALSA-JL\x01\0\0\0\x08\0\0\0");
    for (at, field) in [1, 2, 3, 4, 5 << 12, 6, 7, 9, 10, 11].into_iter().enumerate() {
        assert_eq!(bytes[16 + 8 * at..24 + 8 * at], u64::to_le_bytes(field));
    }
    assert_eq!(bytes[96..100], [1, 0, 0, 0]);
    assert_eq!(bytes[100..], sum.to_le_bytes());
    assert_eq!(sum, crc32c::crc32c(&bytes[..100]));
}

#[test]
fn every_changed_byte_of_the_block_is_seen() {
    let good = block(&header());
    for at in 0..BLOCK {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(Header::decode(&bad).is_err(), "byte {at}");
    }
    assert_eq!(Header::decode(&good[..BLOCK - 1]), Err(Damage::NoHeader));
}

#[test]
fn a_newer_format_is_named() {
    let mut bytes = block(&header());
    bytes[8] = 2;
    assert_eq!(Header::decode(&bytes), Err(Damage::Newer { found: 2 }));
}

#[test]
fn only_names_as_written_are_segments() {
    assert_eq!(sequence("journal-00000000000000ff"), Some(255));
    for other in [
        "journal-ff",
        "journal-+0000000000000ff",
        "journal-00000000000000FF",
        "journal-00000000000000ff.bak",
        "journal-00000000000000000",
        "spare",
        "identity",
    ] {
        assert!(!is_segment(other), "{other}");
    }
}

proptest! {
    #[test]
    fn a_header_reads_as_it_was_written(fields: [u64; 9], voted_for: Option<u64>, chain: u32) {
        let [cluster_id, member_id, data_id, number, bytes, term, index, ballot, commit] = fields;
        let header = Header {
            identity: Identity { cluster_id, member_id: NodeId(member_id), data_id },
            sequence: number,
            bytes,
            standing: Standing {
                last: Position { term: Term(term), index: Index(index) },
                ballot: Ballot { term: Term(ballot), voted_for: voted_for.map(NodeId) },
                commit: Index(commit),
            },
            chain,
        };
        let (_, sum) = header.encode();
        prop_assert_eq!(Header::decode(&block(&header)), Ok((header, sum)));
        prop_assert_eq!(sequence(&name(number)), Some(number));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let _ = Header::decode(&bytes);
        let _ = Header::decode(&[b"BALSA-JL\x01\0\0\0".as_slice(), &bytes].concat());
    }
}
