//! The stream as a whole: there and back, whatever the pieces; every damage found; fixed to the byte.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::{Index, Membership, NodeId, Position, SnapshotMark, Term};

use super::*;
use crate::store::Store;
use crate::store::alarm::{Alarm, AlarmKind};
use crate::store::command::{Attributes, Command, Put, TreeChange, TreeContent, TreeWrite};
use crate::store::query::{LeaseId, Revision};
use crate::store::tests::{apply, command};

pub(super) const CLUSTER: u64 = 0xc1;

fn mark() -> SnapshotMark {
    SnapshotMark {
        position: Position {
            term: Term(3),
            index: Index(0x1234),
        },
        membership: Membership::of_voters([(NodeId(0x11), vec!["http://127.0.0.1:2380".to_owned()])]),
    }
}

fn put(key: &str, value: &[u8]) -> Command {
    put_on(key, value, LeaseId::NONE)
}

fn put_on(key: &str, value: &[u8], lease: LeaseId) -> Command {
    Command::Put(Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value),
        previous: false,
        ignore_value: false,
        ignore_lease: false,
        lease,
    })
}

/// A store with something of everything, told from others by a number.
pub(super) fn small_store(number: u64) -> Store {
    let mut store = Store::born(1);
    let publish = Command::Publish {
        member: NodeId(0x11),
        attributes: Attributes {
            name: "n1".into(),
            client_urls: vec!["http://127.0.0.1:2379".into()],
        },
        data_id: number,
    };
    let file = Command::Tree {
        path: "/dir/file".into(),
        change: TreeChange::Set(TreeContent::File("value".into()).into()),
    };
    let delete = Command::DeleteRange {
        range: crate::store::query::KeyRange::single("b".into()),
        previous: false,
    };
    let puts = [
        put("a", b"1"),
        put("b", &[7; 300]),
        put("a", &number.to_le_bytes()),
    ];
    let grant = Command::LeaseGrant {
        id: LeaseId(77),
        ttl: 60,
    };
    let checkpoint = Command::LeaseCheckpoint {
        remaining: vec![(LeaseId(77), Some(30))],
    };
    let ending = Command::Tree {
        path: "/dir/ending".into(),
        change: TreeChange::Set(TreeWrite {
            content: TreeContent::File("over".into()),
            ttl: Some(60),
            refresh: false,
        }),
    };
    let refresh = Command::Tree {
        path: "/dir/ending".into(),
        change: TreeChange::Update(TreeWrite {
            content: TreeContent::File(Bytes::new()),
            ttl: Some(90),
            refresh: true,
        }),
    };
    let alarm = Command::Alarm {
        alarm: Alarm {
            member: NodeId(0x11),
            kind: AlarmKind::Corrupt,
        },
        raised: true,
    };
    let leased = put_on("leased", b"v", LeaseId(77));
    let compact = Command::Compact {
        revision: Revision(4),
    };
    let further = [
        publish, file, ending, refresh, delete, grant, checkpoint, leased, alarm, compact,
    ];
    for command in puts.into_iter().chain(further) {
        apply(&mut store, command).unwrap();
    }
    store
}

/// A store whose stream has several chunks.
fn large_store() -> Store {
    let mut store = small_store(1);
    let mut noise = 1u64;
    for number in 0..300 {
        let value: Vec<u8> = (0..number * 7 % 2000)
            .map(|_| {
                noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (noise >> 56) as u8
            })
            .collect();
        apply(&mut store, put(&format!("key-{}", number % 250), &value)).unwrap();
    }
    apply(&mut store, put("huge", &vec![9; 500_000])).unwrap();
    store
}

fn pieces(store: &Store, bytes_max: usize) -> Vec<Piece> {
    let mut encoder = Encoder::new(CLUSTER, mark(), store.clone());
    let mut pieces = Vec::new();
    loop {
        pieces.push(encoder.next_piece(bytes_max));
        if pieces.last().is_some_and(|piece| piece.last) {
            return pieces;
        }
    }
}

fn stream(store: &Store) -> Vec<u8> {
    let pieces = pieces(store, usize::MAX);
    pieces.iter().flat_map(|piece| piece.data.to_vec()).collect()
}

