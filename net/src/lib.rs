//! Bytes and sockets: what stands between a host and the wire. `net` knows nothing of Raft, of keys, or of who asks what;
//! it moves bytes, and says in small enums what became of them.
//!
//! # Two halves
//!
//! **Machines without I/O.** They are fed with bytes and with the time, and hold no socket and no clock, so the simulator
//! runs the very code that the server runs:
//!
//! | file | idea |
//! |---|---|
//! | `buffer.rs` | bytes received and not consumed yet; consuming moves no memory |
//! | `frame.rs` | length, CRC32C, payload: how peers cut a stream into messages |
//! | `hello.rs`, `roster.rs` | who speaks, to whom, out of which data directory; every refusal by name |
//! | `peer_link.rs` | the dialling half of a link: backoff, hello, two lanes, proof of life |
//! | `peer_link/inbound.rs` | the accepting half: hello, check, answer, payloads |
//! | `http/` | HTTP/1.1 requests and responses |
//!
//! **The sockets.** One [`event_loop::EventLoop`] per thread owns them all and turns readiness into events and buffers. A
//! host fills output buffers while it handles the events of a turn, then flushes once: one write per connection per turn.
//!
//! # A link goes one way
//!
//! Each member dials each other member, and speaks only on the links that it dialled. So there is no contest between
//! two connections of one pair, no rule for which of them survives, and a refusal always has one addressee. What comes
//! back on a dialled link is the answer to the hello, and empty frames that prove that the other end is alive.
//!
//! # What always holds
//!
//! * Nothing here blocks, but for `EventLoop::wait`.
//! * Nothing here spins: each path through the loop ends in "would block", in a connection removed, or in a budget spent.
//! * Every queue and buffer has a named bound. A lane that is full drops and counts, since whoever speaks to peers says
//!   it again; a client that does not read its answers is not read from.
//! * One connection cannot starve the others: reading, writing and accepting have budgets per turn.
//! * No input from outside panics. A frame with a wrong checksum or length ends its link, and nothing of it is believed.
//! * A connection's id is never given out again: an answer that comes late finds nobody, never somebody else.
//!
//! # What it must never do
//!
//! Decide. Which peers there are, when an answer is due, what a payload means and when to stop are the host's and the
//! node's matters. Names are not resolved here either, since that blocks: addresses come as `SocketAddr`.
//!
//! # Left out
//!
//! TLS, Unix sockets, and any platform on which `usize` has fewer than 64 bits.

pub mod buffer;
pub mod event_loop;
pub mod frame;
pub mod hello;
pub mod http;
mod listener;
mod output;
pub mod peer_link;
pub mod roster;
mod slots;
mod stream;
pub mod waker;
