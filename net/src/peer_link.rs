//! The dialling half of a link to one peer, as a state machine without a socket or a clock.
//!
//! ```text
//!          dial_at reached            connected: hello written          welcome, checked
//!   Idle ------------------> Dialling ----------------------> Greeting -----------------> Up
//!    ^                          |                                |                         |
//!    +--------------------------+--- failed, refused, too long --+---- closed, silent -----+
//! ```
//!
//! Each turn its host calls [`PeerLink::tick`] and does the [`Step`] it returns, then [`PeerLink::fill`] with the
//! connection's output buffer. It reports [`PeerLink::connected`], [`PeerLink::received`] and [`PeerLink::closed`] as they
//! happen, and sleeps no longer than [`PeerLink::deadline`]. All times are durations since one origin of the host's choosing.
//!
//! Frames wait here, not in the socket's buffer: that one is only topped up to
//! [`OUTPUT_LOW_WATER_BYTES`], so an urgent frame overtakes all but that much of the bulk.

use std::net::SocketAddr;
use std::time::Duration;

use log::{info, warn};
use thiserror::Error;

use crate::buffer::Buffer;
use crate::frame::{self, Frame, FrameError};
use crate::hello::{self, Answer, HelloError, Identity, Refusal};
use crate::output::OUTPUT_LOW_WATER_BYTES;
use crate::roster::Roster;

pub mod inbound;
mod lanes;
mod liveness;

use lanes::Lanes;
pub use lanes::{BULK_BYTES_MAX, BULK_FRAMES_MAX, Lane, URGENT_BYTES_MAX, URGENT_FRAMES_MAX};
use liveness::Liveness;
pub use liveness::{PROBE_AFTER, SILENCE_MAX};

/// The wait after the first failure; doubled once all addresses failed.
pub const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// The longest wait, and the one after a refusal.
pub const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How long a connection may take to be made.
pub const DIAL_MAX: Duration = Duration::from_secs(2);
/// How long the answer to a hello may take.
pub const WELCOME_MAX: Duration = Duration::from_secs(2);

/// What the host is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connect to this address; there is no connection now.
    Dial(SocketAddr),
    /// Close the connection, which is of no use.
    Hang,
}

/// Why a connection is of no use. The host closes it; the link is idle already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// The peer refused the hello, or this side the peer's welcome.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The frames do not check.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The answer to the hello is none.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// Another member answered than the one dialled.
    #[error("member {member:x} answered")]
    OtherMember {
        /// Which.
        member: u64,
    },
    /// A peer that was dialled has nothing to say after its welcome.
    #[error("a message on a link that goes the other way")]
    Unexpected,
}

/// The link to one peer.
#[derive(Clone, Debug)]
pub struct PeerLink {
    own: Identity,
    peer_id: u64,
    addresses: Vec<SocketAddr>,
    /// The address dialled last or next.
    address: usize,
    /// The wait after the next failure.
    backoff: Duration,
    state: State,
    lanes: Lanes,
    /// What the log was last told of this link, so that it is told once.
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle { dial_at: Duration },
    Dialling { until: Duration },
    Greeting { until: Duration },
    Up(Liveness),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Up,
    Down,
    Failed(LinkError),
}

impl PeerLink {
    /// A link that dials at once, the addresses in turn.
    ///
    /// # Panics
    ///
    /// If there is no address.
    #[must_use]
    pub fn new(own: Identity, peer_id: u64, addresses: Vec<SocketAddr>, now: Duration) -> PeerLink {
        assert!(!addresses.is_empty(), "a peer has an address");
        PeerLink {
            own,
            peer_id,
            addresses,
            address: 0,
            backoff: BACKOFF_MIN,
            state: State::Idle { dial_at: now },
            lanes: Lanes::new(),
            told: Told::Nothing,
        }
    }

    /// From the next dial on, these are the addresses. A connection that stands is kept. If they are the same as before,
    /// their turns go on: else the first, which may lead nowhere, would be dialled for ever.
    ///
    /// # Panics
    ///
    /// If there is no address.
    pub fn set_addresses(&mut self, addresses: Vec<SocketAddr>) {
        assert!(!addresses.is_empty(), "a peer has an address");
        if addresses == self.addresses {
            return;
        }
        self.addresses = addresses;
        self.address = 0;
    }

    /// Queues a frame. While the link is idle, or the lane full, the frame is dropped and counted: `false`. Raft says
    /// again what matters, and a stale message is worth less than the room it takes.
    pub fn send(&mut self, lane: Lane, frame: Frame) -> bool {
        if matches!(self.state, State::Idle { .. }) {
            self.lanes.count_dropped();
            return false;
        }
        self.lanes.push(lane, frame)
    }

    /// Time passed. `pending` is how many bytes of output the connection's socket has not taken yet; 0 without one.
    pub fn tick(&mut self, now: Duration, pending: usize) -> Option<Step> {
        match &mut self.state {
            State::Idle { dial_at } if now >= *dial_at => {
                self.state = State::Dialling {
                    until: now + DIAL_MAX,
                };
                Some(Step::Dial(self.addresses[self.address]))
            }
            State::Dialling { until } | State::Greeting { until } if now >= *until => {
                self.closed(now);
                Some(Step::Hang)
            }
            State::Up(up) => {
                if up.tick(now, pending) {
                    return None;
                }
                self.closed(now);
                Some(Step::Hang)
            }
            _ => None,
        }
    }

