//! The accepting half of a link: awaits a hello, checks it, answers, and then yields what the peer says.

use std::time::Duration;

use log::warn;
use thiserror::Error;

use crate::buffer::Buffer;
use crate::frame::{self, FrameError};
use crate::hello::{self, Answer, Hello, HelloError, Identity, Refusal};
use crate::roster::Roster;

/// How long a connection may take to introduce itself.
pub const HELLO_MAX: Duration = Duration::from_secs(5);
/// How long a peer may be silent. A living one sends a probe every second or so; this only frees what a dead one holds.
pub const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Why an accepted connection is to be closed, after its output is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InboundError {
    /// The hello was refused; the answer that says so is in the output.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The frames do not check.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The first frame is no hello.
    #[error(transparent)]
    Hello(HelloError),
}

/// One accepted connection.
#[derive(Clone, Debug)]
pub struct Inbound {
    own: Identity,
    /// Who speaks, once checked.
    sender: Option<Hello>,
    heard_at: Duration,
}

impl Inbound {
    /// A connection accepted now.
    #[must_use]
    pub fn new(own: Identity, now: Duration) -> Inbound {
        Inbound {
            own,
            sender: None,
            heard_at: now,
        }
    }

    /// Takes the next payload out of `input`; `None` until more comes. Answers are appended to `output`. To be called
    /// until it returns `None`, each time bytes came.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed.
    pub fn next<'input>(
        &mut self,
        now: Duration,
        input: &'input mut Buffer,
        output: &mut Vec<u8>,
        roster: &mut Roster,
    ) -> Result<Option<&'input [u8]>, InboundError> {
        if self.sender.is_none() {
            let Some(payload) = frame::next_within(input, hello::HELLO_BYTES_MAX)? else {
                return Ok(None);
            };
            self.greet(payload, output, roster)?;
        }
        self.heard_at = now;
        let payload_bytes = loop {
            match frame::complete(input.as_slice(), frame::PAYLOAD_BYTES_MAX)? {
                None => return Ok(None),
                // A probe: sent back as it came.
                Some(0) => output.extend_from_slice(input.take(frame::HEADER_BYTES)),
                Some(payload_bytes) => break payload_bytes,
            }
        };
        Ok(Some(
            &input.take(frame::HEADER_BYTES + payload_bytes)[frame::HEADER_BYTES..],
        ))
    }

    /// Who speaks; `None` before its hello was checked.
    #[must_use]
    pub fn sender(&self) -> Option<&Hello> {
        self.sender.as_ref()
    }

    /// When the connection is to be closed if nothing comes before.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.heard_at
            + if self.sender.is_some() {
                SILENCE_MAX
            } else {
                HELLO_MAX
            }
    }

    fn greet(
        &mut self,
        payload: &[u8],
        output: &mut Vec<u8>,
        roster: &mut Roster,
    ) -> Result<(), InboundError> {
        let hello = match hello::decode_hello(payload) {
            Ok(hello) => hello,
            Err(HelloError::Version(refusal)) => return Err(refuse(None, refusal, output, roster)),
            Err(error) => return Err(InboundError::Hello(error)),
        };
        if let Err(refusal) = hello::check(&hello, &self.own, roster) {
            return Err(refuse(Some(hello.member_id), refusal, output, roster));
        }
        roster.met(&hello);
        hello::encode_answer(output, &Answer::Welcome(self.own.hello_to(hello.member_id)));
        self.sender = Some(hello);
        Ok(())
    }
}

/// Tells the sender, and the log once per sender and reason. A sender whose hello cannot be read counts as member 0.
fn refuse(sender: Option<u64>, refusal: Refusal, output: &mut Vec<u8>, roster: &mut Roster) -> InboundError {
    if roster.refuse(sender.unwrap_or(0), refusal) {
        warn!(peer:% = format_args!("{:x}", sender.unwrap_or(0)); "peer refused: {refusal}");
    }
    hello::encode_answer(output, &Answer::Refused(refusal));
    InboundError::Refused(refusal)
}
