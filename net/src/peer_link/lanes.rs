//! Two bounded queues of frames on their way to one peer, the urgent one ahead of the bulk.

use std::collections::VecDeque;

use crate::frame::Frame;

/// Frames that wait on the urgent lane, at most.
pub const URGENT_FRAMES_MAX: usize = 1024;
/// Bytes that wait on the urgent lane, at most; a single longer frame is taken when nothing else waits.
pub const URGENT_BYTES_MAX: usize = 4 << 20;
/// Frames that wait on the bulk lane, at most.
pub const BULK_FRAMES_MAX: usize = 4096;
/// Bytes that wait on the bulk lane, at most; a single longer frame is taken when nothing else waits.
pub const BULK_BYTES_MAX: usize = 64 << 20;

/// Which queue a frame takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Short, and worthless when late: votes, heartbeats, read rounds.
    Urgent,
    /// All else.
    Bulk,
}

/// Frames in order within each lane.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    urgent: Queue,
    bulk: Queue,
    dropped: u64,
}

impl Lanes {
    pub(super) fn new() -> Lanes {
        Lanes {
            urgent: Queue::new(URGENT_FRAMES_MAX, URGENT_BYTES_MAX),
            bulk: Queue::new(BULK_FRAMES_MAX, BULK_BYTES_MAX),
            dropped: 0,
        }
    }

    /// Queues a frame; `false` if the lane is full and the frame was dropped.
    pub(super) fn push(&mut self, lane: Lane, frame: Frame) -> bool {
        let queue = match lane {
            Lane::Urgent => &mut self.urgent,
            Lane::Bulk => &mut self.bulk,
        };
        let taken = queue.push(frame);
        self.dropped += u64::from(!taken);
        taken
    }

    /// The frame to send next.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        self.urgent.pop().or_else(|| self.bulk.pop())
    }

    /// Drops all that waits: it was meant for a connection that is gone.
    pub(super) fn clear(&mut self) {
        self.dropped += (self.urgent.frames.len() + self.bulk.frames.len()) as u64;
        self.urgent.clear();
        self.bulk.clear();
    }

    pub(super) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    /// Frames dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[derive(Clone, Debug)]
struct Queue {
    frames: VecDeque<Frame>,
    /// The sum over `frames`.
    bytes: usize,
    frames_max: usize,
    bytes_max: usize,
}

impl Queue {
    fn new(frames_max: usize, bytes_max: usize) -> Queue {
        Queue {
            frames: VecDeque::new(),
            bytes: 0,
            frames_max,
            bytes_max,
        }
    }

    fn push(&mut self, frame: Frame) -> bool {
        let bytes = self.bytes + frame.as_bytes().len();
        if !self.frames.is_empty() && (self.frames.len() >= self.frames_max || bytes > self.bytes_max) {
            return false;
        }
        self.bytes = bytes;
        self.frames.push_back(frame);
        true
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.as_bytes().len();
        Some(frame)
    }

    fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn frame(bytes: usize) -> Frame {
        Frame::with(|out| out.resize(out.len() + bytes, 7)).expect("short")
    }

    #[test]
    fn each_lane_is_bounded_by_count() {
        let mut lanes = Lanes::new();
        for _ in 0..URGENT_FRAMES_MAX {
            assert!(lanes.push(Lane::Urgent, frame(1)));
        }
        assert!(!lanes.push(Lane::Urgent, frame(1)));
        assert!(lanes.push(Lane::Bulk, frame(1)), "the lanes are bounded apart");
        assert_eq!(lanes.dropped(), 1);
        assert!(lanes.pop().is_some());
        assert!(lanes.push(Lane::Urgent, frame(1)));
    }

    #[test]
    fn each_lane_is_bounded_by_bytes_but_takes_one_frame_of_any_length() {
        let mut lanes = Lanes::new();
        assert!(lanes.push(Lane::Urgent, frame(URGENT_BYTES_MAX + 1)));
        assert!(!lanes.push(Lane::Urgent, frame(1)));
        lanes.pop();
        assert!(lanes.push(Lane::Urgent, frame(URGENT_BYTES_MAX - 8)));
        assert!(!lanes.push(Lane::Urgent, frame(1)));
        lanes.clear();
        assert_eq!(lanes.dropped(), 3);
        assert!(lanes.push(Lane::Urgent, frame(1)));
    }

    proptest! {
        #[test]
        fn urgent_goes_first_and_each_lane_keeps_its_order(frames in vec((any::<bool>(), 0usize..20), 0..40)) {
            let mut lanes = Lanes::new();
            let (mut urgent, mut bulk) = (Vec::new(), Vec::new());
            for (is_urgent, bytes) in frames {
                let lane = if is_urgent { Lane::Urgent } else { Lane::Bulk };
                prop_assert!(lanes.push(lane, frame(bytes)));
                if is_urgent { urgent.push(frame(bytes)) } else { bulk.push(frame(bytes)) };
            }
            urgent.append(&mut bulk);
            let sent: Vec<Frame> = std::iter::from_fn(|| lanes.pop()).collect();
            prop_assert_eq!(sent, urgent);
            prop_assert_eq!((lanes.urgent.bytes, lanes.bulk.bytes), (0, 0));
        }
    }
}