    /// The dialled connection stands: appends the hello to its output.
    ///
    /// # Panics
    ///
    /// If no connection was dialled.
    pub fn connected(&mut self, now: Duration, output: &mut Vec<u8>) {
        assert!(
            matches!(self.state, State::Dialling { .. }),
            "connected in {:?}",
            self.state
        );
        self.state = State::Greeting {
            until: now + WELCOME_MAX,
        };
        hello::encode_hello(output, &self.own.hello_to(self.peer_id));
    }

    /// Bytes came on the connection.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed; the link is idle already.
    pub fn received(
        &mut self,
        now: Duration,
        input: &mut Buffer,
        roster: &mut Roster,
    ) -> Result<(), LinkError> {
        let result = self.read(now, input, roster);
        if let Err(error) = result {
            self.fail(now, error);
        }
        result
    }

    /// The connection is gone, or could not be made.
    pub fn closed(&mut self, now: Duration) {
        if matches!(self.state, State::Idle { .. }) {
            return;
        }
        let was_up = self.is_up();
        let next = match self.told {
            _ if was_up => Told::Down,
            Told::Nothing => Told::Down,
            told => told,
        };
        if next != self.told {
            let peer = format_args!("{:x}", self.peer_id);
            let address = self.addresses[self.address];
            let event = if was_up { "lost" } else { "not reached" };
            warn!(peer:%, address:%; "peer {event}; trying again");
            self.told = next;
        }
        let wait = self.backoff;
        self.try_next_address();
        self.idle_until(now + wait);
    }

    /// Moves frames into the connection's output, urgent ones first, until that holds [`OUTPUT_LOW_WATER_BYTES`].
    /// `pending` is what it holds already, with what the socket has not taken.
    pub fn fill(&mut self, pending: usize, output: &mut Vec<u8>) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let before = output.len();
        if up.take_probe() {
            frame::encode_into(output, b"").expect("an empty frame is short");
        }
        while pending + output.len() - before <= OUTPUT_LOW_WATER_BYTES
            && let Some(frame) = self.lanes.pop()
        {
            output.extend_from_slice(frame.as_bytes());
        }
    }

    /// When to call [`PeerLink::tick`] even if nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        match self.state {
            State::Idle { dial_at } => dial_at,
            State::Dialling { until } | State::Greeting { until } => until,
            State::Up(up) => up.deadline(),
        }
    }

    /// Whether the peer has welcomed this member on the connection that stands.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// The peer's id.
    #[must_use]
    pub fn peer_id(&self) -> u64 {
        self.peer_id
    }

    /// Frames dropped since the link was made.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lanes.dropped()
    }

    fn read(&mut self, now: Duration, input: &mut Buffer, roster: &mut Roster) -> Result<(), LinkError> {
        if matches!(self.state, State::Greeting { .. }) {
            let Some(payload) = frame::next_within(input, hello::HELLO_BYTES_MAX)? else {
                return Ok(());
            };
            self.answered(now, hello::decode_answer(payload)?, roster)?;
        }
        while let Some(payload) = frame::next_within(input, 0).map_err(only_probes)? {
            debug_assert!(payload.is_empty());
            if let State::Up(up) = &mut self.state {
                up.heard(now);
            }
        }
        Ok(())
    }

    fn answered(&mut self, now: Duration, answer: Answer, roster: &mut Roster) -> Result<(), LinkError> {
        let hello = match answer {
            Answer::Welcome(hello) => hello,
            Answer::Refused(refusal) => return Err(refusal.into()),
        };
        hello::check(&hello, &self.own, roster)?;
        if hello.member_id != self.peer_id {
            return Err(LinkError::OtherMember {
                member: hello.member_id,
            });
        }
        roster.met(&hello);
        self.state = State::Up(Liveness::new(now));
        self.backoff = BACKOFF_MIN;
        self.told = Told::Up;
        info!(peer:% = format_args!("{:x}", self.peer_id), address:% = self.addresses[self.address]; "peer reached");
        Ok(())
    }

    /// The peer was reached and is of no use: trying soon would change nothing.
    fn fail(&mut self, now: Duration, error: LinkError) {
        let told = Told::Failed(error);
        if self.told != told {
            let peer = format_args!("{:x}", self.peer_id);
            let address = self.addresses[self.address];
            warn!(peer:%, address:%; "peer link failed: {error}");
            self.told = told;
        }
        self.try_next_address();
        self.idle_until(now + BACKOFF_MAX);
    }

    fn idle_until(&mut self, dial_at: Duration) {
        self.lanes.clear();
        self.state = State::Idle { dial_at };
    }

    fn try_next_address(&mut self) {
        self.address = (self.address + 1) % self.addresses.len();
        if self.address == 0 {
            self.backoff = (2 * self.backoff).min(BACKOFF_MAX);
        }
    }
}

fn only_probes(error: FrameError) -> LinkError {
    match error {
        FrameError::TooLong { .. } => LinkError::Unexpected,
        FrameError::BadChecksum => error.into(),
    }
}

#[cfg(test)]
mod tests;
