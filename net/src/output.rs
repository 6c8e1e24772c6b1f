//! Bytes on their way out, of which the socket takes as many as it likes.

use std::io::{self, IoSlice, Write};

/// Whoever streams much tops the output up to this many bytes, and goes on when the loop says `Drained`.
pub const OUTPUT_LOW_WATER_BYTES: usize = 64 * 1024;

/// Room kept by an empty buffer. More is given back, so that one long answer is not held for ever.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// Two buffers: one is written to the socket while the other is filled. So nothing is ever moved to the front, however
/// slowly the socket drains.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Being written; sent before `filling`. Empty unless the socket did not take it all.
    sending: Vec<u8>,
    /// How much of `sending` was taken; less than its length, or both are 0.
    sent: usize,
    filling: Vec<u8>,
}

impl Output {
    /// Where to append what is to be sent.
    pub(crate) fn filling(&mut self) -> &mut Vec<u8> {
        &mut self.filling
    }

    /// How many bytes the socket has not taken yet.
    pub(crate) fn pending(&self) -> usize {
        self.sending.len() - self.sent + self.filling.len()
    }

    /// Writes once what is pending, which is not nothing; returns how much was taken.
    pub(crate) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<usize> {
        let unsent = &self.sending[self.sent..];
        let taken = match (unsent.is_empty(), self.filling.is_empty()) {
            (true, _) => socket.write(&self.filling)?,
            (false, true) => socket.write(unsent)?,
            (false, false) => socket.write_vectored(&[IoSlice::new(unsent), IoSlice::new(&self.filling)])?,
        };
        self.sent += taken;
        if self.sent >= self.sending.len() {
            self.sent -= self.sending.len();
            self.sending.clear();
            std::mem::swap(&mut self.sending, &mut self.filling);
            if self.sent == self.sending.len() {
                self.sent = 0;
                self.sending.clear();
                // The larger of the two goes on to be filled, if it is worth keeping.
                std::mem::swap(&mut self.sending, &mut self.filling);
            }
            shrink(&mut self.filling);
            if self.sending.is_empty() {
                shrink(&mut self.sending);
            }
        }
        Ok(taken)
    }
}

/// Gives back the memory of an empty buffer that grew large.
fn shrink(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES_MAX {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Takes at most so many bytes at a time.
    struct Narrow {
        width: usize,
        taken: Vec<u8>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = all.len().min(self.width);
            self.taken.extend_from_slice(&all[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn gives_back_memory_once_all_is_taken() {
        let mut output = Output::default();
        let mut socket = Narrow {
            width: usize::MAX,
            taken: Vec::new(),
        };
        output.filling().resize(4 * KEPT_BYTES_MAX, 7);
        output.write_to(&mut socket).expect("no error");
        assert_eq!(output.pending(), 0);
        assert!(output.sending.capacity() + output.filling.capacity() <= 2 * KEPT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn all_bytes_go_out_in_order(steps in vec((vec(any::<u8>(), 0..40), 1usize..60), 0..50)) {
            let mut output = Output::default();
            let mut socket = Narrow { width: 0, taken: Vec::new() };
            let mut given = Vec::new();
            for (piece, width) in steps {
                output.filling().extend_from_slice(&piece);
                given.extend_from_slice(&piece);
                socket.width = width;
                if output.pending() > 0 {
                    output.write_to(&mut socket).expect("no error");
                }
                prop_assert_eq!(&socket.taken[..], &given[..socket.taken.len()]);
                prop_assert_eq!(output.pending(), given.len() - socket.taken.len());
            }
            socket.width = usize::MAX;
            while output.pending() > 0 {
                output.write_to(&mut socket).expect("no error");
            }
            prop_assert_eq!(socket.taken, given);
        }
    }
}
