//! The bytes received and not yet used up.

/// A buffer that has grown beyond this is given back once it is empty, so that one large request does not hold its
/// memory for the life of the connection. In bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// A growing buffer with a front that moves. Offsets given out are relative to the front, and stay good until `consume`.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    front: usize,
}

impl Input {
    /// Adds received bytes at the end.
    pub(super) fn append(&mut self, received: &[u8]) {
        // The used-up part is closed over only when it is at least as long as what must move: linear over all calls.
        if self.front > 0 && self.front >= self.bytes.len() - self.front {
            self.bytes.drain(..self.front);
            self.front = 0;
        }
        self.bytes.extend_from_slice(received);
    }

    /// Everything from the front on.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.front..]
    }

    /// The same, to decode in place.
    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.front..]
    }

    /// Moves the front past `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        assert!(count <= self.unread().len(), "consumed more than was received");
        self.front += count;
        if self.front == self.bytes.len() {
            self.clear();
        }
    }

    /// Keeps only the first `count` unread bytes.
    pub(super) fn truncate(&mut self, count: usize) {
        self.bytes.truncate(self.front + count);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.front = 0;
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_moves_and_the_used_part_is_closed_over() {
        let mut input = Input::default();
        input.append(b"first second");
        input.consume(6);
        assert_eq!(input.unread(), b"second");
        input.append(b" third");
        assert_eq!(input.unread(), b"second third");
        assert_eq!(input.front, 0, "the used part was as long as the rest");
        input.truncate(6);
        assert_eq!(input.unread(), b"second");
        input.consume(6);
        assert_eq!((input.front, input.bytes.len()), (0, 0));
    }

    #[test]
    fn a_large_buffer_is_given_back_and_a_small_one_kept() {
        let mut input = Input::default();
        input.append(&[0; 100]);
        input.consume(100);
        assert!(input.bytes.capacity() >= 100);
        input.append(&vec![0; KEPT_BYTES_MAX + 1]);
        input.consume(KEPT_BYTES_MAX + 1);
        assert_eq!(input.bytes.capacity(), 0);
    }
}
