//! The settings of a node as a script writes them: `pre_vote=off`, `election_timeout=1s`.

use std::time::Duration;

use raft_core::{Config, Version};

use super::arguments::Arguments;
use super::error::Problem;

/// Reads a value into its place; None if it is not of its kind.
type Set = fn(&mut Config, &str) -> Option<()>;

/// Those that hold from a boot on.
const AT_BOOT: &[(&str, Set)] = &[
    ("pre_vote", |config, word| {
        set(&mut config.pre_vote, on_or_off(word))
    }),
    ("check_quorum", |config, word| {
        set(&mut config.check_quorum, on_or_off(word))
    }),
    ("election_timeout", |config, word| {
        set(&mut config.election_timeout, duration(word))
    }),
    ("heartbeat_interval", |config, word| {
        set(&mut config.heartbeat_interval, duration(word))
    }),
    ("disk_stall", |config, word| {
        set(&mut config.disk_stall_max, duration(word))
    }),
    ("version", |config, word| {
        set(&mut config.version, word.parse().ok().map(Version))
    }),
];

/// Those that may change at any time.
const LIMITS: &[(&str, Set)] = &[
    ("append_bytes", |config, word| {
        set(&mut config.limits.append_bytes_max, word.parse().ok())
    }),
    ("inflight", |config, word| {
        set(&mut config.limits.inflight_messages_max, word.parse().ok())
    }),
    ("inflight_bytes", |config, word| {
        set(&mut config.limits.inflight_bytes_max, word.parse().ok())
    }),
    ("entry_bytes", |config, word| {
        set(&mut config.limits.entry_bytes_max, word.parse().ok())
    }),
    ("uncommitted_bytes", |config, word| {
        set(&mut config.limits.uncommitted_bytes_max, word.parse().ok())
    }),
    ("log_bytes", |config, word| {
        set(&mut config.limits.log_bytes_max, word.parse().ok())
    }),
    ("tail_bytes", |config, word| {
        set(&mut config.limits.tail_bytes_max, word.parse().ok())
    }),
    ("spare_bytes", |config, word| {
        set(&mut config.limits.spare_bytes_max, word.parse().ok())
    }),
    ("chunk_bytes", |config, word| {
        set(&mut config.limits.chunk_bytes_max, word.parse().ok())
    }),
    ("reads", |config, word| {
        set(&mut config.limits.reads_max, word.parse().ok())
    }),
];

/// What a line sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    chosen: Vec<(Set, String)>,
    /// One of them holds only from a boot on.
    pub(crate) needs_boot: bool,
}

impl Settings {
    /// Takes all settings out of a line.
    pub(crate) fn take(arguments: &mut Arguments<'_>) -> Result<Settings, Problem> {
        let mut settings = Settings::default();
        let rows = AT_BOOT.iter().map(|row| (row, true));
        for (&(name, set), at_boot) in rows.chain(LIMITS.iter().map(|row| (row, false))) {
            let Some(word) = arguments.option(name) else {
                continue;
            };
            let mut scratch = Config::new(raft_core::NodeId(0), 0);
            set(&mut scratch, word).ok_or_else(|| {
                let written = format!("{name}={word}");
                arguments.unexpected("on or off, a span such as 200ms or 2s, or a number", &written)
            })?;
            settings.chosen.push((set, word.to_owned()));
            settings.needs_boot |= at_boot;
        }
        Ok(settings)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    pub(crate) fn apply(&self, config: &mut Config) {
        for (set, word) in &self.chosen {
            set(config, word).expect("it was read before");
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn on_or_off(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// `200ms`, `2s`, `300us`.
pub(crate) fn duration(word: &str) -> Option<Duration> {
    let (number, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit())?);
    let number = number.parse().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}
