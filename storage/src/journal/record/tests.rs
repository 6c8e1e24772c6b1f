use bytes::Bytes;
use proptest::prelude::*;
use raft_core::{Body, Entry, Index, LogChange, Position, Save, Stamp, Term};

use super::{
    ALIGNMENT, BODY_MAX, CLOSE, Flaw, Place, SAVE, SEAL, SEAL_EXTENT, closed, decode, encode, encode_close,
    encode_seal, length_field, sealed,
};

const PLACE: Place = Place {
    data_id: 5,
    sequence: 2,
    offset: 4096,
};

fn save_of(bytes: usize) -> Save {
    let position = Position {
        term: Term(3),
        index: Index(9),
    };
    let entry = Entry {
        position,
        body: Body::Command(Bytes::from(vec![7; bytes])),
    };
    Save {
        stamp: Stamp(1),
        ballot: None,
        commit: Index(8),
        log: LogChange::Append(vec![entry]),
    }
}

fn encoded(bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0xaa; 10];
    encode(PLACE, 0x1234, &save_of(bytes), &mut buffer);
    buffer
}

#[test]
fn the_bytes_are_those_of_the_format_document() {
    let save = Save {
        stamp: Stamp(1),
        ballot: None,
        commit: Index(2),
        log: LogChange::Keep,
    };
    let mut buffer = Vec::new();
    let sum = encode(PLACE, 0x0403_0201, &save, &mut buffer);
    assert_eq!(buffer.len(), 32);
    assert_eq!(buffer[..16], *b"BREC\x01\0\0\0\x04\0\0\0\x01\x02\x03\x04");
    assert_eq!(
        buffer[20..24],
        [1, 0, 2, 0],
        "postcard: stamp, no ballot, commit, Keep"
    );
    assert_eq!(buffer[24..28], sum.to_le_bytes());
    assert_eq!(buffer[28..], *b"!END");
    let place: Vec<u8> = [5u64, 2, 4096]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let covering = |bytes: &[u8]| crc32c::crc32c(&[&place[..], bytes].concat());
    assert_eq!(buffer[16..20], covering(&buffer[..16]).to_le_bytes());
    assert_eq!(sum, covering(&[&buffer[..16], &buffer[20..24]].concat()));
}

#[test]
fn the_bytes_of_a_seal_and_of_a_closing_record_are_those_of_the_format_document() {
    let last = Position {
        term: Term(6),
        index: Index(7),
    };
    let mut buffer = Vec::new();
    let sums = [
        encode_seal(PLACE, 0x0403_0201, last, &mut buffer),
        encode_close(PLACE, 0x0403_0201, last, 9, &mut Vec::new()),
    ];
    for (kind, numbers) in [(SEAL, &[6u64, 7][..]), (CLOSE, &[6, 7, 9])] {
        match kind {
            SEAL => encode_seal(PLACE, 0x0403_0201, last, &mut buffer),
            _ => encode_close(PLACE, 0x0403_0201, last, 9, &mut buffer),
        };
        assert_eq!(buffer.len(), 512);
        assert_eq!(buffer[..4], *b"BREC");
        assert_eq!(buffer[4..8], kind.to_le_bytes());
        assert_eq!(buffer[8..16], [0xe4, 1, 0, 0, 1, 2, 3, 4], "484 bytes of body");
        for (at, number) in numbers.iter().enumerate() {
            assert_eq!(buffer[20 + 8 * at..28 + 8 * at], number.to_le_bytes());
        }
        assert!(buffer[20 + 8 * numbers.len()..504].iter().all(|&byte| byte == 0));
        assert_eq!(buffer[504..508], sums[usize::from(kind == CLOSE)].to_le_bytes());
        assert_eq!(buffer[508..], *b"!END");
    }
}

#[test]
fn the_checksum_carries_the_whole_past() {
    let sum_after = |previous| encode(PLACE, previous, &save_of(5), &mut Vec::new());
    assert_ne!(sum_after(1), sum_after(2));
}

#[test]
fn every_flipped_bit_is_seen() {
    let bytes = encoded(13);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(PLACE, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn a_record_is_valid_in_its_own_place_only() {
    let bytes = encoded(13);
    for other in [
        Place { data_id: 6, ..PLACE },
        Place { sequence: 3, ..PLACE },
        Place {
            offset: 4104,
            ..PLACE
        },
    ] {
        assert_eq!(decode(other, &bytes), Err(Flaw::Header));
    }
}

#[test]
fn a_bad_body_leaves_the_extent_known() {
    let mut bytes = encoded(100);
    let extent = bytes.len();
    bytes.extend([0; 50]);
    bytes[60] ^= 1;
    assert_eq!(decode(PLACE, &bytes), Err(Flaw::Body { extent }));
}

#[test]
#[should_panic(expected = "beyond the limit")]
fn what_the_reader_would_refuse_cannot_be_written() {
    assert_eq!(length_field(BODY_MAX) as usize, BODY_MAX);
    length_field(BODY_MAX + 1);
}

proptest! {
    #[test]
    fn a_record_reads_as_it_was_written(bytes in 0usize..5000, previous: u32, after in 0usize..40) {
        let save = save_of(bytes);
        let mut buffer = Vec::new();
        let sum = encode(PLACE, previous, &save, &mut buffer);
        let extent = buffer.len();
        prop_assert_eq!(extent % ALIGNMENT, 0);
        buffer.resize(extent + after, 0);
        let record = decode(PLACE, &buffer).unwrap();
        prop_assert_eq!((record.previous, record.kind, record.sum), (previous, SAVE, sum));
        prop_assert_eq!(record.extent, extent);
        prop_assert_eq!(postcard::from_bytes::<Save>(record.body).unwrap(), save);
        prop_assert!(decode(PLACE, &buffer[..extent - 1]).is_err());
    }

    #[test]
    fn seals_and_closing_records_read_as_they_were_written(
        sector in 0u64..1000, previous: u32, term: u64, index: u64, next: u64, at in 24usize..484,
    ) {
        let place = Place { offset: 512 * sector, ..PLACE };
        let last = Position { term: Term(term), index: Index(index) };
        let mut buffer = Vec::new();
        let sum = encode_seal(place, previous, last, &mut buffer);
        let record = decode(place, &buffer).unwrap();
        prop_assert_eq!((record.previous, record.kind, record.sum, record.extent), (previous, SEAL, sum, SEAL_EXTENT));
        prop_assert_eq!(sealed(record.body), Some(last));
        let sum = encode_close(place, previous, last, next, &mut buffer);
        let record = decode(place, &buffer).unwrap();
        prop_assert_eq!((record.previous, record.kind, record.sum, record.extent), (previous, CLOSE, sum, SEAL_EXTENT));
        prop_assert_eq!(closed(record.body), Some((last, next)));
        // What no release has written is none.
        let mut body = record.body.to_vec();
        body[at] = 1;
        prop_assert_eq!((sealed(&body), closed(&body)), (None, None));
        prop_assert_eq!((sealed(&body[..at]), closed(&body[..at])), (None, None));
    }

    #[test]
    fn arbitrary_bytes_are_no_record(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(PLACE, &bytes).is_err());
        let behind_magic = [b"BREC".as_slice(), &bytes].concat();
        prop_assert!(decode(PLACE, &behind_magic).is_err());
    }
}
