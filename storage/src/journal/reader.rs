//! Reading segments in order: each follows the one before it, and nothing is missing between or behind them.

use std::collections::VecDeque;
use std::io;

use raft_core::{Index, SnapshotMark};

use super::close::Closing;
use super::recover::RecoverError;
use super::replay::Replay;
use super::scan::{self, Damage, DamageAt, Said, Scanned, is_zero};
use super::segment::{self, BLOCK, Header};
use super::settle::End;
use super::spare::Older;
use super::standing;
use super::write::Segment;
use crate::data_dir::Identity;
use crate::disk::Disk;

/// The sequence numbers of the segments, without a gap; the first may be any, since old segments go.
pub(super) fn in_sequence(names: &[String]) -> Result<Vec<u64>, RecoverError> {
    let mut present: Vec<u64> = names.iter().filter_map(|name| segment::sequence(name)).collect();
    present.sort_unstable();
    for pair in present.windows(2) {
        if pair[1] != pair[0] + 1 {
            return Err(RecoverError::Missing {
                file: segment::name(pair[0] + 1),
            });
        }
    }
    Ok(present)
}

/// Reads segments in order.
pub(super) struct Reader<D> {
    disk: D,
    /// What stands before the segments' names.
    prefix: String,
    identity: Identity,
    pub(super) replay: Replay,
    /// Segments read, but for the newest.
    pub(super) older: VecDeque<Older>,
    /// What the next segment has to follow; None before the oldest one, if others were before it.
    former: Option<Former>,
}

/// The end of the segment read last.
#[derive(Clone, Copy)]
struct Former {
    /// The checksum of the record that closes it; 0 before the first segment.
    sum: u32,
    /// Where the last record that is there ends.
    end: u64,
    /// Whether the record that closes it is there.
    closed: bool,
    /// Whether there is room for it.
    fits: bool,
}

impl<D: Disk> Reader<D> {
    pub(super) fn new(
        disk: D,
        identity: Identity,
        snapshot: Option<SnapshotMark>,
        prefix: &str,
    ) -> Reader<D> {
        Reader {
            disk,
            prefix: prefix.to_owned(),
            identity,
            replay: Replay::new(snapshot),
            older: VecDeque::new(),
            former: None,
        }
    }

    /// Reads all segments; the newest one's end.
    pub(super) fn read_all(&mut self, sequences: &[u64]) -> Result<Option<End<D>>, RecoverError> {
        self.begin(sequences);
        let mut newest: Option<End<D>> = None;
        for sequence in sequences {
            let is_newest = Some(sequence) == sequences.last();
            let mut end = self.read(*sequence, is_newest, &mut |_, _| {})?;
            if let Some(End { segment, closing, .. }) = newest.take() {
                self.older.push_back(Older {
                    sequence: segment.sequence,
                    bytes: segment.bytes,
                    top: segment.top,
                });
                end.before = end.last.is_none().then_some((segment, closing));
            }
            newest = Some(end);
        }
        Ok(newest)
    }

    /// The segments to be read are these.
    pub(super) fn begin(&mut self, sequences: &[u64]) {
        if sequences.first() == Some(&1) {
            self.former = Some(Former {
                sum: 0,
                end: 0,
                closed: true,
                fits: true,
            });
        }
    }

    /// Reads a segment; hands each record to `visit` with its offset. If it is the newest one that is left and another
    /// followed it, that is an error; all records were visited then.
    pub(super) fn read(
        &mut self,
        sequence: u64,
        newest: bool,
        visit: &mut dyn FnMut(u64, &Said),
    ) -> Result<End<D>, RecoverError> {
        let name = format!("{}{}", self.prefix, segment::name(sequence));
        let file = self.disk.open(&name).map_err(reading(&name))?;
        let length = self.disk.length(&file).map_err(reading(&name))?;
        let mut bytes = vec![0; usize::try_from(length).expect("a file fits the address space")];
        self.disk.read_at(&file, 0, &mut bytes).map_err(reading(&name))?;
        let (header, header_sum) = self
            .header(sequence, &bytes)
            .map_err(|damage| damaged(&name)((0, damage)))?;
        self.follow(&header, newest && is_zero(&bytes[BLOCK..]), &name)?;
        let (scanned, top) = self
            .records(&bytes, &header, header_sum, visit)
            .map_err(damaged(&name))?;
        let closing = self.closing(&bytes, &header, &scanned);
        let torn = match &scanned.rest {
            // The next segment says whether it may be so.
            Some(rest) if !newest && closing.may_have_left(&bytes, &rest.range) => None,
            _ => scan::torn(&bytes, &header, newest, &scanned).map_err(damaged(&name))?,
        };
        if newest && scanned.closed {
            let next = segment::name(sequence.saturating_add(1));
            return Err(damaged(&name)((closing.offset, Damage::NextLost { next })));
        }
        self.former = Some(Former {
            sum: closing.sum,
            end: scanned.end as u64,
            closed: scanned.closed,
            fits: closing.fits(length),
        });
        let segment = Segment {
            file,
            sequence,
            bytes: length,
            offset: scanned.end as u64,
            top,
        };
        let last = scanned
            .last
            .map(|range| (range.start as u64, bytes[range].to_vec()));
        Ok(End {
            segment,
            chain: scanned.chain,
            sealed: scanned.sealed,
            last,
            torn,
            closing,
            before: None,
        })
    }

