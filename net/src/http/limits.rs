//! How much of anything a client may send.

/// Longest request head (request line and headers), in bytes. Go's default of 1 MiB is an invitation; no client
/// of etcd comes near 64 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Longest request target, in bytes. A v2 write may carry its value in the query, hence this much.
const TARGET_BYTES_MAX: usize = 32 * 1024;

/// Longest request body, in bytes, after chunks are joined. v2 takes forms of up to 10 MB; v3 has a smaller limit of
/// its own, checked where its errors are made.
const BODY_BYTES_MAX: usize = 11 * 1024 * 1024;

/// How many bytes of later requests a connection holds while one waits for its answer. Beyond that
/// [`Connection::wants_input`](super::Connection::wants_input) is false and the client must wait.
pub const READ_AHEAD_BYTES_MAX: usize = 64 * 1024;

/// How many bytes are read and thrown away after a connection was closed from our side, so that the last answer reaches a
/// client that is still sending.
pub const LINGER_BYTES_MAX: usize = 256 * 1024;

/// What one request may weigh. The number of headers is bounded by [`HEADERS_MAX`](super::HEADERS_MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request line and headers together, in bytes; over it: 431.
    pub head_bytes_max: usize,
    /// The request target alone, in bytes; over it: 414.
    pub target_bytes_max: usize,
    /// The body, in bytes after chunks are joined; over it: 413, before any of it is read where its length was announced.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes_max: HEAD_BYTES_MAX,
            target_bytes_max: TARGET_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}
