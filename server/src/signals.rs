//! SIGTERM and SIGINT: the first asks the server to end cleanly, the second ends it at once.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{process, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::exit::Stop;

/// Calls `stop` with the signal's name once SIGTERM or SIGINT arrives, on a thread of its own. It should set the host's
/// flag and wake its loop, which then ends with 0. A second signal means that somebody is tired of waiting: the process
/// ends with 128 + its number, as if it had died by it.
pub(crate) fn on_stop(stop: impl FnOnce(&'static str) + Send + 'static) -> Result<(), Stop> {
    let failed = |error: io::Error| Stop::Signals(error.to_string());
    let (arrivals, last) = watch().map_err(failed)?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || wait(arrivals, &last, stop))
        .map_err(failed)?;
    Ok(())
}

/// One byte arrives per signal; which one it was is then in the number.
fn watch() -> io::Result<(UnixStream, Arc<AtomicUsize>)> {
    let (arrivals, departures) = UnixStream::pair()?;
    let last = Arc::new(AtomicUsize::new(0));
    for signal in [SIGTERM, SIGINT] {
        // Actions run in the order of their registration: the number is there before the byte.
        flag::register_usize(signal, Arc::clone(&last), signal.unsigned_abs() as usize)?;
        low_level::pipe::register(signal, departures.try_clone()?)?;
    }
    Ok((arrivals, last))
}

fn wait(mut arrivals: UnixStream, last: &AtomicUsize, stop: impl FnOnce(&'static str)) {
    let mut next = || {
        let mut byte = [0];
        arrivals
            .read_exact(&mut byte)
            .expect("the other end stays open as long as the signals are registered");
        last.load(Ordering::SeqCst)
    };
    let first = next();
    stop(name(first));
    let second = next();
    log::warn!("signal" = name(second); "ending at once, on a second signal");
    process::exit(128 + i32::try_from(second).expect("signals are small numbers"));
}

fn name(signal: usize) -> &'static str {
    match i32::try_from(signal) {
        Ok(SIGTERM) => "SIGTERM",
        Ok(SIGINT) => "SIGINT",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_signal_is_told_by_name() {
        let (sender, receiver) = mpsc::channel();
        on_stop(move |signal| sender.send(signal).unwrap()).unwrap();
        low_level::raise(SIGTERM).unwrap();
        assert_eq!(receiver.recv(), Ok("SIGTERM"));
    }
}
