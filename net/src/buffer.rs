//! Bytes received and not consumed yet.

/// Room kept by an empty buffer. More is given back, so that a connection that once sent much does not hold it for ever.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Bytes in the order they came. What is consumed leaves from the front without moving the rest: memory moves only when
/// bytes are appended, and then at most as much as was consumed since it last moved.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Where the bytes not consumed yet begin; at most `bytes.len()`.
    start: usize,
}

impl Buffer {
    /// An empty buffer, without memory of its own.
    #[must_use]
    pub fn new() -> Buffer {
        Buffer::default()
    }

    /// Adds what was received.
    pub fn append(&mut self, received: &[u8]) {
        let rest = self.bytes.len() - self.start;
        if rest == 0 {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > KEPT_BYTES_MAX {
                self.bytes = Vec::new();
            }
        } else if self.start >= rest {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(received);
    }

    /// All that is not consumed yet.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How many bytes that is.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether all is consumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Consumes the first `count` bytes.
    ///
    /// # Panics
    ///
    /// If there are fewer: that is the caller's bug.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "consuming {count} of {} bytes", self.len());
        self.start += count;
    }

    /// Consumes the first `count` bytes and returns them.
    ///
    /// # Panics
    ///
    /// If there are fewer: that is the caller's bug.
    pub fn take(&mut self, count: usize) -> &[u8] {
        self.consume(count);
        &self.bytes[self.start - count..self.start]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn gives_back_memory_once_all_is_consumed() {
        let mut buffer = Buffer::new();
        buffer.append(&vec![7; 4 * KEPT_BYTES_MAX]);
        buffer.consume(4 * KEPT_BYTES_MAX);
        buffer.append(b"x");
        assert!(buffer.bytes.capacity() <= KEPT_BYTES_MAX);
        assert_eq!(buffer.as_slice(), b"x");
    }

    #[test]
    #[should_panic(expected = "consuming 3 of 2 bytes")]
    fn consuming_more_than_there_is_is_a_bug() {
        let mut buffer = Buffer::new();
        buffer.append(b"ab");
        buffer.consume(3);
    }

    proptest! {
        #[test]
        fn is_a_queue_of_bytes(steps in vec((vec(any::<u8>(), 0..40), 0usize..60), 0..60)) {
            let mut buffer = Buffer::new();
            let mut model: Vec<u8> = Vec::new();
            for (piece, count) in steps {
                buffer.append(&piece);
                model.extend_from_slice(&piece);
                let count = count.min(model.len());
                let taken: Vec<u8> = model.drain(..count).collect();
                prop_assert_eq!(buffer.take(count), &taken[..]);
                prop_assert_eq!(buffer.as_slice(), &model[..]);
                // What is consumed never outweighs what is left for long: memory is bounded by twice what is held.
                prop_assert!(buffer.bytes.len() <= 2 * (model.len() + count + piece.len()));
            }
        }
    }
}
