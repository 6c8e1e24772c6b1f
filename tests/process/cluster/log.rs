//! What a process says, line by line, and waiting for it to say something.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// How long to wait before a condition is looked at again, if nothing says that it may have changed.
const AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The lines of a stream so far. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Log {
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    /// Everybody who could write into the stream has closed it.
    ended: bool,
}

impl Log {
    /// Begins to read a stream, on a thread of its own.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Log {
        let log = Log::default();
        let its = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                its.lock().lines.push(String::from_utf8_lossy(&line).into_owned());
                its.shared.1.notify_all();
            }
            its.lock().ended = true;
            its.shared.1.notify_all();
        });
        log
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// The lines so far that contain a text.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<String> {
        self.lock()
            .lines
            .iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect()
    }

    /// Waits for a line that contains a text, and gives the first.
    ///
    /// # Panics
    /// If the stream ends without, or patience does.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let found = self.wait_for_or_end(text);
        found.unwrap_or_else(|| panic!("no line has {text:?} in\n{}", self.lines().join("\n")))
    }

    /// Waits for a line that contains a text, and gives the first; None if the stream ends without.
    ///
    /// # Panics
    /// If patience ends before.
    pub(crate) fn wait_for_or_end(&self, text: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lock();
        loop {
            if let Some(line) = lines.lines.iter().find(|line| line.contains(text)) {
                return Some(line.clone());
            }
            if lines.ended {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no line has {text:?} in\n{}",
                lines.lines.join("\n")
            );
            lines = self
                .shared
                .1
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the end of the stream, which the end of the process is; false if it takes longer than this.
    pub(crate) fn wait_end(&self, at_most: Duration) -> bool {
        let lines = self.lock();
        let going = |lines: &mut Lines| !lines.ended;
        let (lines, _) = self
            .shared
            .1
            .wait_timeout_while(lines, at_most, going)
            .unwrap_or_else(PoisonError::into_inner);
        lines.ended
    }

    /// Waits a moment, or until there is something new.
    fn pause(&self) {
        drop(self.shared.1.wait_timeout(self.lock(), AGAIN_AFTER));
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at a condition until it holds.
///
/// # Panics
/// If it never does.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let nobody = Log::default();
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came about: {what}");
        nobody.pause();
    }
}