fn decode(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Snapshot, Flaw> {
    let mut decoder = Decoder::of_cluster(CLUSTER);
    for piece in pieces {
        decoder.take(piece.as_ref())?;
    }
    decoder.finish()
}

fn same(snapshot: &Snapshot, store: &Store) -> bool {
    snapshot.mark == mark()
        && snapshot.cluster_id == CLUSTER
        && snapshot.store.fingerprint() == store.fingerprint()
        && snapshot.store.size() == store.size()
}

proptest! {
    #[test]
    fn any_state_comes_back_whatever_the_pieces(
        commands in prop::collection::vec(command(), 0..60),
        given in 1usize..5000,
        taken in 1usize..5000,
    ) {
        let mut store = Store::born(1);
        for command in commands {
            let _ = apply(&mut store, command);
        }
        let whole = stream(&store);
        let pieces = pieces(&store, given);
        prop_assert_eq!(&pieces.iter().flat_map(|piece| piece.data.to_vec()).collect::<Vec<u8>>(), &whole);
        let snapshot = decode(whole.chunks(taken)).unwrap();
        prop_assert!(same(&snapshot, &store));
        prop_assert_eq!(stream(&snapshot.store), whole, "and the same stream again");
    }

    #[test]
    fn any_header_comes_back(
        cluster in any::<u64>(), term in any::<u64>(), index in any::<u64>(),
        voters in prop::collection::btree_map(any::<u64>(), ".{0,20}", 0..5),
    ) {
        let voters = voters.into_iter().map(|(id, url)| (NodeId(id), vec![url]));
        let membership = Membership::of_voters(voters);
        let position = Position { term: Term(term), index: Index(index) };
        let header = header::Header { cluster_id: cluster, mark: SnapshotMark { position, membership } };
        let (bytes, sum) = header.encode();
        prop_assert_eq!(header::Header::length(&bytes), Ok(bytes.len()));
        prop_assert_eq!(header::Header::decode(&bytes), Ok((header, sum)));
    }

    #[test]
    fn any_chunk_comes_back(
        rows in prop::collection::vec(0u8..3, 1..3000), noise in prop::collection::vec(any::<u8>(), 1..300),
        previous in any::<u32>(), cluster_id in any::<u64>(), term in any::<u64>(), index in any::<u64>(), offset in any::<u64>(),
    ) {
        let mark = Position { term: Term(term), index: Index(index) };
        let place = chunk::Place { cluster_id, mark, offset };
        for (rows, kind) in [(rows, chunk::Kind::Lz4), (noise, chunk::Kind::Rows)] {
            let mut bytes = Vec::new();
            let sum = chunk::encode_rows(place, previous, &rows, &mut bytes);
            let header = chunk::Header::decode(place, &bytes).unwrap();
            prop_assert_eq!((header.extent(), header.previous), (bytes.len(), previous));
            prop_assert!(header.kind == kind || rows.len() < 300, "short or repeated noise may go either way");
            let (body, found) = header.body(place, &bytes).unwrap();
            prop_assert_eq!((&body[..], found), (&rows[..], sum));
            for elsewhere in [
                chunk::Place { cluster_id: cluster_id ^ 1, ..place },
                chunk::Place { offset: offset ^ 1, ..place },
                chunk::Place { mark: Position { term: Term(term ^ 1), ..mark }, ..place },
                chunk::Place { mark: Position { index: Index(index ^ 1), ..mark }, ..place },
            ] {
                prop_assert_eq!(chunk::Header::decode(elsewhere, &bytes), Err(Damage::ChunkHeader));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..300), mended in any::<bool>(),
    ) {
        let mut bytes = stream(&small_store(1));
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let cut = cut.index(bytes.len() + 1);
        bytes.splice(cut.., noise);
        if mended {
            mend(&mut bytes);
        }
        let mut decoder = Decoder::of_any_cluster();
        let result = bytes.chunks(97).try_for_each(|piece| decoder.take(piece));
        if result.is_ok() {
            let _ = decoder.finish();
        } else {
            prop_assert_eq!(decoder.take(b"more"), result, "and it stays refused");
        }
    }

    #[test]
    fn no_rows_make_a_decoder_panic(rows in prop::collection::vec(any::<u8>(), 1..400), length in 0u32..400) {
        let (mut bytes, chain) = header::Header { cluster_id: CLUSTER, mark: mark() }.encode();
        let place = chunk::Place { cluster_id: CLUSTER, mark: mark().position, offset: bytes.len() as u64 };
        let rows = [&length.to_le_bytes()[..], &rows].concat();
        chunk::encode_rows(place, chain, &rows, &mut bytes);
        prop_assert!(decode([bytes]).is_err());
    }
}

/// Makes the checksums of the header and of all chunks match, as far as their lengths let them be found.
fn mend(bytes: &mut [u8]) {
    let Some(length) = bytes
        .get(12..16)
        .map(|field| u32::from_le_bytes(field.try_into().unwrap()) as usize)
    else {
        return;
    };
    let mut at = 40usize.saturating_add(length);
    let Some(sum) = bytes.get(..at).map(crc32c::crc32c) else {
        return;
    };
    let Some(field) = bytes.get_mut(at..at + 4) else {
        return;
    };
    field.copy_from_slice(&sum.to_le_bytes());
    at += 4;
    let mut previous = sum;
    let place = bytes[16..40].to_vec();
    while let Some(header) = bytes.get_mut(at..at + 20) {
        header[12..16].copy_from_slice(&previous.to_le_bytes());
        let seed = crc32c::crc32c(&[&place[..], &(at as u64).to_le_bytes()].concat());
        let sum = crc32c::crc32c_append(seed, &header[..16]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        let body =
            at + 20..(at + 20).saturating_add(u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize);
        let Some(body) = bytes
            .get(body.clone())
            .map(|bytes| (body.end, crc32c::crc32c_append(sum, bytes)))
        else {
            return;
        };
        (at, previous) = body;
        let Some(field) = bytes.get_mut(at..at + 4) else {
            return;
        };
        field.copy_from_slice(&previous.to_le_bytes());
        at += 4;
    }
}

#[test]
fn mending_is_what_the_encoder_does() {
    let sound = stream(&small_store(1));
    let mut mended = sound.clone();
    mended[44..]
        .iter_mut()
        .rev()
        .take(4)
        .for_each(|byte| *byte ^= 0xff);
    mend(&mut mended);
    assert_eq!(mended, sound);
}

#[test]
fn a_large_state_comes_back_in_bounded_pieces() {
    let store = large_store();
    let pieces = pieces(&store, 128 << 10);
    assert!(pieces.len() > 3, "{} pieces", pieces.len());
    let mut offset = 0;
    let mut checksum = 0;
    for piece in &pieces {
        assert_eq!((piece.offset, piece.checksum_before), (offset, checksum));
        assert!((1..=128 << 10).contains(&piece.data.len()));
        offset += piece.data.len() as u64;
        checksum = crc32c::crc32c_append(checksum, &piece.data);
    }
    assert!(pieces[..pieces.len() - 1].iter().all(|piece| !piece.last));
    let snapshot = decode(pieces.iter().map(|piece| piece.data.clone())).unwrap();
    assert!(same(&snapshot, &store));
}

/// With too much let go of, rows would be missing.
#[test]
fn a_view_that_is_let_go_of_gives_the_same_stream() {
    let store = large_store();
    let mut encoder = Encoder::new(CLUSTER, mark(), store.clone());
    let mut bytes = Vec::new();
    loop {
        let piece = encoder.next_piece(1000);
        encoder.forget_encoded();
        bytes.extend_from_slice(&piece.data);
        if piece.last {
            break;
        }
    }
    assert!(bytes == stream(&store));
    assert!(same(&decode([&bytes]).unwrap(), &store));
}

/// Asks for a piece until it is there; each call gets on.
fn ask(encoder: &mut Encoder, offset: u64) -> Piece {
    for _ in 0..100 {
        match encoder.piece_at(offset, 1000) {
            Asked::Piece(piece) => return piece,
            Asked::Working => {}
            Asked::Behind => panic!("it was at the beginning"),
        }
    }
    panic!("it does not get there");
}

#[test]
fn a_stream_is_taken_up_at_any_offset_by_anyone() {
    let store = large_store();
    let whole = stream(&store);
    for offset in (0..=whole.len())
        .step_by(4999)
        .chain([0, 1, whole.len() - 1, whole.len()])
    {
        let mut encoder = Encoder::new(CLUSTER, mark(), store.clone());
        let piece = ask(&mut encoder, offset as u64);
        let end = offset + piece.data.len();
        assert!(piece.data.len() <= 1000 && (!piece.data.is_empty() || piece.last));
        assert!(piece.offset == offset as u64 && piece.data == whole[offset..end]);
        assert_eq!(piece.checksum_before, crc32c::crc32c(&whole[..offset]));
        assert_eq!(piece.last, end == whole.len());
        assert_eq!(
            encoder.piece_at(offset as u64, 1000),
            Asked::Piece(piece),
            "asked again"
        );
        if offset > 0 {
            assert_eq!(encoder.piece_at(offset as u64 - 1, 1000), Asked::Behind);
        }
    }
}

#[test]
fn beyond_the_end_there_is_nothing() {
    let store = small_store(1);
    let whole = stream(&store);
    let mut encoder = Encoder::new(CLUSTER, mark(), store);
    let piece = ask(&mut encoder, whole.len() as u64 + 1);
    assert!(piece.data.is_empty() && piece.last);
}

#[test]
fn equal_states_have_equal_streams() {
    let (one, other) = (put("a", b"1"), put("b", b"2"));
    let tree = |path: &'static str| Command::Tree {
        path: path.into(),
        change: TreeChange::Set(TreeContent::File("v".into()).into()),
    };
    let make = |commands: [Command; 4]| {
        let mut store = Store::born(1);
        commands.into_iter().for_each(|command| {
            apply(&mut store, command).unwrap();
        });
        stream(&store)
    };
    let first = make([one.clone(), other.clone(), tree("/a"), tree("/b")]);
    let second = make([tree("/a"), one.clone(), tree("/b"), other.clone()]);
    assert_eq!(first, second);
    assert_ne!(first, make([other, one, tree("/a"), tree("/b")]));
}

#[test]
fn a_flip_of_any_bit_is_found() {
    let sound = stream(&small_store(1));
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            let flaw = decode([bytes]).expect_err("damage");
            assert!(flaw.offset <= at as u64, "{flaw} for a flip at {at}");
        }
    }
}

