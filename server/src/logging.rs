//! The log: one JSON line per event, shaped like etcd's, to files and standard streams.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, TryLockError};
use std::time::SystemTime;

use api::LogLevel;
use log::{LevelFilter, Log, Metadata, Record};

use crate::exit::Stop;

pub(crate) mod civil;
mod line;

use line::Line;

/// How grave an event is, in etcd's words, from the lightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// For engineers.
    Debug,
    /// What a healthy server does.
    Info,
    /// Somebody should look at it some day.
    Warn,
    /// Something failed.
    Error,
    /// etcd's for panics of its developers; as `Panic`.
    Dpanic,
    /// A bug; as `Fatal`, since a panic ends the process.
    Panic,
    /// The process ends. Always logged.
    Fatal,
}

const SEVERITIES: &[(Severity, &str)] = &[
    (Severity::Debug, "debug"),
    (Severity::Info, "info"),
    (Severity::Warn, "warn"),
    (Severity::Error, "error"),
    (Severity::Dpanic, "dpanic"),
    (Severity::Panic, "panic"),
    (Severity::Fatal, "fatal"),
];

impl Severity {
    /// The severity that `--log-level` names; the flag's kind admits no other word.
    pub(crate) fn named(name: &str) -> Severity {
        let found = SEVERITIES.iter().find(|(_, word)| *word == name);
        found.unwrap_or_else(|| panic!("no severity is named {name:?}")).0
    }

    /// etcd's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        let found = SEVERITIES.iter().find(|(severity, _)| *severity == self);
        found.expect("every severity has a word").1
    }

    fn of(level: log::Level) -> Severity {
        match level {
            log::Level::Error => Severity::Error,
            log::Level::Warn => Severity::Warn,
            log::Level::Info => Severity::Info,
            log::Level::Debug | log::Level::Trace => Severity::Debug,
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Severity::Debug => LevelFilter::Debug,
            Severity::Info => LevelFilter::Info,
            Severity::Warn => LevelFilter::Warn,
            Severity::Error => LevelFilter::Error,
            Severity::Dpanic | Severity::Panic | Severity::Fatal => LevelFilter::Off,
        }
    }
}

/// What is logged, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// The lightest that is logged.
    pub(crate) severity: Severity,
    /// `stderr`, `stdout` or paths of files; at least one, none twice.
    pub(crate) outputs: Vec<String>,
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Opens the outputs and begins to log. Called once.
pub(crate) fn begin(config: &LogConfig) -> Result<(), Stop> {
    let sink = Sink::open(config)?;
    assert!(SINK.set(sink).is_ok(), "logging has begun already");
    let sink = SINK.get().expect("it was set just now");
    log::set_logger(sink).expect("nobody else sets a logger");
    log::set_max_level(config.severity.filter());
    Ok(())
}

/// Changes what is logged, from now on.
pub(crate) fn log_from(level: LogLevel) {
    let (filter, word) = match level {
        LogLevel::Critical => (LevelFilter::Off, Severity::Fatal.as_str()),
        LogLevel::Error => (LevelFilter::Error, Severity::Error.as_str()),
        LogLevel::Warning => (LevelFilter::Warn, Severity::Warn.as_str()),
        LogLevel::Notice | LogLevel::Info => (LevelFilter::Info, Severity::Info.as_str()),
        LogLevel::Debug | LogLevel::Trace => (LevelFilter::Debug, Severity::Debug.as_str()),
    };
    // Said at the more talkative of both levels, so that a log never falls silent without a word.
    log::set_max_level(filter.max(LevelFilter::Info));
    log::info!("log-level" = word; "the log level is changed");
    log::set_max_level(filter);
}

/// Logs that the process ends, whatever the level. Returns whether the line went to a standard stream, where the
/// operator sees it at once; without a log it goes nowhere.
pub(crate) fn fatal(message: &str, fields: &[(&str, &str)]) -> bool {
    let Some(sink) = SINK.get() else {
        return false;
    };
    let mut line = Line::begin(SystemTime::now(), Severity::Fatal.as_str());
    line.text("msg", message);
    for (key, value) in fields {
        line.text(key, value);
    }
    sink.write(&line.end()) && sink.is_seen
}

