//! How far a campaign has come: a line on standard error that is written over while somebody looks, and one a minute
//! otherwise.

use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

/// Between two lines that are written over each other.
const LIVE_EVERY: Duration = Duration::from_secs(1);
/// Between two lines that stay.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// What a campaign says of itself while it goes on.
#[derive(Debug)]
pub struct Progress {
    /// None: it says nothing.
    every: Option<Duration>,
    is_live: bool,
    told: Instant,
    has_told: bool,
}

impl Progress {
    /// Says something, if that is wanted.
    #[must_use]
    pub fn new(wanted: bool) -> Progress {
        let is_live = io::stderr().is_terminal();
        Progress {
            every: wanted.then_some(if is_live { LIVE_EVERY } else { LOGGED_EVERY }),
            is_live,
            told: Instant::now(),
            has_told: false,
        }
    }

    /// One more run is over. `line` is asked for only when it is time.
    pub fn goes_on(&mut self, line: impl FnOnce() -> String) {
        if self.every.is_none_or(|every| self.told.elapsed() < every) {
            return;
        }
        (self.told, self.has_told) = (Instant::now(), true);
        // Nobody may be there to read it, and the campaign does not depend on that.
        let _ = match self.is_live {
            true => write!(io::stderr(), "\r\x1b[K{}", line()),
            false => writeln!(io::stderr(), "{}", line()),
        };
    }

    /// The campaign is over: what was written over goes.
    pub fn ends(&self) {
        if self.is_live && self.has_told {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