#[test]
fn a_cut_anywhere_is_found_and_so_is_more() {
    let sound = stream(&small_store(1));
    for length in 0..sound.len() {
        let flaw = decode([&sound[..length]]).expect_err("damage");
        let in_header = (header::FIXED..header::Header::length(&sound).unwrap()).contains(&length);
        let expected = match in_header {
            true => (0, Damage::HeaderCut),
            false => (length as u64, Damage::Cut),
        };
        assert_eq!((flaw.offset, flaw.reason), expected);
    }
    for more in [&b"\0"[..], &sound] {
        let flaw = decode([&sound[..], more]).expect_err("damage");
        assert_eq!((flaw.offset, flaw.reason), (sound.len() as u64, Damage::Longer));
    }
}

#[test]
fn chunks_lost_doubled_or_exchanged_are_found() {
    let sound = stream(&large_store());
    let mut starts = vec![header::Header::length(&sound).unwrap()];
    while starts[starts.len() - 1] < sound.len() {
        let at = starts[starts.len() - 1];
        let place = chunk::Place {
            cluster_id: CLUSTER,
            mark: mark().position,
            offset: at as u64,
        };
        starts.push(at + chunk::Header::decode(place, &sound[at..]).unwrap().extent());
    }
    assert!(starts.len() > 5, "{} chunks", starts.len() - 1);
    let part = |number: usize| &sound[starts[number]..starts[number + 1]];
    let head = &sound[..starts[0]];
    let rest = &sound[starts[2]..];
    assert!(decode([head, part(0), part(1), rest]).is_ok());
    assert!(decode([head, part(0), rest]).is_err());
    assert!(decode([head, part(0), part(0), part(1), rest]).is_err());
    assert!(decode([head, part(1), part(0), rest]).is_err());
}

/// The first format's bytes, kept for ever: every release must read them. `REWRITE_GOLDEN=1` writes them anew, which only
/// a format that was never released allows.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test stands outside the disk")]
fn the_first_format_is_fixed_to_the_byte() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/format-1/snapshot");
    let store = small_store(1);
    if std::env::var_os("REWRITE_GOLDEN").is_some() {
        std::fs::write(path, stream(&store)).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert!(same(&decode([&golden]).unwrap(), &store));
    assert!(
        golden == stream(&store),
        "the encoder writes other bytes than it did"
    );
}