/// Writes records to all outputs. A line is written whole, with one call, before the next.
struct Sink {
    outputs: Mutex<Vec<Output>>,
    /// Whether a standard stream is among the outputs.
    is_seen: bool,
}

enum Output {
    Stderr,
    Stdout,
    File(File),
}

impl Sink {
    fn open(config: &LogConfig) -> Result<Sink, Stop> {
        let outputs: Vec<Output> = config
            .outputs
            .iter()
            .map(|name| Output::open(name))
            .collect::<Result<_, _>>()?;
        let is_seen = outputs.iter().any(|output| !matches!(output, Output::File(_)));
        Ok(Sink {
            outputs: Mutex::new(outputs),
            is_seen,
        })
    }

    /// Returns false, and writes nothing, if this very thread might be within a write: a panic there must not wait for
    /// itself.
    fn write(&self, line: &[u8]) -> bool {
        let mut outputs = match self.outputs.try_lock() {
            Ok(outputs) => outputs,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if std::thread::panicking() => return false,
            Err(TryLockError::WouldBlock) => self
                .outputs
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        };
        for output in outputs.iter_mut() {
            output.write(line);
        }
        true
    }
}

impl Output {
    fn open(name: &str) -> Result<Output, Stop> {
        match name {
            "stderr" => Ok(Output::Stderr),
            "stdout" => Ok(Output::Stdout),
            path => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map(Output::File)
                .map_err(|error| Stop::LogFile {
                    path: path.to_owned(),
                    why: error.to_string(),
                }),
        }
    }

    fn write(&mut self, line: &[u8]) {
        // A log that cannot be written to is no reason to stop serving, and there is nowhere to say so.
        let _ = match self {
            Output::Stderr => io::stderr().write_all(line),
            Output::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(line).and_then(|()| stdout.flush())
            }
            Output::File(file) => file.write_all(line),
        };
    }
}

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.write(&render(SystemTime::now(), record));
        }
    }

    fn flush(&self) {}
}

fn render(now: SystemTime, record: &Record<'_>) -> Vec<u8> {
    let mut line = Line::begin(now, Severity::of(record.level()).as_str());
    match record.line() {
        Some(number) => line.text("caller", &format!("{}:{number}", record.target())),
        None => line.text("caller", record.target()),
    }
    line.text("msg", &record.args().to_string());
    line.fields(record.key_values());
    line.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_record_is_one_line_of_json() {
        let record = Record::builder()
            .args(format_args!("a \"quoted\"\nmessage"))
            .level(log::Level::Warn)
            .target("balsa::config")
            .line(Some(12))
            .key_values(&[("port", 2379)])
            .build();
        let line = render(UNIX_EPOCH + Duration::from_millis(1_500), &record);
        let expected = concat!(
            r#"{"level":"warn","ts":"1970-01-01T00:00:01.500Z","caller":"balsa::config:12","#,
            r#""msg":"a \"quoted\"\nmessage","port":2379}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn lines_from_many_threads_stay_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("balsa.log");
        let config = LogConfig {
            severity: Severity::Info,
            outputs: vec![path.to_str().unwrap().to_owned()],
        };
        let sink = Sink::open(&config).unwrap();
        assert!(!sink.is_seen);
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                let line = letter.repeat(1_000) + "\n";
                let sink = &sink;
                scope.spawn(move || (0..100).for_each(|_| assert!(sink.write(line.as_bytes()))));
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 400);
        for line in text.lines() {
            assert!(line.len() == 1_000 && line.bytes().all(|b| b == line.as_bytes()[0]));
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named_with_its_flag() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing/balsa.log").to_str().unwrap().to_owned();
        let config = LogConfig {
            severity: Severity::Info,
            outputs: vec![path.clone()],
        };
        let stop = Sink::open(&config).err().unwrap();
        assert!(
            stop.to_string()
                .starts_with(&format!("--log-outputs: couldn't open {path:?}: "))
        );
        assert_eq!(stop.code(), 1);
    }

    #[test]
    fn severities_go_both_ways() {
        for (severity, word) in SEVERITIES {
            assert_eq!(Severity::named(word), *severity);
            assert_eq!(severity.as_str(), *word);
        }
        assert_eq!(Severity::named("panic").filter(), LevelFilter::Off);
    }
}
