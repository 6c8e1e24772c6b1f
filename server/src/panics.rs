//! A panic is a bug of ours: no state can be trusted after it, so the process ends with one clear log line.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::{panic, process, thread};

use crate::logging;

/// From now on a panic in any thread ends the process, by SIGABRT: nothing more is run, and the system may keep a core.
pub(crate) fn end_the_process() {
    panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        report(text(info.payload()), location.as_deref().unwrap_or("unknown"));
        process::abort();
    }));
}

fn report(what: &str, location: &str) {
    let thread = thread::current();
    let mut fields = vec![
        ("error", what),
        ("at", location),
        ("thread", thread.name().unwrap_or("unnamed")),
    ];
    // Captured only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace_text = backtrace.to_string();
    if backtrace.status() == BacktraceStatus::Captured {
        fields.push(("backtrace", &backtrace_text));
    }
    if !logging::fatal("panic: this is a bug in balsa", &fields) {
        let _ = writeln!(
            io::stderr(),
            "balsa: panic: this is a bug in balsa: {what}, at {location}"
        );
    }
}

/// What was said to `panic!`.
fn text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "not a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_panic_have_a_text() {
        assert_eq!(text(&"plain"), "plain");
        assert_eq!(text(&format!("with {}", 1)), "with 1");
        assert_eq!(text(&7), "not a text");
    }
}
