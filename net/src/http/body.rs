//! A body on its way in, of a request or of a response.

use super::chunked::{ChunkError, Chunked};
use super::framing::BodyLength;
use super::input::Input;

/// A body that is being received, by offsets from the input's front.
#[derive(Clone, Debug)]
pub(super) struct Body {
    start: usize,
    /// End of what was received and decoded.
    end: usize,
    ending: Ending,
}

/// What ends the body.
#[derive(Clone, Debug)]
enum Ending {
    /// This offset.
    At(usize),
    /// Its last chunk.
    Chunked(Chunked),
    /// The other side's close; responses only.
    Close,
    /// Nothing: it was taken.
    Ended,
}

/// A body that is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) start: usize,
    pub(super) end: usize,
    /// First byte of what follows; past `end` where chunks left a gap.
    pub(super) next: usize,
}

impl Body {
    /// A body that begins at `start`, after the head.
    pub(super) fn new(start: usize, length: BodyLength, body_bytes_max: usize) -> Body {
        let ending = match length {
            BodyLength::Known(length) => Ending::At(start.saturating_add(length)),
            BodyLength::Chunked => Ending::Chunked(Chunked::new(body_bytes_max)),
        };
        Body {
            start,
            end: start,
            ending,
        }
    }

    /// A body that goes on until the connection ends.
    pub(super) fn until_close(start: usize) -> Body {
        Body {
            start,
            end: start,
            ending: Ending::Close,
        }
    }

    /// Takes in what has arrived. `None` until the body is all there.
    pub(super) fn read(&mut self, input: &mut Input) -> Result<Option<Whole>, ChunkError> {
        let received = input.unread().len();
        let next = match &mut self.ending {
            Ending::At(end) => {
                self.end = received.min(*end);
                (received >= *end).then_some(*end)
            }
            Ending::Chunked(chunked) => {
                let decoded = chunked.decode(input.unread_mut(), self.start, self.end)?;
                self.end = decoded.end;
                if decoded.next.is_none() {
                    input.truncate(decoded.end);
                }
                decoded.next
            }
            Ending::Close => {
                self.end = received;
                None
            }
            Ending::Ended => Some(self.end),
        };
        Ok(next.map(|next| Whole {
            start: self.start,
            end: self.end,
            next,
        }))
    }

    /// Whether all of a stream was taken.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.ending, Ending::Ended)
    }

    /// Moves what has come of a body that is a stream out of the input, and what was before it. Returns whether that was
    /// all of it: what follows then stands at the input's front.
    pub(super) fn take(&mut self, input: &mut Input, into: &mut Vec<u8>) -> Result<bool, ChunkError> {
        if matches!(self.ending, Ending::Ended) {
            return Ok(true);
        }
        let whole = self.read(input)?;
        into.extend_from_slice(&input.unread()[self.start..self.end]);
        let taken = whole.map_or(self.end, |whole| whole.next);
        input.consume(taken);
        (self.start, self.end) = (0, 0);
        match &mut self.ending {
            _ if whole.is_some() => self.ending = Ending::Ended,
            Ending::At(end) => *end -= taken,
            Ending::Chunked(_) | Ending::Close | Ending::Ended => {}
        }
        Ok(whole.is_some())
    }

    /// Called when the other side closed: only a body that was to end so is then whole.
    pub(super) fn closed(&self) -> Option<Whole> {
        matches!(self.ending, Ending::Close).then_some(Whole {
            start: self.start,
            end: self.end,
            next: self.end,
        })
    }

    /// What has been read of the body.
    pub(super) fn so_far<'a>(&self, unread: &'a [u8]) -> &'a [u8] {
        &unread[self.start..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_length_is_waited_for_and_not_overrun() {
        let mut input = Input::default();
        let mut body = Body::new(4, BodyLength::Known(3), 3);
        input.append(b"headbo");
        assert_eq!(body.read(&mut input), Ok(None));
        assert_eq!(body.so_far(input.unread()), b"bo");
        assert_eq!(body.closed(), None);
        input.append(b"dy");
        assert_eq!(
            body.read(&mut input),
            Ok(Some(Whole {
                start: 4,
                end: 7,
                next: 7
            }))
        );
    }

    #[test]
    fn chunks_leave_no_trace_while_incomplete_and_a_gap_at_the_end() {
        let mut input = Input::default();
        let mut body = Body::new(1, BodyLength::Chunked, 10);
        input.append(b"h2\r\nab\r\n1");
        assert_eq!(body.read(&mut input), Ok(None));
        assert_eq!(input.unread(), b"hab");
        input.append(b"\r\nc\r\n0\r\n\r\nnext");
        let whole = body.read(&mut input).unwrap().unwrap();
        assert_eq!(&input.unread()[whole.start..whole.end], b"abc");
        assert_eq!(&input.unread()[whole.next..], b"next");
    }

    #[test]
    fn a_body_may_end_with_the_connection() {
        let mut input = Input::default();
        let mut body = Body::until_close(1);
        input.append(b"hab");
        assert_eq!(body.read(&mut input), Ok(None));
        assert_eq!(
            body.closed(),
            Some(Whole {
                start: 1,
                end: 3,
                next: 3
            })
        );
    }
}
