//! One connection: its socket, its buffers, and the readiness that the poll told of and that is not used up yet.
//!
//! ```text
//! Dialled --connected--> Open --close_after_flush--> Flushing --all sent--> Lingering --peer is done--> gone
//! ```
//!
//! The poll tells of readiness once, at its edge. So `readable` and `writable` are remembered here, and only the socket
//! itself can clear them, by saying that it would block.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::TcpStream;
use thiserror::Error;

use crate::buffer::Buffer;
use crate::frame::{HEADER_BYTES, PAYLOAD_BYTES_MAX};
use crate::listener::Place;
use crate::output::{OUTPUT_LOW_WATER_BYTES, Output};

/// While this much output is pending, nothing is read: who does not take answers may not ask.
pub const OUTPUT_HIGH_WATER_BYTES: usize = 1 << 20;
/// A connection with more output pending than this is closed. Only what is sent without being asked for can grow so far
/// past the high-water mark, or a single answer.
pub const OUTPUT_BYTES_MAX: usize = 256 << 20;
/// While this much input is not consumed, nothing is read. A whole frame fits, so only a host that takes nothing sees it.
pub const INPUT_BYTES_MAX: usize = 65 << 20;
const _: () = assert!(INPUT_BYTES_MAX > HEADER_BYTES + PAYLOAD_BYTES_MAX);
/// How much is read from one connection per turn, so that the others get theirs.
pub const READ_PER_TURN_BYTES: usize = 256 * 1024;
/// How much is read at once.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;
/// How often one connection is written to per turn.
const WRITES_PER_TURN: usize = 4;

/// With epoll and kqueue, a read that does not fill its buffer has emptied the socket, which saves the read that would say
/// so. Elsewhere only "would block" says so.
const SHORT_READ_EMPTIES: bool = cfg!(unix);

/// Why a connection ended that its host did not close.
#[derive(Debug, Error)]
pub enum CloseReason {
    /// It could not be made.
    #[error("cannot connect: {0}")]
    NotConnected(io::Error),
    /// It broke, or the peer reset it.
    #[error("connection failed: {0}")]
    Failed(#[from] io::Error),
    /// The peer took its answers too slowly, and more than [`OUTPUT_BYTES_MAX`] gathered.
    #[error("the peer left {OUTPUT_BYTES_MAX} bytes of output waiting")]
    OutputLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not connected yet.
    Dialled,
    Open,
    /// To be closed once the output is sent. What comes is thrown away.
    Flushing,
    /// Our side is shut. Closing while the peer still sends would make the kernel reset the connection, and the peer
    /// might lose our last words: so its bytes are read and thrown away until it is done.
    Lingering,
}

/// What a turn did to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) connected: bool,
    /// There is input, and some of it is new or was announced while reading was paused.
    pub(crate) received: bool,
    /// The peer shut its side.
    pub(crate) half_closed: bool,
    /// The output fell to the low-water mark.
    pub(crate) drained: bool,
    /// Nothing is left to do: remove it.
    pub(crate) done: bool,
}

#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    phase: Phase,
    /// Received and not consumed.
    pub(crate) input: Buffer,
    output: Output,
    readable: bool,
    writable: bool,
    /// The poll said that the end of the peer's bytes is near: a short read no longer means an empty socket.
    end_ahead: bool,
    /// The end was read.
    ended: bool,
    /// The poll said that the connection is broken.
    broken: bool,
    /// The host does not want more input now.
    paused: bool,
    /// Input is to be announced though none may come.
    announce: bool,
    /// Output pending when it was last looked at whether the peer takes any.
    pending_then: usize,
    /// Its place among the connections of the listener it came through, if any.
    place: Option<Place>,
    /// In the loop's list of connections to serve without waiting for the poll.
    pub(crate) queued: bool,
    /// In the loop's list of connections to flush.
    pub(crate) dirty: bool,
}

impl Stream {
    pub(crate) fn accepted(socket: TcpStream, place: Place) -> Stream {
        Stream {
            place: Some(place),
            ..Stream::new(socket, Phase::Open)
        }
    }

    pub(crate) fn dialled(socket: TcpStream) -> Stream {
        Stream::new(socket, Phase::Dialled)
    }

    fn new(socket: TcpStream, phase: Phase) -> Stream {
        Stream {
            socket,
            phase,
            input: Buffer::new(),
            output: Output::default(),
            readable: false,
            writable: phase == Phase::Open,
            end_ahead: false,
            ended: false,
            broken: false,
            paused: false,
            announce: false,
            pending_then: 0,
            place: None,
            queued: false,
            dirty: false,
        }
    }

    /// Remembers what the poll says.
    pub(crate) fn note(&mut self, event: &Event) {
        self.end_ahead |= event.is_read_closed();
        self.readable |= (event.is_readable() || event.is_read_closed()) && !self.ended;
        self.writable |= event.is_writable();
        self.broken |= event.is_error() || event.is_write_closed();
    }

    /// Uses up readiness, within the turn's budget.
    pub(crate) fn serve(&mut self, scratch: &mut [u8]) -> Result<Served, CloseReason> {
        let mut served = Served::default();
        if self.phase == Phase::Dialled {
            if !self.finish_connect()? {
                return Ok(served);
            }
            served.connected = true;
        }
        if self.broken {
            let error = self.socket.take_error()?;
            return Err(error.unwrap_or_else(|| ErrorKind::ConnectionReset.into()).into());
        }
        self.write(&mut served)?;
        if self.may_read() {
            self.read(scratch, &mut served)?;
        }
        if std::mem::take(&mut self.announce) && !self.input.is_empty() {
            served.received = true;
        }
        self.close_if_finished(&mut served)?;
        Ok(served)
    }

