//! Bytes that nobody wrote, with checksums that hold: what is behind the checksums must bear anything too.

use proptest::prelude::*;
use raft_core::{Ballot, Index, NodeId, Position, Save, Term};

use super::run::{OURS, Run};
use crate::disk::Disk;
use crate::disk::model::ModelDisk;
use crate::journal::record::{self, HEADER};
use crate::journal::scan::place;
use crate::journal::segment::{BLOCK, Header, name};
use crate::journal::standing::Standing;

const BYTES: u64 = 16_384;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..6, 1 => Just(u64::MAX), 1 => Just(1u64 << 63), 1 => any::<u64>()]
}

fn standing() -> impl Strategy<Value = Standing> {
    let fields = (
        number(),
        number(),
        number(),
        proptest::option::of(0u64..3),
        number(),
    );
    fields.prop_map(|(term, index, ballot, voted_for, commit)| Standing {
        last: Position {
            term: Term(term),
            index: Index(index),
        },
        ballot: Ballot {
            term: Term(ballot),
            voted_for: voted_for.map(NodeId),
        },
        commit: Index(commit),
    })
}

/// The body of a record: a Save that no Raft would make, a Seal of anything, or anything.
fn body() -> impl Strategy<Value = (u32, Vec<u8>)> {
    use raft_core::{LogChange, SnapshotMark, Stamp};

    use crate::journal::history::{born, entry};
    let log = prop_oneof![
        Just(LogChange::Keep),
        proptest::collection::vec((number(), number()), 0..4).prop_map(|positions| LogChange::Append(
            positions
                .into_iter()
                .map(|(term, index)| entry(term, index, 3))
                .collect()
        )),
        (number(), number()).prop_map(|(term, index)| LogChange::Reset(Box::new(SnapshotMark {
            position: Position {
                term: Term(term),
                index: Index(index)
            },
            ..born()
        }))),
    ];
    let ballot = proptest::option::of(number().prop_map(|term| Ballot {
        term: Term(term),
        voted_for: None,
    }));
    let save = (ballot, number(), log).prop_map(|(ballot, commit, log)| {
        let save = Save {
            stamp: Stamp(0),
            ballot,
            commit: Index(commit),
            log,
        };
        (record::SAVE, postcard::to_stdvec(&save).expect("memory"))
    });
    let seal = (number(), number()).prop_map(|(term, index)| {
        let mut body = [term.to_le_bytes(), index.to_le_bytes()].concat();
        body.resize(484, 0);
        (record::SEAL, body)
    });
    let anything = (0u32..4, proptest::collection::vec(any::<u8>(), 0..600));
    prop_oneof![6 => save, 2 => seal, 2 => anything]
}

/// A segment with these records, each sound as far as checksums go. A Seal goes into a sector of its own.
fn segment(header: &Header, bodies: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let (head, mut chain) = header.encode();
    let mut bytes = vec![0; BYTES as usize];
    bytes[..head.len()].copy_from_slice(&head);
    let mut offset = BLOCK;
    for (kind, body) in bodies {
        if *kind == record::SEAL {
            offset = offset.next_multiple_of(512);
        }
        let mut buffer = [vec![0; HEADER], body.clone()].concat();
        chain = record::finish(place(header, offset), chain, *kind, &mut buffer);
        bytes[offset..offset + buffer.len()].copy_from_slice(&buffer);
        offset += buffer.len();
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_sound_checksum_makes_a_member_panic(
        first in 1u64..3,
        standing in standing(),
        second in standing(),
        bodies in proptest::collection::vec(body(), 0..8),
        snapshots in proptest::collection::vec((number(), number()), 0..2),
        also in any::<bool>(),
    ) {
        let mut run = Run::new();
        run.open().unwrap();
        let disk: ModelDisk = run.disk.copy();
        for old in disk.list().unwrap().into_iter().filter(|old| old.starts_with("journal-")) {
            disk.remove(&old).unwrap();
        }
        for (sequence, standing) in [(first, standing), (first + 1, second)].into_iter().take(1 + usize::from(also)) {
            let header = Header { identity: OURS, sequence, bytes: BYTES, standing, chain: 0 };
            disk.create(&name(sequence), BYTES).unwrap();
            disk.tamper(&name(sequence), |bytes| *bytes = segment(&header, &bodies));
        }
        run.snapshots = snapshots
            .into_iter()
            .map(|(term, index)| raft_core::SnapshotMark {
                position: Position { term: Term(term), index: Index(index) },
                ..crate::journal::history::born()
            })
            .collect();
        if let Ok(mut recovered) = run.open_disk(&disk) {
            let _ = recovered.writer.seal();
            prop_assert!(run.open_disk(&disk).is_ok(), "what was accepted once is accepted again");
        }
    }

    #[test]
    fn the_run_with_any_bytes_in_it_never_panics(
        file in 0usize..4,
        at in 0usize..8192,
        bytes in proptest::collection::vec(any::<u8>(), 1..600),
    ) {
        let run = Run::whole();
        let disk = run.disk.copy();
        let files = super::damage::files(&run);
        let name = &files[file % files.len()].0;
        disk.tamper(name, |file| {
            let at = at % file.len();
            let end = file.len().min(at + bytes.len());
            file[at..end].copy_from_slice(&bytes[..end - at]);
        });
        let _ = run.open_disk(&disk);
    }
}