    /// The header, if it is one that belongs here.
    fn header(&self, sequence: u64, bytes: &[u8]) -> Result<(Header, u32), Damage> {
        let (header, header_sum) = Header::decode(bytes)?;
        let length = bytes.len() as u64;
        let Identity {
            cluster_id,
            member_id,
            data_id,
        } = header.identity;
        if header.identity != self.identity {
            return Err(Damage::OtherDirectory {
                cluster_id,
                member_id: member_id.0,
                data_id,
            });
        }
        if header.sequence != sequence {
            return Err(Damage::Misnamed {
                found: header.sequence,
            });
        }
        if header.bytes != length {
            return Err(Damage::Length {
                found: length,
                made: header.bytes,
            });
        }
        Ok((header, header_sum))
    }

    /// Whether a segment follows what was read. `fresh`: it is the newest, and has no record yet.
    fn follow(&mut self, header: &Header, fresh: bool, name: &str) -> Result<(), RecoverError> {
        let Some(former) = self.former else {
            self.replay.begin_at(header.standing);
            return Ok(());
        };
        // A crash can keep the closing record from the disk, but only as long as nothing was written after it.
        let closed = former.closed || (fresh && former.fits);
        if closed && former.sum == header.chain && header.standing == self.replay.standing() {
            return Ok(());
        }
        // The header's own checksum holds, so it is the end of the one before that is missing or another one.
        let before = segment::name(header.sequence.saturating_sub(1).max(1));
        let next = name.to_owned();
        Err(damaged(&before)((former.end, Damage::EndLost { next })))
    }

    /// Reads the records; also the highest index that they say something about.
    fn records(
        &mut self,
        bytes: &[u8],
        header: &Header,
        header_sum: u32,
        visit: &mut dyn FnMut(u64, &Said),
    ) -> Result<(Scanned, Index), DamageAt> {
        let mut top = Index(0);
        let following = header.sequence.saturating_add(1);
        let scanned = scan::scan(bytes, header, header_sum, |offset, said| {
            visit(offset, &said);
            match said {
                Said::Save(save) => {
                    top = top.max(standing::top(&save));
                    return self.replay.apply(*save);
                }
                Said::Seal(last) if last == self.replay.standing().last => {}
                Said::Close { last, next } if (last, next) == (self.replay.standing().last, following) => {}
                Said::Seal(_) | Said::Close { .. } => return Err(Damage::Seal),
            }
            Ok(())
        })?;
        Ok((scanned, top))
    }

    /// The record that closes the segment, as it was found or as it is to be.
    fn closing(&self, bytes: &[u8], header: &Header, scanned: &Scanned) -> Closing {
        match &scanned.last {
            Some(range) if scanned.closed => Closing {
                offset: range.start as u64,
                record: bytes[range.clone()].to_vec(),
                sum: scanned.chain,
            },
            _ => Closing::after(
                scan::place(header, scanned.end),
                scanned.chain,
                self.replay.standing().last,
            ),
        }
    }
}

pub(super) fn reading(file: &str) -> impl FnOnce(io::Error) -> RecoverError {
    let file = file.to_owned();
    move |source| RecoverError::Read { file, source }
}

pub(super) fn damaged(file: &str) -> impl FnOnce(DamageAt) -> RecoverError {
    let file = file.to_owned();
    move |(offset, reason)| RecoverError::Damaged { file, offset, reason }
}
