//! The `Date` header line that an origin server with a clock sends (RFC 9110 6.6.1), rendered once a second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::logging::civil;

/// The line of the present second.
#[derive(Debug, Default)]
pub(crate) struct DateLine {
    second: u64,
    line: Vec<u8>,
}

impl DateLine {
    /// `Date: Sun, 22 Nov 2026 13:28:21 GMT` and CRLF.
    pub(crate) fn now(&mut self) -> &[u8] {
        let second = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        if second != self.second || self.line.is_empty() {
            self.second = second;
            let time = UNIX_EPOCH + Duration::from_secs(second);
            self.line = format!("Date: {}\r\n", civil::http_date(time)).into_bytes();
        }
        &self.line
    }
}
