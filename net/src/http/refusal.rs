//! Why a request was turned away before anything above HTTP saw it.

/// A mistake in a request's HTTP. Each has a status and a sentence, and each ends the connection: after most of them nobody
/// can know where the next request would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The first line is not `METHOD target HTTP/1.x`.
    #[error("The request line is malformed.")]
    RequestLine,
    /// The target is neither a path, an absolute http URL nor, for OPTIONS, `*`.
    #[error("The request target must be a path that begins with '/'.")]
    Target,
    /// A header's name, or the space around it, is malformed.
    #[error("A header name is malformed.")]
    HeaderName,
    /// A header's value holds a control character.
    #[error("A header value is malformed.")]
    HeaderValue,
    /// A line of the head does not end in CRLF.
    #[error("A line of the request head is not ended by CRLF.")]
    LineEnd,
    /// HTTP/1.1 without Host.
    #[error("The Host header is missing.")]
    HostMissing,
    /// More than one Host.
    #[error("The Host header is given more than once.")]
    HostRepeated,
    /// A Host with a byte that no host and port has.
    #[error("The Host header is malformed.")]
    HostMalformed,
    /// A Content-Length that is not a plain decimal number.
    #[error("The Content-Length header is not a decimal number.")]
    LengthMalformed,
    /// Several Content-Lengths that disagree.
    #[error("The Content-Length headers contradict each other.")]
    LengthsDiffer,
    /// Content-Length beside Transfer-Encoding.
    #[error("Content-Length and Transfer-Encoding must not be given together.")]
    LengthAndEncoding,
    /// Transfer-Encoding in an HTTP/1.0 request.
    #[error("Transfer-Encoding is not part of HTTP/1.0.")]
    EncodingBeforeHttp11,
    /// The chunked body's framing is broken.
    #[error("The chunked request body is malformed.")]
    Chunk,
    /// The host's deadline for the request passed; only the host can know.
    #[error("The request did not arrive in time.")]
    TimedOut,
    /// A body without any statement of its length, in HTTP/1.0.
    #[error("A request with a body needs a Content-Length header in HTTP/1.0.")]
    LengthRequired,
    /// The body is longer than `body_bytes_max`.
    #[error("The request body is too large.")]
    BodyTooLarge,
    /// The target is longer than `target_bytes_max`.
    #[error("The request target is too long.")]
    TargetTooLong,
    /// An Expect other than `100-continue`.
    #[error("The only expectation this server can meet is 100-continue.")]
    Expectation,
    /// The head is longer than `head_bytes_max`.
    #[error("The request head is too large.")]
    HeadTooLarge,
    /// More headers than [`HEADERS_MAX`](super::HEADERS_MAX).
    #[error("The request has too many headers.")]
    TooManyHeaders,
    /// The trailers after a chunked body are too long.
    #[error("The trailers of the request body are too large.")]
    TrailersTooLarge,
    /// A Transfer-Encoding other than `chunked`.
    #[error("The only transfer encoding this server knows is chunked.")]
    Encoding,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("This server speaks HTTP/1.0 and HTTP/1.1.")]
    Version,
}

impl Refusal {
    /// The status code of the answer.
    pub fn status(self) -> u16 {
        match self {
            Refusal::RequestLine | Refusal::Target => 400,
            Refusal::HeaderName | Refusal::HeaderValue | Refusal::LineEnd => 400,
            Refusal::HostMissing | Refusal::HostRepeated | Refusal::HostMalformed => 400,
            Refusal::LengthMalformed | Refusal::LengthsDiffer | Refusal::LengthAndEncoding => 400,
            Refusal::EncodingBeforeHttp11 | Refusal::Chunk => 400,
            Refusal::TimedOut => 408,
            Refusal::LengthRequired => 411,
            Refusal::BodyTooLarge => 413,
            Refusal::TargetTooLong => 414,
            Refusal::Expectation => 417,
            Refusal::HeadTooLarge | Refusal::TooManyHeaders | Refusal::TrailersTooLarge => 431,
            Refusal::Encoding => 501,
            Refusal::Version => 505,
        }
    }
}
