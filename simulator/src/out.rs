//! Standard output, whose reader may have seen enough.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

/// What a process ends with that nobody reads any more: as if the signal for it had ended it. Not 0, because nobody knows yet
/// whether everything holds.
const UNREAD: i32 = 128 + 13;

/// As `println!`, but ends the process without a word if nobody reads any more, as behind `| head`.
#[macro_export]
macro_rules! say {
    ($($told:tt)*) => {
        $crate::out::tell(format_args!("{}\n", format_args!($($told)*)))
    };
}

/// Writes to standard output.
///
/// # Panics
/// If it cannot be written, other than because nobody reads it.
pub fn tell(told: Arguments<'_>) {
    match io::stdout().lock().write_fmt(told) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(UNREAD),
        Err(error) => panic!("cannot write to standard output: {error}"),
    }
}