    /// Sends what is pending, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> Result<Served, CloseReason> {
        let mut served = Served::default();
        self.write(&mut served)?;
        self.close_if_finished(&mut served)?;
        Ok(served)
    }

    /// Whether readiness is left that the poll will not tell of again.
    pub(crate) fn has_work(&self) -> bool {
        self.announce || self.may_read() || self.may_write()
    }

    /// Whether the host still knows this connection.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Dialled | Phase::Open)
    }

    /// Where to append output.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        self.output.filling()
    }

    /// Input and output at once.
    pub(crate) fn buffers(&mut self) -> (&mut Buffer, &mut Vec<u8>) {
        (&mut self.input, self.output.filling())
    }

    /// Bytes of output that the socket has not taken.
    pub(crate) fn pending(&self) -> usize {
        self.output.pending()
    }

    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// Reads again; input that waits already is announced once more.
    pub(crate) fn resume(&mut self) {
        self.announce |= std::mem::take(&mut self.paused) && !self.input.is_empty();
    }

    /// The host is done with it: only the output is still to be sent.
    pub(crate) fn start_closing(&mut self) {
        self.phase = Phase::Flushing;
        self.input = Buffer::new();
        self.announce = false;
        self.paused = false;
        self.pending_then = self.pending();
    }

    /// Whether a closing connection may stay until it is looked at again: the peer took some output since it last was.
    pub(crate) fn may_stay(&mut self) -> bool {
        let pending = self.pending();
        pending < std::mem::replace(&mut self.pending_then, pending)
    }

    /// Takes an accepted connection apart on which nothing has happened yet.
    ///
    /// # Panics
    /// If it was dialled, or something was read from it or is to be written.
    pub(crate) fn into_parts(self) -> (TcpStream, Place) {
        assert!(
            self.input.is_empty() && self.output.pending() == 0 && self.phase == Phase::Open,
            "only a fresh connection moves"
        );
        (
            self.socket,
            self.place.expect("only an accepted connection moves"),
        )
    }

    /// For the poll's registry.
    pub(crate) fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    fn finish_connect(&mut self) -> Result<bool, CloseReason> {
        if !self.writable && !self.broken {
            return Ok(false);
        }
        if let Some(error) = self.socket.take_error().map_err(CloseReason::NotConnected)? {
            return Err(CloseReason::NotConnected(error));
        }
        match self.socket.peer_addr() {
            Ok(_) => {
                self.socket.set_nodelay(true).map_err(CloseReason::NotConnected)?;
                self.phase = Phase::Open;
                Ok(true)
            }
            // Told too early; there will be another edge.
            Err(error) if error.kind() == ErrorKind::NotConnected && !self.broken => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => Err(CloseReason::NotConnected(error)),
        }
    }

    fn may_read(&self) -> bool {
        self.readable
            && match self.phase {
                Phase::Dialled => false,
                Phase::Open => {
                    !self.paused
                        && self.input.len() < INPUT_BYTES_MAX
                        && self.pending() < OUTPUT_HIGH_WATER_BYTES
                }
                Phase::Flushing | Phase::Lingering => true,
            }
    }

    fn may_write(&self) -> bool {
        self.writable && self.phase != Phase::Dialled && self.pending() > 0
    }

    /// Ends with the socket empty (`readable` cleared), the budget spent (`readable` left set), or an error.
    fn read(&mut self, scratch: &mut [u8], served: &mut Served) -> io::Result<()> {
        let mut budget = READ_PER_TURN_BYTES;
        while budget > 0 {
            match self.socket.read(scratch) {
                Ok(0) => {
                    self.readable = false;
                    self.ended = true;
                    served.half_closed = self.phase == Phase::Open;
                    return Ok(());
                }
                Ok(count) => {
                    if self.phase == Phase::Open {
                        self.input.append(&scratch[..count]);
                        served.received = true;
                    }
                    budget = budget.saturating_sub(count);
                    if SHORT_READ_EMPTIES && count < scratch.len() && !self.end_ahead {
                        self.readable = false;
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends with nothing pending, the socket full (`writable` cleared), the budget spent, or an error.
    fn write(&mut self, served: &mut Served) -> Result<(), CloseReason> {
        let before = self.pending();
        for _ in 0..WRITES_PER_TURN {
            if !self.may_write() {
                break;
            }
            match self.output.write_to(&mut self.socket) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let after = self.pending();
        if after > OUTPUT_BYTES_MAX {
            return Err(CloseReason::OutputLimit);
        }
        served.drained |=
            self.phase == Phase::Open && before > OUTPUT_LOW_WATER_BYTES && after <= OUTPUT_LOW_WATER_BYTES;
        Ok(())
    }

    fn close_if_finished(&mut self, served: &mut Served) -> io::Result<()> {
        if self.phase == Phase::Flushing && self.pending() == 0 {
            self.socket.shutdown(Shutdown::Write)?;
            self.phase = Phase::Lingering;
        }
        served.done = self.phase == Phase::Lingering && self.ended;
        Ok(())
    }
}
